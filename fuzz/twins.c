/* A program of updates for several replicas, each beside a naive twin (tests/lib/twins.h). */
#include "fuzz.h"

#include "twins.h"

enum { PROGRAM_LEN_MAX = 300 }; /* its cost grows faster than its length */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong =
        twins_run((crdt_bytes){data, size < PROGRAM_LEN_MAX ? size : PROGRAM_LEN_MAX});
    fuzz_expect(!wrong, wrong);
    return 0;
}
