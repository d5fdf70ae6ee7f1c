#include "key.h"

#include <string.h>

#include <xxhash.h>

void store__put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

void store__put_u32(uint8_t *at, uint32_t value)
{
    store__put_u16(at, (uint16_t)(value >> 16));
    store__put_u16(at + 2, (uint16_t)value);
}

void store__put_u64(uint8_t *at, uint64_t value)
{
    store__put_u32(at, (uint32_t)(value >> 32));
    store__put_u32(at + 4, (uint32_t)value);
}

uint16_t store__get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t store__get_u32(const uint8_t *at)
{
    return (uint32_t)store__get_u16(at) << 16 | store__get_u16(at + 2);
}

uint64_t store__get_u64(const uint8_t *at)
{
    return (uint64_t)store__get_u32(at) << 32 | store__get_u32(at + 4);
}

store__key store__key_one(uint64_t number)
{
    store__key key = {.len = STORE__U64_LEN};
    store__put_u64(key.bytes, number);
    return key;
}

store__key store__key_two(uint64_t number, uint64_t seq)
{
    store__key key = {.len = 2 * STORE__U64_LEN};
    store__put_u64(key.bytes, number);
    store__put_u64(key.bytes + STORE__U64_LEN, seq);
    return key;
}

MDB_val store__key_val(store__key *key)
{
    return (MDB_val){.mv_data = key->bytes, .mv_size = key->len};
}

/* LMDB's MDB_val has no const, though keys and values that are put are only read. */
MDB_val store__text_val(const char *text)
{
    return (MDB_val){.mv_data = (void *)(uintptr_t)text, .mv_size = strlen(text)};
}

MDB_val store__bytes_val(store_bytes bytes)
{
    return (MDB_val){.mv_data = (void *)(uintptr_t)bytes.data, .mv_size = bytes.len};
}

static uint64_t checksum(const MDB_val *key, const uint8_t *body, size_t len)
{
    XXH64_hash_t seed = XXH3_64bits(key->mv_data, key->mv_size);
    return XXH3_64bits_withSeed(body, len, seed);
}

void store__seal(const MDB_val *key, uint8_t *value, size_t len)
{
    uint64_t sum = checksum(key, value + STORE__CHECKSUM_LEN, len - STORE__CHECKSUM_LEN);
    store__put_u64(value, sum);
}

bool store__unseal(const MDB_val *key, const MDB_val *value, store_bytes *body)
{
    if (value->mv_size < STORE__CHECKSUM_LEN)
        return false;
    const uint8_t *bytes = value->mv_data;
    size_t len = value->mv_size - STORE__CHECKSUM_LEN;
    if (store__get_u64(bytes) != checksum(key, bytes + STORE__CHECKSUM_LEN, len))
        return false;
    *body = (store_bytes){bytes + STORE__CHECKSUM_LEN, len};
    return true;
}
