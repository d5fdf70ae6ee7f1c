/* Streams over real connections: what is written comes whole, what ends does so in order, and
 * nothing is told twice, or inside a call. The peer is a socket that does not block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

#define LARGE_LEN ((size_t)24 * 1024 * 1024)

typedef struct fixture {
    loop *loop;
    tcp_streams *streams;
    listener *listener;
    int peer;
    stream *stream; /* NULL once it has been closed */
    size_t read_len;
    int ends;
    int drains;
    int pendings;
    int releases;
    bool calling;           /* the stream is being called: nothing may be told now */
    const char *last_words; /* written, before the end, when something was read */
} fixture;

static char *large; /* LARGE_LEN bytes */

static void on_read(void *owner, slice bytes)
{
    fixture *f = owner;
    assert_false(f->calling);
    f->read_len += bytes.len;
    if (f->last_words == NULL)
        return;
    assert_int_equal(stream_write(f->stream, slice_of(f->last_words), NULL, NULL), STREAM_WRITTEN);
    stream_close(f->stream);
    f->stream = NULL;
}

static void on_end(void *owner)
{
    fixture *f = owner;
    assert_false(f->calling);
    f->ends++;
}

static void on_drain(void *owner)
{
    fixture *f = owner;
    assert_false(f->calling);
    assert_int_equal(f->releases + f->pendings, 1);
    f->drains++;
}

static void on_pending(void *owner)
{
    fixture *f = owner;
    assert_false(f->calling);
    assert_true(stream_is_pending(f->stream));
    f->pendings++;
}

static void on_release(void *arg)
{
    fixture *f = arg;
    assert_false(f->calling);
    f->releases++;
}

static void take(void *taker, stream *s, bool beyond)
{
    assert_false(beyond);
    static const stream_owner_ops ops = {on_read, on_end, on_drain, on_pending};
    fixture *f = taker;
    f->stream = s;
    stream_set_owner(s, &ops, f);
    stream_read_start(s);
}

static void turn(fixture *f)
{
    uv_run(loop_uv(f->loop), UV_RUN_NOWAIT);
}

static void begin(fixture *f)
{
    *f = (fixture){.loop = loop_new()};
    f->streams = tcp_streams_new(f->loop);
    const char *error = NULL;
    f->listener = listener_open(f->loop, f->streams, "127.0.0.1:0", take, f, &error);
    assert_non_null(f->listener);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)listener_port(f->listener)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    f->peer = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(f->peer, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(fcntl(f->peer, F_SETFL, O_NONBLOCK), 0);
    while (f->stream == NULL)
        turn(f);
}

static void end(fixture *f)
{
    if (f->peer >= 0)
        close(f->peer);
    if (f->stream != NULL)
        stream_abort(f->stream);
    listener_close(f->listener);
    while (tcp_streams_count(f->streams) > 0)
        turn(f);
    tcp_streams_free(f->streams);
    loop_free(f->loop);
}

static stream_written write_large(fixture *f)
{
    f->calling = true;
    stream_written how = stream_write(f->stream, (slice){large, LARGE_LEN}, on_release, f);
    f->calling = false;
    return how;
}

