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

/* One client whose state has changed, or who has gone. */
typedef struct change {
    map_node node;
    list_node link; /* in presence.changes */
    uint64_t client;
    uint64_t changed_ms;
    uint32_t version;
} change;

struct presence {
    crdt_awareness *states;
    map owners;
    list leaving;
    map changed;
    list changes;      /* the last one changed last */
    uint32_t version;  /* the newest that may have been told */
    uint32_t earliest; /* whoever was told of this, or of a later one, finds in `changes` all that
                          it lacks */
    bool changing;     /* something is of the next version */
};

presence *presence_new(uint32_t version)
{
    presence *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->states = crdt_awareness_new(NULL);
    must(p->states != NULL);
    map_init(&p->owners, (uint64_t)(uintptr_t)p);
    list_init(&p->leaving);
    map_init(&p->changed, (uint64_t)(uintptr_t)p);
    list_init(&p->changes);
    p->version = p->earliest = version;
    return p;
}

static void forget_owner(presence *p, owner *o)
{
    if (o->streams == 0)
        list_remove(&o->leaving);
    map_remove(&p->owners, &o->node);
    free(o);
}

static void forget_change(presence *p, change *c)
{
    list_remove(&c->link);
    map_remove(&p->changed, &c->node);
    p->earliest = c->version;
    free(c);
}

static void forget_changes(presence *p)
{
    while (!list_is_empty(&p->changes))
        forget_change(p, container_of(list_first(&p->changes), change, link));
    p->earliest = p->version;
    p->changing = false;
}

void presence_free(presence *p)
{
    if (p == NULL)
        return;
    while (!list_is_empty(&p->leaving))
        forget_owner(p, container_of(list_first(&p->leaving), owner, leaving));
    forget_changes(p);
    map_deinit(&p->owners);
    map_deinit(&p->changed);
    crdt_awareness_free(p->states);
    free(p);
}

/* ---- what changes ---- */

/* Never 0: whoever was told of that was told of nothing. */
static uint32_t next_version(const presence *p)
{
    return p->version + 1 == 0 ? 1 : p->version + 1;
}

/* Whether `a` came after `b`, round and round. */
static bool is_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

static change *change_of(presence *p, uint64_t client)
{
    map_node *node = map_find(&p->changed, (slice){(const char *)&client, sizeof(client)});
    if (node != NULL)
        return container_of(node, change, node);
    change *c = calloc(1, sizeof(*c));
    must(c != NULL);
    c->client = client;
    map_insert(&p->changed, &c->node, (slice){(const char *)&c->client, sizeof(c->client)});
    return c;
}

/* Notes what the last call for the states has changed. */
static void note_changes(presence *p, uint64_t now_ms)
{
    size_t cursor = 0;
    crdt_presence_change told;
    while (crdt_awareness_next_change(p->states, &cursor, &told)) {
        change *c = change_of(p, told.client);
        list_remove(&c->link);
        list_push(&p->changes, &c->link);
        c->version = next_version(p);
        c->changed_ms = now_ms;
        p->changing = true;
    }
}

/* Forgets those that have gone long ago. Those present are renewed, or expire sooner. */
static void forget_old_changes(presence *p, uint64_t now_ms)
{
    uint64_t renewed_ms;
    while (!list_is_empty(&p->changes)) {
        change *c = container_of(list_first(&p->changes), change, link);
        if (now_ms - c->changed_ms < PRESENCE_TOLD_MS ||
            crdt_awareness_find(p->states, c->client, &renewed_ms))
            return;
        forget_change(p, c);
    }
}

bool presence_advance(presence *p, uint32_t *version)
{
    if (!p->changing)
        return false;
    p->changing = false;
    *version = p->version = next_version(p);
    return true;
}

/* The clients that have changed since, in that order, in `clients` if it is not NULL; their number.
 */
static size_t changed_since(const presence *p, uint32_t version, uint64_t *clients)
{
    size_t count = 0;
    list_node *n = list_last(&p->changes), *first = NULL;
    for (; n != NULL && is_later(container_of(n, change, link)->version, version); count++) {
        first = n;
        n = list_prev(&p->changes, n);
    }
    for (size_t i = 0; clients != NULL && i < count; i++, first = list_next(&p->changes, first))
        clients[i] = container_of(first, change, link)->client;
    return count;
}

bool presence_encode_since(const presence *p, uint32_t version, crdt_buf *out)
{
    if (version == 0 || is_later(p->earliest, version))
        return presence_encode(p, out);
    size_t count = changed_since(p, version, NULL);
    if (count == 0)
        return true;
    uint64_t *clients = malloc(count * sizeof(*clients));
    if (clients == NULL)
        return false;
    changed_since(p, version, clients);
    crdt_err failed = crdt_awareness_encode_clients(p->states, clients, count, out);
    free(clients);
    return failed == CRDT_OK;
}

bool presence_has_news(const presence *p)
{
    return !list_is_empty(&p->changes);
}

err presence_apply(presence *p, slice update, uint64_t now_ms)
{
    crdt_bytes bytes = {(const uint8_t *)update.data, update.len};
    switch (crdt_awareness_apply(p->states, bytes, now_ms, NULL)) {
    case CRDT_OK:
        note_changes(p, now_ms);
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

/* ---- whose streams come and go ---- */

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
    crdt_presence_change told;
    if (!crdt_awareness_next_change(p->states, cursor, &told))
        return false;
    *client = told.client;
    *here = told.what != CRDT_PRESENCE_REMOVED;
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
    if (crdt_awareness_find(p->states, o->client, &renewed_ms) && renewed_ms <= o->gone_ms &&
        crdt_awareness_remove(p->states, o->client, now_ms, NULL) == CRDT_OK)
        note_changes(p, now_ms);
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
    if (crdt_awareness_oldest_ms(p->states) < older_than_ms &&
        crdt_awareness_expire(p->states, older_than_ms, now_ms, NULL) == CRDT_OK)
        note_changes(p, now_ms);
    forget_old_changes(p, now_ms);
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
    forget_changes(p);
}

bool presence_is_idle(const presence *p)
{
    return crdt_awareness_count(p->states) == 0 && p->owners.count == 0 && !p->changing;
}
