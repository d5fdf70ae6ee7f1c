/* A program of edits on several replicas that must end alike (tests/lib/converge.h). */
#include "fuzz.h"

#include "converge.h"

enum { PROGRAM_LEN_MAX = 600 }; /* its cost grows faster than its length */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *wrong =
        converge_run((crdt_bytes){data, size < PROGRAM_LEN_MAX ? size : PROGRAM_LEN_MAX});
    fuzz_expect(!wrong, wrong);
    return 0;
}
