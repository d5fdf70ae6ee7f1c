/* Packing in the background: the oldest events leave the tail of the log for segments of their
 * documents, so that it stays short and the past small.
 *
 * Loop thread only. The work is done in the pool; the commit thread moves what is ready, with
 * whatever else it commits.
 */
#ifndef WEFT_PERSIST_PACKER_H
#define WEFT_PERSIST_PACKER_H

#include "persist/persist.h"

/* Events are packed at this age, however few they are. */
#define PACKER_AGE_MS (5 * 60 * 1000)
/* Before that, when the tail takes more than this part of what the store holds, within bounds: it
 * is scanned when the server starts, and what it took is not given back to the file system. */
#define PACKER_TAIL_SHARE     16u
#define PACKER_TAIL_BYTES_MIN ((uint64_t)64 << 10)
#define PACKER_TAIL_BYTES_MAX ((uint64_t)64 << 20)
/* How often it is looked whether there is something to do; while there is, it goes on. */
#define PACKER_LOOK_MS 1000
/* Packing rests between two rounds, so long that it takes no more than one part in so many of a
 * processor: writers come first. What comes meanwhile makes the next rounds larger, and so cheaper
 * for each event. Above PACKER_TAIL_BYTES_MAX there is no rest. */
#define PACKER_SHARE 6u
/* And when so much has come since that the tail may have grown by as much as it may take. Of an
 * event about so many bytes are not its update's. */
#define PACKER_EVENT_BYTES 60u

typedef struct packer packer;

/* Begins to look. `l`, `s` and `p` are kept until packer_free. Returns owned. */
packer *packer_new(loop *l, store *s, persist *p);

/* Begins nothing more. What is under way still ends. */
void packer_stop(packer *k);
/* True while something is under way. */
bool packer_busy(const packer *k);

/* Nothing may be under way. The memory goes some turns later. */
void packer_free(packer *k);

#endif
