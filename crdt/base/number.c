#include "base/number.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* No double needs more significant digits to be rounded right; whether anything but zeros follows
 * is one digit more. */
#define PARSE_DIGITS_MAX 800
/* Exponents beyond these leave only zero or infinity, with up to PARSE_DIGITS_MAX digits before. */
#define PARSE_EXPONENT_MAX 5000
/* Every double comes back from this many digits. */
#define PRINT_DIGITS_MAX 17
/* A decimal of up to this many digits comes back from a normal double. */
#define PRINT_DIGITS_EXACT 15

/* Whole numbers below this have no more digits than that. */
#define WHOLE_MAX 1e15
/* Digits behind the point of what is printed in a quick way. */
#define PLACES_MAX 6

/* ---- parsing ---- */

typedef struct decimal {
    char digits[PARSE_DIGITS_MAX + 1]; /* no leading zeros */
    size_t count;
    bool negative;
    bool more;        /* digits other than 0 were left out */
    int64_t exponent; /* value = digits * 10^exponent */
} decimal;

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static void take_digit(decimal *d, uint8_t digit, bool fraction)
{
    if (d->count == 0 && digit == '0') {
        d->exponent -= fraction ? 1 : 0;
    } else if (d->count < PARSE_DIGITS_MAX) {
        d->digits[d->count++] = (char)digit;
        d->exponent -= fraction ? 1 : 0;
    } else {
        d->more = d->more || digit != '0';
        d->exponent += fraction ? 0 : 1;
    }
}

/* Reads the exponent behind the `e`, held within what can make a difference. */
static int64_t take_exponent(crdt_bytes text, size_t at)
{
    /* No text is so long that its zeros could bring a larger one back. */
    const int64_t limit = INT64_MAX / 16;
    bool negative = text.data[at] == '-';
    if (text.data[at] == '-' || text.data[at] == '+')
        at++;
    int64_t value = 0;
    for (; at < text.len; at++)
        value = value < limit ? value * 10 + (text.data[at] - '0') : limit;
    return negative ? -value : value;
}

static void take_number(crdt_bytes text, decimal *d)
{
    bool fraction = false;
    for (size_t at = 0; at < text.len; at++) {
        uint8_t c = text.data[at];
        if (is_digit(c)) {
            take_digit(d, c, fraction);
        } else if (c == '-') {
            d->negative = true;
        } else if (c == '.') {
            fraction = true;
        } else {
            d->exponent += take_exponent(text, at + 1);
            return;
        }
    }
}

/* Few digits and a small power of ten are doubles without a rounding; so one operation on them is
 * rounded right. */
static bool parse_exactly(const decimal *d, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const int64_t power_max = sizeof powers / sizeof powers[0] - 1;
    if (FLT_EVAL_METHOD != 0 || d->count > PRINT_DIGITS_EXACT || d->exponent > power_max ||
        d->exponent < -power_max)
        return false;
    uint64_t whole = 0;
    for (size_t i = 0; i < d->count; i++)
        whole = whole * 10 + (uint64_t)(d->digits[i] - '0');
    *value = d->exponent < 0 ? (double)whole / powers[-d->exponent]
                             : (double)whole * powers[d->exponent];
    return true;
}

double crdt__number_parse(crdt_bytes text)
{
    decimal d;
    d.count = 0;
    d.negative = d.more = false;
    d.exponent = 0;
    take_number(text, &d);
    if (d.count == 0)
        return d.negative ? -0.0 : 0.0;
    double exact;
    if (parse_exactly(&d, &exact))
        return d.negative ? -exact : exact;
    if (d.more) {
        d.digits[d.count++] = '1';
        d.exponent--;
    }
    int64_t exponent = d.exponent > PARSE_EXPONENT_MAX    ? PARSE_EXPONENT_MAX
                       : d.exponent < -PARSE_EXPONENT_MAX ? -PARSE_EXPONENT_MAX
                                                          : d.exponent;
    /* Without a point, strtod does not ask the locale what a point is. */
    char plain[sizeof d.digits + 16];
    snprintf(plain, sizeof plain, "%.*se%d", (int)d.count, d.digits, (int)exponent);
    double value = strtod(plain, NULL);
    return d.negative ? -value : value;
}

/* ---- printing ---- */

/* value = 0.digits * 10^point */
typedef struct shortest {
    char digits[PRINT_DIGITS_MAX];
    int count;
    int point;
} shortest;

