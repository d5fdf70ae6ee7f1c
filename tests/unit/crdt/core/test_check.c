/* That crdt_doc_check finds what it says it does: a sound document is damaged in one place, and the
 * invariant that no longer holds is named. (I10 is about calls. I15: test_ladders.c.) */
#include <string.h>

#include "core/conflict.h"
#include "core/order.h"
#include "core/stretch.h"
#include "core/values.h"
#include "fixture.h"

enum { TEXT = 2, CROWD = 1000, CROWD_SIZE = 600, WAITING = 5, LACKED = 6 };

/* ---- a document with some of everything ---- */

static void put_text(fixture *f)
{
    const wm_id last = {TEXT, 2};
    const wm_id list = {TEXT, 4};
    fixture_put(f, (wm_id){TEXT, 0}, (wm_item){.kind = WM_STRING, .root = "t", .text = "abc"});
    fixture_put(f, (wm_id){TEXT, 3},
                (wm_item){.kind = WM_FORMAT, .origin = &last, .text = "bold", .value = "true"});
    fixture_put(f, (wm_id){TEXT, 4},
                (wm_item){.kind = WM_TYPE, .type_ref = WM_ARRAY, .root = "m", .sub = "k"});
    fixture_put(f, (wm_id){TEXT, 5}, (wm_item){.kind = WM_ANY, .parent = &list, .len = 3});
    fixture_put(f, (wm_id){TEXT, 8},
                (wm_item){.kind = WM_TYPE, .type_ref = WM_ARRAY, .root = "m", .sub = "gone"});
    const wm_id gone = {TEXT, 8};
    fixture_put(f, (wm_id){TEXT, 9}, (wm_item){.kind = WM_ANY, .parent = &gone, .len = 1});
    fixture_delete(f, gone, 1); /* leaves a GC struct of what was in it */
    fixture_delete(f, (wm_id){TEXT, 1}, 1);
}

/* So many at one spot that it is remembered; and that the list has an index. */
static void put_crowd(fixture *f)
{
    for (uint64_t i = 0; i < CROWD_SIZE; i++)
        fixture_put(f, (wm_id){CROWD + i * 7919 % CROWD_SIZE, 0},
                    (wm_item){.kind = WM_EMBED, .root = "l", .text = "1"});
}

static void put_waiting(fixture *f)
{
    const wm_id lacked = {LACKED, 3};
    fixture_put(f, (wm_id){WAITING, 0},
                (wm_item){.kind = WM_STRING, .origin = &lacked, .text = "later"});
    fixture_delete(f, (wm_id){LACKED, 1}, 1);
}

static void open(fixture *f)
{
    fixture_open(f, (crdt_doc_options){0});
    put_text(f);
    put_crowd(f);
    put_waiting(f);
    crdt_type list;
    crdt_value value;
    assert_true(crdt_doc_find_root(f->doc, crdt_bytes_of("l"), &list));
    assert_int_equal(crdt_list_get(f->doc, list, CROWD_SIZE / 2, &value), CRDT_OK);
    assert_null(crdt_doc_check(f->doc));
}

/* ---- what is damaged ---- */

static crdt__item *item(crdt_doc *doc, uint64_t client, uint64_t clock)
{
    return crdt__item_at(doc, crdt__doc_item(doc, crdt__doc_find_client(doc, client), clock));
}

static crdt__client *client(crdt_doc *doc, uint64_t id)
{
    return &doc->clients[crdt__doc_find_client(doc, id)];
}

static crdt__type *list_type(crdt_doc *doc)
{
    return crdt__type_at(&doc->objects, item(doc, CROWD, 0)->parent);
}

static void state_is_another(crdt_doc *doc)
{
    client(doc, TEXT)->state++;
}

static void struct_begins_later(crdt_doc *doc)
{
    item(doc, TEXT, 4)->clock++;
}

static void struct_is_of_another(crdt_doc *doc)
{
    item(doc, TEXT, 4)->client = crdt__doc_find_client(doc, CROWD) & CRDT_CLIENTS_MAX;
}

static void structs_are_miscounted(crdt_doc *doc)
{
    doc->struct_count++;
}

static void struct_is_empty(crdt_doc *doc)
{
    item(doc, TEXT, 3)->len = 0;
}

static void struct_is_a_skip(crdt_doc *doc)
{
    item(doc, TEXT, 3)->kind = CRDT__SKIP;
}

static void mark_has_no_content(crdt_doc *doc)
{
    item(doc, TEXT, 3)->content = 0;
}

static void text_is_longer(crdt_doc *doc)
{
    item(doc, TEXT, 2)->text.units++;
}

static void text_is_miscounted(crdt_doc *doc)
{
    doc->text_live++;
}

static void text_holds_halves(crdt_doc *doc)
{
    crdt__item *it = item(doc, TEXT, 0);
    const crdt_bytes text = crdt_bytes_of("\xed\xa0\x80");
    it->content = crdt__text_new(doc, text);
    it->text.bytes = (uint32_t)text.len;
}

static void deleted_struct_lives(crdt_doc *doc)
{
    item(doc, TEXT, 1)->deleted = 0;
}

static void hole_is_linked(crdt_doc *doc)
{
    crdt__item *it = item(doc, TEXT, 9);
    assert_int_equal(it->kind, CRDT__GC);
    it->left = crdt__doc_item(doc, crdt__doc_find_client(doc, TEXT), 0);
}

/* Of an item that came before its neighbours, and so is looked at before them. */
static void left_neighbour_is_another(crdt_doc *doc)
{
    crdt__item *it = item(doc, CROWD + 7919 % CROWD_SIZE, 0);
    it->left = it->right;
}

static void right_neighbour_is_another(crdt_doc *doc)
{
    item(doc, TEXT, 1)->right = item(doc, TEXT, 0)->right;
}

