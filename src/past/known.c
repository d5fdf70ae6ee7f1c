#include "past/known.h"

#include "persist/persist.h"

err known_event(const event_id *id, store_err found, const store_doc *doc)
{
    bool exists = found == STORE_OK;
    if (!exists && found != STORE_NOT_FOUND)
        return persist_err(found);
    if (exists && doc->deleted)
        return ERR_DELETED;
    if (id->has_epoch && (!exists || id->epoch != doc->epoch))
        return ERR_EVENT_GONE;
    return id->seq > (exists ? doc->head : 0) ? ERR_EVENT_UNKNOWN : ERR_OK;
}
