#include "base/json.h"

#include <math.h>

#include "base/keys.h"
#include "base/number.h"

/* A decimal of so many digits is the shortest one of its double. */
#define DIGITS_EXACT 15
/* Zeros behind the point of what is still printed without an exponent. */
#define LEADING_ZEROS_MAX 5

/* ---- strings ---- */

typedef enum unit_form { UNIT_RAW, UNIT_SHORT, UNIT_HEX } unit_form;

/* One byte of the text, or what an escape stands for. */
typedef struct unit {
    unit_form form;
    uint32_t value;
    bool lower; /* UNIT_HEX: no digit is an upper-case letter */
} unit;

/* The letter behind the backslash of each short escape, and what it stands for. */
static const char escape_letters[] = "\"\\/bfnrt";
static const char escape_values[] = "\"\\/\b\f\n\r\t";

/* The letter JavaScript escapes a character with; 0 if there is none. */
static char escape_letter(uint32_t value)
{
    for (size_t i = 0; escape_values[i] != '\0'; i++)
        if (value == (uint32_t)escape_values[i] && value != '/')
            return escape_letters[i];
    return 0;
}

static uint32_t escape_value(uint8_t letter)
{
    for (size_t i = 0; escape_letters[i] != '\0'; i++)
        if (letter == (uint8_t)escape_letters[i])
            return (uint32_t)escape_values[i];
    return 0;
}

static bool is_high(uint32_t value)
{
    return value >= 0xd800 && value <= 0xdbff;
}

static bool is_low(uint32_t value)
{
    return value >= 0xdc00 && value <= 0xdfff;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u. */
static unit read_hex(crdt__reader *r)
{
    unit u = {UNIT_HEX, 0, true};
    for (int i = 0; i < 4; i++) {
        uint8_t c = crdt__read_u8(r);
        int digit = hex_value(c);
        if (digit < 0)
            crdt__reader_fail(r);
        u.value = u.value << 4 | (uint32_t)(digit & 0xf);
        u.lower = u.lower && !(c >= 'A' && c <= 'F');
    }
    return u;
}

/* The next byte or escape; the closing quote must not be next. */
static unit read_unit(crdt__reader *r)
{
    uint8_t c = crdt__read_u8(r);
    if (c < 0x20)
        crdt__reader_fail(r);
    if (c != '\\')
        return (unit){UNIT_RAW, c, false};
    uint8_t letter = crdt__read_u8(r);
    if (letter == 'u')
        return read_hex(r);
    uint32_t value = escape_value(letter);
    if (value == 0)
        crdt__reader_fail(r);
    return (unit){UNIT_SHORT, value, false};
}

/* Whether JavaScript prints this unit as it stands; `after_high`: it follows an escaped high half.
 */
static bool unit_canonical(unit u, bool after_high)
{
    if (u.form != UNIT_HEX)
        return u.form == UNIT_RAW || u.value != '/';
    bool control = u.value < 0x20 && escape_letter(u.value) == 0;
    bool lone = is_high(u.value) || (is_low(u.value) && !after_high);
    return u.lower && (control || lone);
}

/* Steps over what stands for itself; true if there was any. */
static bool skip_raw(crdt__reader *r)
{
    const uint8_t *start = r->pos;
    while (r->pos < r->end && *r->pos >= 0x20 && *r->pos != '"' && *r->pos != '\\')
        r->pos++;
    return r->pos != start;
}

/* Steps over the inside of a string, which is returned, and its closing quote. */
static crdt_bytes skip_string(crdt__reader *r, bool *same)
{
    const uint8_t *start = r->pos;
    bool after_high = false;
    for (;;) {
        if (skip_raw(r))
            after_high = false;
        if (r->pos == r->end || *r->pos == '"')
            break;
        unit u = read_unit(r);
        if (!unit_canonical(u, after_high))
            *same = false;
        after_high = u.form == UNIT_HEX && is_high(u.value);
    }
    crdt_bytes inside = {start, (size_t)(r->pos - start)};
    (void)crdt__read_u8(r);
    return inside;
}

static void write_utf8(crdt__writer *w, uint32_t code)
{
    if (code < 0x80) {
        crdt__write_u8(w, (uint8_t)code);
        return;
    }
    int continuations = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0xc0, 0xe0, 0xf0};
    crdt__write_u8(w, (uint8_t)(leads[continuations - 1] | code >> (6 * continuations)));
    while (continuations-- > 0)
        crdt__write_u8(w, (uint8_t)(0x80 | (code >> (6 * continuations) & 0x3f)));
}

