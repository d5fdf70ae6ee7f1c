#include "past/errs.h"

err err_of_crdt(crdt_err e)
{
    switch (e) {
    case CRDT_OK:
        return ERR_OK;
    case CRDT_MALFORMED:
        return ERR_MALFORMED_UPDATE;
    case CRDT_LIMIT:
        return ERR_PENDING_LIMIT;
    case CRDT_NO_MEMORY:
    case CRDT_FAILED:
    case CRDT_INVALID: /* of edits, which are made elsewhere: these cannot be */
    case CRDT_GONE:
        return ERR_NO_MEMORY;
    }
    return ERR_NO_MEMORY;
}
