/* The tokens of a value, the same whether it is JSON text or Any: so that one reader serves both.
 *
 * An object is OBJECT, then KEY and a value for each member, then CLOSE; an array is ARRAY, its
 * values, CLOSE.
 */
#ifndef CRDT_BASE_TOKEN_H
#define CRDT_BASE_TOKEN_H

#include "base/bytes.h"

typedef enum crdt__token_kind {
    CRDT__TOKEN_BAD, /* malformed; what follows is meaningless */
    CRDT__TOKEN_END, /* behind the value */
    CRDT__TOKEN_OBJECT,
    CRDT__TOKEN_ARRAY,
    CRDT__TOKEN_CLOSE,
    CRDT__TOKEN_KEY,
    CRDT__TOKEN_STRING,
    CRDT__TOKEN_NUMBER,
    CRDT__TOKEN_TRUE,
    CRDT__TOKEN_FALSE,
    CRDT__TOKEN_NULL,
    CRDT__TOKEN_UNDEFINED, /* Any alone has these three */
    CRDT__TOKEN_BIGINT,
    CRDT__TOKEN_BYTES
} crdt__token_kind;

typedef struct crdt__token {
    crdt__token_kind kind;
    bool is_json;    /* KEY, STRING: `text` has JSON's escapes. NUMBER: `text` is the number */
    crdt_bytes text; /* KEY, STRING; BYTES: the bytes. It borrows from the value */
    double number;   /* NUMBER, of Any */
    uint64_t bits;   /* BIGINT: two's complement; OBJECT, ARRAY, of Any: how many members */
} crdt__token;

static inline bool crdt__token_opens(crdt__token_kind kind)
{
    return kind == CRDT__TOKEN_OBJECT || kind == CRDT__TOKEN_ARRAY;
}

#endif
