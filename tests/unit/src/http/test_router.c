/* The table of routes: patterns, methods, Allow; and the decoding of what they find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/router.h"

static const http_route routes[] = {
    {.method = HTTP_GET, .pattern = "/docs"},
    {.method = HTTP_GET, .pattern = "/docs/{doc}"},
    {.method = HTTP_PUT, .pattern = "/docs/{doc}"},
    {.method = HTTP_POST, .pattern = "/docs/{doc}/updates"},
    {.method = HTTP_GET, .pattern = "/ws/{name*}"},
};
static const router table = {routes, sizeof(routes) / sizeof(routes[0])};

static void expect(llhttp_method_t method, const char *path, route_match match, int index,
                   const char *param)
{
    const http_route *found = NULL;
    slice params[HTTP_PARAMS_MAX] = {{NULL, 0}};
    assert_int_equal(router_find(&table, method, slice_of(path), &found, params), match);
    if (match != ROUTE_FOUND)
        return;
    assert_ptr_equal(found, &routes[index]);
    assert_true(slice_equal(params[0], slice_of(param)));
}

static void routes_are_found_by_method_and_path(void **state)
{
    (void)state;
    expect(HTTP_GET, "/docs", ROUTE_FOUND, 0, "");
    expect(HTTP_HEAD, "/docs/a", ROUTE_FOUND, 1, "a");
    expect(HTTP_PUT, "/docs/a%2Fb", ROUTE_FOUND, 2, "a%2Fb");
    expect(HTTP_POST, "/docs/x/updates", ROUTE_FOUND, 3, "x");
    expect(HTTP_GET, "/ws/a/b/c", ROUTE_FOUND, 4, "a/b/c");
    expect(HTTP_DELETE, "/docs/a", ROUTE_WRONG_METHOD, 0, "");
    expect(HTTP_HEAD, "/docs/a/updates", ROUTE_WRONG_METHOD, 0, "");
    expect(HTTP_GET, "/docs/", ROUTE_NONE, 0, "");
    expect(HTTP_GET, "/docs/a/b", ROUTE_NONE, 0, "");
    expect(HTTP_GET, "/docs//updates", ROUTE_NONE, 0, "");
    expect(HTTP_GET, "/ws/", ROUTE_NONE, 0, "");
    expect(HTTP_GET, "/doc", ROUTE_NONE, 0, "");
}

static void allow_names_every_method_of_a_path(void **state)
{
    (void)state;
    char out[ROUTER_ALLOW_LEN_MAX];
    size_t len = router_allow(&table, SLICE_LITERAL("/docs/a"), out);
    assert_true(slice_equal((slice){out, len}, SLICE_LITERAL("GET, HEAD, PUT, OPTIONS")));
    len = router_allow(&table, SLICE_LITERAL("/docs/a/updates"), out);
    assert_true(slice_equal((slice){out, len}, SLICE_LITERAL("POST, OPTIONS")));
}

static void percent_escapes_are_decoded_or_refused(void **state)
{
    (void)state;
    char out[16];
    size_t len;
    assert_true(http_percent_decode(SLICE_LITERAL("a%2fB%C3%bc+"), out, &len));
    assert_true(slice_equal((slice){out, len}, SLICE_LITERAL("a/B\xc3\xbc+")));
    assert_false(http_percent_decode(SLICE_LITERAL("%"), out, &len));
    assert_false(http_percent_decode(SLICE_LITERAL("%4"), out, &len));
    assert_false(http_percent_decode(SLICE_LITERAL("%4g"), out, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_found_by_method_and_path),
        cmocka_unit_test(allow_names_every_method_of_a_path),
        cmocka_unit_test(percent_escapes_are_decoded_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
