/* An exported history becomes a document.
 *
 * The happy path. Line by line is checked and appended to a draft (store_batch_draft), a batch at a
 * time, with checkpoints where a server would have kept them; the last batch gives the draft its
 * name, and with it everything is there. Memory is bounded by the document, the longest line and
 * IMPORT_BATCH_BYTES.
 *
 * Failure. A bad line, a full disk, or the end of the process at any point: there is no document,
 * and what had been written of it is removed when the directory is next written to. */
#include <crdt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "command/history_line.h"
#include "command/import.h"
#include "past/checkpoint.h"

/* Bytes of events in one transaction, and what one has beside its update. */
#define IMPORT_BATCH_BYTES ((size_t)16 << 20)
#define IMPORT_EVENT_BYTES ((size_t)128)
#define IMPORT_READ_BYTES  ((size_t)64 << 10)
/* Base64 of the longest update, and what stands beside it. */
#define IMPORT_LINE_LEN_MAX ((size_t)STORE_UPDATE_LEN_MAX * 2)

typedef struct importing {
    const import_file *file;
    store *store;
    store_bytes name;
    store_batch *batch; /* NULL: none is open */
    uint64_t draft;     /* 0: not begun */
    size_t batch_bytes;
    crdt_doc *doc;             /* the events so far */
    uint64_t checkpoint_len;   /* of the state of the last checkpoint */
    uint64_t checkpoint_since; /* what a replay has to read behind it */
    uint64_t base_seq;         /* of the last whole checkpoint; 0: there is none */
    crdt_buf base;
    uint64_t lines;
    uint32_t epoch; /* of the ids */
    history_line line;
    buf text;         /* read ahead */
    size_t text_from; /* of it, where the next line begins */
} importing;

/* ---- what is told ---- */

static bool bad_line(const importing *i, const char *what)
{
    command_fail("%s: line %" PRIu64 ": %s; nothing was imported", i->file->name, i->lines, what);
    return false;
}

static bool store_failed(const importing *i, store_err failed)
{
    command_fail("document %s was not imported: %s", command_quote(i->name),
                 store_strerror(failed));
    return false;
}

/* ---- lines ---- */

/* Reads on; false at the end. */
static bool read_more(importing *i)
{
    buf *t = &i->text;
    t->len -= i->text_from;
    memmove(t->data, t->data + i->text_from, t->len);
    i->text_from = 0;
    buf_reserve(t, t->len < IMPORT_READ_BYTES ? IMPORT_READ_BYTES : t->len);
    size_t got = fread(t->data + t->len, 1, t->cap - t->len, i->file->stream);
    t->len += got;
    return got > 0;
}

/* The next line without its end; *found is false behind the last. False: a line has been printed.
 */
static bool next_line(importing *i, bool *found, slice *out)
{
    size_t looked = 0;
    i->lines++;
    for (;;) {
        const char *from = i->text.data + i->text_from;
        size_t len = i->text.len - i->text_from;
        const char *end = len > looked ? memchr(from + looked, '\n', len - looked) : NULL;
        if (end != NULL)
            len = (size_t)(end - from);
        if (len > IMPORT_LINE_LEN_MAX)
            return bad_line(i, "it is too long");
        looked = len;
        if (end == NULL && read_more(i))
            continue;
        if (ferror(i->file->stream))
            return bad_line(i, "it cannot be read");
        *out = (slice){i->text.data + i->text_from, len};
        *found = end != NULL || len > 0;
        i->text_from += len + (end != NULL ? 1 : 0);
        return true;
    }
}

/* ---- the draft ---- */

static store_err begin_batch(importing *i)
{
    i->batch_bytes = 0;
    return store_batch_begin(i->store, &i->batch);
}

static store_err commit(importing *i)
{
    store_batch *b = i->batch;
    i->batch = NULL;
    return store_batch_commit(b);
}

/* A batch of its own, since only a draft that is on disk can be published. */
static store_err begin_draft(importing *i, int64_t created_ms)
{
    store_err failed = begin_batch(i);
    if (failed == STORE_OK)
        failed = store_batch_draft(i->batch, created_ms, &i->draft);
    if (failed == STORE_OK)
        failed = commit(i);
    return failed == STORE_OK ? begin_batch(i) : failed;
}

static store_err append(importing *i)
{
    uint64_t seq;
    const history_line *line = &i->line;
    store_event event = {.time_ms = line->time_ms,
                         .user = {line->user.data, line->user.len},
                         .update = {line->update.data, line->update.len}};
    store_err failed = STORE_OK;
    if (i->batch_bytes > IMPORT_BATCH_BYTES) {
        failed = commit(i);
        if (failed == STORE_OK)
            failed = begin_batch(i);
    }
    i->batch_bytes += line->update.len + IMPORT_EVENT_BYTES;
    return failed == STORE_OK ? store_batch_append(i->batch, i->draft, &event, &seq) : failed;
}

