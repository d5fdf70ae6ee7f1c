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

/* Returns how many bytes; a half of a pair takes three. */
static size_t put_utf8(uint32_t code, uint8_t out[4])
{
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    size_t more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    out[0] = (uint8_t)(leads[more] | code >> (6 * more));
    for (size_t i = 1; i <= more; i++)
        out[i] = (uint8_t)(0x80 | (code >> (6 * (more - i)) & 0x3f));
    return more + 1;
}

static void write_utf8(crdt__writer *w, uint32_t code)
{
    uint8_t bytes[4];
    crdt__write_bytes(w, bytes, put_utf8(code, bytes));
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

/* As read_unit, but of the escapes of a pair both are read. */
static unit read_character(crdt__reader *r)
{
    unit u = read_unit(r);
    uint32_t low = u.form == UNIT_HEX && is_high(u.value) ? read_low(r) : 0;
    if (low != 0)
        u.value = 0x10000 + ((u.value - 0xd800) << 10) + (low - 0xdc00);
    return u;
}

/* Writes the inside of a valid string again as JavaScript would. */
static void copy_string(crdt_bytes inside, crdt__writer *w)
{
    crdt__reader r = crdt__reader_of(inside);
    while (r.pos < r.end) {
        unit u = read_character(&r);
        if (u.form == UNIT_RAW)
            crdt__write_u8(w, (uint8_t)u.value);
        else
            write_code(w, u.value);
    }
}

static size_t put_unit(unit u, uint8_t out[4])
{
    if (u.form != UNIT_RAW)
        return put_utf8(u.value, out);
    out[0] = (uint8_t)u.value;
    return 1;
}

void crdt__json_unescape(crdt_bytes inside, crdt__writer *w)
{
    crdt__reader r = crdt__reader_of(inside);
    while (r.pos < r.end) {
        const uint8_t *start = r.pos;
        if (skip_raw(&r)) {
            crdt__write_bytes(w, start, (size_t)(r.pos - start));
        } else {
            uint8_t bytes[4];
            crdt__write_bytes(w, bytes, put_unit(read_character(&r), bytes));
        }
    }
}

bool crdt__json_stands_for(crdt_bytes inside, crdt_bytes plain)
{
    crdt__reader r = crdt__reader_of(inside);
    crdt__reader other = crdt__reader_of(plain);
    while (r.pos < r.end) {
        uint8_t bytes[4];
        size_t len = put_unit(read_character(&r), bytes);
        if (crdt__reader_left(&other) < len || memcmp(other.pos, bytes, len) != 0)
            return false;
        other.pos += len;
    }
    return other.pos == other.end;
}

/* Steps over what a JSON string holds as it stands; halves of pairs begin with 0xed, and so do a
 * few others. */
static bool skip_plain(crdt__reader *r)
{
    const uint8_t *start = r->pos;
    while (r->pos < r->end && *r->pos >= 0x20 && *r->pos != '"' && *r->pos != '\\' &&
           *r->pos != 0xed)
        r->pos++;
    return r->pos != start;
}

void crdt__json_write_string(crdt_bytes plain, crdt__writer *w)
{
    crdt__reader r = crdt__reader_of(plain);
    crdt__write_u8(w, '"');
    while (r.pos < r.end) {
        const uint8_t *start = r.pos;
        if (skip_plain(&r)) {
            crdt__write_bytes(w, start, (size_t)(r.pos - start));
        } else if (*start == 0xed) {
            write_code(w, 0xd000u | (uint32_t)(start[1] & 0x3f) << 6 | (start[2] & 0x3f));
            r.pos += 3;
        } else {
            write_code(w, *r.pos++);
        }
    }
    crdt__write_u8(w, '"');
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

void crdt__json_write_number(double number, crdt__writer *w)
{
    char text[CRDT__NUMBER_LEN_MAX];
    if (isfinite(number))
        crdt__write_bytes(w, text, crdt__number_print(number, text));
    else
        crdt__write_bytes(w, "null", 4);
}

typedef enum number_form { NUMBER_PRINTED, NUMBER_EXACT } number_form;

static void copy_number(crdt_bytes number, number_form form, crdt__writer *w)
{
    double value = crdt__number_parse(number);
    bool negative = signbit(value) != 0;
    if (form == NUMBER_EXACT && value == 0 && negative)
        crdt__write_bytes(w, "-0", 2);
    else if (form == NUMBER_EXACT && isinf(value))
        crdt__write_bytes(w, negative ? "-1e400" : "1e400", negative ? 6 : 5);
    else
        crdt__json_write_number(value, w);
}

/* ---- tokens ---- */

void crdt__json_begin(crdt__json_parser *p, crdt_bytes text)
{
    p->r = crdt__reader_of(text);
    p->same = true;
    p->state = CRDT__JSON_WANT_VALUE;
    p->depth = 0;
}

static crdt__token bare(crdt__token_kind kind)
{
    return (crdt__token){.kind = kind, .is_json = true};
}

static crdt__token with_text(crdt__token_kind kind, crdt_bytes text)
{
    return (crdt__token){.kind = kind, .is_json = true, .text = text};
}

static void skip_space(crdt__json_parser *p)
{
    const uint8_t *before = p->r.pos;
    while (accept(&p->r, ' ') || accept(&p->r, '\n') || accept(&p->r, '\r') || accept(&p->r, '\t'))
        continue;
    if (p->r.pos != before)
        p->same = false;
}

static bool in_object(const crdt__json_parser *p)
{
    return p->depth > 0 && p->is_object[p->depth - 1];
}

static crdt__token read_open(crdt__json_parser *p, bool is_object)
{
    if (p->depth == CRDT_VALUE_DEPTH_MAX)
        return bare(CRDT__TOKEN_BAD);
    p->is_object[p->depth++] = is_object;
    p->state = CRDT__JSON_WANT_FIRST;
    return bare(is_object ? CRDT__TOKEN_OBJECT : CRDT__TOKEN_ARRAY);
}

static crdt__token read_close(crdt__json_parser *p)
{
    p->depth--;
    p->state = CRDT__JSON_WANT_NEXT;
    return bare(CRDT__TOKEN_CLOSE);
}

static crdt__token read_word(crdt__json_parser *p)
{
    static const struct {
        const char *text;
        crdt__token_kind kind;
    } words[] = {
        {"null", CRDT__TOKEN_NULL}, {"true", CRDT__TOKEN_TRUE}, {"false", CRDT__TOKEN_FALSE}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i].text);
        if (crdt__reader_left(&p->r) >= len && memcmp(p->r.pos, words[i].text, len) == 0)
            return with_text(words[i].kind, crdt__read_bytes(&p->r, len));
    }
    return bare(CRDT__TOKEN_BAD);
}

