/* Names whose record is damaged, so that they can be deleted all the same. */
#ifndef STORAGE_META_MEND_H
#define STORAGE_META_MEND_H

#include "batch.h"

/* What a name's damaged record should say, for whoever deletes it: the living document whose record
 * has the name, else that it is deleted (number 0). Epochs are what the damage left of them: one
 * that is not the name's has no effect, one that is lost is forgotten. STORE_CORRUPT: the pages
 * around it are damaged as well, or another record is, so that nobody can tell whether it is the
 * document's. Batch owner. Cost: reading all records of documents. */
STORE_MUST_CHECK store_err store__name_mend(const store *s, store_bytes name, store__name *out);

#endif