/* ---- checkpoints ---- */

static crdt_err encode_checkpoint(importing *i, crdt_buf *value)
{
    crdt_buf state = {0};
    crdt_err failed = crdt_doc_encode_state(i->doc, CRDT_V2, (crdt_bytes){NULL, 0}, &state);
    checkpoint_base base = {i->base_seq, {i->base.data, i->base.len}};
    if (failed == CRDT_OK &&
        checkpoint_encode((crdt_bytes){state.data, state.len}, &base, value) != ERR_OK)
        failed = CRDT_NO_MEMORY;
    i->checkpoint_len = state.len;
    crdt_buf_free(&state);
    return failed;
}

static store_err keep_checkpoint(importing *i)
{
    crdt_buf value = {0};
    store_err failed = STORE_NO_MEMORY;
    if (encode_checkpoint(i, &value) == CRDT_OK)
        failed = store_batch_checkpoint(i->batch, i->draft, i->lines,
                                        (store_bytes){value.data, value.len});
    i->batch_bytes += value.len;
    i->checkpoint_since = 0;
    if (failed == STORE_OK && checkpoint_base_seq((crdt_bytes){value.data, value.len}) == 0) {
        crdt_buf whole = value;
        value = i->base;
        i->base = whole;
        i->base_seq = i->lines;
    }
    crdt_buf_free(&value);
    return failed;
}

/* The update is valid, and nothing is bounded: only memory can fail. */
static store_err grow(importing *i)
{
    const buf *update = &i->line.update;
    crdt_bytes bytes = {(const uint8_t *)update->data, update->len};
    if (crdt_doc_apply(i->doc, CRDT_V1, bytes, NULL) != CRDT_OK)
        return STORE_NO_MEMORY;
    i->checkpoint_since += checkpoint_weight(update->len);
    return checkpoint_is_due(i->checkpoint_since, i->checkpoint_len) ? keep_checkpoint(i)
                                                                     : STORE_OK;
}

/* ---- taking it in ---- */

static bool take_line(importing *i, slice text)
{
    const char *wrong = history_line_parse(text, &i->line);
    if (wrong != NULL)
        return bad_line(i, wrong);
    if (i->line.id.seq != i->lines)
        return bad_line(i, "its id does not follow: a history begins with 1 and has no gaps");
    if (i->lines > 1 && i->line.id.epoch != i->epoch)
        return bad_line(i, "its id has another epoch than the one before");
    i->epoch = i->line.id.epoch;
    store_err failed = i->draft == 0 ? begin_draft(i, i->line.time_ms) : STORE_OK;
    if (failed == STORE_OK)
        failed = append(i);
    if (failed == STORE_OK)
        failed = grow(i);
    return failed == STORE_OK || store_failed(i, failed);
}

static bool take_lines(importing *i)
{
    bool found;
    slice text;
    do {
        if (!next_line(i, &found, &text) || (found && !take_line(i, text)))
            return false;
    } while (found);
    return true;
}

/* A name remembers its epochs, and takes none of them twice. */
static store_err publish(importing *i)
{
    store_doc doc;
    store_err failed;
    do
        failed = store_batch_publish(i->batch, i->draft, i->name, command_draw_epoch(), &doc);
    while (failed == STORE_INVALID);
    return failed == STORE_OK ? commit(i) : failed;
}

static bool finish(importing *i)
{
    store_err failed = i->draft == 0 ? begin_draft(i, command_now_ms()) : STORE_OK;
    if (failed == STORE_OK)
        failed = publish(i);
    return failed == STORE_OK || store_failed(i, failed);
}

/* ---- all of it ---- */

static bool is_free(const importing *i)
{
    store_doc doc;
    store_err found = store_find(i->store, i->name, &doc);
    if (found == STORE_NOT_FOUND || (found == STORE_OK && doc.deleted))
        return true;
    return store_failed(i, found == STORE_OK ? STORE_EXISTS : found);
}

command_exit import_history(const char *dir, store_bytes name, const import_file *file)
{
    importing i = {.file = file, .name = name};
    if (!command_open(dir, &i.store))
        return COMMAND_FAILED;
    i.doc = crdt_doc_new(NULL);
    must(i.doc != NULL);
    buf_reserve(&i.text, IMPORT_READ_BYTES);
    bool well = is_free(&i) && take_lines(&i) && finish(&i);
    if (i.batch != NULL)
        store_batch_abort(i.batch);
    store_close(i.store);
    crdt_doc_free(i.doc);
    crdt_buf_free(&i.base);
    history_line_deinit(&i.line);
    buf_free(&i.text);
    return well ? COMMAND_OK : COMMAND_FAILED;
}
