/* Polls: readers that take their first news and leave. All of a server. Loop thread only. */
#ifndef WEFT_API_POLLS_H
#define WEFT_API_POLLS_H

#include <stddef.h>

/* A poll waits for this long at most. */
#define POLL_WAIT_S_MAX 60

typedef struct polls polls;
struct api;

/* `a` is kept until polls_free. Returns owned. */
polls *polls_new(struct api *a);

/* Polls that wait for something to happen. */
size_t polls_waiting(const polls *all);

/* None may be waiting. The memory goes some turns later. */
void polls_free(polls *all);

#endif
