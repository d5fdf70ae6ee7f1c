#include "meta/record.h"

#include <string.h>

#include "key.h"

enum { NAME_LIVES = 0, NAME_DELETED = 1 };

static uint8_t *put_life(uint8_t *at, const store__life *life)
{
    store__put_u64(at, (uint64_t)life->created_ms);
    store__put_u64(at + 8, (uint64_t)life->updated_ms);
    store__put_u64(at + 16, life->head);
    store__put_u64(at + 24, life->events);
    store__put_u64(at + 32, life->log_bytes);
    return at + STORE__LIFE_LEN;
}

static const uint8_t *get_life(const uint8_t *at, store__life *life)
{
    life->created_ms = (int64_t)store__get_u64(at);
    life->updated_ms = (int64_t)store__get_u64(at + 8);
    life->head = store__get_u64(at + 16);
    life->events = store__get_u64(at + 24);
    life->log_bytes = store__get_u64(at + 32);
    return at + STORE__LIFE_LEN;
}

size_t store__name_encode(const store__name *name, uint8_t *out)
{
    uint8_t *at = out;
    store__put_u64(at, name->number);
    store__put_u32(at + 8, name->epoch);
    at[12] = name->deleted ? NAME_DELETED : NAME_LIVES;
    at += 13;
    if (name->deleted)
        at = put_life(at, &name->last);
    store__put_u16(at, (uint16_t)name->ended_count);
    at += 2;
    for (unsigned i = 0; i < name->ended_count; i++, at += 5) {
        store__put_u32(at, name->ended[i].epoch);
        at[4] = (uint8_t)name->ended[i].end;
    }
    return (size_t)(at - out);
}

bool store__name_decode(store_bytes bytes, store__name *out)
{
    const uint8_t *at = bytes.data;
    if (bytes.len < 13 || at[12] > NAME_DELETED)
        return false;
    *out = (store__name){.number = store__get_u64(at),
                         .epoch = store__get_u32(at + 8),
                         .deleted = at[12] == NAME_DELETED};
    size_t fixed = 13 + (out->deleted ? STORE__LIFE_LEN : 0) + 2;
    if (bytes.len < fixed)
        return false;
    at += 13;
    if (out->deleted)
        at = get_life(at, &out->last);
    out->ended_count = store__get_u16(at);
    at += 2;
    if (out->ended_count > STORE_ENDED_EPOCHS_MAX || bytes.len != fixed + 5 * out->ended_count)
        return false;
    for (unsigned i = 0; i < out->ended_count; i++, at += 5) {
        if (at[4] != STORE_END_DELETED && at[4] != STORE_END_RESTORED)
            return false;
        out->ended[i] = (store__ended){store__get_u32(at), (store_end)at[4]};
    }
    return true;
}

size_t store__doc_encode(const store__life *life, store_bytes name, uint8_t *out)
{
    memcpy(put_life(out, life), name.data, name.len);
    return STORE__LIFE_LEN + name.len;
}

bool store__doc_decode(store_bytes bytes, store__life *life, store_bytes *name)
{
    if (bytes.len <= STORE__LIFE_LEN || bytes.len > STORE__DOC_RECORD_MAX)
        return false;
    const uint8_t *at = get_life(bytes.data, life);
    *name = (store_bytes){at, bytes.len - STORE__LIFE_LEN};
    return true;
}

void store__name_end(store__name *name, store_end end)
{
    if (name->ended_count == STORE_ENDED_EPOCHS_MAX) {
        name->ended_count--;
        memmove(name->ended, name->ended + 1, name->ended_count * sizeof(*name->ended));
    }
    name->ended[name->ended_count++] = (store__ended){name->epoch, end};
}

bool store__name_epoch(const store__name *name, uint32_t epoch, store_end *out)
{
    store_end end = STORE_END_NONE;
    if (!name->deleted && name->epoch == epoch) {
        *out = end;
        return true;
    }
    for (unsigned i = name->ended_count; i-- > 0;) {
        if (end != STORE_END_DELETED)
            end = name->ended[i].end;
        if (name->ended[i].epoch == epoch) {
            *out = end;
            return true;
        }
    }
    return false;
}
