/* Nodes and texts of XML (yjs/src/types/YXmlFragment.js, YXmlElement.js, YXmlText.js: toString). */
#include <stdlib.h>

#include "base/any.h"
#include "base/lower.h"
#include "base/utf16.h"
#include "types/printer.h"
#include "types/xml_attributes.h"
#include "types/xml_value.h"

static void put(crdt__printer *p, const char *markup)
{
    crdt__out_text(&p->out, crdt_bytes_of(markup));
}

/* ---- keys: what a node or a text has open, sorted by name ---- */

static void push_key(crdt__printer *p, crdt__xml_key key)
{
    p->ok = p->ok && crdt__budget_reserve(&p->budget, &p->keys, &p->keys_cap, p->keys_count + 1,
                                          sizeof(*p->keys));
    if (p->ok)
        p->keys[p->keys_count++] = key;
}

static int compare_plain(const void *a, const void *b)
{
    return crdt__utf16_compare(((const crdt__xml_key *)a)->name, ((const crdt__xml_key *)b)->name);
}

static int compare_well_formed(const void *a, const void *b)
{
    int order = crdt__xml_name_compare(CRDT_XML_WELL_FORMED, ((const crdt__xml_key *)a)->name,
                                       ((const crdt__xml_key *)b)->name);
    return order ? order : compare_plain(a, b);
}

static void sort_keys(crdt__printer *p, size_t from)
{
    if (p->keys_count - from > 1)
        qsort(p->keys + from, p->keys_count - from, sizeof(*p->keys),
              p->style == CRDT_XML_YJS ? compare_plain : compare_well_formed);
}

/* ---- values ---- */

static void print_text(crdt__printer *p, const crdt__run *run, crdt__xml_place place)
{
    if (run->low_half)
        crdt__out_half(&p->out);
    crdt__xml_text(&p->out, p->style, place, run->bytes);
    if (run->high_half)
        crdt__out_half(&p->out);
}

static void print_plain(crdt__printer *p, const crdt__type *type, crdt__xml_place place)
{
    crdt__walk walk = crdt__walk_of(type);
    crdt__run run;
    while (crdt__walk_next(p->doc, &p->moment, &walk, &run))
        if (run.item->kind == CRDT__STRING)
            print_text(p, &run, place);
}

/* A nested type where a string is wanted. Inside the attribute of a well-formed node there is no
 * place for other nodes. */
static void print_node(crdt__printer *p, crdt__ref ref, crdt__xml_place place)
{
    const crdt__type *type = crdt__type_at(&p->doc->objects, ref);
    bool fits = p->style == CRDT_XML_YJS || place == CRDT__XML_CONTENT;
    if (type->ref == CRDT__TYPE_TEXT)
        print_plain(p, type, place);
    else if (type->ref == CRDT__TYPE_XML_TEXT && fits)
        crdt__printer_open(p, CRDT__FRAME_XML_TEXT, ref);
    else if ((type->ref == CRDT__TYPE_XML_ELEMENT || type->ref == CRDT__TYPE_XML_FRAGMENT) && fits)
        crdt__printer_open(p, CRDT__FRAME_XML, ref);
    else
        put(p, "[object Object]");
}

static void print_values(crdt__printer *p, const crdt__run *run, crdt__xml_place place)
{
    crdt__reader r = crdt__reader_of(run->bytes);
    for (uint64_t i = run->from; i < run->to; i++) {
        if (run->item->kind == CRDT__JSON) {
            crdt__xml_json(&p->out, p->style, place, crdt__read_varbytes(&r));
            continue;
        }
        const uint8_t *start = r.pos;
        crdt__any_skip_valid(&r);
        crdt__xml_any(&p->out, p->style, place, (crdt_bytes){start, (size_t)(r.pos - start)});
    }
}

/* The units of a run, one behind the other. Opens a type. */
static void print_units(crdt__printer *p, const crdt__run *run, crdt__xml_place place)
{
    crdt__wstruct ws = {0};
    crdt__content_show(p->doc, run->item, &ws);
    switch ((crdt__kind)run->item->kind) {
    case CRDT__STRING:
        print_text(p, run, place);
        break;
    case CRDT__ANY:
    case CRDT__JSON:
        print_values(p, run, place);
        break;
    case CRDT__EMBED:
        crdt__xml_kept(&p->out, p->style, place, ws.content);
        break;
    case CRDT__BINARY:
        crdt__xml_bytes(&p->out, ws.content);
        break;
    case CRDT__TYPE:
        print_node(p, run->item->content, place);
        break;
    case CRDT__DOC:
        put(p, "[object Object]");
        break;
    case CRDT__FORMAT: /* as the entry of a map */
    case CRDT__DELETED:
    case CRDT__GC:
    case CRDT__SKIP:
        put(p, "undefined");
        break;
    }
}

/* ---- nodes ---- */

static bool is_element(const crdt__type *type)
{
    return type->item && type->ref == CRDT__TYPE_XML_ELEMENT;
}

static void print_node_name(crdt__printer *p, const crdt__type *type)
{
    crdt_buf lower = {.mem = p->out.mem};
    crdt__writer w = crdt__writer_on(&lower);
    crdt__lower_write(&w, crdt__doc_name_bytes(p->doc, type->name));
    p->ok = crdt__writer_finish(&w) == CRDT_OK && p->ok;
    crdt__xml_name(&p->out, p->style, (crdt_bytes){lower.data, lower.len});
    crdt_buf_free(&lower);
}

