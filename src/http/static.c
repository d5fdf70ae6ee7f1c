/* Files of one directory, for whatever no route serves.
 *
 * The happy path: the path is decoded and checked on the loop; a thread of the pool opens the file
 * below the directory, and nowhere else, and reads it; back on the loop it is answered. If the peer
 * goes first the file is read for nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/inside.h"

/* Files above this are not served. */
#define STATIC_FILE_LEN_MAX ((size_t)32 * 1024 * 1024)
/* Bytes of a decoded path. */
#define STATIC_PATH_LEN_MAX 1024

typedef enum found { FOUND_FILE, FOUND_NOTHING, FOUND_FAILED } found;

typedef struct file_read {
    uv_work_t work;
    http_exchange *ex; /* NULL: the peer has gone */
    const char *dir;
    char path[STATIC_PATH_LEN_MAX + sizeof("index.html")]; /* relative */
    found result;
    char *data;
    size_t len;
    char etag[48];
} file_read;

static const struct {
    const char *suffix;
    slice type;
} types[] = {
    {".html", SLICE_LITERAL("text/html; charset=utf-8")},
    {".js", SLICE_LITERAL("text/javascript; charset=utf-8")},
    {".mjs", SLICE_LITERAL("text/javascript; charset=utf-8")},
    {".css", SLICE_LITERAL("text/css; charset=utf-8")},
    {".json", SLICE_LITERAL("application/json")},
    {".map", SLICE_LITERAL("application/json")},
    {".svg", SLICE_LITERAL("image/svg+xml")},
    {".png", SLICE_LITERAL("image/png")},
    {".jpg", SLICE_LITERAL("image/jpeg")},
    {".ico", SLICE_LITERAL("image/x-icon")},
    {".webp", SLICE_LITERAL("image/webp")},
    {".woff2", SLICE_LITERAL("font/woff2")},
    {".woff", SLICE_LITERAL("font/woff")},
    {".wasm", SLICE_LITERAL("application/wasm")},
    {".txt", SLICE_LITERAL("text/plain; charset=utf-8")},
};

static slice type_of(const char *path)
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t suffix_len = strlen(types[i].suffix);
        if (len > suffix_len && strcmp(path + len - suffix_len, types[i].suffix) == 0)
            return types[i].type;
    }
    return SLICE_LITERAL("application/octet-stream");
}

/* The relative path that a request's path names. False if it names no file: badly encoded, hidden,
 * or on its way out. */
static bool relative_path(slice path, char out[STATIC_PATH_LEN_MAX + sizeof("index.html")])
{
    size_t len;
    if (path.len == 0 || path.len > STATIC_PATH_LEN_MAX ||
        !http_percent_decode((slice){path.data + 1, path.len - 1}, out, &len) ||
        memchr(out, '\0', len) != NULL || memchr(out, '\\', len) != NULL)
        return false;
    out[len] = '\0';
    for (const char *segment = out; segment != NULL;) {
        const char *slash = strchr(segment, '/');
        if (segment[0] == '.' || (slash == segment))
            return false;
        segment = slash != NULL ? slash + 1 : NULL;
    }
    if (len == 0 || out[len - 1] == '/')
        memcpy(out + len, "index.html", sizeof("index.html"));
    return true;
}

/* Opens the file if, links resolved, it lies below the directory. */
static int open_below(const char *dir, const char *path)
{
    char root[PATH_MAX], joined[PATH_MAX], real[PATH_MAX];
    int n = snprintf(joined, sizeof(joined), "%s/%s", dir, path);
    if (n < 0 || (size_t)n >= sizeof(joined) || realpath(dir, root) == NULL ||
        realpath(joined, real) == NULL)
        return -1;
    size_t len = strlen(root);
    if (strncmp(real, root, len) != 0 || real[len] != '/') {
        errno = ENOENT;
        return -1;
    }
    return open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static found read_all(file_read *f, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return FOUND_FAILED;
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > STATIC_FILE_LEN_MAX)
        return FOUND_NOTHING;
    size_t size = (size_t)st.st_size;
    f->data = malloc(size + 1);
    if (f->data == NULL)
        return FOUND_FAILED;
    while (f->len < size) {
        ssize_t n = read(fd, f->data + f->len, size - f->len);
        if (n <= 0)
            return FOUND_FAILED;
        f->len += (size_t)n;
    }
    int n = snprintf(f->etag, sizeof(f->etag), "\"%llx-%llx\"", (unsigned long long)size,
                     (unsigned long long)st.st_mtim.tv_sec * 1000000000u +
                         (unsigned long long)st.st_mtim.tv_nsec);
    must(n > 0 && (size_t)n < sizeof(f->etag));
    return FOUND_FILE;
}

static void read_file(uv_work_t *work)
{
    file_read *f = container_of(work, file_read, work);
    int fd = open_below(f->dir, f->path);
    if (fd < 0) {
        bool absent = errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ||
                      errno == ENAMETOOLONG;
        f->result = absent ? FOUND_NOTHING : FOUND_FAILED;
        return;
    }
    f->result = read_all(f, fd);
    close(fd);
}

static void respond_file(http_exchange *ex, const file_read *f)
{
    /* Vite names what it builds by its content. */
    bool hashed = strncmp(f->path, "assets/", 7) == 0;
    http_field fields[] = {
        {SLICE_LITERAL("Content-Type"), type_of(f->path)},
        {SLICE_LITERAL("ETag"), slice_of(f->etag)},
        {SLICE_LITERAL("Cache-Control"),
         hashed ? SLICE_LITERAL("public, max-age=31536000, immutable") : SLICE_LITERAL("no-cache")},
        {SLICE_LITERAL("X-Content-Type-Options"), SLICE_LITERAL("nosniff")},
    };
    bool same = slice_equal(http_header(ex, "if-none-match"), slice_of(f->etag));
    http_respond(ex, same ? 304 : 200, fields, sizeof(fields) / sizeof(fields[0]),
                 (slice){f->data, f->len});
}

static void respond_read(uv_work_t *work, int status)
{
    file_read *f = container_of(work, file_read, work);
    must(status == 0);
    if (f->ex != NULL) {
        switch (f->result) {
        case FOUND_FILE:
            respond_file(f->ex, f);
            break;
        case FOUND_NOTHING:
            http_respond_problem(f->ex, 404, "not_found", "There is nothing at this path.");
            break;
        case FOUND_FAILED:
            http_respond_problem(f->ex, 500, "internal", "The file could not be read.");
            break;
        }
    }
    free(f->data);
    free(f);
}

static void peer_gone(void *arg)
{
    file_read *f = arg;
    f->ex = NULL;
}

void static_respond(http_exchange *ex)
{
    if (ex->request.method != HTTP_GET && ex->request.method != HTTP_HEAD) {
        static const http_field allow = {SLICE_LITERAL("Allow"), SLICE_LITERAL("GET, HEAD")};
        http_respond_problem_with(ex, 405, "method_not_allowed", "Files are only read.", &allow, 1);
        return;
    }
    file_read *f = calloc(1, sizeof(*f));
    must(f != NULL);
    if (!relative_path(ex->request.path, f->path)) {
        free(f);
        http_respond_problem(ex, 404, "not_found", "There is nothing at this path.");
        return;
    }
    f->ex = ex;
    f->dir = ex->server->options.static_dir;
    http_on_abort(ex, peer_gone, f);
    must(uv_queue_work(loop_uv(ex->server->loop), &f->work, read_file, respond_read) == 0);
}
