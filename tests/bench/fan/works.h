/* The works of the load program: each opens a crowd, does one thing with it, and prints one line of
 * key=value. A run whose counts do not come out ends the program. */
#ifndef FAN_WORKS_H
#define FAN_WORKS_H

#include "crowd.h"

typedef struct fan_options {
    crowd_options crowd;
    int pid; /* of the server */
    unsigned seconds;
    unsigned permille_per_s; /* events in a thousand seconds */
    unsigned missed;         /* events written while the readers are away */
    bool pause;              /* cut: waits for a line on standard input while they are away */
    unsigned stalled;        /* readers that stop reading */
    unsigned events;
} fan_options;

/* So many events a second: how late they come, and what each costs. */
void work_steady(const fan_options *options);
/* Each writer writes on as soon as it is told: how many deliveries a second. */
void work_saturate(const fan_options *options);
/* Nothing happens: what a reader costs, and how often it is woken. */
void work_idle(const fan_options *options);
/* All readers are cut off, miss something, and come back at once: until all have caught up. */
void work_cut(const fan_options *options);
/* Some readers stop reading while much goes by: what the server grows by, and the others' wait. */
void work_stall(const fan_options *options);

#endif
