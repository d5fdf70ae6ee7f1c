#include "http/router.h"

#include "base/must.h"

/* The end of the segment that begins at `p`. */
static const char *segment_end(const char *p, const char *end)
{
    const char *slash = memchr(p, '/', (size_t)(end - p));
    return slash ? slash : end;
}

/* {x} matches one segment that is not empty, {x*} all that is left. */
static bool matches(const char *pattern, slice path, slice params[HTTP_PARAMS_MAX])
{
    const char *p = path.data;
    const char *end = path.data + path.len;
    size_t count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (p == end || *p != *pattern)
                return false;
            p++;
            pattern++;
            continue;
        }
        const char *close = strchr(pattern, '}');
        must(close != NULL && count < HTTP_PARAMS_MAX);
        const char *stop = close[-1] == '*' ? end : segment_end(p, end);
        if (stop == p)
            return false;
        params[count++] = (slice){p, (size_t)(stop - p)};
        p = stop;
        pattern = close + 1;
    }
    return p == end;
}

static bool serves(const http_route *route, llhttp_method_t method)
{
    return route->method == method || (route->method == HTTP_GET && method == HTTP_HEAD);
}

route_match router_find(const router *r, llhttp_method_t method, slice path,
                        const http_route **route, slice params[HTTP_PARAMS_MAX])
{
    bool path_found = false;
    for (size_t i = 0; i < r->count; i++) {
        slice found[HTTP_PARAMS_MAX] = {{NULL, 0}};
        if (!matches(r->routes[i].pattern, path, found))
            continue;
        path_found = true;
        if (serves(&r->routes[i], method)) {
            *route = &r->routes[i];
            memcpy(params, found, sizeof(found));
            return ROUTE_FOUND;
        }
    }
    return path_found ? ROUTE_WRONG_METHOD : ROUTE_NONE;
}

static size_t add_method(char *out, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    must(len + name_len + 2 < ROUTER_ALLOW_LEN_MAX);
    if (len > 0) {
        memcpy(out + len, ", ", 2);
        len += 2;
    }
    memcpy(out + len, name, name_len);
    return len + name_len;
}

size_t router_allow(const router *r, slice path, char out[ROUTER_ALLOW_LEN_MAX])
{
    size_t len = 0;
    slice params[HTTP_PARAMS_MAX];
    for (size_t i = 0; i < r->count; i++) {
        if (!matches(r->routes[i].pattern, path, params))
            continue;
        len = add_method(out, len, llhttp_method_name(r->routes[i].method));
        if (r->routes[i].method == HTTP_GET)
            len = add_method(out, len, "HEAD");
    }
    return add_method(out, len, "OPTIONS");
}
