/* Exchanges that wait for long: what becomes of the connection meanwhile, and afterwards. */
#include "fixture.h"

#define WAIT "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"

static void begin_wait(fixture *f, const char *request)
{
    begin(f, request, 4096);
    while (f->wait == NULL)
        turn(f);
    assert_true(list_is_empty(&f->server->conns));
    assert_int_equal(http_server_count(f->server), 1);
}

static void answer(fixture *f, const char *body)
{
    http_wait *w = f->wait;
    f->wait = NULL;
    http_respond(http_wait_end(w), 200, NULL, 0, slice_of(body));
}

static void expect(fixture *f, const char *text)
{
    while (!has_received(f, text))
        turn(f);
}

static void the_answer_comes_and_the_connection_goes_on(void **state)
{
    (void)state;
    fixture f;
    begin_wait(&f, WAIT);
    for (int i = 0; i < 3; i++) {
        answer(&f, i == 0 ? "first" : "again");
        expect(&f, i == 0 ? "\r\n\r\nfirst" : "\r\n\r\nagain");
        assert_false(has_received(&f, "Connection: close"));
        send_more(&f, WAIT);
        while (f.wait == NULL)
            turn(&f);
    }
    assert_int_equal(answers(&f), 3);
    assert_int_equal(f.aborted, 0);
    end(&f);
    assert_int_equal(f.aborted, 1);
}

/* Whether they come before the wait begins, in its midst, or in pieces. */
static void requests_that_follow_are_answered_in_their_turn(void **state)
{
    (void)state;
    static const char *const followed[] = {WAIT "GET /alive HTTP/1.1\r\nHost: a\r\n\r\n",
                                           WAIT "GET /alive HT"};
    for (size_t i = 0; i < 2; i++) {
        fixture f;
        begin_wait(&f, followed[i]);
        if (i == 1)
            send_more(&f, "TP/1.1\r\nHost: a\r\n\r\n");
        turn_at_once(&f);
        assert_int_equal(f.echoed, 0);
        answer(&f, "waited");
        assert_int_equal(f.echoed, 0); /* nobody who answers finds a handler running inside */
        while (answers(&f) < 2)
            turn(&f);
        expect(&f, "waited");
        assert_int_equal(f.echoed, 1);
        end(&f);
    }
}

static void however_much_comes_ahead_nothing_is_lost(void **state)
{
    (void)state;
    static char many[4 * HTTP_AHEAD_LEN_MAX];
    static const char request[] = "GET /alive HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t count = 0;
    for (; (count + 2) * (sizeof(request) - 1) < sizeof(many); count++)
        memcpy(many + count * (sizeof(request) - 1), request, sizeof(request) - 1);
    fixture f;
    begin_wait(&f, WAIT);
    send_more(&f, many);
    for (int i = 0; i < 100; i++)
        turn_at_once(&f);
    answer(&f, "waited");
    while (f.echoed < (int)count)
        turn(&f);
    while (answers(&f) < count + 1)
        turn(&f);
    end(&f);
}

static void a_peer_that_goes_is_forgotten(void **state)
{
    (void)state;
    fixture f;
    begin_wait(&f, WAIT);
    uv_tcp_close_reset(&f.client, NULL);
    while (f.aborted == 0)
        turn(&f);
    assert_int_equal(http_server_count(f.server), 0);
    uv_tcp_init(loop_uv(f.loop), &f.client); /* for `end` */
    end(&f);
}

static void a_peer_that_has_ended_its_side_is_answered_for_a_while(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        fixture f;
        begin_wait(&f, WAIT);
        send_end(&f);
        while (list_is_empty(&f.server->ended_waits))
            turn(&f);
        let_pass(&f, HTTP_ENDED_TIMEOUT_MS - 1000);
        assert_int_equal(f.aborted, 0);
        if (late)
            let_pass(&f, 3000);
        else
            answer(&f, "waited");
        while (!f.client_ended)
            turn(&f);
        assert_int_equal(f.aborted, late);
        assert_int_equal(answers(&f), 1 - late);
        end(&f);
    }
}

static void note_drained(void *arg)
{
    fixture *f = arg;
    f->drained = true;
}

static void a_server_that_drains_waits_for_the_answer(void **state)
{
    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        fixture f;
        begin_wait(&f, WAIT);
        http_server_drain(f.server, note_drained, &f);
        for (int i = 0; i < 10; i++)
            turn_at_once(&f);
        assert_false(f.drained);
        if (gone)
            http_server_close(f.server);
        else
            answer(&f, "waited");
        while (!f.drained || !f.client_ended)
            turn(&f);
        assert_int_equal(f.aborted, gone);
        assert_int_equal(has_received(&f, "Connection: close\r\n"), !gone);
        end(&f);
    }
}

static void the_answer_is_as_it_would_have_been(void **state)
{
    (void)state;
    static const struct {
        const char *request, *has, *has_not;
        bool ends;
    } cases[] = {
        {"HEAD /wait HTTP/1.1\r\nHost: a\r\n\r\n", "Content-Length: 6\r\n\r\n", "waited", false},
        {"GET /wait HTTP/1.0\r\n\r\n", "Connection: close\r\n", "keep-alive", true},
        {"GET /wait HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n",
         "close", false},
        {"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "Connection: close\r\n",
         "keep-alive", true},
        {"GET /wait HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n",
         "Access-Control-Allow-Origin: https://app.example\r\n", "other", false},
        {"GET /wait HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\n\r\n",
         "Vary: Origin\r\n", "Access-Control-Allow-Origin", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture f;
        begin_wait(&f, cases[i].request);
        answer(&f, "waited");
        expect(&f, cases[i].has);
        while (cases[i].ends && !f.client_ended)
            turn(&f);
        assert_int_equal(http_server_count(f.server), cases[i].ends ? 0 : 1);
        assert_false(has_received(&f, cases[i].has_not));
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_comes_and_the_connection_goes_on),
        cmocka_unit_test(requests_that_follow_are_answered_in_their_turn),
        cmocka_unit_test(however_much_comes_ahead_nothing_is_lost),
        cmocka_unit_test(a_peer_that_goes_is_forgotten),
        cmocka_unit_test(a_peer_that_has_ended_its_side_is_answered_for_a_while),
        cmocka_unit_test(a_server_that_drains_waits_for_the_answer),
        cmocka_unit_test(the_answer_is_as_it_would_have_been),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
