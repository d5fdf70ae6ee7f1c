#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"

static FILE *open_proc(int pid, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        load_fail("cannot read of the server's process");
    return file;
}

uint64_t process_cpu_us(int pid)
{
    FILE *file = open_proc(pid, "stat");
    char line[1024];
    uint64_t user = 0, system_time = 0;
    const char *rest = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
    fclose(file);
    /* proc(5): utime and stime are the 12th and 13th fields behind the name. */
    if (rest == NULL ||
        sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64, &user,
               &system_time) != 2)
        load_fail("cannot understand /proc/PID/stat");
    return (user + system_time) * (1000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

uint64_t process_own_bytes(int pid)
{
    FILE *file = open_proc(pid, "status");
    char line[256];
    uint64_t kib = 0;
    while (fgets(line, sizeof(line), file) != NULL && sscanf(line, "RssAnon: %" SCNu64, &kib) != 1)
        continue;
    fclose(file);
    return kib * 1024;
}