static void parent_is_missing(crdt_doc *doc)
{
    item(doc, TEXT, 3)->parent = 0;
}

static void list_begins_later(crdt_doc *doc)
{
    crdt__item *first = item(doc, TEXT, 0);
    crdt__type_at(&doc->objects, first->parent)->start = first->right;
}

static void list_is_longer(crdt_doc *doc)
{
    crdt__type_at(&doc->objects, item(doc, TEXT, 5)->parent)->length++;
}

static void type_is_held_by_another(crdt_doc *doc)
{
    crdt__type_at(&doc->objects, item(doc, TEXT, 4)->content)->item = item(doc, TEXT, 0)->right;
}

static void value_is_another(crdt_doc *doc)
{
    const crdt__item *it = item(doc, TEXT, 4);
    crdt__type *map = crdt__type_at(&doc->objects, it->parent);
    assert_true(crdt__type_set(&doc->objects, map, it->key, item(doc, TEXT, 0)->right));
}

static void transaction_is_open(crdt_doc *doc)
{
    assert_true(crdt__txn_touch(doc, crdt__doc_find_client(doc, TEXT)));
}

static void client_is_to_be_looked_at(crdt_doc *doc)
{
    assert_true(crdt__pending_push(doc, crdt__doc_find_client(doc, TEXT)));
}

static void what_waits_is_miscounted(crdt_doc *doc)
{
    doc->pending.bytes++;
}

static void nobody_is_waited_for(crdt_doc *doc)
{
    crdt__pending_queue(doc, crdt__doc_find_client(doc, WAITING))->behind = 0;
}

static void stretch_ends_earlier(crdt_doc *doc)
{
    const crdt__queue *queue = crdt__pending_queue(doc, crdt__doc_find_client(doc, WAITING));
    crdt__stretch_at(doc, queue->stretches)->end--;
}

static void index_counts_another(crdt_doc *doc)
{
    crdt__order_changed(doc, item(doc, CROWD, 0), 1, 0);
}

static void index_counts_a_mark(crdt_doc *doc)
{
    crdt__order_changed(doc, item(doc, CROWD, 0), 0, 1);
}

static void item_is_in_no_group(crdt_doc *doc)
{
    crdt__item_set_group(item(doc, CROWD, 0), CRDT__GROUP_MAX);
}

static void index_is_of_another_list(crdt_doc *doc)
{
    crdt__type *other = crdt__type_at(&doc->objects, item(doc, TEXT, 5)->parent);
    other->order = list_type(doc)->order;
}

static void cursor_counts_another(crdt_doc *doc)
{
    assert_true(doc->cursor.type);
    doc->cursor.index++;
}

static void cursor_is_in_another_list(crdt_doc *doc)
{
    doc->cursor.type = item(doc, TEXT, 5)->parent;
}

static void spots_are_miscounted(crdt_doc *doc)
{
    assert_true(doc->spot_count > 0);
    doc->spot_count++;
}

static void sibling_has_another_origin(crdt_doc *doc)
{
    crdt__item *it = item(doc, CROWD, 0);
    it->right_client = crdt__doc_find_client(doc, TEXT) & CRDT_CLIENTS_MAX;
}

static void spot_begins_later(crdt_doc *doc)
{
    crdt__spot *spot = doc->spots;
    while (!spot->parent)
        spot++;
    spot->first = crdt__item_at(doc, spot->first)->right;
}

static const struct damage {
    const char *found; /* what the check says begins so */
    void (*harm)(crdt_doc *doc);
} damages[] = {
    {"I1: a client's state", state_is_another},
    {"I1: the structs", struct_begins_later},
    {"I1: the structs", struct_is_of_another},
    {"I2: ", structs_are_miscounted},
    {"I3: a struct of length 0", struct_is_empty},
    {"I3: a kind", struct_is_a_skip},
    {"I3: an item without its content", mark_has_no_content},
    {"I4: a text is not as long", text_is_longer},
    {"I4: the bytes of text", text_is_miscounted},
    {"I4: a text holds unpaired", text_holds_halves},
    {"I5: deleted content", deleted_struct_lives},
    {"I5: a GC struct", hole_is_linked},
    {"I6: the left neighbour's", left_neighbour_is_another},
    {"I6: the right neighbour's", right_neighbour_is_another},
    {"I6: an item without a parent", parent_is_missing},
    {"I6: an item without a left", list_begins_later},
    {"I7: a type is not as long", list_is_longer},
    {"I7: a type does not know", type_is_held_by_another},
    {"I8: ", value_is_another},
    {"I9: a transaction", transaction_is_open},
    {"I9: clients", client_is_to_be_looked_at},
    {"I11: what waits is not as much", what_waits_is_miscounted},
    {"I11: a client waits behind none", nobody_is_waited_for},
    {"I11: ", stretch_ends_earlier},
    {"I12: a group's sums", index_counts_another},
    {"I12: ", index_counts_a_mark},
    {"I12: an item does not know", item_is_in_no_group},
    {"I12: ", index_is_of_another_list},
    {"I13: ", cursor_counts_another},
    {"I13: ", cursor_is_in_another_list},
    {"I14: ", spots_are_miscounted},
    {"I14: a sibling is not what", sibling_has_another_origin},
    {"I14: a spot does not know", spot_begins_later},
};

static void every_damage_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        fixture f;
        open(&f);
        damages[i].harm(f.doc);
        const char *found = crdt_doc_check(f.doc);
        if (!found || strncmp(found, damages[i].found, strlen(damages[i].found)) != 0)
            fail_msg("damage %zu: \"%s\" instead of \"%s\"", i, found ? found : "nothing",
                     damages[i].found);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_damage_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
