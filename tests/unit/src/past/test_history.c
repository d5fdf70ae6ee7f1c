/* The events of a document as text: what a range holds, in stretches, from the tail and packed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "past/history.h"
#include "wiremake.h"

#define EPOCH   UINT32_C(0x9f3c1a07)
#define DATE_MS INT64_C(1795258395042)

typedef struct fixture {
    char dir[64];
    store *store;
    uint64_t number;
} fixture;

static store_batch *batch_of(store *s)
{
    store_batch *b;
    assert_int_equal(store_batch_begin(s, &b), STORE_OK);
    return b;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/weft-history-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    char detail[256];
    assert_int_equal(store_open(f->dir, NULL, &f->store, detail, sizeof(detail)), STORE_OK);
    store_batch *b = batch_of(f->store);
    store_doc doc;
    assert_int_equal(store_batch_create(b, (store_bytes){"doc", 3}, EPOCH, DATE_MS, &doc),
                     STORE_OK);
    assert_int_equal(store_batch_commit(b), STORE_OK);
    f->number = doc.number;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    store_close(f->store);
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

/* Appends `text` typed by client 5 at `clock`, as an event of its own. */
static void append_typed(fixture *f, store_batch *b, uint64_t clock, const char *text)
{
    crdt_buf u = {0};
    crdt_bytes update =
        wm_one(&u, (wm_id){5, clock}, &(wm_item){.kind = WM_STRING, .root = "t", .text = text});
    store_event event = {.time_ms = DATE_MS, .update = {update.data, update.len}};
    uint64_t seq;
    assert_int_equal(store_batch_append(b, f->number, &event, &seq), STORE_OK);
    crdt_buf_free(&u);
}

static void append_letters(fixture *f, uint64_t count)
{
    store_batch *b = batch_of(f->store);
    for (uint64_t i = 0; i < count; i++)
        append_typed(f, b, i, "x");
    assert_int_equal(store_batch_commit(b), STORE_OK);
}

static void pack_all(fixture *f)
{
    static const store_pack_policy everything = {.before_ms = INT64_MAX};
    for (;;) {
        store_packs *packs;
        assert_int_equal(store_packs_prepare(f->store, &everything, &packs), STORE_OK);
        if (packs == NULL)
            return;
        store_batch *b = batch_of(f->store);
        assert_int_equal(store_batch_pack(b, packs), STORE_OK);
        assert_int_equal(store_batch_commit(b), STORE_OK);
        store_packs_free(packs);
    }
}

static err open_doc(fixture *f, history *h)
{
    if (h->limit == 0)
        h->limit = UINT64_MAX;
    return history_open(h, f->store, SLICE_LITERAL("doc"));
}

/* All of a range as one text, and in how many it came. */
static buf whole(fixture *f, history *h, size_t *texts)
{
    buf all = {0};
    assert_int_equal(open_doc(f, h), ERR_OK);
    for (*texts = 0; !h->ended; ++*texts) {
        assert_int_equal(history_next(h), ERR_OK);
        assert_in_range(h->text.len, h->ended ? 0 : 1, HISTORY_TEXT_BYTES_MAX);
        buf_append(&all, buf_slice(&h->text));
    }
    history_free(h);
    return all;
}

static void assert_text(fixture *f, history h, const char *text)
{
    size_t texts;
    buf all = whole(f, &h, &texts);
    if (!slice_equal(buf_slice(&all), slice_of(text)))
        fail_msg("%.*s", (int)all.len, all.data);
    buf_free(&all);
}

static void a_range_begins_after_and_ends_with_what_is_named(void **state)
{
    fixture *f = *state;
    append_letters(f, 3);
#define SECOND                                                                                     \
    "{\"id\":\"2.9f3c1a07\",\"time\":\"2026-11-21T10:53:15.042Z\",\"bytes\":11,\"clients\":[5],"   \
    "\"user\":null}"
    history one = {.form = EVENT_BARE,
                   .after = {.seq = 1},
                   .until = {.seq = 2, .epoch = EPOCH, .has_epoch = true},
                   .has_until = true};
    assert_text(f, one, "{\"events\":[" SECOND "],\"next\":null}");
    one.format = HISTORY_LINES;
    assert_text(f, one, SECOND "\n");
    one = (history){.form = EVENT_BARE, .after = {.seq = 1}, .limit = 1};
    assert_text(f, one, "{\"events\":[" SECOND "],\"next\":\"2.9f3c1a07\"}");
    one = (history){.format = HISTORY_STREAM, .after = {.seq = 2}};
    assert_text(f, one, "event: update\nid: 3.9f3c1a07\ndata: AQEFAgQBAXQBeAA=\n\n");
}

