#include "types/printer.h"

void crdt__printer_init(crdt__printer *p, const crdt_doc *doc, crdt__moment moment, crdt_buf *buf)
{
    const crdt_mem *mem = doc->budget.mem;
    *p = (crdt__printer){.doc = doc,
                         .moment = moment,
                         .out = crdt__out_on(buf, mem),
                         .budget = {.mem = mem},
                         .ok = true};
}

static bool is_text(crdt__frame_kind kind)
{
    return kind == CRDT__FRAME_DELTA || kind == CRDT__FRAME_XML_TEXT;
}

static bool open_marks(crdt__printer *p)
{
    if (!crdt__budget_reserve(&p->budget, &p->marks, &p->marks_cap, p->marks_count + 1,
                              sizeof(*p->marks)))
        return false;
    crdt__marks_init(&p->marks[p->marks_count++], &p->budget, p->doc->options.hash_seed);
    return true;
}

crdt__frame *crdt__printer_open(crdt__printer *p, crdt__frame_kind kind, crdt__ref ref)
{
    const crdt__type *type = crdt__type_at(&p->doc->objects, ref);
    p->ok =
        p->ok &&
        crdt__budget_reserve(&p->budget, &p->frames, &p->cap, p->count + 1, sizeof(*p->frames)) &&
        (!is_text(kind) || open_marks(p));
    if (!p->ok)
        return NULL;
    crdt__frame *f = &p->frames[p->count++];
    *f = (crdt__frame){.kind = kind, .type = type, .walk = crdt__walk_of(type)};
    return f;
}

void crdt__printer_close(crdt__printer *p)
{
    const crdt__frame *f = &p->frames[--p->count];
    if (is_text(f->kind))
        crdt__marks_deinit(&p->marks[--p->marks_count]);
    if (f->quotes)
        crdt__out_close(&p->out);
}

static void step(crdt__printer *p, crdt__frame *f)
{
    switch (f->kind) {
    case CRDT__FRAME_ARRAY:
        crdt__step_array(p, f);
        break;
    case CRDT__FRAME_MAP:
        crdt__step_map(p, f);
        break;
    case CRDT__FRAME_DELTA:
        crdt__step_delta(p, f);
        break;
    case CRDT__FRAME_XML:
        crdt__step_xml(p, f);
        break;
    case CRDT__FRAME_XML_TEXT:
        crdt__step_xml_text(p, f);
        break;
    }
}

void crdt__printer_run(crdt__printer *p)
{
    while (p->count > 0 && crdt__printer_goes_on(p))
        step(p, &p->frames[p->count - 1]);
}

crdt_err crdt__printer_finish(crdt__printer *p)
{
    while (p->count > 0)
        crdt__printer_close(p);
    while (p->marks_count > 0) /* of a text for which there was no frame */
        crdt__marks_deinit(&p->marks[--p->marks_count]);
    crdt__budget_release(&p->budget, p->frames, p->cap * sizeof(*p->frames));
    crdt__budget_release(&p->budget, p->marks, p->marks_cap * sizeof(*p->marks));
    crdt__budget_release(&p->budget, p->keys, p->keys_cap * sizeof(*p->keys));
    p->out.w.ok = p->out.w.ok && p->ok;
    return crdt__writer_finish(&p->out.w);
}
