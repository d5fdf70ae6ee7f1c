#include "book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crdt.h"
#include "b64.h"
#include "runtime.h"
#include "varuint.h"

/* "~", three hexadecimal digits for the writer, eight for the event. */
#define MARK_LEN        12
#define MARK_WRITER_LEN 3
#define WRITERS_MAX     4096
/* Many readers get the same bytes: what was found in the last few is remembered. */
#define PAGES 4

typedef struct mark {
    unsigned writer;
    uint32_t event;
} mark;

typedef struct page {
    void *bytes;
    size_t len;
    size_t cap;
    mark *marks;
    size_t mark_count;
    size_t mark_cap;
} page;

typedef struct hand {
    typing typing;
    uint32_t events;
    uint32_t cap;
    uint64_t *sent_ns; /* by event */
} hand;

struct book_document {
    char name[BOOK_NAME_LEN_MAX];
    hand *hands;
    unsigned readers;
    page pages[PAGES];
    unsigned next_page;
};

void book_open(book *b, unsigned documents, unsigned writers, size_t text_len, bool replaces)
{
    if (writers > WRITERS_MAX || text_len < MARK_LEN)
        load_fail("too many writers for one document, or too little text for a mark");
    *b = (book){.document_count = documents,
                .writers = writers,
                .text_len = text_len,
                .replaces = replaces};
    b->documents = calloc(documents, sizeof(*b->documents));
    b->text = load_grow(NULL, text_len + 1);
    memset(b->text, ' ', text_len);
    for (unsigned i = 0; b->documents != NULL && i < documents; i++) {
        struct book_document *d = &b->documents[i];
        snprintf(d->name, sizeof(d->name), "fan-%x-%x-%u", (unsigned)getpid(),
                 (unsigned)(load_now_ns() >> 20), i);
        d->hands = calloc(writers + 1, sizeof(*d->hands));
        for (unsigned w = 0; d->hands != NULL && w < writers; w++)
            d->hands[w].typing = typing_start(i * writers + w);
    }
}

void book_close(book *b)
{
    for (unsigned i = 0; i < b->document_count; i++) {
        struct book_document *d = &b->documents[i];
        for (unsigned w = 0; w < b->writers; w++)
            free(d->hands[w].sent_ns);
        for (unsigned p = 0; p < PAGES; p++) {
            free(d->pages[p].bytes);
            free(d->pages[p].marks);
        }
        free(d->hands);
    }
    free(b->documents);
    free(b->text);
}

const char *book_name(const book *b, unsigned document)
{
    return b->documents[document].name;
}

void book_enter(book *b, book_reader *r, unsigned document, bool counts)
{
    *r = (book_reader){.document = document, .counts = counts};
    r->heard = calloc(b->writers + 1, sizeof(*r->heard));
    if (r->heard == NULL)
        load_fail("out of memory");
    if (counts)
        b->documents[document].readers++;
}

void book_leave(book_reader *r)
{
    free(r->heard);
    r->heard = NULL;
}

/* ---- events ---- */

size_t book_update_len_max(const book *b)
{
    return b->text_len + TYPING_OVERHEAD_MAX;
}

size_t book_write(book *b, unsigned document, unsigned writer, uint8_t *out)
{
    struct book_document *d = &b->documents[document];
    hand *h = &d->hands[writer];
    char text[MARK_LEN + 1];
    snprintf(text, sizeof(text), "~%03x%08x", writer, h->events);
    memcpy(b->text, text, MARK_LEN);
    if (h->events == h->cap) {
        h->cap = h->cap ? 2 * h->cap : 64;
        h->sent_ns = load_grow(h->sent_ns, h->cap * sizeof(*h->sent_ns));
    }
    size_t len = b->replaces ? typing_replace(&h->typing, b->text, b->text_len, out)
                             : typing_next(&h->typing, b->text, b->text_len, out);
    h->sent_ns[h->events++] = load_now_ns();
    b->events++;
    b->due += d->readers;
    return len;
}

/* ---- marks ---- */

