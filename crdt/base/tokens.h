/* Reads a value token by token, whichever form it has: JSON text, Any, or a kept value, which is
 * one of them. */
#ifndef CRDT_BASE_TOKENS_H
#define CRDT_BASE_TOKENS_H

#include "base/any.h"
#include "base/json.h"
#include "base/number.h"
#include "base/value.h"

typedef struct crdt__tokens {
    bool is_any;
    crdt__json_parser json; /* not even touched of the form that the value does not have */
    crdt__any_parser any;
} crdt__tokens;

static inline void crdt__tokens_of_any(crdt__tokens *tokens, crdt_bytes any)
{
    tokens->is_any = true;
    crdt__any_begin(&tokens->any, any);
}

static inline void crdt__tokens_of_json(crdt__tokens *tokens, crdt_bytes json)
{
    tokens->is_any = false;
    crdt__json_begin(&tokens->json, json);
}

static inline void crdt__tokens_of_kept(crdt__tokens *tokens, crdt_bytes value)
{
    if (crdt__value_is_any(value))
        crdt__tokens_of_any(tokens, (crdt_bytes){value.data + 1, value.len - 1});
    else
        crdt__tokens_of_json(tokens, value);
}

static inline crdt__token crdt__tokens_next(crdt__tokens *tokens)
{
    return tokens->is_any ? crdt__any_next(&tokens->any) : crdt__json_next(&tokens->json);
}

/* Nothing comes behind it. */
static inline bool crdt__token_is_last(crdt__token t)
{
    return t.kind == CRDT__TOKEN_END || t.kind == CRDT__TOKEN_BAD;
}

static inline double crdt__token_number(crdt__token t)
{
    return t.is_json ? crdt__number_parse(t.text) : t.number;
}

#endif
