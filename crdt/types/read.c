#include "types/read.h"

#include "types/describe.h"
#include "types/printer.h"

crdt_err crdt__read_begin(const crdt_doc *doc, crdt_type handle, const crdt_snapshot *at,
                          crdt__ref *out)
{
    if (doc->failed)
        return CRDT_FAILED;
    if (at && doc->options.gc == CRDT_GC_ON)
        return CRDT_INVALID;
    crdt__ref ref = crdt__handle_find(doc, handle);
    if (!ref)
        return CRDT_GONE;
    crdt__ref holder = crdt__type_at(&doc->objects, ref)->item;
    if (holder && !at && crdt__item_at(doc, holder)->deleted)
        return CRDT_GONE;
    *out = ref;
    return CRDT_OK;
}

/* One rendering: begun, opened by the caller, run to its end. */
typedef void (*opener)(crdt__printer *p, crdt__ref type);

static crdt_err read_with(const crdt_doc *doc, crdt_type handle, const crdt_snapshot *at,
                          crdt_buf *out, opener open)
{
    crdt__ref type;
    crdt_err err = crdt__read_begin(doc, handle, at, &type);
    if (err != CRDT_OK)
        return err;
    crdt__printer p;
    crdt__printer_init(&p, doc, crdt__moment_of(at), out);
    open(&p, type);
    crdt__printer_run(&p);
    return crdt__printer_finish(&p);
}

static void open_text(crdt__printer *p, crdt__ref type)
{
    crdt__print_plain(p, crdt__type_at(&p->doc->objects, type));
    crdt__out_settle(&p->out);
}

crdt_err crdt_read_text(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_with(doc, type, at, out, open_text);
}

static void open_delta(crdt__printer *p, crdt__ref type)
{
    crdt__out_raw(&p->out, "[");
    crdt__printer_open(p, CRDT__FRAME_DELTA, type);
}

crdt_err crdt_read_delta(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_with(doc, type, at, out, open_delta);
}

static void open_array(crdt__printer *p, crdt__ref type)
{
    crdt__print_as(p, type, CRDT_ARRAY);
}

crdt_err crdt_read_array(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_with(doc, type, at, out, open_array);
}

static void open_map(crdt__printer *p, crdt__ref type)
{
    crdt__print_as(p, type, CRDT_MAP);
}

crdt_err crdt_read_map(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_with(doc, type, at, out, open_map);
}

static void open_json(crdt__printer *p, crdt__ref ref)
{
    const crdt__type *type = crdt__type_at(&p->doc->objects, ref);
    crdt_type_kind kind;
    if (crdt__kind_of_type(p->doc, &p->moment, type, CRDT__KEYS_FIRST, &kind))
        crdt__print_as(p, ref, kind);
    else
        crdt__out_raw(&p->out, "null");
}

crdt_err crdt_read_json(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_with(doc, type, at, out, open_json);
}
