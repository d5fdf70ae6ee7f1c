/* Traps in bringing a document back to what it was. */
#include "traps.h"

#include <stdio.h>

enum { BASE = 2, OWN = 7 };

/* A document, and what it was. */
typedef struct scene {
    fixture f;
    crdt_doc *past;
    crdt_type root; /* `t`, a text or a list as one likes */
    crdt_type map;
} scene;

static void open(scene *s)
{
    fixture_open(&s->f, (crdt_doc_options){0});
    s->past = NULL;
    trap_ok(crdt_doc_root(s->f.doc, crdt_bytes_of("t"), CRDT_TEXT, &s->root));
    trap_ok(crdt_doc_root(s->f.doc, crdt_bytes_of("m"), CRDT_MAP, &s->map));
    trap_ok(crdt_doc_set_client(s->f.doc, OWN));
}

/* What there is now is the past from here on. */
static void remember(scene *s)
{
    crdt_buf state = fixture_state(&s->f);
    s->past = crdt_doc_new(NULL);
    trap_ok(crdt_doc_apply(s->past, CRDT_V1, wm_bytes(&state), NULL));
    crdt_buf_free(&state);
}

static void begin(scene *s)
{
    trap_ok(crdt_doc_begin(s->f.doc));
}

/* Goes back, in the open transaction, and fails the test unless the text or list is what it was. */
static void go_back(scene *s)
{
    crdt_buf now = {0};
    crdt_buf then = {0};
    crdt_type root;
    trap_ok(crdt_doc_restore(s->f.doc, s->past));
    trap_ok(crdt_doc_commit(s->f.doc, CRDT_V1, NULL));
    trap_ok(crdt_doc_root(s->past, crdt_bytes_of("t"), CRDT_TEXT, &root));
    trap_ok(crdt_read_delta(s->f.doc, s->root, NULL, &now));
    trap_ok(crdt_read_delta(s->past, root, NULL, &then));
    assert_int_equal(now.len, then.len);
    assert_memory_equal(now.data, then.data, now.len);
    crdt_buf_free(&now);
    crdt_buf_free(&then);
    crdt_doc_free(s->past);
    trap_close(&s->f);
}

/* ---- texts and lists ---- */

static void every_other_is_gone(const trap *t, uint64_t size)
{
    scene s;
    open(&s);
    trap_fill(&s.f, t->body, BASE, size);
    remember(&s);
    trap_delete_alternating(&s.f, t, BASE, 1, size);
    begin(&s);
    go_back(&s);
}

/* In the past, that is: it is to go again. */
static void every_other_was_not_there(const trap *t, uint64_t size)
{
    scene s;
    open(&s);
    trap_fill(&s.f, t->body, BASE, size);
    remember(&s);
    fixture past = {.doc = s.past};
    trap_delete_alternating(&past, t, BASE, 1, size);
    crdt_buf_free(&past.update);
    begin(&s);
    go_back(&s);
}

/* Puts there what trap_fill does. */
static void put(scene *s, trap_body body, uint64_t index)
{
    char number[32];
    snprintf(number, sizeof number, "%u", (unsigned)(index % 64));
    const crdt_value value = crdt_json(number);
    const crdt_bytes character = crdt_bytes_of(body == BODY_ASCII ? "x" : "\xc3\xa9");
    trap_ok(body == BODY_ANY ? crdt_list_insert(s->f.doc, s->root, index, &value, 1)
                             : crdt_text_insert(s->f.doc, s->root, index, character, NULL));
}

static void take(scene *s, trap_body body, uint64_t index)
{
    trap_ok(body == BODY_ANY ? crdt_list_delete(s->f.doc, s->root, index, 1)
                             : crdt_text_delete(s->f.doc, s->root, index, 1));
}

/* The same content, told by others: it is found again unit by unit. */
static void every_other_is_made_anew(const trap *t, uint64_t size)
{
    scene s;
    open(&s);
    trap_fill(&s.f, t->body, BASE, size);
    remember(&s);
    begin(&s);
    for (uint64_t i = 0; i < size; i += 2) {
        take(&s, t->body, i);
        put(&s, t->body, i);
    }
    put(&s, t->body, size); /* else all would be as it was */
    go_back(&s);
}

static void every_other_is_marked(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value bold = crdt_json("{\"b\":true}");
    open(&s);
    trap_fill(&s.f, BODY_ASCII, BASE, size);
    remember(&s);
    begin(&s);
    for (uint64_t i = size; i >= 2; i -= 2) /* backwards: so no edit walks over marks before it */
        trap_ok(crdt_text_format(s.f.doc, s.root, i - 2, 1, &bold));
    go_back(&s);
}

/* Somebody else's text, with nothing in common. */
static void all_is_replaced(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s);
    trap_fill(&s.f, BODY_ITEMS, BASE, size);
    remember(&s);
    begin(&s);
    trap_ok(crdt_text_delete(s.f.doc, s.root, 0, size));
    for (uint64_t i = 0; i < size; i++)
        trap_ok(crdt_text_insert(s.f.doc, s.root, 0, crdt_bytes_of("y"), NULL));
    go_back(&s);
}

/* ---- keys ---- */

