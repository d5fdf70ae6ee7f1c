#include "command/check.h"

#include <crdt.h>
#include <stdlib.h>

#include "command/same.h"
#include "past/errs.h"
#include "past/kept.h"
#include "persist/persist.h"

typedef struct checking {
    store *store;
    const store_doc *facts;
    check *out;
    crdt_doc *doc;  /* the events so far */
    crdt_doc *copy; /* a checkpoint */
    uint64_t *seqs; /* of the checkpoints */
    size_t count;
    size_t cap;
    bool whole; /* every event so far could be applied */
    err failed;
} checking;

/* ---- which checkpoints there are ---- */

static bool note_checkpoint(void *arg, uint64_t seq, store_bytes state)
{
    checking *c = arg;
    (void)state;
    if (c->count == c->cap) {
        size_t cap = c->cap == 0 ? 16 : c->cap * 2;
        uint64_t *seqs = realloc(c->seqs, cap * sizeof(*seqs));
        if (seqs == NULL) {
            c->failed = ERR_NO_MEMORY;
            return false;
        }
        c->seqs = seqs;
        c->cap = cap;
    }
    c->seqs[c->count++] = seq;
    return true;
}

/* ---- events ---- */

static bool apply_event(void *arg, const store_event *event)
{
    checking *c = arg;
    crdt_bytes update = {event->update.data, event->update.len};
    crdt_err refused = crdt_doc_apply(c->doc, CRDT_V1, update, NULL);
    if (refused == CRDT_MALFORMED || refused == CRDT_LIMIT) {
        c->whole = false;
        c->out->found(c->out, event->seq,
                      refused == CRDT_MALFORMED ? "the update is not one that Yjs can read"
                                                : "the update passes a limit");
    } else {
        c->failed = err_of_crdt(refused);
    }
    c->out->step(c->out, event->update.len);
    return c->failed == ERR_OK;
}

static err apply_events(checking *c, uint64_t after, uint64_t until)
{
    if (after == until)
        return ERR_OK;
    err failed = persist_err(store_read(c->store, c->facts->number, after, until, apply_event, c));
    return failed == ERR_OK ? c->failed : failed;
}

/* ---- checkpoints ---- */

static err compare(checking *c, uint64_t seq)
{
    bool same = true;
    if (c->failed == ERR_OK && c->whole)
        c->failed = same_state(c->doc, c->copy, &same);
    if (c->failed == ERR_STORAGE)
        c->out->found(c->out, seq, "the checkpoint cannot be read");
    else if (!same)
        c->out->found(c->out, seq, "the checkpoint is not what the events come to");
    return c->failed == ERR_STORAGE ? ERR_OK : c->failed;
}

static err check_checkpoint(checking *c, uint64_t seq)
{
    c->copy = crdt_doc_new(NULL);
    if (c->copy == NULL)
        return ERR_NO_MEMORY;
    kept k;
    uint64_t len;
    err failed = kept_find(c->store, c->facts->number, seq, &k);
    if (failed == ERR_OK) {
        c->failed = kept_apply(&k, c->copy, &len);
        failed = compare(c, seq);
        kept_free(&k);
    }
    crdt_doc_free(c->copy);
    c->copy = NULL;
    c->failed = ERR_OK;
    return failed;
}

/* ---- all of it ---- */

static err run(checking *c)
{
    uint64_t seq = 0;
    err failed = ERR_OK;
    for (size_t i = 0; i < c->count && failed == ERR_OK; i++) {
        failed = apply_events(c, seq, c->seqs[i]);
        seq = c->seqs[i];
        if (failed == ERR_OK)
            failed = check_checkpoint(c, seq);
    }
    return failed == ERR_OK ? apply_events(c, seq, c->facts->head) : failed;
}

err check_document(store *s, const store_doc *doc, check *out)
{
    checking c = {.store = s, .facts = doc, .out = out, .doc = crdt_doc_new(NULL), .whole = true};
    if (c.doc == NULL)
        return ERR_NO_MEMORY;
    err failed = persist_err(store_checkpoints(s, doc->number, note_checkpoint, &c));
    if (failed == ERR_OK)
        failed = c.failed;
    /* Those before a damaged one are compared all the same. */
    if (failed == ERR_OK || failed == ERR_STORAGE) {
        err unread = run(&c);
        failed = unread != ERR_OK ? unread : failed;
    }
    free(c.seqs);
    crdt_doc_free(c.doc);
    return failed;
}
