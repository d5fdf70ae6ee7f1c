/* Answers: at once, later, in pieces; problems as JSON; what is joined, matched and left out. */
#include "fixture.h"

#include <jansson.h>

/* The body of the only answer. */
static slice body_of(const fixture *f)
{
    const char *end = memmem(f->received.data, f->received.len, "\r\n\r\n", 4);
    assert_non_null(end);
    size_t head_len = (size_t)(end - f->received.data) + 4;
    return (slice){f->received.data + head_len, f->received.len - head_len};
}

static void converse(fixture *f, const char *request)
{
    begin(f, request, 4096);
    while (!f->client_ended)
        turn(f);
}

static void a_problem_is_json_that_names_its_code(void **state)
{
    (void)state;
    fixture f;
    converse(&f, "BREW /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_true(has_received(&f, "HTTP/1.1 405 Method Not Allowed\r\n"));
    assert_true(has_received(&f, "Content-Type: application/problem+json\r\n"));
    assert_true(has_received(&f, "Allow: POST, OPTIONS\r\n"));
    slice body = body_of(&f);
    json_t *problem = json_loadb(body.data, body.len, 0, NULL);
    assert_non_null(problem);
    assert_int_equal(json_integer_value(json_object_get(problem, "status")), 405);
    assert_string_equal(json_string_value(json_object_get(problem, "type")), "about:blank");
    assert_string_equal(json_string_value(json_object_get(problem, "title")), "Method Not Allowed");
    assert_string_equal(json_string_value(json_object_get(problem, "code")), "method_not_allowed");
    assert_non_null(json_string_value(json_object_get(problem, "detail")));
    json_decref(problem);
    end(&f);
}

static void a_method_without_a_name_is_one_that_no_path_has(void **state)
{
    (void)state;
    static const struct {
        const char *line, *status;
    } cases[] = {
        {"BREW /alive HTTP/1.1", "HTTP/1.1 405"},     {"get /alive HTTP/1.1", "HTTP/1.1 405"},
        {"DESCRIBE /alive HTTP/1.1", "HTTP/1.1 405"}, {"TRACE /alive HTTP/1.1", "HTTP/1.1 405"},
        {"PATCH /alive HTTP/1.1", "HTTP/1.1 405"},    {"BREW /nothing HTTP/1.1", "HTTP/1.1 404"},
        {"BR(EW /alive HTTP/1.1", "HTTP/1.1 400"},    {"CONNECT a:80 HTTP/1.1", "HTTP/1.1 400"},
        {"BREW /alive HTTP/3.0", "HTTP/1.1 400"},     {"GET /a#b HTTP/1.1", "HTTP/1.1 400"},
        {"OPTIONS * HTTP/1.1", "HTTP/1.1 204"},       {"GET * HTTP/1.1", "HTTP/1.1 400"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request), "%s\r\nHost: a\r\nConnection: close\r\n\r\n",
                 cases[i].line);
        expect_last_answer(request, cases[i].status);
    }
}

static void hosts_are_looked_at(void **state)
{
    (void)state;
    static const struct {
        const char *host, *status;
    } cases[] = {
        {"example.org:8080", "HTTP/1.1 200"},
        {"[::1]:80", "HTTP/1.1 200"},
        {"example.org  ", "HTTP/1.1 200"},
        {"a b", "HTTP/1.1 400"},
        {"a/b", "HTTP/1.1 400"},
        {"user@a", "HTTP/1.1 400"},
        {"a, b", "HTTP/1.1 400"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char request[200];
        snprintf(request, sizeof(request),
                 "GET /alive HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", cases[i].host);
        expect_last_answer(request, cases[i].status);
    }
}

static void repeated_fields_are_joined_without_the_space_around_them(void **state)
{
    (void)state;
    fixture f;
    converse(&f, "GET /header HTTP/1.1\r\nHost: a\r\nX-List:  a \t\r\nx-list: b,c\r\nX-LIST:\r\n"
                 "Connection: close\r\n\r\n");
    assert_true(slice_equal(body_of(&f), SLICE_LITERAL("a, b,c, ")));
    end(&f);
}

static void tags_are_compared_weakly(void **state)
{
    (void)state;
    slice tag = SLICE_LITERAL("\"42.a\"");
    assert_true(http_etag_matches(SLICE_LITERAL("\"42.a\""), tag));
    assert_true(http_etag_matches(SLICE_LITERAL("*"), tag));
    assert_true(http_etag_matches(SLICE_LITERAL("\"1\", W/\"42.a\""), tag));
    assert_false(http_etag_matches(SLICE_LITERAL("\"42.ab\""), tag));
    assert_false(http_etag_matches(SLICE_LITERAL("\"142.a\""), tag));
    assert_false(http_etag_matches(SLICE_LITERAL("42.a"), tag));
    assert_false(http_etag_matches((slice){NULL, 0}, tag));
}

static void nothing_is_handled_inside_an_answer(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
          4096);
    while (f.waiting == NULL)
        turn(&f);
    http_respond(f.waiting, 204, NULL, 0, (slice){NULL, 0});
    assert_int_equal(f.echoed, 0);
    while (answers(&f) < 2)
        turn(&f);
    assert_int_equal(f.echoed, 1);
    end(&f);
}

