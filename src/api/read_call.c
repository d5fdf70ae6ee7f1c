#include "api/read_call.h"

#include <stdlib.h>

#include "api/routes.h"
#include "base/must.h"

static void deinit(read_call *c)
{
    frame_unref(c->sv);
    frame_unref(c->root);
    frame_unref(c->read.bytes);
    free(c->arg);
}

static void respond_deleted(read_call *c, http_exchange *ex)
{
    if (c->respond_deleted != NULL)
        c->respond_deleted(c, ex);
    else
        api_respond_err(ex, ERR_DELETED);
}

static void read_done(room_read *read, err result)
{
    read_call *c = container_of(read, read_call, read);
    http_exchange *ex = c->call.ex;
    if (ex != NULL) {
        if (result == ERR_DELETED || (result == ERR_OK && read->facts.life == ROOM_DELETED))
            respond_deleted(c, ex);
        else if (result != ERR_OK)
            api_respond_err(ex, result);
        else
            c->respond(c, ex);
    }
    deinit(c);
    free(c);
}

void read_call_start(api *a, http_exchange *ex, const read_call *what)
{
    read_call *c = malloc(sizeof(*c));
    must(c != NULL);
    *c = *what;
    c->read.done = read_done;
    c->read.bytes = NULL;
    if (c->sv != NULL)
        c->read.sv = frame_slice(c->sv);
    if (c->root != NULL)
        c->read.root = frame_slice(c->root);
    doc_name name;
    if (!name_of_exchange(ex, &name)) {
        deinit(c);
        free(c);
        return;
    }
    c->room = registry_find(a->rooms, name_slice(&name));
    if (c->room == NULL || room_read_start(c->room, &c->read) != ERR_OK) {
        api_respond_err(ex, ERR_OVERLOADED);
        deinit(c);
        free(c);
        return;
    }
    api_call_begin(&c->call, a, ex);
}
