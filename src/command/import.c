/* weft import: a file into a document.
 *
 * One update is merged as POST /docs/DOC/updates would merge it: what is not new makes no event. A
 * history becomes a document of its own (import_history.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/arguments.h"
#include "command/import.h"
#include "past/replay.h"

static const char help[] =
    "usage: weft import --data DIR [--history] DOC FILE\n"
    "\n"
    "Merges FILE, one Yjs update (v1), into the document DOC, and makes it if there is none. What\n"
    "is not new makes no event. FILE - is standard input; DOC is the plain name; -- ends the "
    "flags.\n"
    "No server may run on DIR, which is made if it does not exist.\n"
    "\n"
    "  --history   FILE is a history, as weft export --history wrote it: DOC, which must not "
    "exist\n"
    "              (a deleted name is free), becomes a document with these events, with their\n"
    "              numbers, times, users and bytes; all of them, or nothing\n"
    "  --data DIR  the data directory (or WEFT_DATA)\n"
    "  --help      print this\n"
    "  --version   print the version\n"
    "\n"
    "Environment: WEFT_DATA, WEFT_HISTORY (1 or 0). Flags count before them.\n"
    "\n"
    "  weft import --data /var/lib/weft notes notes.update\n"
    "  weft export --data old --history notes | weft import --data new --history notes -\n";

static const arguments_form form = {
    .command = "import", .help = help, .takes_history = true, .operands = {"DOC", "FILE"}};

/* ---- reading ---- */

static command_exit file_failed(const import_file *file, const char *why)
{
    return command_fail("%s: %s", file->name, why);
}

/* Appends all of the file, whatever its length is said to be. */
static bool read_all(const import_file *file, crdt_buf *out)
{
    size_t got = 1;
    while (got > 0) {
        if (out->len == out->cap) {
            size_t cap = out->cap == 0 ? (size_t)64 << 10 : out->cap * 2;
            uint8_t *data = realloc(out->data, cap);
            if (data == NULL)
                return file_failed(file, "out of memory") == COMMAND_OK;
            out->data = data;
            out->cap = cap;
        }
        got = fread(out->data + out->len, 1, out->cap - out->len, file->stream);
        out->len += got;
        if (out->len > STORE_UPDATE_LEN_MAX)
            return file_failed(file, "it is longer than an update may be (1 GiB)") == COMMAND_OK;
    }
    return ferror(file->stream) == 0 || file_failed(file, "it cannot be read") == COMMAND_OK;
}

static bool read_update(const import_file *file, crdt_buf *out)
{
    if (!read_all(file, out))
        return false;
    crdt_err bad = crdt_update_validate(CRDT_V1, (crdt_bytes){out->data, out->len});
    if (bad == CRDT_MALFORMED)
        file_failed(file, "it is not a Yjs update in format v1");
    else if (bad != CRDT_OK)
        file_failed(file, crdt_strerror(bad));
    return bad == CRDT_OK;
}

/* ---- merging ---- */

/* The document as it is; NULL: there is none. */
static err load(store *s, const store_doc *found, crdt_doc **out)
{
    if (found != NULL)
        return replay_doc(s, found->number, found->head, 0, out, NULL);
    *out = crdt_doc_new(NULL);
    return *out != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static err is_new(store *s, const store_doc *found, crdt_bytes update, bool *out)
{
    crdt_doc *doc;
    crdt_applied applied = {0};
    err failed = load(s, found, &doc);
    if (failed != ERR_OK)
        return failed;
    crdt_err refused = crdt_doc_apply(doc, CRDT_V1, update, &applied);
    crdt_doc_free(doc);
    *out = applied.changed;
    return refused == CRDT_OK ? ERR_OK : ERR_NO_MEMORY; /* it is valid, and nothing is bounded */
}

static store_err append(store_batch *b, store_bytes name, const store_doc *found, crdt_bytes update)
{
    uint64_t seq;
    store_doc doc = found != NULL ? *found : (store_doc){0};
    store_event event = {.time_ms = command_now_ms(), .update = {update.data, update.len}};
    store_err failed = STORE_OK;
    if (found == NULL)
        failed = store_batch_create(b, name, command_draw_epoch(), event.time_ms, &doc);
    return failed == STORE_OK ? store_batch_append(b, doc.number, &event, &seq) : failed;
}

static store_err append_durably(store *s, store_bytes name, const store_doc *found,
                                crdt_bytes update)
{
    store_batch *b;
    store_err failed = store_batch_begin(s, &b);
    if (failed != STORE_OK)
        return failed;
    failed = append(b, name, found, update);
    if (failed == STORE_OK)
        return store_batch_commit(b);
    store_batch_abort(b);
    return failed;
}

static command_exit merge_failed(store_bytes name, const char *why)
{
    return command_fail("nothing was imported into document %s: %s", command_quote(name), why);
}

static command_exit merge(store *s, store_bytes name, crdt_bytes update)
{
    store_doc doc;
    bool changed;
    store_err found = store_find(s, name, &doc);
    if (found != STORE_OK && found != STORE_NOT_FOUND)
        return merge_failed(name, store_strerror(found));
    if (found == STORE_OK && doc.deleted)
        return merge_failed(name,
                            "it was deleted; import --history, or a PUT, brings the name back");
    if (found == STORE_NOT_FOUND && crdt_update_is_empty(CRDT_V1, update))
        return COMMAND_OK;
    const store_doc *living = found == STORE_OK ? &doc : NULL;
    err failed = is_new(s, living, update, &changed);
    if (failed != ERR_OK)
        return merge_failed(name, command_err_text(failed));
    store_err lost = changed ? append_durably(s, name, living, update) : STORE_OK;
    return lost == STORE_OK ? COMMAND_OK : merge_failed(name, store_strerror(lost));
}

/* The file is looked at before the data directory is: a bad one makes none. */
static command_exit import_update(const char *dir, store_bytes name, const import_file *file)
{
    store *s;
    crdt_buf update = {0};
    command_exit ended = COMMAND_FAILED;
    if (read_update(file, &update) && command_open(dir, &s)) {
        ended = merge(s, name, (crdt_bytes){update.data, update.len});
        store_close(s);
    }
    crdt_buf_free(&update);
    return ended;
}

/* ---- both ---- */

static command_exit exec(int argc, char **argv)
{
    arguments given;
    command_exit ended;
    if (!arguments_read(&form, argc, argv, &given, &ended))
        return ended;
    store_bytes name = {given.operands[0], strlen(given.operands[0])};
    bool is_stdin = strcmp(given.operands[1], "-") == 0;
    import_file file = {.name = is_stdin ? "standard input" : given.operands[1],
                        .stream = is_stdin ? stdin : fopen(given.operands[1], "rb")};
    if (file.stream == NULL)
        return command_fail("%s: %s", file.name, strerror(errno));
    ended = given.history ? import_history(given.data, name, &file)
                          : import_update(given.data, name, &file);
    if (!is_stdin)
        fclose(file.stream);
    return ended;
}

const command command_import = {
    .name = "import",
    .arguments = "--data DIR [--history] DOC FILE",
    .purpose = "merges an update into a document, or makes one of a history",
    .exec = exec,
};
