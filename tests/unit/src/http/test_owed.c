/* Answers that are owed: given in any order, received in order. */
#include "fixture.h"

#define OWED  "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
#define ALIVE "GET /alive HTTP/1.1\r\nHost: a\r\n\r\n"

static void begin_owed(fixture *f, const char *request, size_t count)
{
    begin(f, request, 4096);
    while (f->owed_count < count)
        turn(f);
}

static void answer(fixture *f, size_t index, const char *body)
{
    http_respond(f->owed[index], 200, NULL, 0, slice_of(body));
}

static void expect_answers(fixture *f, size_t count)
{
    while (answers(f) < count)
        turn(f);
    assert_int_equal(answers(f), count);
}

static size_t place_of(const fixture *f, const char *text)
{
    const char *at = memmem(f->received.data, f->received.len, text, strlen(text));
    assert_non_null(at);
    return (size_t)(at - f->received.data);
}

static void answers_come_in_the_order_of_the_requests(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f, OWED OWED OWED, 3);
    answer(&f, 2, "third");
    answer(&f, 1, "second");
    turn_at_once(&f);
    turn_at_once(&f);
    assert_int_equal(f.received.len, 0);
    answer(&f, 0, "first");
    expect_answers(&f, 3);
    assert_true(place_of(&f, "first") < place_of(&f, "second"));
    assert_true(place_of(&f, "second") < place_of(&f, "third"));
    send_more(&f, ALIVE);
    expect_answers(&f, 4);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void another_request_waits_until_nothing_is_owed(void **state)
{
    (void)state;
    static const char *const others[] = {
        ALIVE,
        "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
        "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx",
        "POST /owed HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
        "what?\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        fixture f;
        begin_owed(&f, OWED OWED, 2);
        send_more(&f, others[i]);
        for (int t = 0; t < 20; t++)
            turn_at_once(&f);
        assert_int_equal(f.echoed, 0);
        assert_int_equal(f.owed_count, 2);
        answer(&f, 1, "second");
        answer(&f, 0, "first");
        while (answers(&f) < 2 + (f.owed_count == 2)) {
            if (f.owed_count == 3)
                break;
            turn(&f);
        }
        if (f.owed_count == 3)
            answer(&f, 2, "third");
        expect_answers(&f, 3);
        assert_true(place_of(&f, "first") < place_of(&f, "second"));
        end(&f);
    }
}

static void only_so_many_are_owed(void **state)
{
    (void)state;
    static char many[sizeof(OWED) * (HTTP_OWED_MAX + 9)];
    fixture f;
    many[0] = '\0';
    for (int i = 0; i < HTTP_OWED_MAX + 9; i++)
        strcat(many, OWED);
    begin_owed(&f, many, HTTP_OWED_MAX);
    for (int i = 0; i < 50; i++)
        turn_at_once(&f);
    assert_int_equal(f.owed_count, HTTP_OWED_MAX);
    answer(&f, 0, "first");
    while (f.owed_count == HTTP_OWED_MAX)
        turn(&f);
    assert_int_equal(f.owed_count, HTTP_OWED_MAX + 1);
    for (size_t i = 1; i < HTTP_OWED_MAX + 9; i++) {
        while (f.owed_count <= i)
            turn(&f);
        answer(&f, i, "later");
    }
    expect_answers(&f, HTTP_OWED_MAX + 9);
    end(&f);
}

static void who_owes_is_told_that_the_peer_has_gone(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f, OWED OWED OWED, 3);
    answer(&f, 1, "second");
    struct linger at_once = {.l_onoff = 1};
    uv_os_fd_t fd;
    assert_int_equal(uv_fileno((uv_handle_t *)&f.client, &fd), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    assert_int_equal(uv_tcp_close_reset(&f.client, NULL), 0);
    while (http_server_count(f.server) > 0)
        turn(&f);
    assert_int_equal(f.aborted, 2);
    assert_int_equal(f.server->busy_count, 0);
    listener_close(f.listener);
    while (tcp_streams_count(f.streams) > 0)
        turn(&f);
    http_server_free(f.server);
    tcp_streams_free(f.streams);
    loop_free(f.loop);
    buf_free(&f.received);
}