static void write_hex(crdt__writer *w, uint32_t value)
{
    static const char digits[] = "0123456789abcdef";
    crdt__write_bytes(w, "\\u", 2);
    for (int shift = 12; shift >= 0; shift -= 4)
        crdt__write_u8(w, (uint8_t)digits[value >> shift & 0xf]);
}

static void write_code(crdt__writer *w, uint32_t code)
{
    char letter = escape_letter(code);
    if (letter != 0) {
        crdt__write_u8(w, '\\');
        crdt__write_u8(w, (uint8_t)letter);
    } else if (code < 0x20 || is_high(code) || is_low(code)) {
        write_hex(w, code);
    } else {
        write_utf8(w, code);
    }
}

/* The low half escaped behind a high one, or 0; then nothing is read. */
static uint32_t read_low(crdt__reader *r)
{
    crdt__reader ahead = *r;
    if (crdt__reader_left(r) == 0)
        return 0;
    unit u = read_unit(&ahead);
    if (u.form != UNIT_HEX || !is_low(u.value))
        return 0;
    *r = ahead;
    return u.value;
}

/* Writes the inside of a valid string again as JavaScript would. */
static void copy_string(crdt_bytes inside, crdt__writer *w)
{
    crdt__reader r = crdt__reader_of(inside);
    while (r.pos < r.end) {
        unit u = read_unit(&r);
        if (u.form == UNIT_RAW) {
            crdt__write_u8(w, (uint8_t)u.value);
            continue;
        }
        uint32_t low = is_high(u.value) ? read_low(&r) : 0;
        write_code(w, low == 0 ? u.value : 0x10000 + ((u.value - 0xd800) << 10) + (low - 0xdc00));
    }
}

/* ---- numbers ---- */

static size_t skip_digits(crdt__reader *r)
{
    const uint8_t *start = r->pos;
    while (r->pos < r->end && *r->pos >= '0' && *r->pos <= '9')
        r->pos++;
    return (size_t)(r->pos - start);
}

static bool accept(crdt__reader *r, char c)
{
    if (r->pos == r->end || *r->pos != (uint8_t)c)
        return false;
    r->pos++;
    return true;
}

static void need_digits(crdt__reader *r, size_t count)
{
    if (count == 0)
        crdt__reader_fail(r);
}

static size_t leading_zeros(const uint8_t *digits, size_t count)
{
    size_t zeros = 0;
    while (zeros < count && digits[zeros] == '0')
        zeros++;
    return zeros;
}

/* Steps over a number. *same becomes false unless it surely is printed as it stands. */
static crdt_bytes skip_number(crdt__reader *r, bool *same)
{
    const uint8_t *start = r->pos;
    bool negative = accept(r, '-');
    const uint8_t *whole = r->pos;
    size_t whole_count = skip_digits(r);
    need_digits(r, whole_count);
    bool zero = whole_count > 0 && *whole == '0';
    if (zero && whole_count > 1)
        crdt__reader_fail(r);
    size_t fraction_count = 0;
    if (accept(r, '.')) {
        const uint8_t *fraction = r->pos;
        fraction_count = skip_digits(r);
        need_digits(r, fraction_count);
        if (fraction_count > 0 && fraction[fraction_count - 1] == '0')
            *same = false;
        if (zero && leading_zeros(fraction, fraction_count) > LEADING_ZEROS_MAX)
            *same = false;
    }
    if (accept(r, 'e') || accept(r, 'E')) {
        *same = false;
        if (!accept(r, '-'))
            (void)accept(r, '+');
        need_digits(r, skip_digits(r));
    }
    if (whole_count + fraction_count > DIGITS_EXACT || (negative && zero && fraction_count == 0))
        *same = false;
    return (crdt_bytes){start, (size_t)(r->pos - start)};
}

static void copy_number(crdt_bytes number, crdt__writer *w)
{
    double value = crdt__number_parse(number);
    char text[CRDT__NUMBER_LEN_MAX];
    if (isinf(value))
        crdt__write_bytes(w, "null", 4);
    else
        crdt__write_bytes(w, text, crdt__number_print(value, text));
}