/* The nearest decimal with `count` digits. */
static shortest nearest_decimal(double value, int count)
{
    char text[CRDT__NUMBER_LEN_MAX];
    snprintf(text, sizeof text, "%.*e", count - 1, value);
    const char *e = strchr(text, 'e');
    shortest s = {.count = count, .point = (int)strtol(e + 1, NULL, 10) + 1};
    s.digits[0] = text[0];
    /* The point is as the locale wants it, perhaps of several bytes: the digits end at the `e`. */
    memcpy(s.digits + 1, e - (count - 1), (size_t)(count - 1));
    return s;
}

/* The next larger decimal with as many digits. */
static shortest next_decimal(shortest s)
{
    int i = s.count - 1;
    while (i >= 0 && s.digits[i] == '9')
        s.digits[i--] = '0';
    if (i >= 0) {
        s.digits[i]++;
    } else {
        s.digits[0] = '1';
        s.point++;
    }
    return s;
}

static bool gives_back(const shortest *s, double value)
{
    char text[CRDT__NUMBER_LEN_MAX];
    snprintf(text, sizeof text, "%.*se%d", s->count, s->digits, s->point - s->count);
    return strtod(text, NULL) == value;
}

/* The fewest digits that give `value` (positive) back. Just above a power of two the doubles lie
 * twice as far apart as below: there the nearest decimal may fail and the next larger one serve. */
static shortest shortest_decimal(double value)
{
    int count = value < DBL_MIN ? 1 : PRINT_DIGITS_EXACT;
    for (; count < PRINT_DIGITS_MAX; count++) {
        shortest s = nearest_decimal(value, count);
        if (gives_back(&s, value))
            return s;
        s = next_decimal(s);
        if (gives_back(&s, value))
            return s;
    }
    return nearest_decimal(value, PRINT_DIGITS_MAX);
}

static size_t put(char *out, const char *bytes, int count)
{
    memcpy(out, bytes, (size_t)count);
    return (size_t)count;
}

static size_t put_zeros(char *out, int count)
{
    memset(out, '0', (size_t)count);
    return (size_t)count;
}

/* ECMAScript, Number::toString, steps 7 to 10, with n = s.point and k = s.count. */
static size_t print_decimal(const shortest *s, char *out)
{
    int n = s->point;
    int k = s->count;
    size_t len = 0;
    if (n > 21 || n <= -6) {
        out[len++] = s->digits[0];
        if (k > 1)
            out[len++] = '.';
        len += put(out + len, s->digits + 1, k - 1);
        return len + (size_t)snprintf(out + len, CRDT__NUMBER_LEN_MAX - 1 - len, "e%+d", n - 1);
    }
    if (n <= 0) {
        len += put(out + len, "0.", 2);
        len += put_zeros(out + len, -n);
        return len + put(out + len, s->digits, k);
    }
    int whole = k < n ? k : n;
    len += put(out + len, s->digits, whole);
    len += put_zeros(out + len, n - whole);
    if (k > n) {
        out[len++] = '.';
        len += put(out + len, s->digits + n, k - n);
    }
    return len;
}

/* The digits of a whole number, at least so many. */
static size_t print_whole(uint64_t number, int digits_min, char *out)
{
    char digits[20];
    size_t at = sizeof digits;
    for (; number > 0 || digits_min > 0; number /= 10, digits_min--)
        digits[--at] = (char)('0' + number % 10);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

/* Prints a number of few digits behind the point; 0 if it has more. Its digits are a whole number
 * and the power of ten another, both without rounding: if one divided by the other is the value,
 * they are its shortest decimal, for there are no two of so few digits. */
static size_t print_fraction(double value, char *out)
{
    uint64_t power = 10;
    if (FLT_EVAL_METHOD != 0)
        return 0;
    for (int places = 1; places <= PLACES_MAX; places++, power *= 10) {
        double scaled = value * (double)power;
        if (scaled >= WHOLE_MAX)
            return 0;
        uint64_t digits = (uint64_t)(scaled + 0.5);
        if ((double)digits / (double)power != value)
            continue;
        size_t len = print_whole(digits / power, 1, out);
        out[len++] = '.';
        return len + print_whole(digits % power, places, out + len);
    }
    return 0;
}

size_t crdt__number_print(double value, char out[CRDT__NUMBER_LEN_MAX])
{
    size_t len = 0;
    if (value < 0)
        out[len++] = '-';
    value = fabs(value);
    if (value < WHOLE_MAX && value == (double)(uint64_t)value)
        return len + print_whole((uint64_t)value, 1, out + len);
    size_t fraction = print_fraction(value, out + len);
    if (fraction > 0)
        return len + fraction;
    shortest s = shortest_decimal(value);
    while (s.count > 1 && s.digits[s.count - 1] == '0')
        s.count--;
    return len + print_decimal(&s, out + len);
}
