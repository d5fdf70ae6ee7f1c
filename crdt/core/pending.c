#include "core/pending.h"

#include "core/doc.h"

#define QUEUE_UNITS  ((uint32_t)((sizeof(crdt__queue) + 15) / 16))
#define ABSENT_UNITS ((uint32_t)((sizeof(crdt__absent) + 15) / 16))

void crdt__pending_init(crdt_doc *doc)
{
    crdt__forest_init(&doc->pending.forest, &doc->objects, doc->options.hash_seed, &doc->work);
    doc->pending.passes = 1;
}

void crdt__pending_deinit(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    crdt__budget_release(&doc->budget, p->heap, p->heap_cap * sizeof(*p->heap));
    crdt__budget_release(&doc->budget, p->moved, p->moved_cap * sizeof(*p->moved));
    crdt__budget_release(&doc->budget, p->passed_over,
                         p->passed_over_cap * sizeof(*p->passed_over));
}

/* ---- queues ---- */

static crdt__queue *queue_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

crdt__queue *crdt__pending_queue(const crdt_doc *doc, uint32_t client)
{
    crdt__ref ref = doc->clients[client].queue;
    return ref ? queue_at(doc, ref) : NULL;
}

crdt__queue *crdt__pending_get_queue(crdt_doc *doc, uint32_t client)
{
    crdt__client *c = &doc->clients[client];
    if (!c->queue) {
        c->queue = crdt__arena_alloc(&doc->objects, QUEUE_UNITS);
        if (!c->queue)
            return NULL;
        *queue_at(doc, c->queue) = (crdt__queue){.node = {.tie = client}};
    }
    return queue_at(doc, c->queue);
}

/* ---- who is to be looked at ---- */

static bool is_higher(const crdt_doc *doc, uint32_t a, uint32_t b)
{
    return doc->clients[a].id > doc->clients[b].id;
}

bool crdt__pending_push(crdt_doc *doc, uint32_t client)
{
    crdt__pending *p = &doc->pending;
    if (!crdt__budget_reserve(&doc->budget, &p->heap, &p->heap_cap, p->heap_count + 1,
                              sizeof(*p->heap)))
        return false;
    size_t at = p->heap_count++;
    for (; at > 0 && is_higher(doc, client, p->heap[(at - 1) / 2]); at = (at - 1) / 2)
        p->heap[at] = p->heap[(at - 1) / 2];
    p->heap[at] = client;
    return true;
}

uint32_t crdt__pending_first(const crdt_doc *doc)
{
    return doc->pending.heap_count ? doc->pending.heap[0] : 0;
}

uint32_t crdt__pending_pop(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    if (!p->heap_count)
        return 0;
    uint32_t first = p->heap[0];
    uint32_t moved = p->heap[--p->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < p->heap_count; at = child) {
        if (child + 1 < p->heap_count && is_higher(doc, p->heap[child + 1], p->heap[child]))
            child++;
        if (!is_higher(doc, p->heap[child], moved))
            break;
        p->heap[at] = p->heap[child];
    }
    p->heap[at] = moved;
    return first;
}

bool crdt__pending_moved(crdt_doc *doc, uint32_t client)
{
    crdt__pending *p = &doc->pending;
    if (!doc->clients[client].queue)
        return true;
    if (!crdt__budget_reserve(&doc->budget, &p->moved, &p->moved_cap, p->moved_count + 1,
                              sizeof(*p->moved)))
        return false;
    p->moved[p->moved_count++] = client;
    return true;
}

/* ---- waiting ---- */

bool crdt__pending_wait(crdt_doc *doc, uint32_t client, uint32_t behind, uint64_t clock,
                        crdt__cause cause)
{
    crdt__queue *before = crdt__pending_get_queue(doc, behind);
    if (!before)
        return false;
    crdt__queue *queue = crdt__pending_queue(doc, client);
    queue->behind = behind;
    queue->node.key = clock;
    queue->waits_since = cause == CRDT__CAUSE_UPDATE ? doc->pending.passes : 0;
    crdt__tree_insert(&doc->pending.forest, &before->waiters, doc->clients[client].queue);
    return true;
}

static void stop_waiting(crdt_doc *doc, uint32_t client)
{
    crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt__queue *before = crdt__pending_queue(doc, queue->behind);
    crdt__tree_remove(&doc->pending.forest, &before->waiters, doc->clients[client].queue);
    queue->behind = 0;
}

