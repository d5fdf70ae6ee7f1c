/* The values in the content of a struct, written as Yjs would write them after it has read them. */
#ifndef CRDT_WIRE_VALUES_H
#define CRDT_WIRE_VALUES_H

#include "wire/update.h"

/* The bare word that stands for undefined among CRDT__JSON elements. */
bool crdt__values_is_undefined(crdt_bytes text);

/* The elements of CRDT__JSON or CRDT__ANY from `offset` on, as they lie in the content. */
crdt__reader crdt__values_from(const crdt__wstruct *s, uint64_t offset);

/* Writes the elements of CRDT__ANY from `offset` on, without their number. */
void crdt__values_write_any(crdt__writer *w, const crdt__wstruct *s, uint64_t offset,
                            const crdt_mem *mem);

/* Writes one element of CRDT__JSON, without its length. `canonical`: it is as JavaScript prints it.
 */
void crdt__values_write_json(crdt__writer *w, crdt_bytes text, bool canonical, const crdt_mem *mem);

/* Writes the options of CRDT__DOC. */
void crdt__values_write_options(crdt__writer *w, const crdt__wstruct *s, const crdt_mem *mem);

/* How the value of an embed or a format is written. */
typedef enum crdt__value_form {
    CRDT__VALUE_AS_JSON,
    CRDT__VALUE_AS_ANY,
    CRDT__VALUE_AS_SENT /* kept, as whoever got it as Any would keep it */
} crdt__value_form;

/* Writes such a value, which is kept or, if not `canonical`, any JSON text; without a length. */
void crdt__values_write(crdt__writer *w, crdt_bytes value, bool canonical, crdt__value_form form,
                        const crdt_mem *mem);

#endif
