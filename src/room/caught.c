#include "room/caught.h"

#include <stdlib.h>

#include "base/must.h"

static span *at(const caught *c, size_t index)
{
    return &c->spans[(c->first + index) % CAUGHT_SPANS_MAX];
}

static void drop_oldest(caught *c)
{
    c->bytes -= at(c, 0)->update->len;
    span_clear(at(c, 0));
    c->first = (c->first + 1) % CAUGHT_SPANS_MAX;
    c->count--;
}

void caught_clear(caught *c)
{
    while (c->count > 0)
        drop_oldest(c);
    free(c->spans);
    *c = (caught){0};
}

span *caught_add(caught *c, span made)
{
    must(made.update != NULL);
    if (c->spans == NULL) {
        c->spans = calloc(CAUGHT_SPANS_MAX, sizeof(span));
        must(c->spans != NULL);
    }
    while (c->count == CAUGHT_SPANS_MAX ||
           (c->count > 0 && c->bytes + made.update->len > CAUGHT_BYTES_MAX))
        drop_oldest(c);
    c->count++;
    c->bytes += made.update->len;
    *at(c, c->count - 1) = made;
    return at(c, c->count - 1);
}

uint64_t caught_earliest(uint64_t seq, uint64_t head)
{
    uint64_t lacks = head - seq;
    return lacks < seq ? seq - lacks : 0;
}

static bool will_do(const span *s, uint64_t seq, uint64_t head)
{
    return span_continues(s, seq) &&
           (s->update->len <= CAUGHT_SMALL_LEN || s->after >= caught_earliest(seq, head));
}

span *caught_find(const caught *c, uint64_t seq, uint64_t head)
{
    span *best = NULL;
    for (size_t i = c->count; i-- > 0;) {
        span *s = at(c, i);
        if (!will_do(s, seq, head))
            continue;
        bool better = best == NULL || s->until > best->until ||
                      (s->until == best->until && s->after > best->after);
        best = better ? s : best;
        if (best->after == seq && best->until == head)
            break;
    }
    return best;
}
