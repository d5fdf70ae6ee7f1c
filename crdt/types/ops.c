#include "types/ops.h"

#include "base/value.h"

typedef enum action { NOTHING, RETAIN, DELETE, INSERT } action;

/* The operations written so far, and the one that goes on. */
typedef struct ops {
    crdt__printer *p;
    action action;
    uint64_t units; /* that it retains or deletes */
    uint64_t owed;  /* retained before, and not written: only what comes behind makes it matter */
    bool begun;     /* something was written */
} ops;

/* ---- one operation ---- */

static void write_number(crdt__printer *p, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    crdt__write_bytes(&p->out.w, digits + at, sizeof digits - at);
}

static void write_head(ops *o, const char *head)
{
    crdt__out_raw(&o->p->out, o->begun ? "," : ",\"delta\":[");
    crdt__out_raw(&o->p->out, head);
    o->begun = true;
}

/* Begins to write an operation, behind what is retained before it. */
static void write_op(ops *o, const char *head)
{
    if (o->owed > 0) {
        write_head(o, "{\"retain\":");
        write_number(o->p, o->owed);
        crdt__out_raw(&o->p->out, "}");
        o->owed = 0;
    }
    write_head(o, head);
}

static void write_deleted(ops *o)
{
    write_op(o, "{\"delete\":");
    write_number(o->p, o->units);
    crdt__out_raw(&o->p->out, "}");
}

static bool end(ops *o)
{
    if (o->begun)
        crdt__out_raw(&o->p->out, "]");
    return o->begun;
}

/* ---- what became of an item ---- */

static bool is_added(const crdt_doc *doc, const crdt__item *it)
{
    return it->clock >= crdt__txn_before(doc, it->client);
}

static action fate_of(const crdt_doc *doc, const crdt__item *it)
{
    bool added = is_added(doc, it);
    if (!it->deleted)
        return added ? INSERT : RETAIN;
    return !added && crdt__txn_deletes(doc, it->client, it->clock) ? DELETE : NOTHING;
}

/* ---- lists ---- */

static void end_list_op(ops *o)
{
    if (o->action == RETAIN)
        o->owed += o->units;
    else if (o->action == DELETE)
        write_deleted(o);
    else if (o->action == INSERT)
        crdt__out_raw(&o->p->out, "]}");
    o->action = NOTHING;
    o->units = 0;
}

static void insert_values(ops *o, crdt__ref ref)
{
    bool goes_on = o->action == INSERT;
    if (!goes_on) {
        end_list_op(o);
        write_op(o, "{\"insert\":[");
        o->action = INSERT;
    }
    crdt__run run = crdt__run_of_item(o->p->doc, ref);
    crdt__print_units(o->p, &run, goes_on);
    crdt__printer_run(o->p);
}

bool crdt__ops_of_list(crdt__printer *p, const crdt__type *type)
{
    ops o = {.p = p};
    for (crdt__ref ref = type->start; ref && p->ok; ref = crdt__item_at(p->doc, ref)->right) {
        const crdt__item *it = crdt__item_at(p->doc, ref);
        action fate = crdt__item_countable(it) ? fate_of(p->doc, it) : NOTHING;
        if (fate == INSERT) {
            insert_values(&o, ref);
        } else if (fate != NOTHING) {
            if (fate != o.action)
                end_list_op(&o);
            o.action = fate;
            o.units += crdt__item_len(it);
        }
    }
    if (o.action != RETAIN)
        end_list_op(&o);
    return end(&o);
}

/* ---- texts ---- */

typedef struct text_ops {
    ops o;
    crdt__marks current; /* in force now */
    crdt__marks old;     /* in force before */
    crdt__marks changed; /* what is different for units that are retained; null: taken away */
} text_ops;

static const crdt_bytes null_value = {(const uint8_t *)"null", 4};

static crdt_bytes value_or_null(const crdt__marks *marks, uint32_t key)
{
    crdt_bytes value = crdt__marks_get(marks, key);
    return value.len > 0 ? value : null_value;
}

static void set(text_ops *t, crdt__marks *marks, uint32_t key, crdt_bytes value)
{
    t->o.p->ok = t->o.p->ok && crdt__marks_set(marks, key, value);
}

static void take_away(text_ops *t, crdt__marks *marks, uint32_t key)
{
    set(t, marks, key, (crdt_bytes){0});
}

/* The end of an operation: its attributes, if there are any. */
static void write_attributes(text_ops *t, crdt__marks *marks)
{
    crdt__printer *p = t->o.p;
    p->ok = p->ok && crdt__marks_tell(marks);
    for (size_t i = 0; p->ok && i < marks->count; i++) {
        crdt__out_raw(&p->out, i > 0 ? "," : ",\"attributes\":{");
        crdt__out_string(&p->out, crdt__doc_name_bytes(p->doc, marks->items[i].key));
        crdt__out_raw(&p->out, ":");
        crdt__out_value(&p->out, marks->items[i].value);
    }
    crdt__out_raw(&p->out, marks->count > 0 ? "}}" : "}");
}

