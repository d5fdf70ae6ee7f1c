/* Measures the engine: bench_engine FOLDER JOB [--quick]
 *
 * Prints what worker.mjs prints of the other engines, a line each:
 *   ready                  the job is prepared
 *   first NS               the first round, in nanoseconds of CPU time
 *   rounds NS NS ...       rounds after the warm-up
 *   value NUMBER           instead of the last two: a fact that is looked at once
 *   none                   there is no such job, or not for this folder
 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"

/* When to stop: worker.mjs has the same numbers. */
enum { WARM_ROUNDS = 3, ROUNDS_MIN = 5, ROUNDS_MAX = 300, ROUNDS_LONG = 3 };
static const double WARM_NS = 0.5e9;
static const double WARM_NS_MAX = 10e9;
static const double ROUNDS_NS = 1e9;
static const double ROUNDS_NS_LONG = 15e9;

static double cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double timed(const bench_job *job, bench *b)
{
    double before = cpu_ns();
    job->run(b);
    return cpu_ns() - before;
}

static void say(const char *what)
{
    puts(what);
    fflush(stdout);
}

static void warm_up(const bench_job *job, bench *b)
{
    double spent = timed(job, b);
    printf("first %.0f\n", spent);
    fflush(stdout);
    for (int i = 1; (i < WARM_ROUNDS || spent < WARM_NS) && spent < WARM_NS_MAX; i++)
        spent += timed(job, b);
}

static void measure(const bench_job *job, bench *b, int rounds_max)
{
    double spent = 0;
    printf("rounds");
    for (int i = 0; i < rounds_max; i++) {
        if (i >= ROUNDS_MIN && spent >= ROUNDS_NS)
            break;
        if (i >= ROUNDS_LONG && spent >= ROUNDS_NS_LONG)
            break;
        double ns = timed(job, b);
        spent += ns;
        printf(" %.0f", ns);
    }
    say("");
}

static const bench_job *find_job(const bench_job *jobs, const char *name)
{
    for (; jobs->name; jobs++)
        if (strcmp(jobs->name, name) == 0)
            return jobs;
    return NULL;
}

static const bench_fact *find_fact(const char *name)
{
    for (const bench_fact *fact = bench_facts; fact->name; fact++)
        if (strcmp(fact->name, name) == 0)
            return fact;
    return NULL;
}

static void do_job(const bench_job *job, bench *b, bool quick)
{
    job->prepare(b);
    if (b->unfit) {
        say("none");
        return;
    }
    say("ready");
    warm_up(job, b);
    measure(job, b, quick ? ROUNDS_MIN : ROUNDS_MAX);
}

static void tell_fact(const bench_fact *fact, bench *b)
{
    fact->prepare(b);
    printf("value %.0f\n", fact->look(b));
}

int main(int argc, char **argv)
{
    bool quick = argc == 4 && strcmp(argv[3], "--quick") == 0;
    if (argc != 3 && !quick)
        bench_die("usage: bench_engine FOLDER JOB [--quick]");
    bench b = {.folder = argv[1]};
    const bench_job *tables[] = {bench_doc_jobs, bench_update_jobs, bench_edit_jobs};
    const bench_job *job = NULL;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && !job; i++)
        job = find_job(tables[i], argv[2]);
    const bench_fact *fact = find_fact(argv[2]);
    if (job)
        do_job(job, &b, quick);
    else if (fact)
        tell_fact(fact, &b);
    else
        say("none");
    bench_free(&b);
    return 0;
}
