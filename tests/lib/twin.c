#include "twin.h"

#include <stdlib.h>
#include <string.h>

static bool same_id(wm_id a, wm_id b)
{
    return a.client == b.client && a.clock == b.clock;
}

void twin_free(twin *t)
{
    for (size_t i = 0; i < TWIN_LISTS; i++)
        free(t->lists[i].units);
    *t = (twin){0};
}

bool twin_find(const twin *t, size_t list, wm_id id, size_t *place)
{
    const twin_list *l = &t->lists[list];
    for (size_t i = 0; i < l->count; i++)
        if (same_id(l->units[i].id, id)) {
            *place = i;
            return true;
        }
    return false;
}

static bool has_unit(const twin *t, wm_id id, size_t *list, size_t *place)
{
    for (*list = 0; *list < TWIN_LISTS; ++*list)
        if (twin_find(t, *list, id, place))
            return true;
    return false;
}

static void put(twin_list *l, size_t place, const twin_unit *unit)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 64;
        l->units = realloc(l->units, l->cap * sizeof *l->units);
        if (!l->units)
            abort();
    }
    memmove(&l->units[place + 1], &l->units[place], (l->count - place) * sizeof *l->units);
    l->units[place] = *unit;
    l->count++;
}

static bool same_origin(const twin_unit *a, const twin_unit *b)
{
    return a->has_origin == b->has_origin && (!a->has_origin || same_id(a->origin, b->origin));
}

static bool same_right(const twin_unit *a, const twin_unit *b)
{
    return a->has_right == b->has_right && (!a->has_right || same_id(a->right, b->right));
}

/* Where the unit goes, among those that were put between the same neighbours: before `end`.
 * `after_left` is the place behind its left neighbour. The units passed are before[after_left ..
 * o); those of them that conflict begin at `conflicting`, since the set is only ever emptied. */
static size_t place_of(const twin *t, size_t list, const twin_unit *unit, size_t after_left,
                       size_t end)
{
    const twin_list *l = &t->lists[list];
    size_t place = after_left;
    size_t conflicting = after_left;
    for (size_t o = after_left; o < end; o++) {
        const twin_unit *other = &l->units[o];
        size_t origin_at;
        if (same_origin(other, unit)) {
            if (other->id.client < unit->id.client)
                place = conflicting = o + 1;
            else if (same_right(other, unit))
                break;
        } else if (other->has_origin && twin_find(t, list, other->origin, &origin_at) &&
                   origin_at >= after_left && origin_at <= o) {
            if (origin_at < conflicting)
                place = conflicting = o + 1;
        } else {
            break;
        }
    }
    return place;
}

/* The newest entry of a key is its value, every other one is deleted. */
static void settle_entry(twin_list *l, size_t place)
{
    if (place + 1 < l->count)
        l->units[place].deleted = true;
    else if (place > 0)
        l->units[place - 1].deleted = true;
}

static bool insert_unit(twin *t, size_t list, const twin_unit *unit)
{
    twin_list *l = &t->lists[list];
    size_t left = 0;
    size_t right = l->count;
    if ((unit->has_origin && !twin_find(t, list, unit->origin, &left)) ||
        (unit->has_right && !twin_find(t, list, unit->right, &right)))
        return false;
    size_t place = place_of(t, list, unit, unit->has_origin ? left + 1 : 0, right);
    put(l, place, unit);
    if (list != TWIN_TEXT)
        settle_entry(l, place);
    return true;
}

bool twin_insert(twin *t, const twin_run *run)
{
    size_t list;
    size_t place;
    if (run->id.clock > 0 &&
        !has_unit(t, (wm_id){run->id.client, run->id.clock - 1}, &list, &place))
        return false;
    twin_unit unit = {run->id, run->origin, run->right, run->has_origin, run->has_right, false};
    for (uint64_t i = 0; i < run->len; i++) {
        if (!has_unit(t, unit.id, &list, &place) && !insert_unit(t, run->list, &unit))
            return false;
        unit.origin = unit.id;
        unit.has_origin = true;
        unit.id.clock++;
    }
    return true;
}

bool twin_delete(twin *t, wm_id id, uint64_t len)
{
    size_t list;
    size_t place;
    for (uint64_t i = 0; i < len; i++)
        if (!has_unit(t, (wm_id){id.client, id.clock + i}, &list, &place))
            return false;
    for (uint64_t i = 0; i < len; i++) {
        has_unit(t, (wm_id){id.client, id.clock + i}, &list, &place);
        t->lists[list].units[place].deleted = true;
    }
    return true;
}
