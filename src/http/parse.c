/* From bytes to a request: what llhttp reports is put into the exchange, and what it lets pass is
 * looked at again. Nothing here answers, or changes the connection's state.
 */
#include <strings.h>

#include "http/head.h"
#include "http/inside.h"

/* ---- what llhttp reports ---- */

static int on_url(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    conn->request.path = (slice){at, len};
    return HPE_OK;
}

/* Fields behind a chunked body are read and dropped, as chunk extensions are: nothing here knows
 * what to do with them, and RFC 9110 (section 6.5.1) forbids treating them as the head's. Together
 * they may be as long as a head. */
static int pass_trailer(http_exchange *conn, size_t len)
{
    conn->trailer_len += len + 1; /* empty ones count too */
    conn->too_many_fields = conn->trailer_len > HTTP_HEAD_LEN_MAX;
    return conn->too_many_fields ? HPE_USER : HPE_OK;
}

static int on_field(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (conn->state != CONN_HEAD)
        return pass_trailer(conn, len);
    if (exchange_add_field(conn, (http_field){{at, len}, {at + len, 0}}))
        return HPE_OK;
    conn->too_many_fields = true;
    return HPE_USER;
}

static int on_extension(llhttp_t *parser, const char *at, size_t len)
{
    (void)at;
    return pass_trailer(parser->data, len);
}

/* The head is parsed in one piece, so each value comes in one piece; white space behind it is none
 * of it (RFC 9112, section 5.1). */
static int on_value(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (conn->state != CONN_HEAD)
        return pass_trailer(conn, len);
    while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
        len--;
    conn->fields[conn->field_count - 1].value = (slice){at, len};
    return HPE_OK;
}

static int on_headers_complete(llhttp_t *parser)
{
    http_exchange *conn = parser->data;
    conn->keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_OK;
}

static int on_body(llhttp_t *parser, const char *at, size_t len)
{
    http_exchange *conn = parser->data;
    if (len > conn->body_len_max - conn->body.len)
        conn->body_too_large = true;
    if (conn->body_too_large)
        return HPE_USER;
    buf_append(&conn->body, (slice){at, len});
    return HPE_OK;
}

static int on_message_complete(llhttp_t *parser)
{
    http_exchange *conn = parser->data;
    conn->body_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
    .on_chunk_extension_name = on_extension,
    .on_chunk_extension_value = on_extension,
};

void parse_begin(http_exchange *conn)
{
    llhttp_init(&conn->parser, HTTP_REQUEST, &settings);
    conn->parser.data = conn;
    conn->request = (http_request){0};
    conn->field_count = 0;
}

/* ---- the head ---- */

/* Bytes of the scheme and the host that begin a target in absolute form, which proxies send (RFC
 * 9112, section 3.2.2); 0 if it is in another form. */
static size_t authority_len(slice target)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        size_t len = strlen(schemes[i]);
        if (target.len <= len || strncasecmp(target.data, schemes[i], len) != 0)
            continue;
        while (len < target.len && memchr("/?#", target.data[len], 3) == NULL)
            len++;
        return len;
    }
    return 0;
}

/* Path and query of the target; a path that is absent is the root. */
static bool split_target(http_request *request)
{
    size_t authority = authority_len(request->path);
    slice target = {request->path.data + authority, request->path.len - authority};
    bool rootless = authority > 0 && (target.len == 0 || target.data[0] == '?');
    bool asterisk = request->method == HTTP_OPTIONS && slice_equal(target, SLICE_LITERAL("*"));
    if (!asterisk && !rootless && (target.len == 0 || target.data[0] != '/'))
        return false;
    if (memchr(target.data, '#', target.len) != NULL)
        return false;
    const char *mark = memchr(target.data, '?', target.len);
    size_t path_len = mark != NULL ? (size_t)(mark - target.data) : target.len;
    request->path = rootless ? SLICE_LITERAL("/") : (slice){target.data, path_len};
    if (mark != NULL)
        request->query = (slice){mark + 1, target.len - path_len - 1};
    return true;
}

/* Characters of a host, perhaps in brackets, and its port (RFC 3986, section 3.2). */
static bool is_host(slice host)
{
    static const char marks[] = "-._~!$&'()*+,;=:[]%";
    for (size_t i = 0; i < host.len; i++) {
        char c = host.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && memchr(marks, c, sizeof(marks) - 1) == NULL)
            return false;
    }
    return true;
}

/* Why the parsed head is not acceptable, or NULL. */
static const char *check_parsed(http_exchange *conn)
{
    const llhttp_t *p = &conn->parser;
    if (p->http_major != 1 || p->http_minor > 1)
        return "The HTTP version is not 1.0 or 1.1.";
    slice coding = http_header(conn, "transfer-encoding");
    if (coding.data != NULL &&
        (p->http_minor == 0 || http_header(conn, "content-length").data != NULL ||
         !(coding.len == 7 && strncasecmp(coding.data, "chunked", 7) == 0)))
        return "Transfer-Encoding must be chunked, alone, and without Content-Length.";
    if (!is_host(http_header(conn, "host")))
        return "Host is not a host.";
    conn->request.http_1_0 = p->http_minor == 0;
    if (p->method == HTTP_CONNECT || !split_target(&conn->request))
        return "The request target must begin with a slash, and have no fragment.";
    return NULL;
}

/* The method's length if it is a token, else 0. */
static size_t method_len(slice head)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < head.len; i++) {
        char c = head.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && memchr(marks, c, sizeof(marks) - 1) == NULL)
            return c == ' ' ? i : 0;
    }
    return 0;
}

/* A method that llhttp does not know, or not for HTTP, does not make a request malformed: it is
 * parsed as if it had one that is known, and then is one that no path has. */
static llhttp_errno_t execute_head(http_exchange *conn)
{
    slice head = buf_slice(&conn->head);
    llhttp_errno_t e = llhttp_execute(&conn->parser, head.data, head.len);
    size_t len = method_len(head);
    conn->request.method = (llhttp_method_t)conn->parser.method;
    if ((e != HPE_INVALID_METHOD && e != HPE_INVALID_CONSTANT) || len == 0)
        return e;
    parse_begin(conn);
    conn->request.method = HTTP_METHOD_OTHER;
    e = llhttp_execute(&conn->parser, "GET", 3);
    return e == HPE_OK ? llhttp_execute(&conn->parser, head.data + len, head.len - len) : e;
}

const char *parse_head(http_exchange *conn)
{
    const char *wrong = head_check(buf_slice(&conn->head));
    if (wrong != NULL)
        return wrong;
    llhttp_errno_t e = execute_head(conn);
    if (e != HPE_OK && e != HPE_PAUSED && e != HPE_PAUSED_UPGRADE)
        return llhttp_get_error_reason(&conn->parser);
    return check_parsed(conn);
}

/* ---- the body ---- */

size_t parse_body(http_exchange *conn, slice bytes)
{
    if (llhttp_execute(&conn->parser, bytes.data, bytes.len) == HPE_OK)
        return bytes.len;
    if (!conn->body_complete)
        return 0;
    return (size_t)(llhttp_get_error_pos(&conn->parser) - bytes.data);
}
