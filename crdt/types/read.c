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

/* One rendering: what opens the type, and in which style XML is written. */
typedef struct rendering {
    void (*open)(crdt__printer *p, crdt__ref type);
    crdt_xml_style style;
} rendering;

static crdt_err read_as(const crdt_doc *doc, crdt_type handle, const crdt_snapshot *at,
                        rendering how, crdt_buf *out)
{
    crdt__ref type;
    crdt_err err = crdt__read_begin(doc, handle, at, &type);
    if (err != CRDT_OK)
        return err;
    crdt__printer p;
    crdt__printer_init(&p, doc, crdt__moment_of(at), out);
    p.style = how.style;
    how.open(&p, type);
    crdt__printer_run(&p);
    crdt__out_settle(&p.out);
    return crdt__printer_finish(&p);
}

static void open_text(crdt__printer *p, crdt__ref type)
{
    crdt__print_plain(p, crdt__type_at(&p->doc->objects, type));
}

crdt_err crdt_read_text(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_as(doc, type, at, (rendering){.open = open_text}, out);
}

static void open_delta(crdt__printer *p, crdt__ref type)
{
    crdt__out_raw(&p->out, "[");
    crdt__printer_open(p, CRDT__FRAME_DELTA, type);
}

crdt_err crdt_read_delta(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_as(doc, type, at, (rendering){.open = open_delta}, out);
}

static void open_array(crdt__printer *p, crdt__ref type)
{
    crdt__print_as(p, type, CRDT_ARRAY);
}

crdt_err crdt_read_array(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_as(doc, type, at, (rendering){.open = open_array}, out);
}

static void open_map(crdt__printer *p, crdt__ref type)
{
    crdt__print_as(p, type, CRDT_MAP);
}

crdt_err crdt_read_map(crdt_doc *doc, crdt_type type, const crdt_snapshot *at, crdt_buf *out)
{
    return read_as(doc, type, at, (rendering){.open = open_map}, out);
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
    return read_as(doc, type, at, (rendering){.open = open_json}, out);
}

static void open_xml(crdt__printer *p, crdt__ref ref)
{
    const crdt__type *type = crdt__type_at(&p->doc->objects, ref);
    crdt_type_kind kind;
    if (!crdt__kind_of_type(p->doc, &p->moment, type, CRDT__LIST_FIRST, &kind))
        return;
    bool is_text = kind == CRDT_TEXT || kind == CRDT_XML_TEXT;
    crdt__printer_open(p, is_text ? CRDT__FRAME_XML_TEXT : CRDT__FRAME_XML, ref);
}

crdt_err crdt_read_xml(crdt_doc *doc, crdt_type type, crdt_xml_style style, const crdt_snapshot *at,
                       crdt_buf *out)
{
    return read_as(doc, type, at, (rendering){open_xml, style}, out);
}
