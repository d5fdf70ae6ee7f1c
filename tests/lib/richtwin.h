/* A naive twin of a text with formats, a list and a map: one entry per unit, and everything a walk.
 * It knows what edits of one user come to, and prints it as the engine reads it.
 */
#ifndef TESTS_LIB_RICHTWIN_H
#define TESTS_LIB_RICHTWIN_H

#include "crdt.h"

enum {
    RICHTWIN_FORMATS = 2,    /* format keys "f0", "f1"; values 1 ...; 0: none */
    RICHTWIN_KEYS = 6,       /* map keys "k0" ... */
    RICHTWIN_UNITS_MAX = 600 /* of the text; the list's elements, too */
};

typedef struct richtwin_formats {
    uint8_t value[RICHTWIN_FORMATS];
} richtwin_formats;

typedef struct richtwin_unit {
    uint16_t code; /* UTF-16 */
    uint8_t embed; /* above 0: an embed, {"e":...} */
    richtwin_formats formats;
} richtwin_unit;

/* A value of the list or the map, as JSON text of some length; empty: none. */
typedef struct richtwin_value {
    char json[12];
} richtwin_value;

typedef struct richtwin {
    richtwin_unit text[RICHTWIN_UNITS_MAX];
    size_t text_count;
    richtwin_value list[RICHTWIN_UNITS_MAX];
    size_t list_count;
    richtwin_value map[RICHTWIN_KEYS];
} richtwin;

/* The UTF-16 units of `string`. */
size_t richtwin_units(const char *string);

/* True if the units before and at `index` are the halves of a pair. */
bool richtwin_splits_pair(const richtwin *t, size_t index);

/* Each does what the edit of the same name does; the caller keeps to RICHTWIN_UNITS_MAX, and to
 * indices that exist. A surrogate pair that is cut becomes two U+FFFD. */
void richtwin_insert(richtwin *t, size_t index, const char *string, richtwin_formats formats);
void richtwin_insert_embed(richtwin *t, size_t index, uint8_t embed, richtwin_formats formats);
void richtwin_delete(richtwin *t, size_t index, size_t length);
/* `keys`: bit k: format k becomes formats.value[k]. */
void richtwin_format(richtwin *t, size_t index, size_t length, unsigned keys,
                     richtwin_formats formats);
/* The formats that text inserted here takes on. */
richtwin_formats richtwin_around(const richtwin *t, size_t index);

void richtwin_list_insert(richtwin *t, size_t index, const richtwin_value *values, size_t count);
void richtwin_list_delete(richtwin *t, size_t index, size_t length);

/* Append what the engine should read. */
void richtwin_print_delta(const richtwin *t, crdt_buf *out);
void richtwin_print_text(const richtwin *t, crdt_buf *out);
void richtwin_print_list(const richtwin *t, crdt_buf *out);
void richtwin_print_map(const richtwin *t, crdt_buf *out);

#endif
