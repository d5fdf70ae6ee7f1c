/* history_next copies events out of one read transaction (`copy_event`) until their text will make
 * a stretch, and then, with the transaction closed, writes the text. */
#include "past/history.h"

#include "base/must.h"
#include "past/known.h"
#include "persist/persist.h"

/* What the JSON of an event takes besides its update, about. */
#define EVENT_TEXT_BYTES 128

/* An event copied out: this, its user, its update. */
typedef struct copied {
    uint64_t seq;
    int64_t time_ms;
    size_t user_len;
    size_t update_len;
} copied;

/* Events copied out of the store. */
typedef struct stretch {
    buf bytes;
    uint64_t count;
    uint64_t count_max;
    size_t text_len; /* of their text, about */
    bool full;       /* the next one was left for the next stretch */
    bool more;       /* there are more than count_max */
} stretch;

/* ---- what is asked for ---- */

err history_open(history *h, store *s, slice name)
{
    store_doc doc;
    store_err found = store_find(s, (store_bytes){name.data, name.len}, &doc);
    err failed = known_event(&h->after, found, &doc);
    if (failed == ERR_OK && h->has_until)
        failed = known_event(&h->until, found, &doc);
    if (failed != ERR_OK || found != STORE_OK)
        return failed;
    h->store = s;
    h->number = doc.number;
    h->epoch = doc.epoch;
    h->seq = h->after.seq;
    h->until_seq = h->has_until ? h->until.seq : doc.head;
    return ERR_OK;
}

void history_free(history *h)
{
    buf_free(&h->text);
}

/* ---- copying ---- */

static bool copy_event(void *arg, const store_event *event)
{
    stretch *s = arg;
    size_t text_len = EVENT_TEXT_BYTES + event->update.len / 3 * 4;
    s->more = s->count == s->count_max;
    s->full = s->count > 0 && s->text_len + text_len > HISTORY_STRETCH_BYTES;
    if (s->more || s->full)
        return false;
    copied head = {event->seq, event->time_ms, event->user.len, event->update.len};
    buf_append(&s->bytes, (slice){(const char *)&head, sizeof(head)});
    buf_append(&s->bytes, (slice){event->user.data, event->user.len});
    buf_append(&s->bytes, (slice){event->update.data, event->update.len});
    s->count++;
    s->text_len += text_len;
    return true;
}

/* The event at *at in the stretch; *at is then the next one's. */
static store_event take_event(const stretch *s, size_t *at)
{
    copied head;
    memcpy(&head, s->bytes.data + *at, sizeof(head));
    const char *user = s->bytes.data + *at + sizeof(head);
    *at += sizeof(head) + head.user_len + head.update_len;
    return (store_event){.seq = head.seq,
                         .time_ms = head.time_ms,
                         .user = {user, head.user_len},
                         .update = {user + head.user_len, head.update_len}};
}

/* Damage behind events that can be shown is left for the next time. */
static err copy_stretch(history *h, stretch *s)
{
    if (h->number == 0 || h->seq >= h->until_seq)
        return ERR_OK;
    store_err failed = store_read(h->store, h->number, h->seq, h->until_seq, copy_event, s);
    if (failed == STORE_CORRUPT && s->count > 0)
        s->full = true;
    else if (failed == STORE_NOT_FOUND)
        return ERR_DELETED;
    else if (failed != STORE_OK)
        return persist_err(failed);
    return ERR_OK;
}

/* ---- writing ---- */

static event_id id_of(const history *h, uint64_t seq)
{
    return (event_id){.seq = seq, .epoch = h->epoch, .has_epoch = true};
}

static void append_id(buf *out, event_id id)
{
    char text[EVENT_ID_TEXT_MAX];
    buf_append(out, (slice){text, event_id_print(id, text)});
}

static err append_line(history *h, const store_event *event)
{
    err failed = event_json_append(&h->text, event, h->epoch, h->form);
    buf_append(&h->text, SLICE_LITERAL("\n"));
    return failed;
}

static err append_element(history *h, const store_event *event)
{
    buf_append(&h->text, h->events == 0 ? SLICE_LITERAL("{\"events\":[") : SLICE_LITERAL(","));
    return event_json_append(&h->text, event, h->epoch, h->form);
}

static err append_sse(history *h, const store_event *event)
{
    buf_append(&h->text, SLICE_LITERAL("event: update\nid: "));
    append_id(&h->text, id_of(h, event->seq));
    buf_append(&h->text, SLICE_LITERAL("\ndata: "));
    err failed = event_update_append(&h->text, event->update, h->form);
    buf_append(&h->text, SLICE_LITERAL("\n\n"));
    return failed;
}

static err append_event(history *h, const store_event *event)
{
    switch (h->format) {
    case HISTORY_JSON:
        return append_element(h, event);
    case HISTORY_LINES:
        return append_line(h, event);
    case HISTORY_STREAM:
        return append_sse(h, event);
    }
    return ERR_OK;
}

static void append_end(history *h, bool more)
{
    if (h->format != HISTORY_JSON)
        return;
    if (h->events == 0)
        buf_append(&h->text, SLICE_LITERAL("{\"events\":["));
    buf_append(&h->text, SLICE_LITERAL("],\"next\":"));
    if (more) {
        buf_append(&h->text, SLICE_LITERAL("\""));
        append_id(&h->text, id_of(h, h->seq));
        buf_append(&h->text, SLICE_LITERAL("\"}"));
    } else {
        buf_append(&h->text, SLICE_LITERAL("null}"));
    }
}

/* Of a text that is one long event's, keeps the part that is due. True: it was the last one. */
static bool keep_part(history *h)
{
    size_t left = h->text.len - h->part;
    size_t len = left < HISTORY_TEXT_BYTES_MAX ? left : HISTORY_TEXT_BYTES_MAX;
    buf part = {0};
    buf_append(&part, (slice){h->text.data + h->part, len});
    buf_free(&h->text);
    h->text = part;
    h->part = len < left ? h->part + len : 0;
    return len == left;
}

/* Appends one event, and keeps of it what is due. */
static err write_event(history *h, const stretch *s, const store_event *event)
{
    size_t before = h->text.len;
    err failed = append_event(h, event);
    if (failed != ERR_OK) {
        h->text.len = before;
        return failed;
    }
    if (h->part > 0 || h->text.len > HISTORY_TEXT_BYTES_MAX) {
        must(s->count == 1);
        h->whole = keep_part(h);
    }
    if (h->whole) {
        h->seq = event->seq;
        h->events++;
    }
    return ERR_OK;
}

static err write_events(history *h, stretch *s)
{
    h->whole = true;
    for (size_t at = 0; at < s->bytes.len;) {
        store_event event = take_event(s, &at);
        err failed = write_event(h, s, &event);
        if (failed != ERR_OK && h->text.len == 0)
            return failed;
        if (failed != ERR_OK) {
            s->full = true; /* it fails again the next time, alone */
            return ERR_OK;
        }
    }
    return ERR_OK;
}

err history_next(history *h)
{
    stretch s = {.count_max = h->limit - h->events};
    h->text.len = 0;
    err failed = copy_stretch(h, &s);
    if (failed == ERR_OK)
        failed = write_events(h, &s);
    buf_free(&s.bytes);
    if (failed == ERR_OK && h->whole && !s.full) {
        h->ended = true;
        append_end(h, s.more);
    }
    return failed;
}
