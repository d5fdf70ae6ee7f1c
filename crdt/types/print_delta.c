/* Texts as Quill deltas (yjs/src/types/YText.js, toDelta). Neighbours with equal attributes are
 * joined: what marks were set in between is nobody's business. */
#include "types/printer.h"

/* What was told when the operation began; marks may have come since. */
static void print_attributes(crdt__printer *p, const crdt__marks *marks)
{
    bool behind = false;
    for (size_t i = 0; i < marks->count; i++) {
        const crdt__mark *mark = &marks->items[i];
        if (mark->told.len == 0)
            continue;
        crdt__out_raw(&p->out, behind ? "," : ",\"attributes\":{");
        behind = true;
        crdt__out_string(&p->out, crdt__doc_name_bytes(p->doc, mark->key));
        crdt__out_raw(&p->out, ":");
        crdt__out_value(&p->out, mark->told);
    }
    if (behind)
        crdt__out_raw(&p->out, "}");
}

static void end_op(crdt__printer *p, crdt__frame *f)
{
    if (f->op == CRDT__OP_NONE)
        return;
    if (f->op == CRDT__OP_TEXT)
        crdt__out_close(&p->out);
    print_attributes(p, crdt__printer_marks(p));
    crdt__out_raw(&p->out, "}");
    f->op = CRDT__OP_NONE;
}

static void begin_op(crdt__printer *p, crdt__frame *f, crdt__op op)
{
    end_op(p, f);
    p->ok = p->ok && crdt__marks_tell(crdt__printer_marks(p));
    crdt__out_raw(&p->out, f->behind ? ",{\"insert\":" : "{\"insert\":");
    if (op == CRDT__OP_TEXT)
        crdt__out_open(&p->out);
    f->behind = true;
    f->op = op;
}

void crdt__step_delta(crdt__printer *p, crdt__frame *f)
{
    if (f->op == CRDT__OP_VALUE) /* the type that is inserted was written */
        end_op(p, f);
    crdt__run run;
    while (crdt__printer_goes_on(p) && crdt__walk_next(p->doc, &p->moment, &f->walk, &run)) {
        crdt__marks *marks = crdt__printer_marks(p);
        if (run.item->kind == CRDT__FORMAT) {
            p->ok = crdt__marks_pass(marks, p->doc, run.item);
        } else if (run.item->kind == CRDT__STRING) {
            if (f->op != CRDT__OP_TEXT || marks->untold > 0)
                begin_op(p, f, CRDT__OP_TEXT);
            crdt__print_text(p, &run);
        } else if (run.item->kind == CRDT__EMBED || run.item->kind == CRDT__TYPE) {
            begin_op(p, f, CRDT__OP_VALUE);
            crdt__print_units(p, &run, false);
            if (run.item->kind == CRDT__TYPE)
                return; /* `f` may have moved */
            end_op(p, f);
        }
    }
    end_op(p, f);
    crdt__out_raw(&p->out, "]");
    crdt__printer_close(p);
}
