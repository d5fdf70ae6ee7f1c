/* I11: what waits, walked. */
#include "core/integrate.h"
#include "core/stretch.h"

/* What the walk adds up, to be compared with what the document says of itself. A copy of the
 * forest: nothing is counted for whoever only looks. */
typedef struct tally {
    const crdt_doc *doc;
    crdt__forest forest;
    uint64_t steps;
    size_t stretches;
    size_t bytes;
    size_t ranges;
} tally;

static uint64_t state_of(void *ctx, uint64_t client)
{
    const crdt_doc *doc = ((const tally *)ctx)->doc;
    const uint64_t *index = crdt__u64map_find(&doc->client_index, client);
    return index ? doc->clients[*index].state : 0;
}

static bool was_moved(const crdt_doc *doc, uint32_t client)
{
    for (size_t i = 0; i < doc->pending.moved_count; i++)
        if (doc->pending.moved[i] == client)
            return true;
    return false;
}

static const char *check_runs(tally *sum, const crdt__stretch *stretch, uint64_t client)
{
    const crdt_doc *doc = sum->doc;
    crdt_id first = {client, stretch->node.key};
    crdt__ref last = 0;
    for (crdt__ref ref = stretch->first; ref; ref = crdt__run_at(doc, ref)->next) {
        const crdt__run *run = crdt__run_at(doc, ref);
        crdt__run_walk walk = crdt__run_begin(run, first);
        crdt__wstruct s;
        if (run->end <= first.clock)
            return "I11: a run is empty";
        while (walk.next.clock < run->end && crdt__run_next(&walk, &s))
            if (s.len == 0 || !walk.r.ok)
                return "I11: a run cannot be read";
        if (walk.next.clock != run->end || walk.r.pos != walk.r.end)
            return "I11: a run is not as long as it says";
        sum->bytes += crdt__run_bytes(run);
        first.clock = run->end;
        last = ref;
    }
    return last && last == stretch->last && first.clock == stretch->end
               ? NULL
               : "I11: a stretch does not end with its last run";
}

static const char *check_stretches(tally *sum, const crdt__queue *queue, uint64_t client)
{
    crdt__ref ref = crdt__tree_first(&sum->forest, queue->stretches);
    while (ref) {
        const crdt__stretch *stretch = crdt__stretch_at(sum->doc, ref);
        const char *wrong = check_runs(sum, stretch, client);
        if (wrong)
            return wrong;
        sum->stretches++;
        ref = crdt__tree_above(&sum->forest, queue->stretches, stretch->node.key);
        if (ref && crdt__stretch_at(sum->doc, ref)->node.key <= stretch->end)
            return "I11: stretches touch";
    }
    return NULL;
}

static const char *check_absent(tally *sum, const crdt__queue *queue, uint32_t client)
{
    uint64_t free_from = was_moved(sum->doc, client) ? 0 : sum->doc->clients[client].state;
    crdt__ref ref = crdt__tree_first(&sum->forest, queue->absent);
    while (ref) {
        const crdt__absent *range = crdt__arena_at(&sum->doc->objects, ref);
        if (range->node.key < free_from)
            return "I11: a delete waits for what is there, or touches another";
        free_from = range->end + 1;
        sum->ranges++;
        ref = crdt__tree_above(&sum->forest, queue->absent, range->node.key);
    }
    return NULL;
}

/* The client is among the waiters of the one that it waits behind. */
static bool is_waiter(tally *sum, const crdt__queue *queue, uint32_t client)
{
    const crdt__queue *before = crdt__pending_queue(sum->doc, queue->behind);
    crdt__ref ref = before ? before->waiters : 0;
    while (ref && ref != sum->doc->clients[client].queue) {
        const crdt__node *node = crdt__node_at(&sum->forest, ref);
        bool lower =
            queue->node.key < node->key || (queue->node.key == node->key && client < node->tie);
        ref = lower ? node->left : node->right;
    }
    return ref != 0;
}

static const char *check_wait(tally *sum, const crdt__queue *queue, uint32_t client)
{
    const crdt_doc *doc = sum->doc;
    crdt__head head;
    crdt_id lacked;
    if (!crdt__stretch_head(doc, client, &head))
        return queue->behind ? "I11: a client without structs waits" : NULL;
    if (!queue->behind || !is_waiter(sum, queue, client))
        return "I11: a client waits behind none";
    if (was_moved(doc, queue->behind) || crdt__pending_queue(doc, queue->behind)->passed_over)
        return NULL;
    if (queue->node.key < doc->clients[queue->behind].state)
        return "I11: something waits for what is there";
    if (!crdt__integrate_lacks(&head.ws, state_of, sum, &lacked))
        return "I11: something waits that could go";
    return NULL;
}

const char *crdt__pending_check(const crdt_doc *doc)
{
    const crdt__pending *p = &doc->pending;
    tally sum = {.doc = doc, .forest = p->forest};
    sum.forest.steps = &sum.steps;
    for (uint32_t c = 1; c < doc->client_count; c++) {
        const crdt__queue *queue = crdt__pending_queue(doc, c);
        const char *wrong = NULL;
        if (queue &&
            ((wrong = check_stretches(&sum, queue, doc->clients[c].id)) ||
             (wrong = check_absent(&sum, queue, c)) || (wrong = check_wait(&sum, queue, c))))
            return wrong;
    }
    if (sum.stretches != p->stretches || sum.bytes != p->bytes || sum.ranges != p->ranges)
        return "I11: what waits is not as much as it is said to be";
    return p->heap_count ? "I9: clients are still to be looked at" : NULL;
}
