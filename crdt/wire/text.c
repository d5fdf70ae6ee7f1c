#include "wire/text.h"

/* A place among the units of a struct's text. */
typedef struct place {
    size_t at; /* of the character in `content` */
    bool low;  /* behind its high half */
} place;

/* Where unit `offset` is; not 0. */
static place find(const crdt__wstruct *s, uint64_t offset)
{
    uint64_t cut = s->cut ? 1 : 0;
    uint64_t low = s->low ? 1 : 0;
    place p;
    p.at = crdt__utf16_offset(s->content, s->len - cut + low, offset - cut + low, &p.low);
    return p;
}

crdt__text crdt__text_from(const crdt__wstruct *s, uint64_t offset)
{
    crdt__text text = {.body = s->content, .halves = s->halves};
    place p = {0, s->low};
    if (offset > 0)
        p = find(s, offset);
    else if (s->cut)
        memcpy(text.head, crdt__replacement, text.head_len = CRDT__HALF_LEN);
    text.body.data += p.at;
    text.body.len -= p.at;
    if (p.low) {
        crdt__wtf8_low_of(text.body.data, text.head + text.head_len);
        text.head_len += CRDT__HALF_LEN;
        text.body.data += 4;
        text.body.len -= 4;
        text.halves = true;
    }
    return text;
}

/* Takes one unit away at the start of a text of whole characters. */
static void drop_unit(crdt__wstruct *s)
{
    size_t width = crdt__wtf8_width(s->content.data[0]);
    s->low = width == 4;
    if (s->low)
        return;
    s->content.data += width;
    s->content.len -= width;
}

void crdt__text_slice(crdt__wstruct *s, uint64_t offset)
{
    place p = find(s, offset);
    /* The unit before is the high half of this very character, unless that is U+FFFD already. */
    bool in_pair = p.low && !(s->low && p.at == 0);
    bool behind_high =
        s->halves && !p.low && crdt__wtf8_ends_high((crdt_bytes){s->content.data, p.at});
    s->content.data += p.at;
    s->content.len -= p.at;
    s->cut = in_pair || behind_high;
    s->low = p.low && !in_pair;
    if (in_pair) {
        s->content.data += 4;
        s->content.len -= 4;
    } else if (behind_high) {
        drop_unit(s);
    }
}