static bool wake_up(crdt_doc *doc, uint32_t client)
{
    stop_waiting(doc, client);
    return crdt__pending_push(doc, client);
}

bool crdt__pending_wake(crdt_doc *doc, uint32_t behind)
{
    const crdt__client *moved = &doc->clients[behind];
    const crdt__queue *queue = crdt__pending_queue(doc, behind);
    while (queue && queue->waiters) {
        crdt__ref first = crdt__tree_first(&doc->pending.forest, queue->waiters);
        const crdt__queue *waiter = queue_at(doc, first);
        if (waiter->node.key >= moved->state)
            break;
        if (!wake_up(doc, waiter->node.tie))
            return false;
    }
    return true;
}

/* ---- what is missing ---- */

/* Entries looked at to find out what a pass noted. With more of them the client counts as noted:
 * what can go then goes a little earlier than it would in Yjs. */
#define LOOKED_AT_MAX 64u

bool crdt__pending_note(crdt_doc *doc, uint32_t client, uint64_t clock)
{
    crdt__queue *queue = crdt__pending_get_queue(doc, client);
    if (!queue)
        return false;
    if (queue->noted_since != doc->pending.passes || clock < queue->noted)
        queue->noted = clock;
    queue->noted_since = doc->pending.passes;
    return true;
}

/* A walk over queues, without recursion. */
typedef struct walk {
    crdt__ref stack[LOOKED_AT_MAX];
    size_t count;
    size_t pushed;
} walk;

static void walk_push(walk *w, crdt__ref ref)
{
    if (ref && w->pushed++ < LOOKED_AT_MAX)
        w->stack[w->count++] = ref;
}

static bool waited_at_pass(const crdt_doc *doc, const crdt__queue *queue)
{
    return queue->waits_since != doc->pending.passes;
}

/* True if the last pass came to `top` by way of `waiter`: from a higher client, which waits behind
 * `waiter` or behind those that do. */
static bool came_through(crdt_doc *doc, crdt__ref waiter, uint32_t top)
{
    walk w = {.count = 0};
    const crdt__queue *queue = queue_at(doc, waiter);
    for (;;) {
        doc->work++;
        if (waited_at_pass(doc, queue) && is_higher(doc, queue->node.tie, top))
            return true;
        walk_push(&w, queue->waiters);
        if (!w.count)
            return false;
        if (w.pushed >= LOOKED_AT_MAX)
            return false;
        queue = queue_at(doc, w.stack[--w.count]);
        walk_push(&w, queue->node.left);
        walk_push(&w, queue->node.right);
    }
}

/* The last pass noted the client for each one that waited behind it, but for the one by way of
 * which it came to the client's own structs. */
static bool noted_by_pass(crdt_doc *doc, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    walk w = {.count = 0};
    crdt__ref only = 0;
    walk_push(&w, queue->waiters);
    while (w.count > 0) {
        crdt__ref ref = w.stack[--w.count];
        const crdt__queue *waiter = queue_at(doc, ref);
        doc->work++;
        walk_push(&w, waiter->node.left);
        walk_push(&w, waiter->node.right);
        if (waiter->node.tie == client || !waited_at_pass(doc, waiter))
            continue;
        if (only)
            return true;
        only = ref;
    }
    if (!only)
        return w.pushed >= LOOKED_AT_MAX;
    bool was_here = queue->stretches && queue->here_since != doc->pending.passes;
    return !was_here || !came_through(doc, only, client);
}

bool crdt__pending_was_missing(crdt_doc *doc, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    uint64_t state = doc->clients[client].state;
    if (!queue)
        return false;
    if (queue->noted_since == doc->pending.passes && queue->noted < state)
        return true;
    if (queue->behind == client && queue->node.key < state)
        return true;
    return noted_by_pass(doc, client);
}

bool crdt__pending_make_ready(crdt_doc *doc, uint32_t client)
{
    const crdt__queue *queue = crdt__pending_queue(doc, client);
    uint32_t behind = queue->behind;
    if (!behind)
        return crdt__pending_push(doc, client);
    /* What was noted stays so until the next pass. */
    uint64_t clock = behind == client ? queue->node.key : doc->clients[behind].state;
    if (waited_at_pass(doc, queue) && (behind == client || noted_by_pass(doc, behind)) &&
        !crdt__pending_note(doc, behind, clock))
        return false;
    return wake_up(doc, client);
}