/* Sends all of it while the loop turns; returns what was sent before the connection broke. */
static size_t peer_send(fixture *f, const char *bytes, size_t len)
{
    size_t sent = 0;
    while (sent < len) {
        ssize_t n = send(f->peer, bytes + sent, len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            break;
        sent += n > 0 ? (size_t)n : 0;
        turn(f);
    }
    return sent;
}

/* Reads to the end while the loop turns, and returns how much it was; SIZE_MAX if the end was a
 * reset. */
static size_t peer_read_all(fixture *f, char *first, size_t first_len)
{
    static char bytes[65536];
    size_t len = 0;
    for (;;) {
        turn(f);
        ssize_t n = recv(f->peer, bytes, sizeof(bytes), 0);
        if (n == 0)
            return len;
        if (n < 0 && errno != EAGAIN)
            return SIZE_MAX;
        for (ssize_t i = 0; i < n; i++, len++)
            if (len < first_len)
                first[len] = bytes[i];
    }
}

static void peer_reset(fixture *f)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(f->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(f->peer);
    f->peer = -1;
}

/* ---- tests ---- */

/* As Linux has it (linux/tcp.h), which says more than the C library knows of. */
typedef struct long_tcp_info {
    struct tcp_info known;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt, data_segs_in;
} long_tcp_info;

/* Segments of data that have come to the peer: each small write is one. */
static unsigned peer_segments(const fixture *f)
{
    long_tcp_info info;
    socklen_t len = sizeof(info);
    assert_int_equal(getsockopt(f->peer, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    assert_true(len >= offsetof(long_tcp_info, data_segs_in) + sizeof(info.data_segs_in));
    return info.data_segs_in;
}

static void assert_peer_reads(fixture *f, const char *text)
{
    char bytes[64];
    assert_int_equal(recv(f->peer, bytes, sizeof(bytes), 0), strlen(text));
    assert_memory_equal(bytes, text, strlen(text));
}

static void write_soon(fixture *f, slice bytes)
{
    f->calling = true;
    stream_write_soon(f->stream, bytes);
    assert_false(stream_is_pending(f->stream));
    assert_int_equal(stream_pending_bytes(f->stream), 0);
    f->calling = false;
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *address;
        bool good, loopback;
    } cases[] = {
        {"127.0.0.1:8080", true, true},
        {"127.1.2.3:0", true, true},
        {"[::1]:1", true, true},
        {"0.0.0.0:80", true, false},
        {"[::]:65535", true, false},
        {"10.0.0.1:80", true, false},
        {"localhost:80", false, false},
        {"127.0.0.1", false, false},
        {"127.0.0.1:", false, false},
        {":80", false, false},
        {"::1:80", false, false},
        {"1.2.3.4:65536", false, false},
        {"1.2.3.4:8a", false, false},
        {"[::1]", false, false},
        {"", false, false},
        {"1.2.3.4:-1", false, false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sockaddr_storage out;
        bool good = listener_parse(cases[i].address, &out);
        if (good != cases[i].good || (good && listener_is_loopback(&out) != cases[i].loopback))
            fail_msg("%s", cases[i].address);
    }
}

static void what_the_kernel_does_not_take_at_once_is_sent_later(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    assert_int_equal(write_large(&f), STREAM_PENDING);
    assert_true(stream_is_pending(f.stream));
    size_t pending = stream_pending_bytes(f.stream);
    assert_in_range(pending, 1, LARGE_LEN);
    size_t read = 0;
    while (f.drains == 0) {
        static char bytes[65536];
        ssize_t n = recv(f.peer, bytes, sizeof(bytes), 0);
        read += n > 0 ? (size_t)n : 0;
        turn(&f);
        assert_true(stream_pending_bytes(f.stream) <= pending);
        pending = stream_pending_bytes(f.stream);
    }
    assert_int_equal(f.releases, 1);
    assert_int_equal(f.drains, 1);
    assert_false(stream_is_pending(f.stream));
    stream_close(f.stream);
    f.stream = NULL;
    assert_int_equal(read + peer_read_all(&f, NULL, 0), LARGE_LEN);
    end(&f);
}

static void what_is_pending_is_sent_before_the_end(void **state)
{
    (void)state;
    for (int peer_ends_first = 0; peer_ends_first < 2; peer_ends_first++) {
        fixture f;
        begin(&f);
        assert_int_equal(write_large(&f), STREAM_PENDING);
        stream_close(f.stream);
        f.stream = NULL;
        if (peer_ends_first)
            assert_int_equal(shutdown(f.peer, SHUT_WR), 0);
        assert_int_equal(peer_read_all(&f, NULL, 0), LARGE_LEN);
        assert_int_equal(f.releases, 1);
        assert_int_equal(f.drains, 0);
        assert_int_equal(f.ends, 0);
        end(&f);
    }
}

/* A client that writes all of a refused body before it reads. */
static void last_words_are_heard_by_a_peer_that_sends_on(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    f.last_words = "refused";
    assert_int_equal(peer_send(&f, large, LARGE_LEN), LARGE_LEN);
    char first[7];
    assert_int_equal(peer_read_all(&f, first, sizeof(first)), 7);
    assert_memory_equal(first, "refused", 7);
    assert_in_range(f.read_len, 1, TCP_READ_LEN_MAX);
    end(&f);
}

static void a_peer_that_sends_on_and_on_is_cut_off(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    f.last_words = "refused";
    size_t sent = 0, n;
    do {
        n = peer_send(&f, large, LARGE_LEN);
        sent += n;
    } while (n == LARGE_LEN && sent < 2 * STREAM_DRAIN_LEN_MAX);
    assert_in_range(sent, STREAM_DRAIN_LEN_MAX, 2 * STREAM_DRAIN_LEN_MAX - 1);
    end(&f);
}

static void a_broken_connection_is_told_once_and_later(void **state)
{
    (void)state;
    for (int reading = 0; reading < 2; reading++) {
        fixture f;
        begin(&f);
        if (!reading)
            stream_read_stop(f.stream);
        peer_reset(&f);
        stream_written how;
        f.calling = true;
        while ((how = stream_write(f.stream, SLICE_LITERAL("x"), NULL, NULL)) == STREAM_WRITTEN)
            continue;
        assert_int_equal(how, STREAM_BROKEN);
        assert_true(stream_is_broken(f.stream));
        assert_int_equal(stream_write_copy(f.stream, SLICE_LITERAL("x")), STREAM_BROKEN);
        f.calling = false;
        assert_int_equal(f.ends, 0);
        for (int i = 0; i < 4; i++)
            turn(&f);
        assert_int_equal(f.ends, 1);
        end(&f);
    }
}

/* A write finds the reset that the first one caused; a read, in the same turn, the end before it.
 */
static void a_broken_connection_stays_broken_at_its_end(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    stream_read_stop(f.stream);
    close(f.peer);
    f.peer = -1;
    while (stream_write(f.stream, SLICE_LITERAL("x"), NULL, NULL) == STREAM_WRITTEN)
        continue;
    stream_read_start(f.stream);
    for (int i = 0; i < 4; i++)
        turn(&f);
    assert_int_equal(f.ends, 1);
    assert_true(stream_is_broken(f.stream));
    end(&f);
}

static void an_owner_that_has_closed_is_told_nothing(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    assert_int_equal(send(f.peer, "hello", 5, 0), 5);
    stream_close(f.stream);
    stream_close(f.stream);
    f.stream = NULL;
    assert_int_equal(peer_read_all(&f, NULL, 0), 0);
    peer_reset(&f);
    for (int i = 0; i < 4; i++)
        turn(&f);
    assert_int_equal(f.read_len, 0);
    assert_int_equal(f.ends, 0);
    end(&f);
}

static void what_is_written_soon_goes_with_the_next(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, SLICE_LITERAL("head, "));
    write_soon(&f, SLICE_LITERAL("retry, "));
    assert_int_equal(stream_write_copy(f.stream, SLICE_LITERAL("event")), STREAM_WRITTEN);
    assert_int_equal(peer_segments(&f), 1);
    assert_peer_reads(&f, "head, retry, event");
    for (int i = 0; i < 4; i++)
        turn(&f);
    assert_int_equal(peer_segments(&f), 1);
    end(&f);
}

static void what_is_written_soon_goes_alone_if_nothing_follows(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, SLICE_LITERAL("head"));
    for (int i = 0; i < 2; i++)
        turn(&f);
    assert_peer_reads(&f, "head");
    assert_int_equal(f.pendings, 0);
    end(&f);
}

static void what_is_written_soon_is_sent_before_the_end(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, SLICE_LITERAL("head"));
    stream_close(f.stream);
    f.stream = NULL;
    char first[4];
    assert_int_equal(peer_read_all(&f, first, sizeof(first)), 4);
    assert_memory_equal(first, "head", 4);
    end(&f);
}

