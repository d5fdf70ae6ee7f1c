#include "room/registry.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/must.h"
#include "room/inside.h"

/* Rooms open at once; more are refused. */
#define REGISTRY_ROOMS_MAX ((size_t)1 << 20)
/* A loaded document that nobody needs is kept this long, ... */
#define REGISTRY_IDLE_MS 10000
/* ... unless so many rest, or all documents together take so many bytes: then the longest idle go
 * first. */
#define REGISTRY_IDLE_MAX           ((size_t)4096)
#define REGISTRY_DOCUMENT_BYTES_MAX ((size_t)1 << 30)

#define REGISTRY_TICK_MS 1000

static void unload(registry *g, room *r)
{
    list_remove(&r->link);
    map_remove(&g->rooms, &r->node);
    g->stats.rooms--;
    room_free(r);
}

/* The longest idle room may go: it is over time, or there are too many, or too large ones. */
static bool may_unload(const registry *g, const room *r, uint64_t now_ms)
{
    return now_ms - r->idle_since_ms >= REGISTRY_IDLE_MS ||
           g->stats.document_bytes > REGISTRY_DOCUMENT_BYTES_MAX;
}

static void unload_some(registry *g)
{
    uint64_t now_ms = loop_now_ms(g->loop);
    while (!list_is_empty(&g->idle)) {
        room *r = container_of(list_first(&g->idle), room, link);
        if (!may_unload(g, r, now_ms) && g->idle_count <= REGISTRY_IDLE_MAX)
            break;
        g->idle_count--;
        unload(g, r);
    }
}

static void on_tick(uv_timer_t *timer)
{
    registry *g = container_of(timer, registry, tick);
    uint64_t now_ms = loop_now_ms(g->loop);
    for (list_node *n = list_first(&g->busy); n != NULL; n = list_next(&g->busy, n))
        room_tick(container_of(n, room, link), now_ms);
    unload_some(g);
}

registry *registry_new(loop *l, store *s, persist *p, const registry_options *options)
{
    registry *g = calloc(1, sizeof(*g));
    must(g != NULL);
    g->loop = l;
    g->store = s;
    g->persist = p;
    g->options = *options;
    uint64_t seed;
    must(getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed));
    map_init(&g->rooms, seed);
    list_init(&g->busy);
    list_init(&g->idle);
    must(uv_timer_init(loop_uv(l), &g->tick) == 0);
    must(uv_timer_start(&g->tick, on_tick, REGISTRY_TICK_MS, REGISTRY_TICK_MS) == 0);
    return g;
}

/* Busy until the turn that follows has seen what it is wanted for. */
static void wake(registry *g, room *r)
{
    if (r->resting) {
        r->resting = false;
        g->idle_count--;
        list_remove(&r->link);
        list_push(&g->busy, &r->link);
    }
    room_mark(r);
}

room *registry_find(registry *g, slice name)
{
    map_node *found = map_find(&g->rooms, name);
    if (found != NULL) {
        room *r = container_of(found, room, node);
        wake(g, r);
        return r;
    }
    if (g->stats.rooms == REGISTRY_ROOMS_MAX)
        return NULL;
    room *r = room_new(g, name);
    map_insert(&g->rooms, &r->node, room_name(r));
    list_push(&g->busy, &r->link);
    g->stats.rooms++;
    room_mark(r);
    return r;
}

static void rest(registry *g, room *r)
{
    r->resting = true;
    r->idle_since_ms = loop_now_ms(g->loop);
    g->idle_count++;
    list_remove(&r->link);
    list_push(&g->idle, &r->link);
    unload_some(g);
}

void registry_settle(registry *g, room *r)
{
    if (r->resting || !room_is_idle(r))
        return;
    if (g->draining || r->doc == NULL)
        unload(g, r);
    else
        rest(g, r);
}

void registry_drain(registry *g)
{
    must(!g->draining);
    g->draining = true;
    for (list_node *n = list_first(&g->busy); n != NULL; n = list_next(&g->busy, n)) {
        room *r = container_of(n, room, link);
        room_end_readers(r);
        room_mark(r);
    }
    while (!list_is_empty(&g->idle)) {
        g->idle_count--;
        unload(g, container_of(list_first(&g->idle), room, link));
    }
}

registry_stats registry_get_stats(const registry *g)
{
    return g->stats;
}

static void on_closed(uv_handle_t *handle)
{
    registry *g = container_of((uv_timer_t *)handle, registry, tick);
    map_deinit(&g->rooms);
    free(g);
}

void registry_free(registry *g)
{
    must(g->stats.rooms == 0);
    uv_close((uv_handle_t *)&g->tick, on_closed);
}