/* ---- tokens ---- */

typedef enum token_kind {
    TOKEN_BAD,
    TOKEN_END,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_KEY,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_WORD
} token_kind;

typedef struct token {
    token_kind kind;
    crdt_bytes text; /* of a key or string, what is between its quotes */
} token;

typedef enum parser_state { WANT_VALUE, WANT_FIRST, WANT_NEXT } parser_state;

typedef struct parser {
    crdt__reader r;
    bool same; /* so far every token stands as JavaScript would print it */
    parser_state state;
    size_t depth;
    bool is_object[CRDT_VALUE_DEPTH_MAX];
} parser;

static void parser_init(parser *p, crdt_bytes text)
{
    p->r = crdt__reader_of(text);
    p->same = true;
    p->state = WANT_VALUE;
    p->depth = 0;
}

static void skip_space(parser *p)
{
    const uint8_t *before = p->r.pos;
    while (accept(&p->r, ' ') || accept(&p->r, '\n') || accept(&p->r, '\r') || accept(&p->r, '\t'))
        continue;
    if (p->r.pos != before)
        p->same = false;
}

static bool in_object(const parser *p)
{
    return p->depth > 0 && p->is_object[p->depth - 1];
}

static token read_open(parser *p, bool is_object)
{
    if (p->depth == CRDT_VALUE_DEPTH_MAX)
        return (token){.kind = TOKEN_BAD};
    p->is_object[p->depth++] = is_object;
    p->state = WANT_FIRST;
    return (token){.kind = TOKEN_OPEN};
}

static token read_close(parser *p)
{
    p->depth--;
    p->state = WANT_NEXT;
    return (token){.kind = TOKEN_CLOSE};
}

static token read_word(parser *p)
{
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if (crdt__reader_left(&p->r) >= len && memcmp(p->r.pos, words[i], len) == 0)
            return (token){TOKEN_WORD, crdt__read_bytes(&p->r, len)};
    }
    return (token){.kind = TOKEN_BAD};
}

static token read_value(parser *p)
{
    p->state = WANT_NEXT;
    if (accept(&p->r, '{'))
        return read_open(p, true);
    if (accept(&p->r, '['))
        return read_open(p, false);
    if (accept(&p->r, '"'))
        return (token){TOKEN_STRING, skip_string(&p->r, &p->same)};
    uint8_t c = p->r.pos < p->r.end ? *p->r.pos : 0;
    if (c == '-' || (c >= '0' && c <= '9'))
        return (token){TOKEN_NUMBER, skip_number(&p->r, &p->same)};
    return read_word(p);
}

static token read_key(parser *p)
{
    if (!accept(&p->r, '"'))
        return (token){.kind = TOKEN_BAD};
    token t = {TOKEN_KEY, skip_string(&p->r, &p->same)};
    skip_space(p);
    p->state = WANT_VALUE;
    return accept(&p->r, ':') ? t : (token){.kind = TOKEN_BAD};
}

static token read_element(parser *p)
{
    return in_object(p) ? read_key(p) : read_value(p);
}

static token read_token(parser *p)
{
    skip_space(p);
    if (p->state == WANT_VALUE)
        return read_value(p);
    if (p->depth == 0)
        return (token){.kind = crdt__reader_at_end(&p->r) ? TOKEN_END : TOKEN_BAD};
    if (accept(&p->r, in_object(p) ? '}' : ']'))
        return read_close(p);
    if (p->state == WANT_NEXT) {
        if (!accept(&p->r, ','))
            return (token){.kind = TOKEN_BAD};
        skip_space(p);
    }
    return read_element(p);
}

static token next_token(parser *p)
{
    token t = read_token(p);
    return p->r.ok ? t : (token){.kind = TOKEN_BAD};
}

/* ---- judging ---- */