static void what_is_written_soon_goes_with_its_stream(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, SLICE_LITERAL("head"));
    stream_abort(f.stream);
    f.stream = NULL;
    assert_int_equal(peer_read_all(&f, NULL, 0), 0);
    end(&f);
}

/* More than the kernel takes at once: the owner is told to wait. */
static void what_is_written_soon_may_have_to_wait(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, (slice){large, LARGE_LEN});
    while (f.pendings == 0)
        turn(&f);
    size_t read = 0;
    while (f.drains == 0) {
        static char bytes[65536];
        ssize_t n = recv(f.peer, bytes, sizeof(bytes), 0);
        read += n > 0 ? (size_t)n : 0;
        turn(&f);
    }
    stream_close(f.stream);
    f.stream = NULL;
    assert_int_equal(read + peer_read_all(&f, NULL, 0), LARGE_LEN);
    assert_int_equal(f.pendings, 1);
    end(&f);
}

/* Neither is lost if not even the first goes at once. */
static void what_follows_waits_behind_what_was_to_go_soon(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    write_soon(&f, (slice){large, LARGE_LEN});
    f.calling = true;
    assert_int_equal(stream_write(f.stream, SLICE_LITERAL("behind"), on_release, &f),
                     STREAM_PENDING);
    f.calling = false;
    stream_close(f.stream);
    f.stream = NULL;
    assert_int_equal(peer_read_all(&f, NULL, 0), LARGE_LEN + 6);
    assert_int_equal(f.releases, 1);
    end(&f);
}

static int set_up(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    large = calloc(1, LARGE_LEN);
    return large == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    free(large);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_taken_apart),
        cmocka_unit_test(what_the_kernel_does_not_take_at_once_is_sent_later),
        cmocka_unit_test(what_is_pending_is_sent_before_the_end),
        cmocka_unit_test(last_words_are_heard_by_a_peer_that_sends_on),
        cmocka_unit_test(a_peer_that_sends_on_and_on_is_cut_off),
        cmocka_unit_test(a_broken_connection_is_told_once_and_later),
        cmocka_unit_test(a_broken_connection_stays_broken_at_its_end),
        cmocka_unit_test(an_owner_that_has_closed_is_told_nothing),
        cmocka_unit_test(what_is_written_soon_goes_with_the_next),
        cmocka_unit_test(what_is_written_soon_goes_alone_if_nothing_follows),
        cmocka_unit_test(what_is_written_soon_is_sent_before_the_end),
        cmocka_unit_test(what_is_written_soon_goes_with_its_stream),
        cmocka_unit_test(what_is_written_soon_may_have_to_wait),
        cmocka_unit_test(what_follows_waits_behind_what_was_to_go_soon),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