static void a_peer_that_has_ended_its_side_still_gets_what_is_owed(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f, OWED OWED "POST /owed HT", 2);
    send_end(&f);
    for (int i = 0; i < 20; i++)
        turn_at_once(&f);
    answer(&f, 0, "first");
    answer(&f, 1, "second");
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(answers(&f), 2);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void note_drained(void *arg)
{
    fixture *f = arg;
    f->drained = true;
}

static void a_server_that_drains_waits_for_what_is_owed(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f, OWED OWED, 2);
    http_server_drain(f.server, note_drained, &f);
    for (int i = 0; i < 20; i++)
        turn_at_once(&f);
    assert_false(f.drained);
    answer(&f, 0, "first");
    answer(&f, 1, "second");
    while (!f.drained || !f.client_ended)
        turn(&f);
    assert_int_equal(answers(&f), 2);
    assert_true(place_of(&f, "Connection: close") > place_of(&f, "first"));
    end(&f);
}

static void nothing_more_is_handled_for_a_peer_that_does_not_read(void **state)
{
    (void)state;
    static char large[16 << 20];
    memset(large, 'l', sizeof(large) - 1);
    fixture f;
    begin_owed(&f, OWED OWED, 2);
    read_stop(&f);
    answer(&f, 0, large);
    turn_at_once(&f);
    send_more(&f, OWED ALIVE);
    for (int i = 0; i < 50; i++)
        turn_at_once(&f);
    assert_int_equal(f.owed_count, 2);
    answer(&f, 1, "second");
    read_start(&f);
    while (f.owed_count < 3)
        turn(&f);
    answer(&f, 2, "third");
    expect_answers(&f, 4);
    assert_true(place_of(&f, "second") < place_of(&f, "third"));
    end(&f);
}

static void a_peer_that_never_reads_is_cut_off(void **state)
{
    (void)state;
    static char large[16 << 20];
    memset(large, 'l', sizeof(large) - 1);
    fixture f;
    begin_owed(&f, OWED OWED, 2);
    read_stop(&f);
    answer(&f, 0, large);
    turn_at_once(&f);
    for (int i = 0; i < 3; i++)
        let_pass(&f, HTTP_WRITE_TIMEOUT_MS + 1);
    assert_int_equal(http_server_count(f.server), 0);
    assert_int_equal(f.aborted, 1);
    end(&f);
}

static void an_answer_that_is_long_in_coming_is_waited_for(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f, OWED, 1);
    let_pass(&f, 10 * HTTP_IDLE_TIMEOUT_MS);
    assert_int_equal(f.aborted, 0);
    answer(&f, 0, "late");
    expect_answers(&f, 1);
    let_pass(&f, HTTP_IDLE_TIMEOUT_MS + 1);
    assert_int_equal(http_server_count(f.server), 0);
    end(&f);
}

static void answers_are_for_whoever_asked(void **state)
{
    (void)state;
    fixture f;
    begin_owed(&f,
               "POST /owed HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n"
               "Content-Length: 1\r\n\r\nx",
               1);
    answer(&f, 0, "first");
    expect_answers(&f, 1);
    assert_true(has_received(&f, "Access-Control-Allow-Origin: https://app.example\r\n"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_in_the_order_of_the_requests),
        cmocka_unit_test(another_request_waits_until_nothing_is_owed),
        cmocka_unit_test(only_so_many_are_owed),
        cmocka_unit_test(who_owes_is_told_that_the_peer_has_gone),
        cmocka_unit_test(a_peer_that_has_ended_its_side_still_gets_what_is_owed),
        cmocka_unit_test(a_server_that_drains_waits_for_what_is_owed),
        cmocka_unit_test(nothing_more_is_handled_for_a_peer_that_does_not_read),
        cmocka_unit_test(a_peer_that_never_reads_is_cut_off),
        cmocka_unit_test(an_answer_that_is_long_in_coming_is_waited_for),
        cmocka_unit_test(answers_are_for_whoever_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
