/* E. W. Myers, An O(ND) Difference Algorithm and Its Variations (1986): the greedy one, forward. Of
 * each number of edits d the farthest place on each diagonal k = x - y is kept, so that the way can
 * be gone back:
 *
 *     d = 0            k: 0
 *     d = 1        -1     1
 *     d = 2    -2      0      2        row d begins at d(d+1)/2
 */
#include "types/common.h"

/* No way leads there. */
#define NOWHERE (-1)

typedef struct search {
    crdt__budget *budget;
    const uint64_t *now;
    const uint64_t *then;
    int64_t n;
    int64_t m;
    uint64_t steps;
    int32_t *reached;
    size_t cap;
} search;

void crdt__matches_deinit(crdt__matches *matches, crdt__budget *budget)
{
    crdt__budget_release(budget, matches->items, matches->cap * sizeof(*matches->items));
}

bool crdt__matches_add(crdt__matches *matches, crdt__budget *budget, crdt__match match)
{
    if (match.len == 0)
        return true;
    if (matches->count > 0) {
        crdt__match *last = &matches->items[matches->count - 1];
        if (last->now + last->len == match.now && last->then + last->len == match.then) {
            last->len += match.len;
            return true;
        }
    }
    if (!crdt__budget_reserve(budget, &matches->items, &matches->cap, matches->count + 1,
                              sizeof(*matches->items)))
        return false;
    matches->items[matches->count++] = match;
    return true;
}

static int32_t *row_of(const search *s, int64_t d)
{
    return s->reached + d * (d + 1) / 2;
}

/* Where the d-th edit leads to on the i-th diagonal: to the right, or down. */
static int64_t edited(const search *s, int64_t d, int64_t i, bool *right)
{
    *right = false;
    if (d == 0)
        return 0;
    const int32_t *before = row_of(s, d - 1);
    int64_t k = 2 * i - d;
    int64_t across = i > 0 && before[i - 1] != NOWHERE ? before[i - 1] + INT64_C(1) : NOWHERE;
    int64_t down = i < d ? before[i] : NOWHERE;
    if (across > s->n)
        across = NOWHERE;
    if (down != NOWHERE && down - k > s->m)
        down = NOWHERE;
    *right = across != NOWHERE && across >= down;
    return *right ? across : down;
}

/* Goes on along the diagonal as long as both are equal. */
static int64_t follow(search *s, int64_t x, int64_t k)
{
    int64_t from = x;
    while (x < s->n && x - k < s->m && s->now[x] == s->then[x - k])
        x++;
    s->steps += (uint64_t)(x - from) + 1;
    return x;
}

/* Fills in row d; true if the end is reached. */
static bool advance(search *s, int64_t d)
{
    int32_t *row = row_of(s, d);
    for (int64_t i = 0; i <= d; i++) {
        bool right;
        int64_t k = 2 * i - d;
        int64_t x = edited(s, d, i, &right);
        if (x != NOWHERE)
            x = follow(s, x, k);
        row[i] = (int32_t)x;
        if (x == s->n && x - k == s->m)
            return true;
    }
    return false;
}

/* Goes back from the end, which d edits lead to. */
static bool go_back(search *s, int64_t d, uint64_t offset, crdt__matches *out)
{
    int64_t x = s->n;
    int64_t y = s->m;
    size_t first = out->count;
    for (; d >= 0; d--) {
        bool right;
        int64_t from = edited(s, d, (x - y + d) / 2, &right);
        crdt__match match = {(uint64_t)from + offset, (uint64_t)(from - x + y) + offset,
                             (uint64_t)(x - from)};
        if (match.len > 0) {
            if (!crdt__budget_reserve(s->budget, &out->items, &out->cap, out->count + 1,
                                      sizeof(*out->items)))
                return false;
            out->items[out->count++] = match;
        }
        y = from - x + y - (right ? 0 : 1);
        x = from - (right ? 1 : 0);
    }
    for (size_t i = first, j = out->count; i + 1 < j; i++) {
        crdt__match match = out->items[i];
        out->items[i] = out->items[--j];
        out->items[j] = match;
    }
    return true;
}

/* The middle of both, which neither begin nor end alike. */
static bool find_in_middle(search *s, uint64_t offset, crdt__matches *out)
{
    uint64_t numbers = (uint64_t)s->n + (uint64_t)s->m;
    if (s->n == 0 || s->m == 0 || numbers > INT32_MAX)
        return true;
    uint64_t steps_max = CRDT__COMMON_STEPS_FREE + CRDT__COMMON_STEPS_PER_NUMBER * numbers;
    for (int64_t d = 0; d <= CRDT__COMMON_EDITS_MAX && s->steps <= steps_max; d++) {
        if (!crdt__budget_reserve(s->budget, &s->reached, &s->cap, (size_t)((d + 1) * (d + 2) / 2),
                                  sizeof(*s->reached)))
            return false;
        if (advance(s, d))
            return go_back(s, d, offset, out);
    }
    return true;
}

bool crdt__common_find(crdt__budget *budget, const uint64_t *now, size_t now_count,
                       const uint64_t *then, size_t then_count, crdt__matches *out)
{
    size_t shorter = now_count < then_count ? now_count : then_count;
    size_t head = 0;
    size_t tail = 0;
    while (head < shorter && now[head] == then[head])
        head++;
    while (tail < shorter - head && now[now_count - tail - 1] == then[then_count - tail - 1])
        tail++;
    search s = {.budget = budget,
                .now = now + head,
                .then = then + head,
                .n = (int64_t)(now_count - head - tail),
                .m = (int64_t)(then_count - head - tail)};
    bool ok =
        crdt__matches_add(out, budget, (crdt__match){0, 0, head}) &&
        find_in_middle(&s, head, out) &&
        crdt__matches_add(out, budget, (crdt__match){now_count - tail, then_count - tail, tail});
    crdt__budget_release(budget, s.reached, s.cap * sizeof(*s.reached));
    return ok;
}
