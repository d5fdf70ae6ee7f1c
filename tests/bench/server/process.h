/* What the kernel says of a process. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>

/* Microseconds of processor time it has taken. */
uint64_t process_cpu_us(int pid);
/* Bytes of memory that are its own and resident: without files mapped, so without the database's
 * pages. */
uint64_t process_own_bytes(int pid);

#endif