static void nothing_is_an_empty_text(void **state)
{
    fixture *f = *state;
    assert_text(f, (history){0}, "{\"events\":[],\"next\":null}");
    append_letters(f, 2);
    assert_text(f, (history){.after = {.seq = 2}}, "{\"events\":[],\"next\":null}");
    assert_text(f, (history){.after = {.seq = 2}, .until = {.seq = 1}, .has_until = true},
                "{\"events\":[],\"next\":null}");
    assert_text(f, (history){.format = HISTORY_LINES, .after = {.seq = 2}}, "");
    assert_text(f, (history){.format = HISTORY_STREAM, .after = {.seq = 2}}, "");
    assert_text(f, (history){.limit = 2, .form = EVENT_BARE, .after = {.seq = 2}},
                "{\"events\":[],\"next\":null}");
}

static void ids_that_do_not_fit_are_told_apart(void **state)
{
    fixture *f = *state;
    append_letters(f, 2);
    static const event_id ahead = {.seq = 3}, other = {.seq = 1, .epoch = 1, .has_epoch = true};
    assert_int_equal(open_doc(f, &(history){.after = ahead}), ERR_EVENT_UNKNOWN);
    assert_int_equal(open_doc(f, &(history){.after = other}), ERR_EVENT_GONE);
    assert_int_equal(open_doc(f, &(history){.until = ahead, .has_until = true}), ERR_EVENT_UNKNOWN);
    assert_int_equal(open_doc(f, &(history){.until = other, .has_until = true}), ERR_EVENT_GONE);

    history never = {.limit = 1};
    assert_int_equal(history_open(&never, f->store, SLICE_LITERAL("never")), ERR_OK);
    assert_int_equal(history_next(&never), ERR_OK);
    assert_true(never.ended);
    assert_int_equal(never.events, 0);
    history_free(&never);
    assert_int_equal(history_open(&(history){.after = ahead}, f->store, SLICE_LITERAL("never")),
                     ERR_EVENT_UNKNOWN);
    assert_int_equal(history_open(&(history){.after = other}, f->store, SLICE_LITERAL("never")),
                     ERR_EVENT_GONE);
}

/* Appends one event whose text takes several parts. */
static void append_long(fixture *f, uint64_t clock)
{
    size_t len = HISTORY_TEXT_BYTES_MAX * 2;
    char *text = malloc(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + i % 23);
    text[len] = '\0';
    store_batch *b = batch_of(f->store);
    append_typed(f, b, clock, text);
    assert_int_equal(store_batch_commit(b), STORE_OK);
    free(text);
}

/* What history_next gives, made another way: every event of the store, in one go. */
typedef struct expected {
    buf text;
    err failed;
} expected;

static bool expect_event(void *arg, const store_event *event)
{
    expected *e = arg;
    e->failed = event_json_append(&e->text, event, EPOCH, EVENT_V2);
    buf_append(&e->text, SLICE_LITERAL("\n"));
    return e->failed == ERR_OK;
}

static void assert_all_lines(fixture *f, uint64_t after, size_t texts_min)
{
    expected e = {0};
    assert_int_equal(store_read(f->store, f->number, after, UINT64_MAX, expect_event, &e),
                     STORE_OK);
    assert_int_equal(e.failed, ERR_OK);
    history h = {.format = HISTORY_LINES, .form = EVENT_V2, .after = {.seq = after}};
    size_t texts;
    buf all = whole(f, &h, &texts);
    assert_true(slice_equal(buf_slice(&all), buf_slice(&e.text)));
    assert_in_range(texts, texts_min, SIZE_MAX);
    buf_free(&all);
    buf_free(&e.text);
}

