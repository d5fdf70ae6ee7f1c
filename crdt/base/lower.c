#include "base/lower.h"

/* The characters above U+007F that have another in lower case, in ranges: `first`, every `step`-th
 * up to `first + span`; `delta` leads to the other. Unicode 17.0, UnicodeData.txt, field 13. */
static const struct lower_range {
    uint32_t first;
    uint8_t span;
    uint8_t step;
    int32_t delta;
} ranges[] = {
    {0xc0, 22, 1, 32},      {0xd8, 6, 1, 32},       {0x100, 46, 2, 1},      {0x132, 4, 2, 1},
    {0x139, 14, 2, 1},      {0x14a, 44, 2, 1},      {0x178, 0, 1, -121},    {0x179, 4, 2, 1},
    {0x181, 0, 1, 210},     {0x182, 2, 2, 1},       {0x186, 0, 1, 206},     {0x187, 0, 1, 1},
    {0x189, 1, 1, 205},     {0x18b, 0, 1, 1},       {0x18e, 0, 1, 79},      {0x18f, 0, 1, 202},
    {0x190, 0, 1, 203},     {0x191, 0, 1, 1},       {0x193, 0, 1, 205},     {0x194, 0, 1, 207},
    {0x196, 0, 1, 211},     {0x197, 0, 1, 209},     {0x198, 0, 1, 1},       {0x19c, 0, 1, 211},
    {0x19d, 0, 1, 213},     {0x19f, 0, 1, 214},     {0x1a0, 4, 2, 1},       {0x1a6, 0, 1, 218},
    {0x1a7, 0, 1, 1},       {0x1a9, 0, 1, 218},     {0x1ac, 0, 1, 1},       {0x1ae, 0, 1, 218},
    {0x1af, 0, 1, 1},       {0x1b1, 1, 1, 217},     {0x1b3, 2, 2, 1},       {0x1b7, 0, 1, 219},
    {0x1b8, 0, 1, 1},       {0x1bc, 0, 1, 1},       {0x1c4, 0, 1, 2},       {0x1c5, 0, 1, 1},
    {0x1c7, 0, 1, 2},       {0x1c8, 0, 1, 1},       {0x1ca, 0, 1, 2},       {0x1cb, 16, 2, 1},
    {0x1de, 16, 2, 1},      {0x1f1, 0, 1, 2},       {0x1f2, 2, 2, 1},       {0x1f6, 0, 1, -97},
    {0x1f7, 0, 1, -56},     {0x1f8, 38, 2, 1},      {0x220, 0, 1, -130},    {0x222, 16, 2, 1},
    {0x23a, 0, 1, 10795},   {0x23b, 0, 1, 1},       {0x23d, 0, 1, -163},    {0x23e, 0, 1, 10792},
    {0x241, 0, 1, 1},       {0x243, 0, 1, -195},    {0x244, 0, 1, 69},      {0x245, 0, 1, 71},
    {0x246, 8, 2, 1},       {0x370, 2, 2, 1},       {0x376, 0, 1, 1},       {0x37f, 0, 1, 116},
    {0x386, 0, 1, 38},      {0x388, 2, 1, 37},      {0x38c, 0, 1, 64},      {0x38e, 1, 1, 63},
    {0x391, 16, 1, 32},     {0x3a3, 8, 1, 32},      {0x3cf, 0, 1, 8},       {0x3d8, 22, 2, 1},
    {0x3f4, 0, 1, -60},     {0x3f7, 0, 1, 1},       {0x3f9, 0, 1, -7},      {0x3fa, 0, 1, 1},
    {0x3fd, 2, 1, -130},    {0x400, 15, 1, 80},     {0x410, 31, 1, 32},     {0x460, 32, 2, 1},
    {0x48a, 52, 2, 1},      {0x4c0, 0, 1, 15},      {0x4c1, 12, 2, 1},      {0x4d0, 94, 2, 1},
    {0x531, 37, 1, 48},     {0x10a0, 37, 1, 7264},  {0x10c7, 0, 1, 7264},   {0x10cd, 0, 1, 7264},
    {0x13a0, 79, 1, 38864}, {0x13f0, 5, 1, 8},      {0x1c89, 0, 1, 1},      {0x1c90, 42, 1, -3008},
    {0x1cbd, 2, 1, -3008},  {0x1e00, 148, 2, 1},    {0x1e9e, 0, 1, -7615},  {0x1ea0, 94, 2, 1},
    {0x1f08, 7, 1, -8},     {0x1f18, 5, 1, -8},     {0x1f28, 7, 1, -8},     {0x1f38, 7, 1, -8},
    {0x1f48, 5, 1, -8},     {0x1f59, 6, 2, -8},     {0x1f68, 7, 1, -8},     {0x1f88, 7, 1, -8},
    {0x1f98, 7, 1, -8},     {0x1fa8, 7, 1, -8},     {0x1fb8, 1, 1, -8},     {0x1fba, 1, 1, -74},
    {0x1fbc, 0, 1, -9},     {0x1fc8, 3, 1, -86},    {0x1fcc, 0, 1, -9},     {0x1fd8, 1, 1, -8},
    {0x1fda, 1, 1, -100},   {0x1fe8, 1, 1, -8},     {0x1fea, 1, 1, -112},   {0x1fec, 0, 1, -7},
    {0x1ff8, 1, 1, -128},   {0x1ffa, 1, 1, -126},   {0x1ffc, 0, 1, -9},     {0x2126, 0, 1, -7517},
    {0x212a, 0, 1, -8383},  {0x212b, 0, 1, -8262},  {0x2132, 0, 1, 28},     {0x2160, 15, 1, 16},
    {0x2183, 0, 1, 1},      {0x24b6, 25, 1, 26},    {0x2c00, 47, 1, 48},    {0x2c60, 0, 1, 1},
    {0x2c62, 0, 1, -10743}, {0x2c63, 0, 1, -3814},  {0x2c64, 0, 1, -10727}, {0x2c67, 4, 2, 1},
    {0x2c6d, 0, 1, -10780}, {0x2c6e, 0, 1, -10749}, {0x2c6f, 0, 1, -10783}, {0x2c70, 0, 1, -10782},
    {0x2c72, 0, 1, 1},      {0x2c75, 0, 1, 1},      {0x2c7e, 1, 1, -10815}, {0x2c80, 98, 2, 1},
    {0x2ceb, 2, 2, 1},      {0x2cf2, 0, 1, 1},      {0xa640, 44, 2, 1},     {0xa680, 26, 2, 1},
    {0xa722, 12, 2, 1},     {0xa732, 60, 2, 1},     {0xa779, 2, 2, 1},      {0xa77d, 0, 1, -35332},
    {0xa77e, 8, 2, 1},      {0xa78b, 0, 1, 1},      {0xa78d, 0, 1, -42280}, {0xa790, 2, 2, 1},
    {0xa796, 18, 2, 1},     {0xa7aa, 0, 1, -42308}, {0xa7ab, 0, 1, -42319}, {0xa7ac, 0, 1, -42315},
    {0xa7ad, 0, 1, -42305}, {0xa7ae, 0, 1, -42308}, {0xa7b0, 0, 1, -42258}, {0xa7b1, 0, 1, -42282},
    {0xa7b2, 0, 1, -42261}, {0xa7b3, 0, 1, 928},    {0xa7b4, 14, 2, 1},     {0xa7c4, 0, 1, -48},
    {0xa7c5, 0, 1, -42307}, {0xa7c6, 0, 1, -35384}, {0xa7c7, 2, 2, 1},      {0xa7cb, 0, 1, -42343},
    {0xa7cc, 14, 2, 1},     {0xa7dc, 0, 1, -42561}, {0xa7f5, 0, 1, 1},      {0xff21, 25, 1, 32},
    {0x10400, 39, 1, 40},   {0x104b0, 35, 1, 40},   {0x10570, 10, 1, 39},   {0x1057c, 14, 1, 39},
    {0x1058c, 6, 1, 39},    {0x10594, 1, 1, 39},    {0x10c80, 50, 1, 64},   {0x10d50, 21, 1, 32},
    {0x118a0, 31, 1, 32},   {0x16e40, 31, 1, 32},   {0x16ea0, 24, 1, 27},   {0x1e900, 33, 1, 34},
};

