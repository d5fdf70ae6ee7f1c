/* weft export: a document's state as one update, or its history as lines of JSON, to standard
 * output. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "command/arguments.h"
#include "past/event_json.h"
#include "past/replay.h"
#include "persist/persist.h"

static const char help[] =
    "usage: weft export --data DIR [--at ID] [--history] DOC\n"
    "\n"
    "Writes the state of the document DOC to standard output, as one Yjs update (v1), also while "
    "a\n"
    "server runs. DOC is the plain name; -- ends the flags.\n"
    "\n"
    "  --history   every event instead, one line of JSON each: id, time, bytes, clients, user and\n"
    "              update (base64), as GET /docs/DOC/history gives them\n"
    "  --at ID     as of this event: 42, 42.9f3c1a07, or 0 for before everything\n"
    "  --data DIR  the data directory (or WEFT_DATA)\n"
    "  --help      print this\n"
    "  --version   print the version\n"
    "\n"
    "Environment: WEFT_DATA, WEFT_AT, WEFT_HISTORY (1 or 0). Flags count before them.\n"
    "\n"
    "  weft export --data /var/lib/weft notes > notes.update\n"
    "  weft export --data /var/lib/weft --at 42 -- -odd-name- > then.update\n"
    "  weft export --data /var/lib/weft --history notes > notes.ndjson\n";

static const arguments_form form = {.command = "export",
                                    .help = help,
                                    .takes_at = true,
                                    .takes_history = true,
                                    .operands = {"DOC"}};

/* What is exported, and how far it came. */
typedef struct export
{
    store *store;
    store_doc doc;
    uint64_t until; /* the event it is to be as of */
    buf line;
    err failed;
    bool refused; /* by standard output; errno tells why */
}
export;

static bool print(const void *data, size_t len)
{
    return fwrite(data, 1, len, stdout) == len;
}

static command_exit output_failed(void)
{
    return command_fail("cannot write to standard output: %s", strerror(errno));
}

static command_exit document_failed(store_bytes name, err failed)
{
    return command_fail("document %s cannot be exported: %s", command_quote(name),
                        command_err_text(failed));
}

/* ---- the state ---- */

static err encode(const export *e, crdt_buf *out)
{
    crdt_doc *doc;
    err failed = replay_doc(e->store, e->doc.number, e->until, 0, &doc, NULL);
    if (failed != ERR_OK)
        return failed;
    crdt_err encoded = crdt_doc_encode_state(doc, CRDT_V1, (crdt_bytes){NULL, 0}, out);
    crdt_doc_free(doc);
    return encoded == CRDT_OK ? ERR_OK : ERR_NO_MEMORY;
}

static command_exit export_state(const export *e, store_bytes name)
{
    crdt_buf update = {0};
    err failed = encode(e, &update);
    if (failed != ERR_OK)
        return document_failed(name, failed);
    bool printed = print(update.data, update.len) && fflush(stdout) == 0;
    crdt_buf_free(&update);
    return printed ? COMMAND_OK : output_failed();
}

/* ---- the history ---- */

static bool print_event(void *arg, const store_event *event)
{
    export *e = arg;
    e->line.len = 0;
    e->failed = event_json_append(&e->line, event, e->doc.epoch, EVENT_RECORDED);
    if (e->failed != ERR_OK)
        return false;
    buf_append(&e->line, SLICE_LITERAL("\n"));
    e->refused = !print(e->line.data, e->line.len);
    return !e->refused;
}

static command_exit export_history(export *e, store_bytes name)
{
    err failed = persist_err(store_read(e->store, e->doc.number, 0, e->until, print_event, e));
    buf_free(&e->line);
    if (e->refused || fflush(stdout) != 0)
        return output_failed();
    if (failed == ERR_OK)
        failed = e->failed;
    return failed == ERR_OK ? COMMAND_OK : document_failed(name, failed);
}

/* ---- both ---- */

static bool find_doc(export *e, store_bytes name)
{
    store_err failed = store_find(e->store, name, &e->doc);
    const char *quoted = command_quote(name);
    if (failed == STORE_NOT_FOUND)
        command_fail("there is no document %s", quoted);
    else if (failed != STORE_OK)
        command_fail("document %s cannot be exported: %s", quoted, store_strerror(failed));
    else if (e->doc.deleted)
        command_fail("document %s was deleted", quoted);
    return failed == STORE_OK && !e->doc.deleted;
}

static bool find_moment(export *e, const arguments *given)
{
    e->until = e->doc.head;
    if (!given->has_at)
        return true;
    if (given->at.has_epoch && given->at.epoch != e->doc.epoch) {
        command_fail("this event is of another life of the document: its ids end in .%08" PRIx32
                     " now",
                     e->doc.epoch);
        return false;
    }
    if (given->at.seq > e->doc.head) {
        command_fail("there is no such event yet: the last one is %" PRIu64 ".%08" PRIx32,
                     e->doc.head, e->doc.epoch);
        return false;
    }
    e->until = given->at.seq;
    return true;
}

static command_exit export_from(export *e, const arguments *given)
{
    store_bytes name = {given->operands[0], strlen(given->operands[0])};
    if (!find_doc(e, name) || !find_moment(e, given))
        return COMMAND_FAILED;
    return given->history ? export_history(e, name) : export_state(e, name);
}

static command_exit exec(int argc, char **argv)
{
    arguments given;
    command_exit ended;
    export e = {0};
    if (!arguments_read(&form, argc, argv, &given, &ended))
        return ended;
    if (!command_open_read(given.data, &e.store))
        return COMMAND_FAILED;
    ended = export_from(&e, &given);
    store_close(e.store);
    return ended;
}

const command command_export = {
    .name = "export",
    .arguments = "--data DIR [--at ID] [--history] DOC",
    .purpose = "writes a document's state, or its history, to standard output",
    .exec = exec,
};