static void end_retain(text_ops *t)
{
    t->o.p->ok = t->o.p->ok && crdt__marks_tell(&t->changed);
    if (t->changed.count == 0) {
        t->o.owed += t->o.units;
        return;
    }
    write_op(&t->o, "{\"retain\":");
    write_number(t->o.p, t->o.units);
    write_attributes(t, &t->changed);
}

/* yjs: addOp. */
static void end_text_op(text_ops *t)
{
    if (t->o.action == RETAIN) {
        end_retain(t);
    } else if (t->o.action == DELETE) {
        write_deleted(&t->o);
    } else if (t->o.action == INSERT) {
        crdt__out_close(&t->o.p->out);
        write_attributes(t, &t->current);
    }
    t->o.action = NOTHING;
    t->o.units = 0;
}

static void insert_text(text_ops *t, crdt__ref ref)
{
    if (t->o.action != INSERT) {
        end_text_op(t);
        write_op(&t->o, "{\"insert\":");
        crdt__out_open(&t->o.p->out);
        t->o.action = INSERT;
    }
    crdt__run run = crdt__run_of_item(t->o.p->doc, ref);
    crdt__print_text(t->o.p, &run);
}

static void insert_value(text_ops *t, crdt__ref ref)
{
    end_text_op(t);
    write_op(&t->o, "{\"insert\":");
    crdt__run run = crdt__run_of_item(t->o.p->doc, ref);
    crdt__print_units(t->o.p, &run, false);
    crdt__printer_run(t->o.p);
    write_attributes(t, &t->current);
}

static void pass_content(text_ops *t, crdt__ref ref, const crdt__item *it)
{
    action fate = fate_of(t->o.p->doc, it);
    if (fate == INSERT) {
        if (it->kind == CRDT__STRING)
            insert_text(t, ref);
        else
            insert_value(t, ref);
    } else if (fate != NOTHING) {
        if (fate != t->o.action)
            end_text_op(t);
        t->o.action = fate;
        t->o.units += crdt__item_len(it);
    }
}

/* What follows is retained with other formats than what went before. */
static void change_retained(text_ops *t, uint32_t key, crdt_bytes value)
{
    if (t->o.action == RETAIN)
        end_text_op(t);
    set(t, &t->changed, key, value);
}

/* A mark that the transaction added. False if it sets what is set: Yjs deletes such a mark when it
 * reads the event, and goes on without it. */
static bool pass_added(text_ops *t, uint32_t key, crdt_bytes value)
{
    if (crdt__value_equal(value_or_null(&t->current, key), value))
        return crdt__value_is_null(value);
    bool as_before = crdt__value_equal(value, value_or_null(&t->old, key));
    change_retained(t, key, as_before ? (crdt_bytes){0} : value);
    return true;
}

static void pass_deleted(text_ops *t, uint32_t key, crdt_bytes value)
{
    set(t, &t->old, key, value);
    crdt_bytes now = value_or_null(&t->current, key);
    if (!crdt__value_equal(now, value))
        change_retained(t, key, now);
}

/* A mark that was there and still is. False as above. */
static bool pass_kept(text_ops *t, uint32_t key, crdt_bytes value)
{
    set(t, &t->old, key, value);
    crdt_bytes change = crdt__marks_get(&t->changed, key);
    if (change.len == 0)
        return true;
    if (crdt__value_equal(change, value))
        return crdt__value_is_null(change);
    change_retained(t, key, crdt__value_is_null(value) ? (crdt_bytes){0} : value);
    return true;
}

static void pass_mark(text_ops *t, const crdt__item *it)
{
    uint32_t key;
    crdt_bytes value;
    crdt__content_mark(t->o.p->doc, it, &key, &value);
    action fate = fate_of(t->o.p->doc, it);
    bool stands = false;
    if (fate == INSERT)
        stands = pass_added(t, key, value);
    else if (fate == RETAIN)
        stands = pass_kept(t, key, value);
    else if (fate == DELETE)
        pass_deleted(t, key, value);
    if (!stands)
        return;
    if (t->o.action == INSERT)
        end_text_op(t);
    if (crdt__value_is_null(value))
        take_away(t, &t->current, key);
    else
        set(t, &t->current, key, value);
}

static void pass_all(text_ops *t, const crdt__type *type)
{
    const crdt_doc *doc = t->o.p->doc;
    for (crdt__ref ref = type->start; ref && t->o.p->ok; ref = crdt__item_at(doc, ref)->right) {
        const crdt__item *it = crdt__item_at(doc, ref);
        if (it->kind == CRDT__FORMAT)
            pass_mark(t, it);
        else if (it->kind == CRDT__STRING || it->kind == CRDT__EMBED || it->kind == CRDT__TYPE)
            pass_content(t, ref, it);
    }
    end_text_op(t);
}

bool crdt__ops_of_text(crdt__printer *p, const crdt__type *type)
{
    const uint64_t seed = p->doc->options.hash_seed;
    text_ops t = {.o = {.p = p}};
    crdt__marks_init(&t.current, &p->budget, seed);
    crdt__marks_init(&t.old, &p->budget, seed);
    crdt__marks_init(&t.changed, &p->budget, seed);
    pass_all(&t, type);
    crdt__marks_deinit(&t.current);
    crdt__marks_deinit(&t.old);
    crdt__marks_deinit(&t.changed);
    return end(&t.o);
}