#define RANGE_COUNT   (sizeof ranges / sizeof ranges[0])
#define CAPITAL_I_DOT 0x130u
#define CAPITAL_SIGMA 0x3a3u

/* ---- characters ---- */

static size_t width_of(uint8_t lead)
{
    return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static uint32_t code_at(const uint8_t *p)
{
    static const uint8_t lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t width = width_of(*p);
    uint32_t code = *p & lead_bits[width];
    for (size_t i = 1; i < width; i++)
        code = code << 6 | (p[i] & 0x3f);
    return code;
}

static void write_code(crdt__writer *w, uint32_t code)
{
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t width = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    crdt__write_u8(w, (uint8_t)(leads[width] | code >> (6 * (width - 1))));
    for (size_t i = width - 1; i-- > 0;)
        crdt__write_u8(w, (uint8_t)(0x80 | (code >> (6 * i) & 0x3f)));
}

static bool in_range(const struct lower_range *range, uint32_t code)
{
    uint32_t offset = code - range->first;
    return code >= range->first && offset <= range->span && offset % range->step == 0;
}

static uint32_t lower_of(uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    size_t low = 0; /* the first range that ends at or behind the character */
    for (size_t high = RANGE_COUNT; low < high;) {
        size_t mid = low + (high - low) / 2;
        if (ranges[mid].first + ranges[mid].span < code)
            low = mid + 1;
        else
            high = mid;
    }
    if (low == RANGE_COUNT || !in_range(&ranges[low], code))
        return code;
    return (uint32_t)((int32_t)code + ranges[low].delta);
}

/* ---- the end of a word (Unicode, section 3.13, Final_Sigma) ---- */

static bool is_lower(uint32_t code)
{
    if ((code >= 'a' && code <= 'z') || code == 0xaa || code == 0xba || code == 0xdf)
        return true;
    for (size_t i = 0; i < RANGE_COUNT; i++)
        if (in_range(&ranges[i], (uint32_t)((int32_t)code - ranges[i].delta)))
            return true;
    return false;
}

static bool has_case(uint32_t code)
{
    return lower_of(code) != code || code == CAPITAL_I_DOT || is_lower(code);
}

static bool is_ignorable(uint32_t code)
{
    static const uint16_t marks[] = {'\'', '.',  ':',  '^',  '`',    0xa8,   0xad,
                                     0xaf, 0xb4, 0xb7, 0xb8, 0x2018, 0x2019, 0x2027};
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (code == marks[i])
            return true;
    return code >= 0x300 && code <= 0x36f;
}

static bool follows_letter(const uint8_t *start, const uint8_t *p)
{
    while (p > start) {
        do
            p--;
        while ((*p & 0xc0) == 0x80);
        if (!is_ignorable(code_at(p)))
            return has_case(code_at(p));
    }
    return false;
}

static bool precedes_letter(const uint8_t *p, const uint8_t *end)
{
    for (; p < end; p += width_of(*p))
        if (!is_ignorable(code_at(p)))
            return has_case(code_at(p));
    return false;
}

void crdt__lower_write(crdt__writer *w, crdt_bytes text)
{
    const uint8_t *end = crdt__reader_of(text).end;
    for (const uint8_t *p = text.data; p < end; p += width_of(*p)) {
        uint32_t code = code_at(p);
        if (code == CAPITAL_I_DOT)
            crdt__write_bytes(w, "i\xcc\x87", 3); /* U+0307, a dot above */
        else if (code == CAPITAL_SIGMA && follows_letter(text.data, p) &&
                 !precedes_letter(p + 2, end))
            crdt__write_bytes(w, "\xcf\x82", 2);
        else
            write_code(w, lower_of(code));
    }
}
