/* GET /docs/{doc}/updates: short and long polls.
 *
 * The happy path. The position is read from the request, and the room is asked what it has (it may
 * have to load); then the poll becomes a reader of the room. The first news it is sent is its
 * answer (`send_frame`): it leaves, with the turn's end (`leave`), since whoever sends is in the
 * midst of its readers. If there is nothing a short poll says so; a long one waits: its exchange
 * becomes an http_wait, and it is put into the wheel, a list of polls for each tick of the clock
 * until POLL_WAIT_S_MAX; `on_tick` finds those whose time is over, `answer_due` answers them.
 *
 * Failure. A peer that goes is forgotten (`on_gone`). A reader that the room ends has nothing new:
 * a waiting poll is told that; one that has not heard where the document stands is refused.
 *
 * Close. `leave_now` takes a poll from the wheel and frees it, whoever ended it.
 *
 *     follow -> ASKING --nothing yet--> WAITING --news, time is over, end--> ANSWERED -> (gone)
 *                  \------- news; nothing, and it is a short poll ------------^
 */
#include "api/polls.h"

#include <stdlib.h>

#include "api/poll_form.h"
#include "api/query.h"
#include "api/read_call.h"
#include "api/routes.h"
#include "base/must.h"

/* Polls whose time is over that one turn of the loop answers. */
#define POLL_ANSWERS_PER_TURN 256
/* The wheel's step, and a power of two that is more than the steps of the longest wait. */
#define POLL_TICK_MS 250
#define POLL_SLOTS   256

_Static_assert(POLL_WAIT_S_MAX * 1000 / POLL_TICK_MS + 2 < POLL_SLOTS, "the wheel goes round once");

typedef enum poll_state { POLL_ASKING, POLL_WAITING, POLL_ANSWERED } poll_state;

struct polls {
    api *api;
    uv_timer_t timer; /* runs while polls wait */
    uint64_t tick;    /* the last whose polls have been answered */
    list slots[POLL_SLOTS];
    list due;             /* those whose time is over */
    loop_task answer_due; /* some in one turn of the loop, more in the next */
    size_t waiting;
    list answered; /* to leave their room */
    loop_task leave;
};

/* There may be very many: while it waits it holds nothing else. */
typedef struct poll {
    sink sink;
    polls *all;
    http_exchange *ex;  /* ASKING */
    http_wait *waiting; /* WAITING */
    list_node link;     /* in a slot, in `due`, or in `answered` */
    event_id id;        /* WAITING: where it stands */
    frame *reset;       /* ASKING: what it must be told besides, or NULL */
    uint8_t wait_s;
    uint8_t state;
} poll;

static poll *of_sink(sink *s)
{
    return container_of(s, poll, sink);
}

/* ---- the end ---- */

static uint64_t tick_now(const polls *all)
{
    return loop_now_ms(all->api->loop) / POLL_TICK_MS;
}

static void set_state(poll *p, poll_state to)
{
    must(to > (poll_state)p->state);
    polls *all = p->all;
    all->waiting -= p->state == POLL_WAITING;
    all->waiting += to == POLL_WAITING;
    p->state = (uint8_t)to;
}

/* Nobody feeds it any more. */
static void leave_now(poll *p)
{
    list_remove(&p->link);
    frame_unref(p->reset);
    free(p);
}

static void leave(loop_task *task)
{
    polls *all = container_of(task, polls, leave);
    while (!list_is_empty(&all->answered)) {
        poll *p = container_of(list_first(&all->answered), poll, link);
        p->sink.feed->ops->on_gone(&p->sink);
        leave_now(p);
    }
}

/* The answer has been given, or nobody waits for it. */
static void answered(poll *p)
{
    set_state(p, POLL_ANSWERED);
    list_remove(&p->link);
    list_push(&p->all->answered, &p->link);
    loop_at_turn_end(p->all->api->loop, &p->all->leave);
}

/* The exchange to be answered, which is no longer the poll's. */
static http_exchange *take_exchange(poll *p)
{
    http_exchange *ex = p->state == POLL_WAITING ? http_wait_end(p->waiting) : p->ex;
    http_on_abort(ex, NULL, NULL);
    return ex;
}

static void on_gone(void *arg)
{
    answered(arg);
}

/* ---- waiting ---- */

static void answer_due(loop_task *task)
{
    polls *all = container_of(task, polls, answer_due);
    for (size_t i = 0; i < POLL_ANSWERS_PER_TURN && !list_is_empty(&all->due); i++) {
        poll *p = container_of(list_first(&all->due), poll, link);
        poll_respond_none(take_exchange(p), p->id);
        answered(p);
    }
    if (!list_is_empty(&all->due))
        loop_at_next_turn(all->api->loop, &all->answer_due);
}

static void on_tick(uv_timer_t *timer)
{
    polls *all = container_of(timer, polls, timer);
    for (uint64_t now = tick_now(all); all->tick < now;)
        list_append(&all->due, &all->slots[++all->tick % POLL_SLOTS]);
    loop_at_turn_end(all->api->loop, &all->answer_due);
    if (all->waiting == 0)
        uv_timer_stop(timer);
}