static crdt__token read_value(crdt__json_parser *p)
{
    p->state = CRDT__JSON_WANT_NEXT;
    if (accept(&p->r, '{'))
        return read_open(p, true);
    if (accept(&p->r, '['))
        return read_open(p, false);
    if (accept(&p->r, '"'))
        return with_text(CRDT__TOKEN_STRING, skip_string(&p->r, &p->same));
    uint8_t c = p->r.pos < p->r.end ? *p->r.pos : 0;
    if (c == '-' || (c >= '0' && c <= '9'))
        return with_text(CRDT__TOKEN_NUMBER, skip_number(&p->r, &p->same));
    return read_word(p);
}

static crdt__token read_key(crdt__json_parser *p)
{
    if (!accept(&p->r, '"'))
        return bare(CRDT__TOKEN_BAD);
    crdt__token t = with_text(CRDT__TOKEN_KEY, skip_string(&p->r, &p->same));
    skip_space(p);
    p->state = CRDT__JSON_WANT_VALUE;
    return accept(&p->r, ':') ? t : bare(CRDT__TOKEN_BAD);
}

static crdt__token read_element(crdt__json_parser *p)
{
    return in_object(p) ? read_key(p) : read_value(p);
}

static crdt__token read_token(crdt__json_parser *p)
{
    skip_space(p);
    if (p->state == CRDT__JSON_WANT_VALUE)
        return read_value(p);
    if (p->depth == 0)
        return bare(crdt__reader_at_end(&p->r) ? CRDT__TOKEN_END : CRDT__TOKEN_BAD);
    if (accept(&p->r, in_object(p) ? '}' : ']'))
        return read_close(p);
    if (p->state == CRDT__JSON_WANT_NEXT) {
        if (!accept(&p->r, ','))
            return bare(CRDT__TOKEN_BAD);
        skip_space(p);
    }
    return read_element(p);
}

