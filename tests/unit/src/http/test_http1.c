/* Connections over a real socket: what a client sends, in pieces of any size, and what it gets
 * back. */
#include "fixture.h"

static void pipelined_requests_are_answered_in_order_however_they_are_cut(void **state)
{
    (void)state;
    static const char requests[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst"
        "\r\nPOST /echo HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3\r\nond\r\n0\r\n\r\n"
        "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        "Content-Length: 5\r\n\r\nthird";
    for (size_t piece = 1; piece < sizeof(requests); piece += piece < 8 ? 1 : 17) {
        fixture f;
        begin(&f, requests, piece);
        while (!f.client_ended)
            turn(&f);
        assert_int_equal(answers(&f), 3);
        const char *first = memmem(f.received.data, f.received.len, "first", 5);
        const char *second = memmem(f.received.data, f.received.len, "second", 6);
        const char *third = memmem(f.received.data, f.received.len, "third", 5);
        assert_true(first != NULL && second > first && third > second);
        end(&f);
    }
}

static void abuse_is_refused_and_ends_the_connection(void **state)
{
    (void)state;
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       "Content-Length: 2\r\n\r\nxx",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                       "HTTP/1.1 400");
    expect_last_answer("GET /alive HTTP/1.1\nHost: a\n\n", "HTTP/1.1 400");
    expect_last_answer("GET alive HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400");
    expect_last_answer("GET /alive HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 400");
    expect_last_answer("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345",
                       "HTTP/1.1 413");
    expect_last_answer("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "5\r\n12345\r\n0\r\n\r\n",
                       "HTTP/1.1 413");
    expect_last_answer("GET /alive HTTP/1.0\r\n\r\n", "HTTP/1.1 200");
}

static void a_head_that_is_too_long_is_431(void **state)
{
    (void)state;
    char *request = malloc(20100);
    strcpy(request, "GET /alive HTTP/1.1\r\nHost: a\r\nX: ");
    size_t len = strlen(request);
    memset(request + len, 'x', 20000);
    request[len + 20000] = '\0';
    expect_last_answer(request, "HTTP/1.1 431");
    free(request);
}

static void continue_is_sent_only_for_a_body_that_is_wanted(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
          4096);
    while (!has_received(&f, "\r\n\r\n"))
        turn(&f);
    assert_true(has_received(&f, "HTTP/1.1 100 Continue\r\n\r\n"));
    send_more(&f, "ok");
    while (!has_received(&f, "ok"))
        turn(&f);
    end(&f);
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 5000\r\n\r\n",
                       "HTTP/1.1 413");
}

static void a_handler_may_answer_later(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    assert_int_equal(f.received.len, 0);
    http_respond(f.waiting, 204, NULL, 0, (slice){NULL, 0});
    while (answers(&f) < 2)
        turn(&f);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void a_handler_is_told_when_the_server_ends_its_connection(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.waiting == NULL)
        turn(&f);
    http_server_close(f.server);
    assert_int_equal(f.aborted, 1);
    end(&f);
}

static void a_stream_is_handed_over(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "\r\n\r\nstreamed"));
    assert_false(has_received(&f, "Content-Length"));
    assert_int_equal(http_server_count(f.server), 0);
    end(&f);
}

static void note_drained(void *arg)
{
    fixture *f = arg;
    f->drained = true;
}

static void draining_finishes_what_is_in_hand_and_refuses_the_rest(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /alive HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
          4096);
    while (f.waiting == NULL)
        turn(&f);
    http_server_drain(f.server, note_drained, &f);
    turn_at_once(&f);
    assert_false(f.drained);
    http_respond(f.waiting, 200, NULL, 0, SLICE_LITERAL("done"));
    while (!f.client_ended || !f.drained)
        turn(&f);
    assert_int_equal(answers(&f), 3);
    assert_true(has_received(&f, "done"));
    assert_true(has_received(&f, "HTTP/1.1 503"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipelined_requests_are_answered_in_order_however_they_are_cut),
        cmocka_unit_test(abuse_is_refused_and_ends_the_connection),
        cmocka_unit_test(a_head_that_is_too_long_is_431),
        cmocka_unit_test(continue_is_sent_only_for_a_body_that_is_wanted),
        cmocka_unit_test(a_handler_may_answer_later),
        cmocka_unit_test(a_handler_is_told_when_the_server_ends_its_connection),
        cmocka_unit_test(a_stream_is_handed_over),
        cmocka_unit_test(draining_finishes_what_is_in_hand_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
