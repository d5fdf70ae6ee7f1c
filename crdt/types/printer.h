/* Renders types and what is in them, however deep, without recursion: an explicit stack of frames,
 * one for each open type.
 *
 * Each kind of frame has a step that writes on until it meets a type, opens that, and returns; when
 * it is done the step goes on behind it. JSON may hold XML, as a string; XML never holds JSON.
 *
 *     print_json.c    arrays, maps, plain text       array.toJSON, map.toJSON, text.toString
 *     print_delta.c   texts with their formats       text.toDelta
 *     print_xml.c     nodes and texts of XML         xml.toString
 */
#ifndef CRDT_TYPES_PRINTER_H
#define CRDT_TYPES_PRINTER_H

#include "types/marks.h"
#include "types/out.h"
#include "types/visible.h"

typedef enum crdt__frame_kind {
    CRDT__FRAME_ARRAY,
    CRDT__FRAME_MAP,
    CRDT__FRAME_DELTA,
    CRDT__FRAME_XML,     /* an element; or the children of another type, without tags */
    CRDT__FRAME_XML_TEXT /* a text whose formats are tags */
} crdt__frame_kind;

/* What is open in a text: an operation of its delta, or the tags around a stretch. */
typedef enum crdt__op { CRDT__OP_NONE, CRDT__OP_TEXT, CRDT__OP_VALUE } crdt__op;

/* How far a node is. */
typedef enum crdt__xml_part {
    CRDT__XML_NOTHING,
    CRDT__XML_BEGUN,
    CRDT__XML_CHILDREN
} crdt__xml_part;

/* One open type. */
typedef struct crdt__frame {
    crdt__frame_kind kind;
    crdt__op op;
    crdt__xml_part part;
    bool behind;     /* something was written, from which what comes next must be parted */
    bool quotes;     /* the JSON string around it ends with it */
    uint32_t key;    /* the next of a map's entries */
    size_t keys;     /* its first among the printer's keys ... */
    size_t next_key; /* ... and the next to be written */
    const crdt__type *type;
    crdt__walk walk;
} crdt__frame;

/* An attribute of an open node, or a tag of an open text. */
typedef struct crdt__xml_key {
    crdt_bytes name;
    crdt__ref newest; /* the attribute's entry */
    crdt_bytes value; /* the tag's, as kept */
} crdt__xml_key;

typedef struct crdt__printer {
    const crdt_doc *doc;
    crdt__moment moment;
    crdt_xml_style style; /* Yjs', unless it is set */
    crdt__out out;
    crdt__budget budget; /* of the stacks: the document's memory, but nothing it holds */
    crdt__frame *frames;
    size_t count;
    size_t cap;
    crdt__marks *marks; /* of the open texts */
    size_t marks_count;
    size_t marks_cap;
    crdt__xml_key *keys;
    size_t keys_count;
    size_t keys_cap;
    bool ok;
} crdt__printer;

/* False once there was no memory, or no room in what is written: a text with very many formats
 * would be walked far beyond that for nothing. */
static inline bool crdt__printer_goes_on(const crdt__printer *p)
{
    return p->ok && p->out.w.ok;
}

/* Begins to append to `buf`. The printer must not move. */
void crdt__printer_init(crdt__printer *p, const crdt_doc *doc, crdt__moment moment, crdt_buf *buf);
/* Goes on until all that was opened is done. */
void crdt__printer_run(crdt__printer *p);
/* Ends: CRDT_OK, or CRDT_NO_MEMORY and nothing appended. */
CRDT_MUST_CHECK crdt_err crdt__printer_finish(crdt__printer *p);

/* Opens a type, as that kind of frame. NULL when out of memory. */
crdt__frame *crdt__printer_open(crdt__printer *p, crdt__frame_kind kind, crdt__ref type);
/* Closes the innermost one. */
void crdt__printer_close(crdt__printer *p);
/* The formats in force in the innermost one, which is a text. */
static inline crdt__marks *crdt__printer_marks(crdt__printer *p)
{
    return &p->marks[p->marks_count - 1];
}

/* ---- JSON ---- */

/* Writes a type as the JSON of that kind, or opens it. */
void crdt__print_as(crdt__printer *p, crdt__ref type, crdt_type_kind kind);
/* The same, as what it is; not for roots. */
void crdt__print_json(crdt__printer *p, crdt__ref type);
/* The units of a run, parted by commas; `behind`: what came before is parted from the first. Opens
 * a type. */
void crdt__print_units(crdt__printer *p, const crdt__run *run, bool behind);
/* The text of a type into the open string. */
void crdt__print_plain(crdt__printer *p, const crdt__type *type);
/* A stretch of text into the open string. */
void crdt__print_text(crdt__printer *p, const crdt__run *run);

/* ---- steps ---- */

void crdt__step_array(crdt__printer *p, crdt__frame *f);
void crdt__step_map(crdt__printer *p, crdt__frame *f);
void crdt__step_delta(crdt__printer *p, crdt__frame *f);
void crdt__step_xml(crdt__printer *p, crdt__frame *f);
void crdt__step_xml_text(crdt__printer *p, crdt__frame *f);

#endif