static void a_long_pipeline_is_answered_in_order(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n%05d";
    char *all = malloc(COUNT * (sizeof(request) + 8));
    size_t len = 0;
    for (int i = 0; i < COUNT; i++)
        len += (size_t)sprintf(all + len, request, i);
    fixture f;
    begin(&f, all, len);
    while (answers(&f) < COUNT)
        turn(&f);
    const char *at = f.received.data;
    for (int i = 0; i < COUNT; i++) {
        char wanted[16];
        snprintf(wanted, sizeof(wanted), "\r\n\r\n%05d", i);
        at = memmem(at, f.received.len - (size_t)(at - f.received.data), wanted, 9);
        assert_non_null(at);
    }
    end(&f);
    free(all);
}

static void an_answer_in_pieces_comes_whole_and_another_follows(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n"
          "HEAD /pieces HTTP/1.1\r\nHost: a\r\n\r\n"
          "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast",
          4096);
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(f.rooms, PIECES_LEN / PIECE_LEN);
    assert_int_equal(answers(&f), 3);
    assert_int_equal(f.aborted, 0);
    assert_in_range(f.received.len, PIECES_LEN, PIECES_LEN + 2000);
    assert_memory_equal(f.received.data + f.received.len - 4, "last", 4);
    end(&f);
}

static void a_peer_that_goes_between_pieces_is_told_to_the_handler(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.rooms < 3)
        turn(&f);
    http_server_close(f.server);
    assert_int_equal(f.aborted, 1);
    end(&f);
}

static void an_answer_that_cannot_go_on_is_cut(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /pieces HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.rooms < 3)
        turn(&f);
    http_respond_cut(f.waiting);
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(f.aborted, 0);
    assert_in_range(f.received.len, 1, PIECES_LEN);
    end(&f);
}

/* Takes one chunk off `rest`, and returns its data. */
static slice take_chunk(slice *rest)
{
    char *end;
    slice chunk = {NULL, strtoul(rest->data, &end, 16)};
    assert_memory_equal(end, "\r\n", 2);
    chunk.data = end + 2;
    const char *after = chunk.data + chunk.len;
    assert_memory_equal(after, "\r\n", 2);
    rest->len -= (size_t)(after + 2 - rest->data);
    rest->data = after + 2;
    return chunk;
}

static void assert_letters(slice piece, int i)
{
    assert_int_equal(piece.len, chunk_len(i));
    for (size_t at = 0; at < piece.len; at++)
        if (piece.data[at] != chunk_letter(i))
            fail_msg("piece %d is not what was sent, from %zu on", i, at);
}