bool crdt__pending_pass_over(crdt_doc *doc, uint32_t client)
{
    crdt__pending *p = &doc->pending;
    crdt__queue *queue = crdt__pending_queue(doc, client);
    if (!queue || !queue->waiters || queue->passed_over)
        return true;
    if (!crdt__budget_reserve(&doc->budget, &p->passed_over, &p->passed_over_cap,
                              p->passed_over_count + 1, sizeof(*p->passed_over)))
        return false;
    p->passed_over[p->passed_over_count++] = client;
    queue->passed_over = true;
    return true;
}

bool crdt__pending_begin_pass(crdt_doc *doc)
{
    crdt__pending *p = &doc->pending;
    p->passes++;
    while (p->passed_over_count > 0) {
        uint32_t client = p->passed_over[--p->passed_over_count];
        crdt__pending_queue(doc, client)->passed_over = false;
        if (!crdt__pending_wake(doc, client))
            return false;
    }
    return true;
}

/* ---- deletes ---- */

static crdt__absent *absent_at(const crdt_doc *doc, crdt__ref ref)
{
    return crdt__arena_at(&doc->objects, ref);
}

static void forget_absent(crdt_doc *doc, crdt__queue *queue, crdt__ref ref)
{
    crdt__tree_remove(&doc->pending.forest, &queue->absent, ref);
    crdt__arena_free(&doc->objects, ref, ABSENT_UNITS);
    doc->pending.ranges--;
}

/* The range that holds `clock` or ends right before it, or a new one there. 0 when out of memory.
 */
static crdt__ref absent_from(crdt_doc *doc, crdt__queue *queue, uint64_t clock)
{
    crdt__ref ref = crdt__tree_floor(&doc->pending.forest, queue->absent, clock);
    if (ref && absent_at(doc, ref)->end >= clock)
        return ref;
    ref = crdt__arena_alloc(&doc->objects, ABSENT_UNITS);
    if (!ref)
        return 0;
    *absent_at(doc, ref) = (crdt__absent){.node = {.key = clock}, .end = clock};
    crdt__tree_insert(&doc->pending.forest, &queue->absent, ref);
    doc->pending.ranges++;
    return ref;
}

bool crdt__pending_add_absent(crdt_doc *doc, uint32_t client, uint64_t clock, uint64_t end,
                              bool *is_new)
{
    crdt__queue *queue = crdt__pending_get_queue(doc, client);
    crdt__ref ref = queue ? absent_from(doc, queue, clock) : 0;
    if (!ref)
        return false;
    crdt__absent *range = absent_at(doc, ref);
    if (end <= range->end)
        return true;
    *is_new = true;
    range->end = end;
    crdt__ref next;
    while ((next = crdt__tree_above(&doc->pending.forest, queue->absent, range->node.key))) {
        const crdt__absent *behind = absent_at(doc, next);
        if (behind->node.key > range->end)
            break;
        if (behind->end > range->end)
            range->end = behind->end;
        forget_absent(doc, queue, next);
    }
    return true;
}

bool crdt__pending_take_present(crdt_doc *doc, uint32_t client, uint64_t *clock, uint64_t *end)
{
    crdt__queue *queue = crdt__pending_queue(doc, client);
    crdt__ref first = queue ? crdt__tree_first(&doc->pending.forest, queue->absent) : 0;
    uint64_t state = doc->clients[client].state;
    if (!first || absent_at(doc, first)->node.key >= state)
        return false;
    crdt__absent *range = absent_at(doc, first);
    *clock = range->node.key;
    *end = range->end < state ? range->end : state;
    if (range->end > state)
        range->node.key = state;
    else
        forget_absent(doc, queue, first);
    return true;
}

bool crdt__pending_absent(crdt_doc *doc, crdt__idset *out)
{
    for (uint32_t c = 1; c < doc->client_count; c++) {
        const crdt__queue *queue = crdt__pending_queue(doc, c);
        crdt__ref ref = queue ? crdt__tree_first(&doc->pending.forest, queue->absent) : 0;
        while (ref) {
            const crdt__absent *range = absent_at(doc, ref);
            uint64_t first = range->node.key;
            if (!crdt__idset_add(out, doc->clients[c].id, first, range->end - first))
                return false;
            ref = crdt__tree_above(&doc->pending.forest, queue->absent, first);
        }
    }
    return true;
}
