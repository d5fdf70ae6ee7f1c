/* Arrays, maps and plain text as JSON (yjs/src/types/YArray.js, YMap.js, YText.js: toJSON). */
#include "base/utf16.h"
#include "types/printer.h"

/* ---- text ---- */

void crdt__print_text(crdt__printer *p, const crdt__run *run)
{
    if (run->low_half)
        crdt__out_half(&p->out);
    crdt__out_text(&p->out, run->bytes);
    if (run->high_half)
        crdt__out_half(&p->out);
}

void crdt__print_plain(crdt__printer *p, const crdt__type *type)
{
    crdt__walk walk = crdt__walk_of(type);
    crdt__run run;
    while (crdt__walk_next(p->doc, &p->moment, &walk, &run))
        if (run.item->kind == CRDT__STRING)
            crdt__print_text(p, &run);
}

/* ---- values ---- */

static void comma(crdt__printer *p, bool *behind)
{
    if (*behind)
        crdt__out_raw(&p->out, ",");
    *behind = true;
}

/* As elements of a list, each unit of text is a string; halves of a character are U+FFFD. */
static void print_characters(crdt__printer *p, const crdt__run *run, bool behind)
{
    const crdt_bytes half = {crdt__replacement, CRDT__HALF_LEN};
    if (run->low_half) {
        comma(p, &behind);
        crdt__out_string(&p->out, half);
    }
    for (size_t at = 0, len; at < run->bytes.len; at += len) {
        uint8_t lead = run->bytes.data[at];
        len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        for (size_t i = 0; i < (len == 4 ? 2u : 1u); i++) {
            comma(p, &behind);
            crdt__out_string(&p->out, len == 4 ? half : (crdt_bytes){run->bytes.data + at, len});
        }
    }
    if (run->high_half) {
        comma(p, &behind);
        crdt__out_string(&p->out, half);
    }
}

static void print_values(crdt__printer *p, const crdt__run *run, bool behind)
{
    crdt__reader r = crdt__reader_of(run->bytes);
    for (uint64_t i = run->from; i < run->to; i++) {
        comma(p, &behind);
        if (run->item->kind == CRDT__ANY)
            crdt__out_any(&p->out, &r);
        else
            crdt__out_json(&p->out, crdt__read_varbytes(&r));
    }
}

static void print_subdoc(crdt__printer *p, crdt_bytes guid)
{
    crdt__out_raw(&p->out, "{\"guid\":");
    crdt__out_string(&p->out, guid);
    crdt__out_raw(&p->out, "}");
}

/* What takes one unit. */
static void print_one(crdt__printer *p, const crdt__run *run)
{
    crdt__wstruct ws = {0};
    crdt__content_show(p->doc, run->item, &ws);
    switch ((crdt__kind)run->item->kind) {
    case CRDT__TYPE:
        crdt__print_json(p, run->item->content);
        break;
    case CRDT__BINARY:
        crdt__out_base64(&p->out, ws.content);
        break;
    case CRDT__EMBED:
        crdt__out_value(&p->out, ws.content);
        break;
    case CRDT__DOC:
        print_subdoc(p, ws.content);
        break;
    case CRDT__FORMAT: /* as the entry of a map: JavaScript finds no value in it */
    case CRDT__STRING:
    case CRDT__ANY:
    case CRDT__JSON:
    case CRDT__DELETED:
    case CRDT__GC:
    case CRDT__SKIP:
        crdt__out_raw(&p->out, "null");
        break;
    }
}

void crdt__print_units(crdt__printer *p, const crdt__run *run, bool behind)
{
    if (run->item->kind == CRDT__STRING) {
        print_characters(p, run, behind);
    } else if (run->item->kind == CRDT__ANY || run->item->kind == CRDT__JSON) {
        print_values(p, run, behind);
    } else {
        comma(p, &behind);
        print_one(p, run);
    }
}

/* ---- types ---- */

/* XML within JSON is a string. */
static void open_quoted(crdt__printer *p, crdt__frame_kind kind, crdt__ref type)
{
    crdt__frame *f = crdt__printer_open(p, kind, type);
    crdt__out_open(&p->out);
    if (f)
        f->quotes = true;
}

void crdt__print_as(crdt__printer *p, crdt__ref type, crdt_type_kind kind)
{
    switch (kind) {
    case CRDT_ARRAY:
        crdt__printer_open(p, CRDT__FRAME_ARRAY, type);
        crdt__out_raw(&p->out, "[");
        break;
    case CRDT_MAP:
    case CRDT_XML_HOOK:
        crdt__printer_open(p, CRDT__FRAME_MAP, type);
        crdt__out_raw(&p->out, "{");
        break;
    case CRDT_TEXT:
        crdt__out_open(&p->out);
        crdt__print_plain(p, crdt__type_at(&p->doc->objects, type));
        crdt__out_close(&p->out);
        break;
    case CRDT_XML_ELEMENT:
    case CRDT_XML_FRAGMENT:
        open_quoted(p, CRDT__FRAME_XML, type);
        break;
    case CRDT_XML_TEXT:
        open_quoted(p, CRDT__FRAME_XML_TEXT, type);
        break;
    }
}

void crdt__print_json(crdt__printer *p, crdt__ref type)
{
    crdt__print_as(p, type, (crdt_type_kind)crdt__type_at(&p->doc->objects, type)->ref);
}

void crdt__step_array(crdt__printer *p, crdt__frame *f)
{
    crdt__run run;
    while (crdt__walk_next(p->doc, &p->moment, &f->walk, &run)) {
        if (!crdt__item_countable(run.item))
            continue;
        bool behind = f->behind;
        f->behind = true;
        crdt__print_units(p, &run, behind);
        if (run.item->kind == CRDT__TYPE)
            return; /* `f` may have moved */
    }
    crdt__out_raw(&p->out, "]");
    crdt__printer_close(p);
}

void crdt__step_map(crdt__printer *p, crdt__frame *f)
{
    uint32_t name;
    crdt__ref newest;
    crdt__run run;
    while (crdt__type_entry(&p->doc->objects, f->type, f->key++, &name, &newest)) {
        if (!crdt__visible_value(p->doc, &p->moment, newest, &run))
            continue;
        comma(p, &f->behind);
        crdt__out_string(&p->out, crdt__doc_name_bytes(p->doc, name));
        crdt__out_raw(&p->out, ":");
        crdt__print_units(p, &run, false);
        if (run.item->kind == CRDT__TYPE)
            return; /* `f` may have moved */
    }
    crdt__out_raw(&p->out, "}");
    crdt__printer_close(p);
}
