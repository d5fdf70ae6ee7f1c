/* What the disk can do at best: 4 KiB of a file that has its blocks already, written and synced,
 * again and again. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "load.h"
#include "runtime.h"

#define BLOCKS 1024u

void load_disk(const load_options *options)
{
    static const char block[4096] = "weft";
    char path[4096];
    snprintf(path, sizeof(path), "%s/bench-sync", options->dir);
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        load_fail("cannot make a file");
    for (unsigned i = 0; i < BLOCKS; i++)
        if (write(fd, block, sizeof(block)) != sizeof(block))
            load_fail("cannot write");
    if (fsync(fd) != 0)
        load_fail("cannot write");
    uint64_t begin_ns = load_now_ns();
    uint64_t end_ns = begin_ns + options->seconds * 1000000000ull;
    uint64_t syncs = 0;
    for (; load_now_ns() < end_ns; syncs++)
        if (pwrite(fd, block, sizeof(block), (off_t)(syncs % BLOCKS * sizeof(block))) !=
                sizeof(block) ||
            fdatasync(fd) != 0)
            load_fail("cannot write");
    double seconds = (double)(load_now_ns() - begin_ns) / 1e9;
    close(fd);
    unlink(path);
    printf("disk syncs_per_s=%.0f\n", (double)syncs / seconds);
}