static void wait_for_news(poll *p, event_id id)
{
    polls *all = p->all;
    if (all->waiting == 0) {
        all->tick = tick_now(all);
        must(uv_timer_start(&all->timer, on_tick, POLL_TICK_MS, POLL_TICK_MS) == 0);
    }
    p->id = id;
    p->waiting = http_wait_begin(p->ex, on_gone, p);
    p->ex = NULL;
    set_state(p, POLL_WAITING);
    uint64_t deadline = tick_now(all) + p->wait_s * UINT64_C(1000) / POLL_TICK_MS + 1;
    list_push(&all->slots[deadline % POLL_SLOTS], &p->link);
}

/* ---- what the room tells ---- */

static sink_sent send_nothing(poll *p, event_id id)
{
    if (p->wait_s > 0) {
        wait_for_news(p, id);
        return SINK_SENT;
    }
    poll_respond_none(take_exchange(p), id);
    answered(p);
    return SINK_BROKEN;
}

static sink_sent send_update(poll *p, frame *f)
{
    poll_respond(p->all->api, take_exchange(p), p->sink.ops->wire, f, p->reset);
    answered(p);
    return SINK_BROKEN;
}

static sink_sent refuse(poll *p, err cause)
{
    api_respond_err(take_exchange(p), cause);
    answered(p);
    return SINK_BROKEN;
}

static sink_sent send_frame(sink *s, frame *f)
{
    poll *p = of_sink(s);
    if (p->state == POLL_ANSWERED)
        return SINK_BROKEN; /* it is about to leave */
    poll_event event = poll_form_event(f);
    switch (event.kind) {
    case SINK_RESET:
        p->reset = frame_ref(f);
        return SINK_SENT;
    case SINK_SYNC:
        if (event.is_empty && p->reset == NULL)
            return send_nothing(p, event.id);
        return send_update(p, f);
    case SINK_UPDATE:
        return send_update(p, f);
    case SINK_AWARENESS:
        return SINK_SENT;
    case SINK_DELETED:
        return refuse(p, ERR_DELETED);
    }
    return SINK_SENT;
}

static void end(sink *s)
{
    poll *p = of_sink(s);
    if (p->state == POLL_WAITING)
        poll_respond_none(take_exchange(p), p->id);
    else if (p->state == POLL_ASKING)
        api_respond_err(take_exchange(p), p->all->api->draining ? ERR_DRAINING : ERR_OVERLOADED);
    if (p->state != POLL_ANSWERED)
        set_state(p, POLL_ANSWERED);
    leave_now(p);
}

static const sink_ops ops_v1 = {.wire = SINK_WIRE_POLL,
                                .updates_only = true,
                                .encode = poll_form_v1,
                                .send = send_frame,
                                .end = end};
static const sink_ops ops_v2 = {.wire = SINK_WIRE_POLL_V2,
                                .updates_only = true,
                                .encode = poll_form_v2,
                                .send = send_frame,
                                .end = end};

/* ---- requests ---- */

/* What was asked for. */
typedef struct asked {
    room_position position;
    crdt_encoding encoding;
    uint64_t wait_s;
} asked;

static void follow(read_call *c, http_exchange *ex)
{
    const asked *wanted = c->arg;
    poll *p = calloc(1, sizeof(*p));
    must(p != NULL);
    p->sink.ops = wanted->encoding == CRDT_V2 ? &ops_v2 : &ops_v1;
    p->sink.client = SINK_NO_CLIENT;
    p->all = c->call.api->polls;
    p->ex = ex;
    p->wait_s = (uint8_t)wanted->wait_s;
    http_on_abort(ex, on_gone, p);
    room_join(c->room, &p->sink, &wanted->position);
}

/* False: it has been answered. */
static bool read_query(http_exchange *ex, asked *out)
{
    if (query_since(ex, &out->position) == QUERY_ANSWERED ||
        query_encoding(ex, &out->encoding) == QUERY_ANSWERED ||
        query_number(ex, "wait", UINT64_MAX, &out->wait_s) == QUERY_ANSWERED)
        return false;
    if (out->wait_s > POLL_WAIT_S_MAX)
        out->wait_s = POLL_WAIT_S_MAX;
    return true;
}

void api_get_updates(void *ctx, http_exchange *ex)
{
    asked wanted = {.position.from = ROOM_FROM_NOTHING};
    if (!read_query(ex, &wanted))
        return;
    read_call c = {.read.kind = ROOM_READ_FACTS, .respond = follow, .arg = malloc(sizeof(wanted))};
    must(c.arg != NULL);
    memcpy(c.arg, &wanted, sizeof(wanted));
    read_call_start(ctx, ex, &c);
}

/* ---- all of them ---- */

polls *polls_new(api *a)
{
    polls *all = calloc(1, sizeof(*all));
    must(all != NULL);
    all->api = a;
    for (size_t i = 0; i < POLL_SLOTS; i++)
        list_init(&all->slots[i]);
    list_init(&all->due);
    list_init(&all->answered);
    loop_task_init(&all->answer_due, answer_due);
    loop_task_init(&all->leave, leave);
    must(uv_timer_init(loop_uv(a->loop), &all->timer) == 0);
    return all;
}

size_t polls_waiting(const polls *all)
{
    return all->waiting;
}

static void on_closed(uv_handle_t *handle)
{
    free(container_of((uv_timer_t *)handle, polls, timer));
}

void polls_free(polls *all)
{
    must(all->waiting == 0 && list_is_empty(&all->answered));
    loop_forget(&all->leave);
    loop_forget(&all->answer_due);
    uv_close((uv_handle_t *)&all->timer, on_closed);
}