static void set_keys(scene *s, uint64_t size, const char *json)
{
    const crdt_value value = crdt_json(json);
    begin(s);
    for (uint64_t i = 0; i < size; i++) {
        char key[32];
        snprintf(key, sizeof key, "key %u", (unsigned)i);
        trap_ok(crdt_map_set(s->f.doc, s->map, crdt_bytes_of(key), &value));
    }
}

static void many_keys(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s);
    set_keys(&s, size, "1");
    trap_ok(crdt_doc_commit(s.f.doc, CRDT_V1, NULL));
    remember(&s);
    set_keys(&s, size, "2");
    go_back(&s);
}

static void keys_that_were_not(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s);
    remember(&s);
    set_keys(&s, size, "1");
    go_back(&s);
}

/* ---- types ---- */

/* A list in a list in a list ..., in each of which there is a letter, too. */
static void nest(scene *s, uint64_t size)
{
    wm_begin(&s->f.update, 1);
    wm_section(&s->f.update, 2 * size, BASE, 0);
    for (uint64_t i = 0; i < size; i++) {
        const wm_id parent = {BASE, 2 * i - 2};
        const wm_id list = {BASE, 2 * i};
        wm_struct(&s->f.update, &(wm_item){.kind = WM_TYPE,
                                           .type_ref = WM_ARRAY,
                                           .root = i > 0 ? NULL : "t",
                                           .parent = &parent});
        wm_struct(&s->f.update, &(wm_item){.kind = WM_STRING, .origin = &list, .text = "x"});
    }
    wm_begin_deletes(&s->f.update, 0);
    trap_apply(&s->f, wm_bytes(&s->f.update));
}

static void deep_types_are_gone(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s);
    nest(&s, size);
    remember(&s);
    begin(&s);
    trap_ok(crdt_list_delete(s.f.doc, s.root, 0, 1));
    go_back(&s);
}

/* In each of them the letter is another: none is as it was. */
static void deep_types_are_others(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    open(&s);
    nest(&s, size);
    remember(&s);
    wm_begin(&s.f.update, 0);
    wm_begin_deletes(&s.f.update, 1);
    wm_deletes_of(&s.f.update, BASE, size);
    for (uint64_t i = 0; i < size; i++)
        wm_range(&s.f.update, 2 * i + 1, 1);
    trap_apply(&s.f, wm_bytes(&s.f.update));
    begin(&s);
    go_back(&s);
}

/* Many maps in a list, all alike, are made anew. */
static void many_types_are_made_anew(const trap *t, uint64_t size)
{
    (void)t;
    scene s;
    const crdt_value map = {.kind = CRDT_VALUE_TYPE, .type = CRDT_MAP};
    const crdt_value one = crdt_json("1");
    open(&s);
    for (int round = 0; round < 2; round++) {
        begin(&s);
        if (round == 1)
            trap_ok(crdt_list_delete(s.f.doc, s.root, 0, size));
        for (uint64_t i = 0; i < size; i++) {
            crdt_value made;
            trap_ok(crdt_list_push(s.f.doc, s.root, &map, 1));
            trap_ok(crdt_list_get(s.f.doc, s.root, i, &made));
            trap_ok(crdt_map_set(s.f.doc, made.handle, crdt_bytes_of("k"), &one));
        }
        if (round == 0) {
            trap_ok(crdt_doc_commit(s.f.doc, CRDT_V1, NULL));
            remember(&s);
        }
    }
    put(&s, BODY_ANY, size); /* else all would be as it was */
    go_back(&s);
}

#define RESTORE(text, function, what, most)                                                        \
    {                                                                                              \
        .name = text, .run = (function), .size = 2500, .each_max = (most), .delivery = AT_ONCE,    \
        .body = (what)                                                                             \
    }

static const trap traps[] = {
    RESTORE("every other letter is gone", every_other_is_gone, BODY_ASCII, 1700),
    RESTORE("every other accent is gone", every_other_is_gone, BODY_ACCENTS, 2100),
    RESTORE("every other value is gone", every_other_is_gone, BODY_ANY, 2000),
    RESTORE("every other letter was not there", every_other_was_not_there, BODY_ASCII, 1700),
    RESTORE("every other accent was not there", every_other_was_not_there, BODY_ACCENTS, 2100),
    RESTORE("every other value was not there", every_other_was_not_there, BODY_ANY, 2200),
    RESTORE("every other letter is made anew", every_other_is_made_anew, BODY_ASCII, 2800),
    RESTORE("every other accent is made anew", every_other_is_made_anew, BODY_ACCENTS, 3300),
    RESTORE("every other value is made anew", every_other_is_made_anew, BODY_ANY, 3500),
    RESTORE("every other letter is marked", every_other_is_marked, BODY_ASCII, 3600),
    RESTORE("all is replaced", all_is_replaced, BODY_ASCII, 25000),
    RESTORE("many keys", many_keys, BODY_ASCII, 6400),
    RESTORE("keys that were not there", keys_that_were_not, BODY_ASCII, 2000),
    RESTORE("deep types are gone", deep_types_are_gone, BODY_ASCII, 5800),
    RESTORE("deep types are others", deep_types_are_others, BODY_ASCII, 6800),
    RESTORE("many types are made anew", many_types_are_made_anew, BODY_ASCII, 13000),
};

int main(void)
{
    return traps_run(traps, sizeof traps / sizeof *traps);
}
