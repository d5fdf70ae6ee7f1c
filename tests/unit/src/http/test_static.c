/* Which file a path names; and files over a connection. */
#include "fixture.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void paths_name_files_below_the_directory_or_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *path, *file;
    } cases[] = {
        {"/", "index.html"},
        {"/app.js", "app.js"},
        {"/sub/", "sub/index.html"},
        {"/sub", "sub"},
        {"/with%20space.txt", "with space.txt"},
        {"/%c3%bc.txt", "\xc3\xbc.txt"},
        {"/a%2fb", "a/b"},
        {"/..", NULL},
        {"/../x", NULL},
        {"/%2e%2e/x", NULL},
        {"/a/..%2fx", NULL},
        {"/a/./b", NULL},
        {"/.hidden", NULL},
        {"/a/.git/config", NULL},
        {"//etc/passwd", NULL},
        {"/a//b", NULL},
        {"/%2fetc/passwd", NULL},
        {"/a%5cb", NULL},
        {"/a\\b", NULL},
        {"/a%00.txt", NULL},
        {"/%zz", NULL},
        {"/%2", NULL},
        {"a", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[STATIC_PATH_LEN_MAX + sizeof(STATIC_INDEX)];
        bool found = static_path(slice_of(cases[i].path), out);
        if (found != (cases[i].file != NULL) || (found && strcmp(out, cases[i].file) != 0))
            fail_msg("%s: %s", cases[i].path, found ? out : "nothing");
    }
}

static void a_path_may_be_so_long_and_no_longer(void **state)
{
    (void)state;
    char path[STATIC_PATH_LEN_MAX + 1];
    char out[STATIC_PATH_LEN_MAX + sizeof(STATIC_INDEX)];
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[STATIC_PATH_LEN_MAX - 1] = '/';
    assert_true(static_path((slice){path, STATIC_PATH_LEN_MAX}, out));
    assert_false(static_path((slice){path, STATIC_PATH_LEN_MAX + 1}, out));
}

static void types_come_from_the_end_of_the_name(void **state)
{
    (void)state;
    assert_true(
        slice_equal(static_type("a/b.js"), SLICE_LITERAL("text/javascript; charset=utf-8")));
    assert_true(slice_equal(static_type("x.wasm"), SLICE_LITERAL("application/wasm")));
    assert_true(slice_equal(static_type(".js"), SLICE_LITERAL("application/octet-stream")));
    assert_true(slice_equal(static_type("x"), SLICE_LITERAL("application/octet-stream")));
}

/* ---- over a connection ---- */

#define LARGE_LEN ((size_t)5 * 1024 * 1024 + 7)

typedef struct site {
    char dir[32];
    char large[64];
} site;

static void write_file(const char *path, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        putc((int)(i / 7 % 251), file);
    assert_int_equal(fclose(file), 0);
}

static int make_site(void **state)
{
    static site s;
    strcpy(s.dir, "/tmp/weft-static-XXXXXX");
    assert_non_null(mkdtemp(s.dir));
    snprintf(s.large, sizeof(s.large), "%s/large.bin", s.dir);
    write_file(s.large, LARGE_LEN);
    char path[64];
    snprintf(path, sizeof(path), "%s/sub", s.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof(path), "%s/sub/index.html", s.dir);
    write_file(path, 3);
    *state = &s;
    return 0;
}

static int remove_site(void **state)
{
    const site *s = *state;
    char path[64];
    unlink(s->large);
    snprintf(path, sizeof(path), "%s/sub/index.html", s->dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/sub", s->dir);
    rmdir(path);
    return rmdir(s->dir);
}

static void a_large_file_comes_whole_in_pieces(void **state)
{
    const site *s = *state;
    fixture f;
    begin_static(&f, "GET /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", s->dir);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "HTTP/1.1 200 "));
    assert_true(f.received.len > LARGE_LEN);
    const char *body = f.received.data + f.received.len - LARGE_LEN;
    assert_memory_equal(body - 4, "\r\n\r\n", 4);
    for (size_t i = 0; i < LARGE_LEN; i++)
        assert_int_equal((unsigned char)body[i], i / 7 % 251);
    end(&f);
}

static void heads_and_directories_have_no_body(void **state)
{
    const site *s = *state;
    fixture f;
    begin_static(&f,
                 "HEAD /large.bin HTTP/1.1\r\nHost: a\r\n\r\n"
                 "GET /sub HTTP/1.1\r\nHost: a\r\n\r\n"
                 "OPTIONS /large.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                 s->dir);
    while (!f.client_ended)
        turn(&f);
    assert_true(has_received(&f, "Content-Length: 5242887\r\n"));
    assert_true(has_received(&f, "HTTP/1.1 301 "));
    assert_true(has_received(&f, "Location: /sub/\r\n"));
    assert_true(has_received(&f, "HTTP/1.1 204 "));
    assert_int_equal(answers(&f), 3);
    assert_in_range(f.received.len, 1, 2000);
    end(&f);
}

static void a_file_that_gets_shorter_cuts_the_answer(void **state)
{
    const site *s = *state;
    fixture f;
    begin_static(&f, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", s->dir);
    while (f.received.len == 0)
        turn(&f);
    assert_int_equal(truncate(s->large, 1000), 0);
    while (!f.client_ended)
        turn(&f);
    assert_in_range(f.received.len, 1, LARGE_LEN);
    assert_int_equal(answers(&f), 1);
    end(&f);
    write_file(s->large, LARGE_LEN);
}

/* In whatever state the file is: being opened, being read, waiting for room. */
static void a_peer_may_go_at_any_time(void **state)
{
    const site *s = *state;
    for (int turns = 1; turns < 24; turns++) {
        fixture f;
        begin_static(&f, "GET /large.bin HTTP/1.1\r\nHost: a\r\n\r\n", s->dir);
        for (int i = 0; i < turns; i++)
            turn(&f);
        http_server_close(f.server);
        assert_int_equal(http_server_count(f.server), 0);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_name_files_below_the_directory_or_nothing),
        cmocka_unit_test(a_path_may_be_so_long_and_no_longer),
        cmocka_unit_test(types_come_from_the_end_of_the_name),
        cmocka_unit_test(a_large_file_comes_whole_in_pieces),
        cmocka_unit_test(heads_and_directories_have_no_body),
        cmocka_unit_test(a_file_that_gets_shorter_cuts_the_answer),
        cmocka_unit_test(a_peer_may_go_at_any_time),
    };
    return cmocka_run_group_tests(tests, make_site, remove_site);
}