/* Reads `len` hexadecimal digits. */
static bool read_hex(const uint8_t *at, size_t len, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < len; i++) {
        const char *digits = "0123456789abcdef", *digit = at[i] ? strchr(digits, at[i]) : NULL;
        if (digit == NULL)
            return false;
        *value = *value << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

static void note_mark(page *p, mark m)
{
    if (p->mark_count == p->mark_cap) {
        p->mark_cap = p->mark_cap ? 2 * p->mark_cap : 16;
        p->marks = load_grow(p->marks, p->mark_cap * sizeof(*p->marks));
    }
    p->marks[p->mark_count++] = m;
}

static void find_marks(page *p, const uint8_t *at, size_t len)
{
    const uint8_t *end = at + len;
    p->mark_count = 0;
    while ((at = memchr(at, '~', (size_t)(end - at))) != NULL) {
        mark m;
        at++;
        if (end - at < MARK_LEN - 1)
            break;
        if (read_hex(at, MARK_WRITER_LEN, &m.writer) &&
            read_hex(at + MARK_WRITER_LEN, MARK_LEN - 1 - MARK_WRITER_LEN, &m.event))
            note_mark(p, m);
    }
}

static void fill_page(page *p, const void *update, size_t len, book_form form)
{
    if (len > p->cap) {
        p->bytes = load_grow(p->bytes, len);
        p->cap = len;
    }
    memcpy(p->bytes, update, len);
    p->len = len;
    if (form == BOOK_BYTES) {
        find_marks(p, update, len);
        return;
    }
    crdt_buf decoded = {0};
    if (!b64_decode(update, len, &decoded))
        load_fail("what should be base64 is not");
    find_marks(p, decoded.data, decoded.len);
    crdt_buf_free(&decoded);
}

static const page *find_page(struct book_document *d, const void *update, size_t len,
                             book_form form)
{
    for (unsigned i = 0; i < PAGES; i++)
        if (d->pages[i].len == len && memcmp(d->pages[i].bytes, update, len) == 0)
            return &d->pages[i];
    page *p = &d->pages[d->next_page++ % PAGES];
    fill_page(p, update, len, form);
    return p;
}

/* ---- hearing ---- */

static void hear_mark(book *b, book_reader *r, mark m, uint64_t now_ns)
{
    const hand *hands = b->documents[r->document].hands;
    if (m.writer >= b->writers || m.event >= hands[m.writer].events)
        load_fail("an event came that nobody sent");
    if (m.event > r->heard[m.writer] && !b->replaces)
        load_fail("a reader missed an event");
    if (m.event >= r->heard[m.writer]) {
        uint32_t brought = m.event + 1 - r->heard[m.writer];
        r->heard[m.writer] += brought;
        if (r->counts) {
            b->deliveries += brought;
            hist_add(&b->latency_us, (now_ns - hands[m.writer].sent_ns[m.event]) / 1000);
        }
    } else if (r->counts) {
        b->repeated++;
    }
}

void book_hear(book *b, book_reader *r, const void *update, size_t len, book_form form)
{
    if (len == 0)
        return;
    const page *p = find_page(&b->documents[r->document], update, len, form);
    uint64_t now_ns = load_now_ns();
    for (size_t i = 0; i < p->mark_count; i++)
        hear_mark(b, r, p->marks[i], now_ns);
}

size_t book_state_vector(const book *b, const book_reader *r, uint8_t *out)
{
    const struct book_document *d = &b->documents[r->document];
    unsigned known = 0;
    for (unsigned w = 0; w < b->writers; w++)
        known += r->heard[w] > 0;
    uint8_t *at = varuint_put(out, known);
    for (unsigned w = 0; w < b->writers; w++) {
        if (r->heard[w] == 0)
            continue;
        at = varuint_put(at, d->hands[w].typing.client);
        at = varuint_put(at, (uint64_t)r->heard[w] * b->text_len);
    }
    return (size_t)(at - out);
}

bool book_is_even(const book *b)
{
    return b->deliveries == b->due;
}

void book_turn_page(book *b)
{
    b->events = b->due = b->deliveries = b->repeated = 0;
    b->latency_us = (hist){0};
}