static void a_long_history_comes_in_stretches_and_a_long_event_in_parts(void **state)
{
    fixture *f = *state;
    append_letters(f, 5000);
    append_long(f, 5000);
    append_letters(f, 2);
    append_long(f, 5001);
    for (int packed = 0; packed < 2; packed++) {
        assert_all_lines(f, 0, 9);
        assert_all_lines(f, 5000, 7);
        assert_all_lines(f, 5003, 3);
        pack_all(f);
    }
}

static void pages_follow_each_other_without_gaps(void **state)
{
    fixture *f = *state;
    append_letters(f, 1000);
    uint64_t seen = 0;
    for (bool more = true; more;) {
        history h = {.form = EVENT_BARE, .after = {.seq = seen}, .limit = 77};
        size_t texts;
        buf all = whole(f, &h, &texts);
        seen += h.events;
        char next[64];
        snprintf(next, sizeof(next), "],\"next\":\"%llu.9f3c1a07\"}", (unsigned long long)seen);
        more = seen < 1000;
        assert_int_equal(h.events, more ? 77 : 1000 % 77);
        if (!more)
            strcpy(next, "],\"next\":null}");
        assert_memory_equal(all.data + all.len - strlen(next), next, strlen(next));
        buf_free(&all);
    }
    assert_int_equal(seen, 1000);
}

static void the_last_page_says_so_even_if_it_is_full(void **state)
{
    fixture *f = *state;
    append_letters(f, 4);
    for (uint64_t limit = 1; limit < 6; limit++) {
        history h = {.form = EVENT_BARE, .limit = limit};
        size_t texts;
        buf all = whole(f, &h, &texts);
        const char *end = limit < 4 ? "9f3c1a07\"}" : "\"next\":null}";
        assert_memory_equal(all.data + all.len - strlen(end), end, strlen(end));
        buf_free(&all);
    }
}

static void a_document_deleted_meanwhile_ends_its_history(void **state)
{
    fixture *f = *state;
    append_letters(f, 5000);
    history h = {.format = HISTORY_LINES};
    assert_int_equal(open_doc(f, &h), ERR_OK);
    assert_int_equal(history_next(&h), ERR_OK);
    assert_false(h.ended);
    store_batch *b = batch_of(f->store);
    assert_int_equal(store_batch_delete(b, f->number, DATE_MS), STORE_OK);
    assert_int_equal(store_batch_commit(b), STORE_OK);
    assert_int_equal(history_next(&h), ERR_DELETED);
    history_free(&h);
    assert_int_equal(open_doc(f, &(history){0}), ERR_DELETED);
}

static void what_came_before_damage_is_told(void **state)
{
    fixture *f = *state;
    append_letters(f, 3);
    store_batch *b = batch_of(f->store);
    uint64_t seq;
    store_event none = {.time_ms = DATE_MS, .update = {"\1\1\5", 3}};
    assert_int_equal(store_batch_append(b, f->number, &none, &seq), STORE_OK);
    assert_int_equal(store_batch_commit(b), STORE_OK);
    history h = {.format = HISTORY_LINES};
    assert_int_equal(open_doc(f, &h), ERR_OK);
    assert_int_equal(history_next(&h), ERR_OK);
    assert_int_equal(h.events, 3);
    assert_int_equal(h.text.data[h.text.len - 1], '\n');
    assert_false(h.ended);
    assert_int_equal(history_next(&h), ERR_STORAGE);
    history_free(&h);
}

#define HISTORY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(a_range_begins_after_and_ends_with_what_is_named),
        HISTORY_TEST(nothing_is_an_empty_text),
        HISTORY_TEST(ids_that_do_not_fit_are_told_apart),
        HISTORY_TEST(a_long_history_comes_in_stretches_and_a_long_event_in_parts),
        HISTORY_TEST(pages_follow_each_other_without_gaps),
        HISTORY_TEST(the_last_page_says_so_even_if_it_is_full),
        HISTORY_TEST(a_document_deleted_meanwhile_ends_its_history),
        HISTORY_TEST(what_came_before_damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
