#include "room/presence.h"

#include <stdlib.h>

#include "base/must.h"
#include "base/varuint.h"

/* One client whose state is tied to streams. */
typedef struct owner {
    map_node node;
    list_node leaving; /* in presence.leaving once `streams` is 0, in the order of gone_ms */
    uint64_t client;
    size_t streams;
    uint64_t gone_ms;
} owner;

struct presence {
    crdt_awareness *states;
    map owners;
    list leaving;
    /* Changes not told yet: the entries of several awareness updates, one after the other. */
    uint64_t change_count;
    crdt_buf changes;
};

presence *presence_new(void)
{
    presence *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->states = crdt_awareness_new(NULL);
    must(p->states != NULL);
    map_init(&p->owners, (uint64_t)(uintptr_t)p);
    list_init(&p->leaving);
    return p;
}

static void forget_owner(presence *p, owner *o)
{
    if (o->streams == 0)
        list_remove(&o->leaving);
    map_remove(&p->owners, &o->node);
    free(o);
}

void presence_free(presence *p)
{
    if (p == NULL)
        return;
    while (!list_is_empty(&p->leaving))
        forget_owner(p, container_of(list_first(&p->leaving), owner, leaving));
    map_deinit(&p->owners);
    crdt_awareness_free(p->states);
    crdt_buf_free(&p->changes);
    free(p);
}

static bool buf_append(crdt_buf *buf, const uint8_t *data, size_t len)
{
    if (buf->cap - buf->len < len) {
        size_t cap = buf->cap * 2 > buf->len + len ? buf->cap * 2 : buf->len + len;
        uint8_t *grown = realloc(buf->data, cap);
        if (grown == NULL)
            return false;
        buf->data = grown;
        buf->cap = cap;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    return true;
}

/* Adds one change to those that are told together, and empties it. */
static void note_change(presence *p, crdt_buf *change)
{
    if (change->len > 0) {
        /* An awareness update is a count and entries: the count comes off its front. */
        uint64_t count;
        size_t header_len = varuint_read((slice){(const char *)change->data, change->len}, &count);
        must(header_len > 0);
        if (buf_append(&p->changes, change->data + header_len, change->len - header_len))
            p->change_count += count;
    }
    crdt_buf_free(change);
}

err presence_apply(presence *p, slice update, uint64_t now_ms)
{
    crdt_buf change = {0};
    crdt_bytes bytes = {(const uint8_t *)update.data, update.len};
    switch (crdt_awareness_apply(p->states, bytes, now_ms, &change)) {
    case CRDT_OK:
        note_change(p, &change);
        return ERR_OK;
    case CRDT_MALFORMED:
        return ERR_MALFORMED_AWARENESS;
    case CRDT_LIMIT:
        return ERR_AWARENESS_LIMIT;
    case CRDT_NO_MEMORY:
    case CRDT_FAILED:
    case CRDT_INVALID: /* nobody edits here: these cannot be */
    case CRDT_GONE:
        return ERR_NO_MEMORY;
    }
    return ERR_NO_MEMORY;
}

static owner *find_owner(const presence *p, uint64_t client)
{
    map_node *node = map_find(&p->owners, (slice){(const char *)&client, sizeof(client)});
    return node == NULL ? NULL : container_of(node, owner, node);
}

void presence_enter(presence *p, uint64_t client)
{
    owner *o = find_owner(p, client);
    if (o == NULL) {
        o = calloc(1, sizeof(*o));
        must(o != NULL);
        o->client = client;
        map_insert(&p->owners, &o->node, (slice){(const char *)&o->client, sizeof(o->client)});
    } else if (o->streams == 0) {
        list_remove(&o->leaving);
    }
    o->streams++;
}

void presence_leave(presence *p, uint64_t client, uint64_t now_ms)
{
    owner *o = find_owner(p, client);
    must(o != NULL && o->streams > 0);
    if (--o->streams == 0) {
        o->gone_ms = now_ms;
        list_push(&p->leaving, &o->leaving);
    }
}

bool presence_next_told(const presence *p, size_t *cursor, uint64_t *client, bool *here)
{
    crdt_presence_change change;
    if (!crdt_awareness_next_change(p->states, cursor, &change))
        return false;
    *client = change.client;
    *here = change.what != CRDT_PRESENCE_REMOVED;
    return true;
}

bool presence_is_one(const presence *p, slice update, uint64_t *client)
{
    uint64_t count, found, renewed_ms;
    size_t header_len = varuint_read(update, &count);
    if (header_len == 0 || count != 1)
        return false;
    slice entry = {update.data + header_len, update.len - header_len};
    if (varuint_read(entry, &found) == 0 || !crdt_awareness_find(p->states, found, &renewed_ms))
        return false;
    *client = found;
    return true;
}

/* The stream has been gone long enough: its state goes too, unless the client has shown itself
 * since. */
static void end_owner(presence *p, owner *o, uint64_t now_ms)
{
    uint64_t renewed_ms;
    crdt_buf change = {0};
    if (crdt_awareness_find(p->states, o->client, &renewed_ms) && renewed_ms <= o->gone_ms &&
        crdt_awareness_remove(p->states, o->client, now_ms, &change) == CRDT_OK)
        note_change(p, &change);
    forget_owner(p, o);
}

void presence_tick(presence *p, uint64_t now_ms)
{
    while (!list_is_empty(&p->leaving)) {
        owner *o = container_of(list_first(&p->leaving), owner, leaving);
        if (now_ms - o->gone_ms < PRESENCE_LEAVE_MS)
            break;
        end_owner(p, o, now_ms);
    }
    if (now_ms < PRESENCE_EXPIRY_MS)
        return;
    uint64_t older_than_ms = now_ms - PRESENCE_EXPIRY_MS;
    crdt_buf change = {0};
    if (crdt_awareness_oldest_ms(p->states) < older_than_ms &&
        crdt_awareness_expire(p->states, older_than_ms, now_ms, &change) == CRDT_OK)
        note_change(p, &change);
}

bool presence_take_changes(presence *p, crdt_buf *out)
{
    if (p->change_count == 0)
        return false;
    char header[VARUINT_LEN_MAX];
    size_t header_len = varuint_write(p->change_count, header);
    bool taken = buf_append(out, (const uint8_t *)header, header_len) &&
                 buf_append(out, p->changes.data, p->changes.len);
    p->change_count = 0;
    crdt_buf_free(&p->changes);
    return taken;
}

bool presence_encode(const presence *p, crdt_buf *out)
{
    return crdt_awareness_encode(p->states, out) == CRDT_OK;
}

void presence_clear(presence *p)
{
    crdt_awareness_free(p->states);
    p->states = crdt_awareness_new(NULL);
    must(p->states != NULL);
    crdt_buf_free(&p->changes);
    p->change_count = 0;
}

bool presence_is_idle(const presence *p)
{
    return crdt_awareness_count(p->states) == 0 && p->owners.count == 0 && p->change_count == 0;
}
