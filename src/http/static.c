/* Files of one directory, for whatever no route serves.
 *
 * The happy path: the path is checked on the loop (static_path); a thread of the pool opens the
 * file below the directory, and nowhere else, and reads its first piece; back on the loop the
 * answer begins with it, or is complete with it. Further pieces are read when the connection has
 * room for them, so a file costs the memory of one piece whatever its size and however slow its
 * reader.
 *
 * Failure. What cannot be opened is answered 404, or 500. A file that gets shorter while it is read
 * cuts the connection. If the peer goes first (peer_gone), a piece that is being read is read for
 * nobody.
 *
 *     static_respond -> READING --first_read--> (answered) or WAITING --on_room--> READING
 *     --piece_read--> WAITING or, after the last piece, (end)
 *
 * Close. `finish` is the one place where the file is closed and the memory goes: at the end of the
 * answer, or when the peer has gone and nothing is being read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "http/inside.h"

/* Bytes of a file that are read, and kept, at once. */
#define STATIC_PIECE_LEN ((size_t)64 * 1024)

typedef enum found { FOUND_FILE, FOUND_DIRECTORY, FOUND_NOTHING, FOUND_FAILED } found;

typedef enum read_state { STATIC_WAITING, STATIC_READING } read_state;

typedef struct file_read {
    uv_work_t work;
    http_exchange *ex; /* NULL: the peer has gone */
    uv_loop_t *loop;
    const char *dir;
    char path[STATIC_PATH_LEN_MAX + sizeof(STATIC_INDEX)]; /* relative */
    read_state state;
    found result;
    int fd;
    uint64_t len;
    uint64_t offset; /* of the piece */
    size_t piece_len;
    char etag[48];
    char modified[32];
    char piece[];
} file_read;

static void finish(file_read *f)
{
    if (f->fd >= 0)
        close(f->fd);
    free(f);
}

/* ---- on a thread of the pool ---- */

