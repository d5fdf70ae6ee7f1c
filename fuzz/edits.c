/* A program of edits on one document, beside a naive twin (tests/lib/edits.h). */
#include "fuzz.h"

#include "edits.h"

enum { PROGRAM_LEN_MAX = 1000 }; /* its cost grows faster than its length */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong =
        edits_run((crdt_bytes){data, size < PROGRAM_LEN_MAX ? size : PROGRAM_LEN_MAX});
    fuzz_expect(!wrong, wrong);
    return 0;
}
