#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime.h"

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

/* The number behind `key` in /proc/PID/status, which is in KiB. */
static uint64_t status_bytes(int pid, const char *key)
{
    FILE *file = open_proc(pid, "status");
    size_t key_len = strlen(key);
    char line[256];
    uint64_t kib = 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, key, key_len) == 0)
            kib = strtoull(line + key_len, NULL, 10);
    fclose(file);
    return kib * 1024;
}

uint64_t process_own_bytes(int pid)
{
    return status_bytes(pid, "RssAnon:");
}

uint64_t process_shared_bytes(int pid)
{
    return status_bytes(pid, "RssShmem:");
}

uint64_t process_unsent_bytes(uint16_t port, uint16_t peer_port)
{
    FILE *file = fopen("/proc/net/tcp", "re");
    char line[256];
    unsigned local, remote;
    uint64_t unsent, found = 0;
    if (file == NULL)
        load_fail("cannot read /proc/net/tcp");
    /* proc(5): local address, remote address, state, tx_queue:rx_queue */
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, " %*d: %*8x:%x %*8x:%x %*x %" SCNx64, &local, &remote, &unsent) == 3 &&
            local == port && remote == peer_port)
            found = unsent;
    fclose(file);
    return found;
}
