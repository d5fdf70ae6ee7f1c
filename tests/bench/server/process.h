/* What the kernel says of a process. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include <stdint.h>

/* Microseconds of processor time it has taken. */
uint64_t process_cpu_us(int pid);
/* Bytes of memory that are its own and resident: without files mapped, so without the database's
 * pages. */
uint64_t process_own_bytes(int pid);
/* Bytes of memory that it shares with others and that no file stands behind. */
uint64_t process_shared_bytes(int pid);
/* Bytes that the kernel holds for the one at `peer_port`: written by the server at `port`, and not
 * taken yet. */
uint64_t process_unsent_bytes(uint16_t port, uint16_t peer_port);

#endif
