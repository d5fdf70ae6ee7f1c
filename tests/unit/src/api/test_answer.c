/* The JSON of a write's answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/answer.h"

static void assert_answer(const room_write *w, const uint32_t *epoch, const char *text)
{
    frame *f = answer_of_write(w, epoch);
    assert_int_equal(f->len, strlen(text));
    assert_memory_equal(f->data, text, f->len);
    frame_unref(f);
}

static void answers_hold_what_there_is_to_say(void **state)
{
    (void)state;
    room_write w = {.id = {.seq = 42, .epoch = 0x9f3c1a07}, .changed = true};
    assert_answer(&w, NULL, "{\"id\":\"42.9f3c1a07\",\"changed\":true,\"pending\":false}");
    assert_answer(&(room_write){0}, NULL, "{\"id\":\"0\",\"changed\":false,\"pending\":false}");
    assert_answer(&w, &w.id.epoch,
                  "{\"id\":\"42.9f3c1a07\",\"changed\":true,\"pending\":false,"
                  "\"epoch\":\"9f3c1a07\"}");
    w.pending = true;
    w.missing = frame_copy(SLICE_LITERAL("abcd"));
    assert_answer(&w, NULL,
                  "{\"id\":\"42.9f3c1a07\",\"changed\":true,\"pending\":true,"
                  "\"missing\":\"YWJjZA==\"}");
    frame_unref(w.missing);
}

static void the_longest_parts_fit(void **state)
{
    (void)state;
    room_write w = {.id = {.seq = UINT64_MAX, .epoch = UINT32_MAX}, .pending = true};
    w.missing = frame_new(1000);
    memset(w.missing->data, 'x', 1000);
    frame *f = answer_of_write(&w, &w.id.epoch);
    assert_memory_equal(f->data + f->len - 21, "\",\"epoch\":\"ffffffff\"}", 21);
    frame_unref(f);
    frame_unref(w.missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_hold_what_there_is_to_say),
        cmocka_unit_test(the_longest_parts_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
