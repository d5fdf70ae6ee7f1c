/* The server's codes for those of the engine. (Those of the store: persist_err.) */
#ifndef WEFT_PAST_ERRS_H
#define WEFT_PAST_ERRS_H

#include <crdt.h>

#include "base/err.h"

/* For what applying and encoding updates returns: ERR_OK for CRDT_OK. */
err err_of_crdt(crdt_err e);

#endif
