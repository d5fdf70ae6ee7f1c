/* weft verify: reads everything back.
 *
 * First the store looks at every byte (store_verify): checksums, seqs, what belongs to nothing.
 * Then each document's events are applied in order, and its checkpoints compared with what they
 * come to (check.h).
 *
 * Failure. The pages between records have no checksums of ours: where they are damaged LMDB may run
 * out of the file, or end the process. So a child does the reading, and its death is a finding. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "command/arguments.h"
#include "command/check.h"
#include "persist/persist.h"

static const char help[] =
    "usage: weft verify --data DIR\n"
    "\n"
    "Reads everything in the data directory DIR back, also while a server runs: checksums, events\n"
    "without gaps, updates that decode, checkpoints that equal the replay of their events. Prints\n"
    "a line for each fault, and a summary. Exits 1 if there is any.\n"
    "\n"
    "  --data DIR  the data directory (or WEFT_DATA)\n"
    "  --help      print this\n"
    "  --version   print the version\n"
    "\n"
    "  weft verify --data /var/lib/weft\n";

static const arguments_form form = {.command = "verify", .help = help};

/* Documents whose names are looked up at a time. */
#define VERIFY_NAMES_MAX 256
/* Progress is told after so many events. */
#define VERIFY_STEP_EVENTS 65536

typedef struct name {
    size_t len;
    char bytes[STORE_NAME_LEN_MAX];
} name;

typedef struct verify {
    check check;
    store *store;
    const name *at; /* the document that is being checked */
    uint64_t documents;
    uint64_t events;
    uint64_t bytes;
    uint64_t faults;
    uint64_t stored_faults; /* of these, what store_verify found */
    bool shows_progress;
    struct timespec began;
    name names[VERIFY_NAMES_MAX];
    size_t name_count;
} verify;

static double seconds_since(const struct timespec *began)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - began->tv_sec) + (double)(now.tv_nsec - began->tv_nsec) / 1e9;
}

static store_bytes bytes_of(const name *n)
{
    return (store_bytes){n->bytes, n->len};
}

/* ---- what is told ---- */

static void print_fault(verify *v, const store_fault *fault)
{
    if (fault->name.len > 0)
        printf("doc %s: ", command_quote(fault->name));
    if (fault->seq_first > 0 && fault->seq_last > fault->seq_first)
        printf("events %" PRIu64 " to %" PRIu64 ": ", fault->seq_first, fault->seq_last);
    else if (fault->seq_first > 0)
        printf("event %" PRIu64 ": ", fault->seq_first);
    printf("%s\n", fault->what);
    fflush(stdout);
    v->faults++;
}

static void store_found(void *arg, const store_fault *fault)
{
    verify *v = arg;
    print_fault(v, fault);
    v->stored_faults++;
}

static void check_found(check *c, uint64_t seq, const char *what)
{
    verify *v = container_of(c, verify, check);
    print_fault(v, &(store_fault){.name = bytes_of(v->at), .seq_first = seq, .what = what});
}

static void check_step(check *c, uint64_t bytes)
{
    verify *v = container_of(c, verify, check);
    v->events++;
    v->bytes += bytes;
    if (v->shows_progress && v->events % VERIFY_STEP_EVENTS == 0)
        fprintf(stderr, "\r%" PRIu64 " documents, %" PRIu64 " events", v->documents, v->events);
}

static void print_count(uint64_t count, const char *noun, const char *behind)
{
    printf("%" PRIu64 " %s%s%s", count, noun, count == 1 ? "" : "s", behind);
}

static void print_summary(const verify *v)
{
    if (v->shows_progress)
        fputs("\r\033[K", stderr);
    print_count(v->documents, "document", ", ");
    print_count(v->events, "event", ", ");
    printf("%" PRIu64 " bytes of updates, %.1f s: ", v->bytes, seconds_since(&v->began));
    if (v->faults == 0)
        puts("all is well");
    else
        print_count(v->faults, "fault", "\n");
}

/* ---- documents ---- */

static bool take_name(void *arg, store_bytes bytes)
{
    verify *v = arg;
    name *n = &v->names[v->name_count++];
    n->len = bytes.len;
    memcpy(n->bytes, bytes.data, bytes.len);
    return v->name_count < VERIFY_NAMES_MAX;
}

/* Damage that store_verify has told of already is not told of twice. */
static bool check_one(verify *v, const name *n)
{
    store_doc doc;
    v->at = n;
    v->documents++;
    err failed = persist_err(store_find(v->store, bytes_of(n), &doc));
    if (failed == ERR_OK)
        failed = check_document(v->store, &doc, &v->check);
    if (failed == ERR_STORAGE && v->stored_faults == 0)
        check_found(&v->check, 0, "it cannot be read");
    if (failed == ERR_OK || failed == ERR_STORAGE)
        return true;
    command_fail("document %s: %s", command_quote(bytes_of(n)), command_err_text(failed));
    return false;
}

static bool check_all(verify *v)
{
    name last = {0};
    do {
        v->name_count = 0;
        store_err failed =
            store_list(v->store, (store_bytes){NULL, 0}, bytes_of(&last), take_name, v);
        if (failed != STORE_OK && v->stored_faults == 0)
            print_fault(v, &(store_fault){.what = "the documents cannot be listed"});
        for (size_t i = 0; i < v->name_count; i++)
            if (!check_one(v, &v->names[i]))
                return false;
        if (failed != STORE_OK)
            return true;
        if (v->name_count > 0)
            last = v->names[v->name_count - 1];
    } while (v->name_count == VERIFY_NAMES_MAX);
    return true;
}

static command_exit run(verify *v)
{
    store_err failed = store_verify(v->store, store_found, v);
    if (failed != STORE_OK && failed != STORE_CORRUPT)
        return command_fail("the data directory cannot be verified: %s", store_strerror(failed));
    if (!check_all(v))
        return COMMAND_FAILED;
    print_summary(v);
    return v->faults == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static command_exit verify_dir(const char *dir)
{
    verify *v = calloc(1, sizeof(*v));
    must(v != NULL);
    v->check = (check){.found = check_found, .step = check_step};
    v->shows_progress = isatty(STDERR_FILENO) == 1;
    clock_gettime(CLOCK_MONOTONIC, &v->began);
    command_exit ended = COMMAND_FAILED;
    if (command_open_read(dir, &v->store)) {
        ended = run(v);
        store_close(v->store);
    }
    free(v);
    return ended;
}

/* ---- the child ---- */

static _Noreturn void be_the_child(const char *dir, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(COMMAND_FAILED);
    exit((int)verify_dir(dir));
}

static command_exit wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        must(errno == EINTR);
    if (WIFEXITED(status))
        return WEXITSTATUS(status) == COMMAND_OK ? COMMAND_OK : COMMAND_FAILED;
    printf("the data file is damaged so that reading it ends the program (signal %d)\n",
           WTERMSIG(status));
    return COMMAND_FAILED;
}

static command_exit exec(int argc, char **argv)
{
    arguments given;
    command_exit ended;
    if (!arguments_read(&form, argc, argv, &given, &ended))
        return ended;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return command_fail("cannot begin: %s", strerror(errno));
    if (child == 0)
        be_the_child(given.data, parent);
    return wait_for(child);
}

const command command_verify = {
    .name = "verify",
    .arguments = "--data DIR",
    .purpose = "reads everything back, also while a server runs",
    .exec = exec,
};