crdt__token crdt__json_next(crdt__json_parser *p)
{
    crdt__token t = read_token(p);
    return p->r.ok ? t : bare(CRDT__TOKEN_BAD);
}

crdt_bytes crdt__json_skip(crdt__json_parser *p)
{
    size_t depth = p->depth;
    const uint8_t *start = p->r.pos;
    crdt__token t;
    do
        t = crdt__json_next(p);
    while (p->depth > depth && t.kind != CRDT__TOKEN_BAD);
    return (crdt_bytes){start, (size_t)(p->r.pos - start)};
}

/* ---- judging ---- */

crdt__json_kind crdt__json_check(crdt_bytes text)
{
    crdt__json_parser p;
    crdt__keys keys;
    crdt__keys_level levels[CRDT_VALUE_DEPTH_MAX];
    crdt__json_begin(&p, text);
    keys.count = 0;
    for (;;) {
        crdt__token t = crdt__json_next(&p);
        switch (t.kind) {
        case CRDT__TOKEN_BAD:
            return CRDT__JSON_INVALID;
        case CRDT__TOKEN_END:
            return p.same ? CRDT__JSON_CANONICAL : CRDT__JSON_VALID;
        case CRDT__TOKEN_OBJECT:
        case CRDT__TOKEN_ARRAY:
            levels[p.depth - 1] = (crdt__keys_level){keys.count, 0};
            break;
        case CRDT__TOKEN_CLOSE:
            keys.count = levels[p.depth].from;
            break;
        case CRDT__TOKEN_KEY:
            p.same = p.same && crdt__keys_next(&keys, &levels[p.depth - 1], t.text);
            break;
        case CRDT__TOKEN_STRING:
        case CRDT__TOKEN_NUMBER:
        case CRDT__TOKEN_TRUE:
        case CRDT__TOKEN_FALSE:
        case CRDT__TOKEN_NULL:
        case CRDT__TOKEN_UNDEFINED:
        case CRDT__TOKEN_BIGINT:
        case CRDT__TOKEN_BYTES:
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
    crdt__json_parser p;
    crdt__writer *w;
    number_form numbers;
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

static void print_scalar(printer *pr, crdt__token t)
{
    print_comma(pr);
    if (t.kind == CRDT__TOKEN_NUMBER) {
        copy_number(t.text, pr->numbers, pr->w);
    } else if (t.kind == CRDT__TOKEN_STRING) {
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
        crdt__token t = crdt__json_next(&pr->p);
        switch (t.kind) {
        case CRDT__TOKEN_BAD:
            return false;
        case CRDT__TOKEN_END:
            return true;
        case CRDT__TOKEN_OBJECT:
        case CRDT__TOKEN_ARRAY:
            print_open(pr);
            break;
        case CRDT__TOKEN_CLOSE:
            print_close(pr);
            break;
        case CRDT__TOKEN_KEY:
            print_key(pr, t.text);
            break;
        case CRDT__TOKEN_STRING:
        case CRDT__TOKEN_NUMBER:
        case CRDT__TOKEN_TRUE:
        case CRDT__TOKEN_FALSE:
        case CRDT__TOKEN_NULL:
        case CRDT__TOKEN_UNDEFINED:
        case CRDT__TOKEN_BIGINT:
        case CRDT__TOKEN_BYTES:
            print_scalar(pr, t);
            break;
        }
    }
    return false;
}

static bool print_text(crdt_bytes text, number_form numbers, crdt__writer *w, const crdt_mem *mem)
{
    crdt__json_kind kind = crdt__json_check(text);
    if (kind == CRDT__JSON_INVALID)
        return false;
    if (kind == CRDT__JSON_CANONICAL) {
        crdt__write_bytes(w, text.data, text.len);
        return w->ok;
    }
    printer pr;
    crdt__json_begin(&pr.p, text);
    pr.w = w;
    pr.numbers = numbers;
    pr.members = (crdt__members){.mem = mem};
    pr.behind_value = false;
    bool done = print_all(&pr);
    crdt__members_free(&pr.members);
    return done && w->ok;
}

bool crdt__json_canonicalize(crdt_bytes text, crdt__writer *w, const crdt_mem *mem)
{
    return print_text(text, NUMBER_PRINTED, w, mem);
}

bool crdt__json_canonicalize_exact(crdt_bytes text, crdt__writer *w, const crdt_mem *mem)
{
    return print_text(text, NUMBER_EXACT, w, mem);
}
