#!/usr/bin/env python3
"""Checks what compilers do not: which layer includes which, calls with a better replacement, markers left behind,
files that grew too large, files no build knows, limits the README names, and what lies at the top of the tree.

    tests/tidy.py [ROOT]

Prints file:line and what to do, and exits 1, if something is found."""
import os
import re
import subprocess
import sys

LINES_MAX = 800

# Who may include whom, by path prefix; the longest prefix that matches a file or an include counts. A layer may
# always include itself. "crdt/include" and "storage/include" are the libraries' public headers.
LAYERS = {
    "crdt/include": [],
    "crdt/base": ["crdt/include"],
    "crdt/wire/update.h": ["crdt/base", "crdt/include"],
    "crdt/core": ["crdt/base", "crdt/include", "crdt/wire/update.h"],
    "crdt/wire": ["crdt/core", "crdt/base", "crdt/include", "crdt/wire/update.h"],
    "crdt/types": ["crdt/core", "crdt/base", "crdt/include", "crdt/wire/update.h"],
    "crdt/sync": ["crdt/wire", "crdt/wire/update.h", "crdt/core", "crdt/base", "crdt/include"],
    "storage/include": [],
    "storage": ["storage/include"],
    "src/base": [],
    "src/net": ["src/base"],
    "src/http": ["src/base", "src/net"],
    "src/sse": ["src/base", "src/net", "src/http"],
    "src/ws": ["src/base", "src/net", "src/http"],
    "src/persist": ["src/base", "storage/include"],
    "src/past": ["src/base", "src/persist", "storage/include", "crdt/include"],
    "src/room": ["src/base", "src/persist", "src/past", "storage/include", "crdt/include"],
    "src/edit": ["src/base", "crdt/include"],
    "src/api": ["src/base", "src/net", "src/http", "src/sse", "src/ws", "src/persist", "src/past", "src/room", "src/edit",
                "crdt/include", "storage/include"],
    # Blocking, and without the loop; but serve leads to the server.
    "src/command": ["src", "src/base", "src/persist", "src/past", "src/room", "src/api", "crdt/include",
                    "storage/include"],
    # The program itself: everything of src and the two libraries.
    "src": ["src/base", "src/net", "src/http", "src/sse", "src/ws", "src/persist", "src/past", "src/room", "src/api",
            "src/command", "crdt/include", "storage/include"],
}

# Headers of other libraries that belong to one place.
OWNED_HEADERS = {
    "lmdb.h": ("storage/", "tests/"),
    "uv.h": ("src/", "tests/"),
    "llhttp.h": ("src/http/", "src/api/", "tests/"),
    "wslay/wslay.h": ("src/ws/", "tests/"),
    "jansson.h": ("src/api/", "src/edit/", "src/http/", "src/past/", "src/command/", "tests/"),
}

# Calls, and what to use. Everywhere:
BANNED = {
    "gets": "fgets", "rand": "a seeded generator", "srand": "a seeded generator", "strtok": "strtok_r, or slices",
    "alloca": "the caller's storage, or malloc with a limit", "tmpnam": "mkstemp", "mktemp": "mkdtemp",
    "gmtime": "gmtime_r", "localtime": "localtime_r", "asctime": "strftime", "ctime": "strftime",
    "setjmp": "return values", "longjmp": "return values",
    "sleep": "the loop's timers, or what is waited for", "usleep": "the loop's timers, or what is waited for",
}
# In what is shipped; a test may copy its own literals.
BANNED_SHIPPED = {
    "strcpy": "memcpy with a checked length", "strncpy": "memcpy with a checked length",
    "strcat": "a buffer that knows its length", "strncat": "a buffer that knows its length",
    "sprintf": "snprintf", "vsprintf": "vsnprintf", "system": "posix_spawn",
    "atoi": "strtol, checked", "atol": "strtol, checked", "atoll": "strtoll, checked", "atof": "strtod, checked",
}
CALL = re.compile(r"(?<![\w.>])(\w+)\s*\(")

# Spelled in two halves, so that this file does not find itself.
MARKER = re.compile(r"\b(%s)\b" % "|".join(a + b for a, b in [("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")]))

TOP = {
    ".ci", ".clang-format", ".clang-tidy", ".editorconfig", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE",
    "README.md", "crdt", "fuzz", "src", "storage", "tests", "web-demo",
}