crdt__json_kind crdt__json_check(crdt_bytes text)
{
    parser p;
    crdt__keys keys;
    crdt__keys_level levels[CRDT_VALUE_DEPTH_MAX];
    parser_init(&p, text);
    keys.count = 0;
    for (;;) {
        token t = next_token(&p);
        switch (t.kind) {
        case TOKEN_BAD:
            return CRDT__JSON_INVALID;
        case TOKEN_END:
            return p.same ? CRDT__JSON_CANONICAL : CRDT__JSON_VALID;
        case TOKEN_OPEN:
            levels[p.depth - 1] = (crdt__keys_level){keys.count, 0};
            break;
        case TOKEN_CLOSE:
            keys.count = levels[p.depth].from;
            break;
        case TOKEN_KEY:
            p.same = p.same && crdt__keys_next(&keys, &levels[p.depth - 1], t.text);
            break;
        case TOKEN_STRING:
        case TOKEN_NUMBER:
        case TOKEN_WORD:
            break;
        }
    }
}

/* ---- printing ---- */

typedef struct print_level {
    size_t head;  /* behind the bracket */
    size_t first; /* of its members */
} print_level;

typedef struct printer {
    parser p;
    crdt__writer *w;
    crdt__members members;
    bool behind_value; /* the next value or key follows a comma */
    print_level levels[CRDT_VALUE_DEPTH_MAX];
} printer;

static void print_comma(printer *pr)
{
    if (pr->behind_value)
        crdt__write_u8(pr->w, ',');
    pr->behind_value = false;
}

static void print_open(printer *pr)
{
    print_comma(pr);
    crdt__write_u8(pr->w, in_object(&pr->p) ? '{' : '[');
    pr->levels[pr->p.depth - 1] = (print_level){crdt__writer_len(pr->w), pr->members.count};
}

static void print_close(printer *pr)
{
    const print_level *level = &pr->levels[pr->p.depth];
    bool was_object = pr->p.is_object[pr->p.depth];
    if (was_object)
        crdt__members_close(&pr->members, level->first, level->head, CRDT__MEMBERS_COMMAS, pr->w);
    crdt__write_u8(pr->w, was_object ? '}' : ']');
    pr->behind_value = true;
}

static void print_key(printer *pr, crdt_bytes key)
{
    print_comma(pr);
    size_t start = crdt__writer_len(pr->w);
    crdt__write_u8(pr->w, '"');
    copy_string(key, pr->w);
    size_t key_len = crdt__writer_len(pr->w) - start - 1;
    if (pr->w->ok && !crdt__members_push(&pr->members, pr->levels[pr->p.depth - 1].first, start,
                                         key_len, CRDT__MEMBER_KEPT, pr->w))
        pr->w->ok = false;
    crdt__write_bytes(pr->w, "\":", 2);
}

static void print_scalar(printer *pr, token t)
{
    print_comma(pr);
    if (t.kind == TOKEN_NUMBER) {
        copy_number(t.text, pr->w);
    } else if (t.kind == TOKEN_STRING) {
        crdt__write_u8(pr->w, '"');
        copy_string(t.text, pr->w);
        crdt__write_u8(pr->w, '"');
    } else {
        crdt__write_bytes(pr->w, t.text.data, t.text.len);
    }
    pr->behind_value = true;
}

static bool print_all(printer *pr)
{
    while (pr->w->ok) {
        token t = next_token(&pr->p);
        switch (t.kind) {
        case TOKEN_BAD:
            return false;
        case TOKEN_END:
            return true;
        case TOKEN_OPEN:
            print_open(pr);
            break;
        case TOKEN_CLOSE:
            print_close(pr);
            break;
        case TOKEN_KEY:
            print_key(pr, t.text);
            break;
        case TOKEN_STRING:
        case TOKEN_NUMBER:
        case TOKEN_WORD:
            print_scalar(pr, t);
            break;
        }
    }
    return false;
}

bool crdt__json_canonicalize(crdt_bytes text, crdt__writer *w, const crdt_mem *mem)
{
    crdt__json_kind kind = crdt__json_check(text);
    if (kind == CRDT__JSON_INVALID)
        return false;
    if (kind == CRDT__JSON_CANONICAL) {
        crdt__write_bytes(w, text.data, text.len);
        return w->ok;
    }
    printer pr;
    parser_init(&pr.p, text);
    pr.w = w;
    pr.members = (crdt__members){.mem = mem};
    pr.behind_value = false;
    bool done = print_all(&pr);
    crdt__members_free(&pr.members);
    return done && w->ok;
}