static void a_body_of_unknown_length_comes_in_chunks_and_another_answer_follows(void **state)
{
    (void)state;
    fixture f;
    begin(&f,
          "GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n"
          "GET /chunks HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
          4096);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "Transfer-Encoding: chunked\r\n"));
    assert_false(has_received(&f, "Content-Length"));
    slice rest = body_of(&f);
    for (int i = 0; i < CHUNKS; i++)
        assert_letters(take_chunk(&rest), i);
    assert_int_equal(take_chunk(&rest).len, 0);
    assert_memory_equal(rest.data, "HTTP/1.1 200", 12);
    assert_memory_equal(rest.data + rest.len - 5, "0\r\n\r\n", 5);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void a_body_of_unknown_length_ends_with_the_connection_in_1_0(void **state)
{
    (void)state;
    fixture f;
    converse(&f, "GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_false(has_received(&f, "Transfer-Encoding"));
    assert_false(has_received(&f, "Content-Length"));
    assert_true(has_received(&f, "Connection: close\r\n"));
    slice rest = body_of(&f);
    for (int i = 0; i < CHUNKS; i++) {
        assert_in_range(rest.len, chunk_len(i), SIZE_MAX);
        assert_letters((slice){rest.data, chunk_len(i)}, i);
        rest = (slice){rest.data + chunk_len(i), rest.len - chunk_len(i)};
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(f.aborted, 0);
    end(&f);
}

static void head_of_a_body_of_unknown_length_is_a_head_alone(void **state)
{
    (void)state;
    fixture f;
    converse(&f, "HEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n"
                 "HEAD /chunks HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_int_equal(answers(&f), 2);
    assert_int_equal(f.rooms, 0);
    assert_false(has_received(&f, "Content-Length"));
    assert_memory_equal(f.received.data + f.received.len - 4, "\r\n\r\n", 4);
    end(&f);
}

static void a_slow_reader_is_asked_for_chunks_as_it_takes_them(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.rooms < 1)
        turn(&f);
    read_stop(&f);
    int before;
    do {
        before = f.rooms;
        for (int i = 0; i < 20; i++)
            turn_at_once(&f);
    } while (f.rooms > before);
    assert_in_range(f.rooms, 1, CHUNKS - 1);
    read_start(&f);
    while (f.waiting != NULL)
        turn(&f);
    assert_int_equal(f.rooms, CHUNKS);
    end(&f);
}

static void a_chunked_answer_that_cannot_go_on_has_no_last_chunk(void **state)
{
    (void)state;
    fixture f;
    begin(&f, "GET /chunks HTTP/1.1\r\nHost: a\r\n\r\n", 4096);
    while (f.rooms < 3)
        turn(&f);
    http_respond_cut(f.waiting);
    while (!f.client_ended)
        turn(&f);
    assert_int_equal(f.aborted, 0);
    assert_false(has_received(&f, "\r\n0\r\n\r\n"));
    end(&f);
}

/* What no route takes is answered for what it is, and a body that nobody wants is not asked for. */
static void unwanted_bodies_do_not_change_the_answer(void **state)
{
    (void)state;
    expect_last_answer("POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
                       "HTTP/1.1 404");
    expect_last_answer("POST /alive HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n",
                       "HTTP/1.1 405");
    expect_last_answer("POST /nothing HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 5\r\n\r\n",
                       "HTTP/1.1 404");
    expect_last_answer("GET /alive HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                       "Content-Length: 5\r\n\r\n",
                       "HTTP/1.1 200");
    expect_last_answer("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n"
                       "Content-Length: 5\r\n\r\n",
                       "HTTP/1.1 417");
}

static void chunk_extensions_are_bounded(void **state)
{
    (void)state;
    static const char head[] =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5";
    char *request = malloc(sizeof(head) + 2 * HTTP_HEAD_LEN_MAX);
    char *p = request + sprintf(request, "%s", head);
    for (size_t i = 0; i < HTTP_HEAD_LEN_MAX; i++, p += 2)
        memcpy(p, ";x", 2);
    *p = '\0';
    expect_last_answer(request, "HTTP/1.1 431");
    free(request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_is_json_that_names_its_code),
        cmocka_unit_test(a_method_without_a_name_is_one_that_no_path_has),
        cmocka_unit_test(hosts_are_looked_at),
        cmocka_unit_test(repeated_fields_are_joined_without_the_space_around_them),
        cmocka_unit_test(tags_are_compared_weakly),
        cmocka_unit_test(nothing_is_handled_inside_an_answer),
        cmocka_unit_test(a_long_pipeline_is_answered_in_order),
        cmocka_unit_test(an_answer_in_pieces_comes_whole_and_another_follows),
        cmocka_unit_test(a_peer_that_goes_between_pieces_is_told_to_the_handler),
        cmocka_unit_test(an_answer_that_cannot_go_on_is_cut),
        cmocka_unit_test(a_body_of_unknown_length_comes_in_chunks_and_another_answer_follows),
        cmocka_unit_test(a_body_of_unknown_length_ends_with_the_connection_in_1_0),
        cmocka_unit_test(head_of_a_body_of_unknown_length_is_a_head_alone),
        cmocka_unit_test(a_slow_reader_is_asked_for_chunks_as_it_takes_them),
        cmocka_unit_test(a_chunked_answer_that_cannot_go_on_has_no_last_chunk),
        cmocka_unit_test(unwanted_bodies_do_not_change_the_answer),
        cmocka_unit_test(chunk_extensions_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