TEXT = (".c", ".h", ".py", ".mjs", ".js", ".ts", ".tsx", ".sh", ".txt", ".md", ".html", ".css", ".json", ".yml")
NOT_OURS = ("package-lock.json", "vectors.jsonl")


def tracked(root):
    out = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         check=True, stdout=subprocess.PIPE)
    names = out.stdout.decode().split("\0")
    return sorted(name for name in names if name and os.path.isfile(os.path.join(root, name)))


def layer_of(path):
    found = [prefix for prefix in LAYERS if path == prefix or path.startswith(prefix + "/")]
    return max(found, key=len) if found else None


def without_comments(text):
    """Blanks comments and strings, keeping every line where it is."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


class Tidy:
    def __init__(self, root):
        self.root = root
        self.files = tracked(root)
        self.known = set(self.files)
        self.found = []

    def complain(self, path, line, text):
        self.found.append(f"{path}:{line}: {text}")

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def resolve(self, path, include):
        """The file of this tree that an include names: from the file's folder, or from a part's include path."""
        part = path.split("/")[0]
        bases = [os.path.dirname(path), part, "crdt/include", "storage/include", "crdt", "storage", "src"]
        for base in bases:
            candidate = os.path.normpath(os.path.join(base, include))
            if candidate in self.known:
                return candidate
        return None

    def check_includes(self, path, text):
        mine = layer_of(path)
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', text, re.M):
            include, line = match.group(1), text.count("\n", 0, match.start()) + 1
            owners = OWNED_HEADERS.get(include)
            if owners and not path.startswith(owners):
                self.complain(path, line, f"<{include}> is for {' and '.join(owners)}; go through their headers")
            target = self.resolve(path, include) if mine else None
            if target is None:
                continue
            theirs = layer_of(target)
            if theirs != mine and theirs not in LAYERS[mine]:
                allowed = ", ".join(LAYERS[mine]) or "nothing else"
                self.complain(path, line, f"{mine} may not include {target}; it knows {allowed}")

    def check_calls(self, path, text):
        banned = BANNED if path.startswith("tests/") else {**BANNED, **BANNED_SHIPPED}
        for number, line in enumerate(without_comments(text).split("\n"), 1):
            for name in CALL.findall(line):
                if name in banned:
                    self.complain(path, number, f"{name}() is not used here; use {banned[name]}")

    def check_text(self, path, text):
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            match = MARKER.search(line)
            if match:
                self.complain(path, number, f"{match.group()} left behind; do it, or write down why it is so")
        if len(lines) - 1 > LINES_MAX:
            self.complain(path, LINES_MAX + 1, f"{len(lines) - 1} lines; past {LINES_MAX} a file is usually two ideas")

    def check_dead(self):
        """Every .c file is named in a CMakeLists.txt, in full or by its stem where a list is looped over."""
        words = set()
        for path in self.files:
            if os.path.basename(path) == "CMakeLists.txt":
                words.update(re.findall(r"[\w./-]+", self.read(path)))
        names = {os.path.basename(word) for word in words}
        for path in self.files:
            if not path.endswith(".c"):
                continue
            name = os.path.basename(path)
            stem = re.sub(r"^test_|^bench_", "", name[:-2])
            if name not in names and stem not in names:
                self.complain(path, 1, "no CMakeLists.txt builds this file; build it or delete it")

    def check_limits(self):
        """Every limit that the README names is one."""
        sources = "\n".join(self.read(path) for path in self.files if path.endswith((".c", ".h")))
        defined = set(re.findall(r"#define (\w+)", sources))
        for number, line in enumerate(self.read("README.md").split("\n"), 1):
            for name in re.findall(r"`([A-Z]+(?:_[A-Z0-9]+)+)`", line):
                if name not in defined and not name.startswith("WEFT_"):
                    self.complain("README.md", number, f"no {name} in the sources; tell what holds now")

    def check_top(self):
        for name in sorted({path.split("/")[0] for path in self.files} - TOP):
            self.complain(name, 1, "does not belong at the top; put it into the part it serves")

    def run(self):
        self.check_top()
        self.check_limits()
        self.check_dead()
        for path in self.files:
            if not path.endswith(TEXT) or os.path.basename(path) in NOT_OURS:
                continue
            text = self.read(path)
            self.check_text(path, text)
            if path.endswith((".c", ".h")):
                self.check_includes(path, text)
                self.check_calls(path, text)
        return self.found


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    found = Tidy(root).run()
    for line in found:
        print(line)
    if found:
        print(f"tidy: {len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
