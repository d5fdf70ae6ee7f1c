/* Keys and values as bytes: big-endian numbers, so that LMDB's byte order is the order of numbers,
 * and the checksum that every value begins with. README.md draws each key and value. */
#ifndef STORAGE_KEY_H
#define STORAGE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <lmdb.h>

#include "store.h"

#define STORE__DATA_FILE "data.mdb"

#define STORE__CHECKSUM_LEN 8u
#define STORE__U64_LEN      8u

/* The tables of a data directory. */
#define STORE__TABLE_META        "meta"
#define STORE__TABLE_NAMES       "names"
#define STORE__TABLE_DOCUMENTS   "documents"
#define STORE__TABLE_TAIL        "tail"
#define STORE__TABLE_CHECKPOINTS "checkpoints"
#define STORE__TABLE_PURGES      "purges"
#define STORE__TABLE_SEGMENTS    "segments"
#define STORE__TABLES_MAX        16u

/* Keys of the table "meta". */
#define STORE__META_FORMAT "format"
#define STORE__META_NEXT   "next-document"

void store__put_u16(uint8_t *at, uint16_t value);
void store__put_u32(uint8_t *at, uint32_t value);
void store__put_u64(uint8_t *at, uint64_t value);
uint16_t store__get_u16(const uint8_t *at);
uint32_t store__get_u32(const uint8_t *at);
uint64_t store__get_u64(const uint8_t *at);

/* A key of one number (a document, or a place in the tail) or of two (a document and a seq). */
typedef struct store__key {
    uint8_t bytes[2 * STORE__U64_LEN];
    size_t len;
} store__key;

store__key store__key_one(uint64_t number);
store__key store__key_two(uint64_t number, uint64_t seq);

/* The key as LMDB takes it; borrows `key`. */
MDB_val store__key_val(store__key *key);
MDB_val store__text_val(const char *text);
MDB_val store__bytes_val(store_bytes bytes);

/* Writes the checksum of a value's body, value[8..len), into value[0..8). It covers the key, so
 * that a value under another's key does not pass. */
void store__seal(const MDB_val *key, uint8_t *value, size_t len);

/* The body of a value, borrowed from it; false if it is too short or does not match its checksum.
 */
bool store__unseal(const MDB_val *key, const MDB_val *value, store_bytes *body);

#endif
