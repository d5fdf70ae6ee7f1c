/* What a connection on which nothing happens comes to. The clock is put forward, nobody waits. */
#include "fixture.h"

static void a_new_connection_on_which_nothing_comes_is_closed_without_an_answer(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "", 1);
    connection(&f);
    let_pass(&f, HTTP_HEAD_TIMEOUT_MS - 1000);
    assert_int_equal(http_server_count(f.server), 1);
    let_pass(&f, 1000);
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(f.received.len, 0);
    end(&f);
}

static void a_head_that_does_not_come_is_408(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /alive HTTP/1.1\r\nHo", 4096);
    while (connection(&f)->state != CONN_HEAD)
        turn(&f);
    let_pass(&f, HTTP_HEAD_TIMEOUT_MS + 1000);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "HTTP/1.1 408 "));
    assert_true(has_received(&f, "\"code\":\"request_timeout\""));
    assert_true(has_received(&f, "Connection: close\r\n"));
    end(&f);
}

static void a_used_connection_may_be_idle_for_longer(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /alive HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (answers(&f) < 1)
        turn(&f);
    let_pass(&f, HTTP_IDLE_TIMEOUT_MS - 1000);
    assert_int_equal(http_server_count(f.server), 1);
    let_pass(&f, 2000);
    assert_int_equal(http_server_count(f.server), 0);
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(answers(&f), 1);
    end(&f);
}

static void a_body_lives_as_long_as_it_makes_progress(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab", 4096);
    while (connection(&f)->body.len < 2)
        turn(&f);
    let_pass(&f, HTTP_BODY_TIMEOUT_MS - 2000);
    send_more(&f, "cd");
    while (connection(&f)->body.len < 4)
        turn(&f);
    let_pass(&f, HTTP_BODY_TIMEOUT_MS - 2000);
    assert_int_equal(http_server_count(f.server), 1);
    let_pass(&f, 4000);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "HTTP/1.1 408 "));
    assert_int_equal(f.echoed, 0);
    end(&f);
}

static void note_drained(void *arg)
{
    fixture *f = arg;
    f->drained = true;
}

static void a_body_in_hand_has_eight_seconds_when_the_server_drains(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        fixture f;
        begin(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab", 4096);
        while (connection(&f)->body.len < 2)
            turn(&f);
        http_server_drain(f.server, note_drained, &f);
        let_pass(&f, HTTP_DRAIN_BODY_MS - 1000);
        assert_int_equal(http_server_count(f.server), 1);
        if (late)
            let_pass(&f, 2000);
        else
            send_more(&f, "cd");
        while (!f.client_ended || !f.drained)
            turn(&f);
        assert_int_equal(f.echoed, late ? 0 : 1);
        assert_true(has_received(&f, late ? "HTTP/1.1 408 " : "HTTP/1.1 200 "));
        end(&f);
    }
}

static void an_answer_that_is_not_taken_ends_the_connection(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.received.len == 0)
        turn(&f);
    read_stop(&f);
    int rooms;
    do { /* until the kernel's buffers are full */
        rooms = f.rooms;
        for (int i = 0; i < 8; i++)
            turn_at_once(&f);
    } while (f.rooms != rooms);
    let_pass(&f, HTTP_WRITE_TIMEOUT_MS - 2000);
    assert_int_equal(f.aborted, 0);
    let_pass(&f, 4000);
    assert_int_equal(f.aborted, 1);
    assert_int_equal(http_server_count(f.server), 0);
    end(&f);
}

static void an_answer_may_take_long_while_it_is_taken(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    uint64_t noted = 0, passed_ms = 0;
    while (f.received.len < PIECES_LEN && !f.client_ended) {
        turn(&f);
        if (f.received.len < noted + 1024 * 1024)
            continue;
        noted = f.received.len;
        passed_ms += HTTP_WRITE_TIMEOUT_MS / 4;
        let_pass(&f, HTTP_WRITE_TIMEOUT_MS / 4);
    }
    assert_true(passed_ms > HTTP_WRITE_TIMEOUT_MS);
    assert_int_equal(f.aborted, 0);
    assert_true(f.received.len >= PIECES_LEN);
    end(&f);
}

static void a_read_whose_peer_has_ended_its_side_is_given_up(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    send_end(&f);
    while (!connection(&f)->peer_ended)
        turn(&f);
    let_pass(&f, HTTP_ENDED_TIMEOUT_MS - 1000);
    assert_int_equal(f.aborted, 0);
    let_pass(&f, 2000);
    assert_int_equal(f.aborted, 1);
    end(&f);
}

static void a_write_whose_peer_has_ended_its_side_is_answered(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    send_end(&f);
    while (!connection(&f)->peer_ended)
        turn(&f);
    let_pass(&f, 10 * HTTP_ENDED_TIMEOUT_MS);
    assert_int_equal(f.aborted, 0);
    http_respond(f.waiting, 200, NULL, 0, SLICE_LITERAL("written"));
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "written"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_connection_on_which_nothing_comes_is_closed_without_an_answer),
        cmocka_unit_test(a_head_that_does_not_come_is_408),
        cmocka_unit_test(a_used_connection_may_be_idle_for_longer),
        cmocka_unit_test(a_body_lives_as_long_as_it_makes_progress),
        cmocka_unit_test(a_body_in_hand_has_eight_seconds_when_the_server_drains),
        cmocka_unit_test(an_answer_that_is_not_taken_ends_the_connection),
        cmocka_unit_test(an_answer_may_take_long_while_it_is_taken),
        cmocka_unit_test(a_read_whose_peer_has_ended_its_side_is_given_up),
        cmocka_unit_test(a_write_whose_peer_has_ended_its_side_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
