/* Which handler answers a method and a path: a walk over a table. */
#ifndef WEFT_HTTP_ROUTER_H
#define WEFT_HTTP_ROUTER_H

#include "http/message.h"

typedef struct router {
    const http_route *routes;
    size_t count;
} router;

typedef enum route_match {
    ROUTE_FOUND,
    ROUTE_WRONG_METHOD, /* the path has routes, but none for this method */
    ROUTE_NONE
} route_match;

/* Finds the route and takes the placeholders of the path (borrowed from it). */
route_match router_find(const router *r, llhttp_method_t method, slice path,
                        const http_route **route, slice params[HTTP_PARAMS_MAX]);

#define ROUTER_ALLOW_LEN_MAX 96

/* Writes the methods that the path has, for Allow: "GET, HEAD, POST, OPTIONS". Returns the length.
 */
size_t router_allow(const router *r, slice path, char out[ROUTER_ALLOW_LEN_MAX]);

#endif
