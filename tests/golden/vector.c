#define _POSIX_C_SOURCE 200809L

#include "vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "b64.h"

static const char *const files[] = {GOLDEN_DIR "/vectors.jsonl", GOLDEN_DIR "/more.jsonl",
                                    GOLDEN_DIR "/v2.jsonl"};

/* Refused on purpose. Everything else is taken or refused as the case says. */
static const struct {
    const char *name;
    const char *why;
} stricter[] = {
    {"invalid/v2-bytes-as-v1",
     "bytes after the end are refused: that is how a v2 update taken for v1 shows"},
    {"trailing-bytes",
     "bytes after the end are refused: they may be anything, a second update among it"},
};

/* Decoded fields of the running case. */
static crdt_buf *kept;
static size_t kept_count;
static size_t failures;

const char *vector_stricter(const vector *v)
{
    for (size_t i = 0; i < sizeof stricter / sizeof stricter[0]; i++)
        if (vector_named(v, stricter[i].name))
            return stricter[i].why;
    return NULL;
}

static void forget_kept(void)
{
    for (size_t i = 0; i < kept_count; i++)
        crdt_buf_free(&kept[i]);
    free(kept);
    kept = NULL;
    kept_count = 0;
}

void vector_soften(char *line)
{
    for (char *p = line; (p = strchr(p, '\\')); p += 2)
        if (strncmp(p, "\\ud", 3) == 0)
            memcpy(p, "\\ufffd", 6);
}

static void use_line(char *line, void (*use)(const vector *v))
{
    /* Real numbers: some readings hold integers that no machine word does. */
    vector_soften(line);
    json_error_t error;
    vector v = {.json = json_loads(line, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error)};
    if (!v.json)
        fail_msg("a case cannot be read: %s: %.200s", error.text, line);
    v.name = json_string_value(json_object_get(v.json, "name"));
    v.kind = json_string_value(json_object_get(v.json, "kind"));
    assert_non_null(v.name);
    assert_non_null(v.kind);
    use(&v);
    forget_kept();
    json_decref(v.json);
}

size_t vectors_each(void (*use)(const vector *v))
{
    size_t count = 0;
    char *line = NULL;
    size_t cap = 0;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        FILE *file = fopen(files[i], "r");
        if (!file)
            fail_msg("cannot open %s", files[i]);
        for (; getline(&line, &cap, file) > 0; count++)
            use_line(line, use);
        fclose(file);
    }
    free(line);
    return count;
}

bool vector_is(const vector *v, const char *kind)
{
    return strcmp(v->kind, kind) == 0;
}

bool vector_named(const vector *v, const char *start)
{
    return strncmp(v->name, start, strlen(start)) == 0;
}

crdt_encoding vector_encoding(const vector *v)
{
    const char *enc = json_string_value(json_object_get(v->json, "enc"));
    return enc && strcmp(enc, "v2") == 0 ? CRDT_V2 : CRDT_V1;
}

json_t *vector_at(const vector *v, const char *path)
{
    json_t *at = v->json;
    while (at && *path) {
        size_t len = strcspn(path, ".");
        at = json_object_getn(at, path, len);
        path += len + (path[len] == '.');
    }
    return at;
}

static crdt_bytes keep_decoded(const vector *v, const char *path, const json_t *text)
{
    crdt_buf buf = {0};
    if (!json_is_string(text) ||
        !b64_decode(json_string_value(text), json_string_length(text), &buf))
        fail_msg("%s: no base64 at %s", v->name, path);
    kept = realloc(kept, (kept_count + 1) * sizeof *kept);
    assert_non_null(kept);
    kept[kept_count++] = buf;
    return bytes_of(&buf);
}

crdt_bytes vector_bytes(const vector *v, const char *path)
{
    return keep_decoded(v, path, vector_at(v, path));
}

crdt_bytes vector_bytes_i(const vector *v, const char *path, size_t i)
{
    return keep_decoded(v, path, json_array_get(vector_at(v, path), i));
}

size_t vector_count(const vector *v, const char *path)
{
    return json_array_size(vector_at(v, path));
}

void vector_fail(const vector *v, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s: ", v->name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    failures++;
}

void vector_same(const vector *v, const char *what, crdt_bytes got, crdt_bytes expected)
{
    if (got.len == expected.len && (got.len == 0 || memcmp(got.data, expected.data, got.len) == 0))
        return;
    char *got_text = b64_encode(got);
    char *expected_text = b64_encode(expected);
    vector_fail(v, "%s\n    got      %.2000s\n    expected %.2000s", what, got_text, expected_text);
    free(got_text);
    free(expected_text);
}

void vector_err(const vector *v, const char *what, crdt_err got, crdt_err expected)
{
    if (got != expected)
        vector_fail(v, "%s: \"%s\" instead of \"%s\"", what, crdt_strerror(got),
                    crdt_strerror(expected));
}

void vectors_assert_none_failed(void)
{
    size_t noted = failures;
    failures = 0;
    if (noted > 0)
        fail_msg("%zu failures, told above", noted);
}