/* Opens the file if, links resolved, it lies below the directory. */
static int open_below(const char *dir, const char *path)
{
    char root[PATH_MAX], joined[PATH_MAX], real[PATH_MAX];
    int n = snprintf(joined, sizeof(joined), "%s/%s", dir, path);
    if (n < 0 || (size_t)n >= sizeof(joined)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (realpath(dir, root) == NULL || realpath(joined, real) == NULL)
        return -1;
    size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(real, root, len) != 0 || real[len] != '/') {
        errno = ENOENT;
        return -1;
    }
    return open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static void note_version(file_read *f, const struct stat *st)
{
    int n = snprintf(f->etag, sizeof(f->etag), "\"%llx-%llx\"", (unsigned long long)st->st_size,
                     (unsigned long long)st->st_mtim.tv_sec * 1000000000u +
                         (unsigned long long)st->st_mtim.tv_nsec);
    must(n > 0 && (size_t)n < sizeof(f->etag));
    struct tm utc;
    gmtime_r(&st->st_mtim.tv_sec, &utc);
    strftime(f->modified, sizeof(f->modified), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

static bool read_piece(file_read *f)
{
    uint64_t left = f->len - f->offset;
    size_t wanted = left < STATIC_PIECE_LEN ? (size_t)left : STATIC_PIECE_LEN;
    f->piece_len = 0;
    while (f->piece_len < wanted) {
        ssize_t n = pread(f->fd, f->piece + f->piece_len, wanted - f->piece_len,
                          (off_t)(f->offset + f->piece_len));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        f->piece_len += (size_t)n;
    }
    return true;
}

static found open_file(file_read *f)
{
    f->fd = open_below(f->dir, f->path);
    if (f->fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EACCES ||
                       errno == ENAMETOOLONG || errno == ENXIO
                   ? FOUND_NOTHING
                   : FOUND_FAILED;
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return FOUND_FAILED;
    if (S_ISDIR(st.st_mode))
        return faccessat(f->fd, STATIC_INDEX, R_OK, 0) == 0 ? FOUND_DIRECTORY : FOUND_NOTHING;
    if (!S_ISREG(st.st_mode))
        return FOUND_NOTHING;
    f->len = (uint64_t)st.st_size;
    note_version(f, &st);
    return read_piece(f) ? FOUND_FILE : FOUND_FAILED;
}

static void do_open(uv_work_t *work)
{
    file_read *f = container_of(work, file_read, work);
    f->result = open_file(f);
}

static void do_read(uv_work_t *work)
{
    file_read *f = container_of(work, file_read, work);
    f->result = read_piece(f) ? FOUND_FILE : FOUND_FAILED;
}

/* ---- on the loop ---- */

static void start_reading(file_read *f, uv_work_cb work, uv_after_work_cb done)
{
    must(f->state == STATIC_WAITING);
    f->state = STATIC_READING;
    must(uv_queue_work(f->loop, &f->work, work, done) == 0);
}

static void peer_gone(void *arg)
{
    file_read *f = arg;
    f->ex = NULL;
    if (f->state == STATIC_WAITING)
        finish(f);
}

/* True: the answer needs more. */
static bool send_piece(file_read *f)
{
    f->offset += f->piece_len;
    bool more = f->offset < f->len;
    http_respond_piece(f->ex, (slice){f->piece, f->piece_len});
    return more;
}

static void piece_read(uv_work_t *work, int status)
{
    file_read *f = container_of(work, file_read, work);
    must(status == 0);
    f->state = STATIC_WAITING;
    if (f->ex != NULL && f->result == FOUND_FILE && send_piece(f))
        return;
    if (f->ex != NULL && f->result != FOUND_FILE)
        http_respond_cut(f->ex);
    finish(f);
}

/* The first piece is there already when the answer begins. */
static void on_room(void *arg)
{
    file_read *f = arg;
    if (f->offset > 0)
        start_reading(f, do_read, piece_read);
    else if (!send_piece(f))
        finish(f);
}

#define FILE_FIELDS 5

/* True: the answer needs more. */
static bool respond_file(file_read *f)
{
    /* Vite names what it builds by its content. */
    bool hashed = strncmp(f->path, "assets/", 7) == 0;
    const http_field fields[FILE_FIELDS] = {
        {SLICE_LITERAL("Content-Type"), static_type(f->path)},
        {SLICE_LITERAL("ETag"), slice_of(f->etag)},
        {SLICE_LITERAL("Last-Modified"), slice_of(f->modified)},
        {SLICE_LITERAL("Cache-Control"),
         hashed ? SLICE_LITERAL("public, max-age=31536000, immutable") : SLICE_LITERAL("no-cache")},
        {SLICE_LITERAL("X-Content-Type-Options"), SLICE_LITERAL("nosniff")},
    };
    if (http_etag_matches(http_header(f->ex, "if-none-match"), slice_of(f->etag))) {
        http_respond(f->ex, 304, fields, FILE_FIELDS, (slice){NULL, 0});
        return false;
    }
    if (f->len > f->piece_len)
        return http_respond_begin(f->ex, 200, fields, FILE_FIELDS, f->len, on_room, f);
    http_respond(f->ex, 200, fields, FILE_FIELDS, (slice){f->piece, f->piece_len});
    return false;
}

/* Links in an index are relative to the directory: they lead astray without its last slash. */
static void respond_directory(http_exchange *ex)
{
    char location[STATIC_PATH_LEN_MAX + 1];
    slice path = http_request_of(ex)->path;
    memcpy(location, path.data, path.len);
    location[path.len] = '/';
    http_field field = {SLICE_LITERAL("Location"), {location, path.len + 1}};
    http_respond(ex, 301, &field, 1, (slice){NULL, 0});
}

static void respond_absent(http_exchange *ex)
{
    http_respond_problem(ex, 404, "not_found", "There is nothing at this path.");
}

/* True: the answer needs more. */
static bool respond_first(file_read *f)
{
    switch (f->result) {
    case FOUND_FILE:
        return respond_file(f);
    case FOUND_DIRECTORY:
        respond_directory(f->ex);
        return false;
    case FOUND_NOTHING:
        respond_absent(f->ex);
        return false;
    case FOUND_FAILED:
        http_respond_problem(f->ex, 500, "internal", "The file could not be read.");
        return false;
    }
    return false;
}

static void first_read(uv_work_t *work, int status)
{
    file_read *f = container_of(work, file_read, work);
    must(status == 0);
    f->state = STATIC_WAITING;
    if (f->ex == NULL || !respond_first(f))
        finish(f);
}

static void respond_method(http_exchange *ex)
{
    static const http_field allow = {SLICE_LITERAL("Allow"), SLICE_LITERAL("GET, HEAD, OPTIONS")};
    if (ex->request.method == HTTP_OPTIONS)
        http_respond(ex, 204, &allow, 1, (slice){NULL, 0});
    else
        http_respond_problem_with(ex, 405, "method_not_allowed", "Files are only read.", &allow, 1);
}

void static_respond(http_exchange *ex)
{
    if (ex->request.method != HTTP_GET && ex->request.method != HTTP_HEAD) {
        respond_method(ex);
        return;
    }
    file_read *f = calloc(1, sizeof(*f) + STATIC_PIECE_LEN);
    must(f != NULL);
    f->fd = -1;
    if (!static_path(ex->request.path, f->path)) {
        finish(f);
        respond_absent(ex);
        return;
    }
    f->ex = ex;
    f->loop = loop_uv(ex->server->loop);
    f->dir = ex->server->options.static_dir;
    http_on_abort(ex, peer_gone, f);
    start_reading(f, do_open, first_read);
}