static void begin_element(crdt__printer *p, crdt__frame *f)
{
    put(p, "<");
    print_node_name(p, f->type);
    f->keys = f->next_key = p->keys_count;
    uint32_t name;
    crdt__ref newest;
    crdt__run run;
    for (uint32_t i = 0; crdt__type_entry(&p->doc->objects, f->type, i, &name, &newest); i++)
        if (crdt__visible_value(p->doc, &p->moment, newest, &run))
            push_key(p,
                     (crdt__xml_key){.name = crdt__doc_name_bytes(p->doc, name), .newest = newest});
    sort_keys(p, f->keys);
}

/* Written as the attribute before it, once its characters fit a name. */
static bool is_repeated(const crdt__printer *p, const crdt__frame *f, size_t i)
{
    return i > f->keys && p->style == CRDT_XML_WELL_FORMED &&
           crdt__xml_name_compare(p->style, p->keys[i - 1].name, p->keys[i].name) == 0;
}

/* Writes attributes, each one's closing quote with what follows it. False if the value of the last
 * is a type, which was opened: `f` may have moved then. */
static bool print_attributes(crdt__printer *p, crdt__frame *f)
{
    const size_t open = p->count;
    while (p->ok && f->next_key < p->keys_count) {
        size_t i = f->next_key++;
        crdt__run run;
        if (is_repeated(p, f, i) ||
            !crdt__visible_value(p->doc, &p->moment, p->keys[i].newest, &run))
            continue;
        put(p, f->behind ? "\" " : " ");
        f->behind = true;
        crdt__xml_name(&p->out, p->style, p->keys[i].name);
        put(p, "=\"");
        print_units(p, &run, CRDT__XML_ATTRIBUTE);
        if (p->count > open)
            return false;
    }
    put(p, f->behind ? "\">" : ">");
    p->keys_count = f->keys;
    return true;
}

void crdt__step_xml(crdt__printer *p, crdt__frame *f)
{
    if (is_element(f->type) && f->part == CRDT__XML_NOTHING) {
        f->part = CRDT__XML_BEGUN;
        begin_element(p, f);
    }
    if (f->part == CRDT__XML_BEGUN && !print_attributes(p, f))
        return;
    f->part = CRDT__XML_CHILDREN;
    crdt__run run;
    while (crdt__walk_next(p->doc, &p->moment, &f->walk, &run)) {
        if (!crdt__item_countable(run.item))
            continue;
        print_units(p, &run, CRDT__XML_CONTENT);
        if (run.item->kind == CRDT__TYPE)
            return; /* `f` may have moved */
    }
    if (is_element(f->type)) {
        put(p, "</");
        print_node_name(p, f->type);
        put(p, ">");
    }
    crdt__printer_close(p);
}

/* ---- texts ---- */

static void open_tags(crdt__printer *p, crdt__frame *f, crdt__op op)
{
    crdt__marks *marks = crdt__printer_marks(p);
    p->ok = p->ok && crdt__marks_tell(marks);
    f->op = op;
    f->keys = p->keys_count;
    for (size_t i = 0; p->ok && i < marks->count; i++)
        push_key(p, (crdt__xml_key){.name = crdt__doc_name_bytes(p->doc, marks->items[i].key),
                                    .value = marks->items[i].value});
    sort_keys(p, f->keys);
    for (size_t i = f->keys; p->ok && i < p->keys_count; i++) {
        put(p, "<");
        crdt__xml_name(&p->out, p->style, p->keys[i].name);
        p->ok = crdt__xml_attributes(&p->out, p->style, p->keys[i].value);
        put(p, ">");
    }
}

static void close_tags(crdt__printer *p, crdt__frame *f)
{
    if (f->op == CRDT__OP_NONE)
        return;
    for (; p->keys_count > f->keys; p->keys_count--) {
        put(p, "</");
        crdt__xml_name(&p->out, p->style, p->keys[p->keys_count - 1].name);
        put(p, ">");
    }
    f->op = CRDT__OP_NONE;
}

/* Every mark ends what is open, though it may change nothing: Yjs' own operations end there. */
void crdt__step_xml_text(crdt__printer *p, crdt__frame *f)
{
    if (f->op == CRDT__OP_VALUE) /* the type between the tags was written */
        close_tags(p, f);
    crdt__run run;
    while (crdt__printer_goes_on(p) && crdt__walk_next(p->doc, &p->moment, &f->walk, &run)) {
        if (run.item->kind == CRDT__FORMAT) {
            close_tags(p, f);
            p->ok = crdt__marks_pass(crdt__printer_marks(p), p->doc, run.item);
        } else if (run.item->kind == CRDT__STRING) {
            if (f->op == CRDT__OP_NONE)
                open_tags(p, f, CRDT__OP_TEXT);
            print_text(p, &run, CRDT__XML_CONTENT);
        } else if (run.item->kind == CRDT__EMBED || run.item->kind == CRDT__TYPE) {
            close_tags(p, f);
            open_tags(p, f, CRDT__OP_VALUE);
            print_units(p, &run, CRDT__XML_CONTENT);
            if (run.item->kind == CRDT__TYPE)
                return; /* `f` may have moved */
            close_tags(p, f);
        }
    }
    close_tags(p, f);
    crdt__printer_close(p);
}
