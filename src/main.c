/* The program: which command is asked for, and how it ended. 0: well, 1: failed, 2: bad usage. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "config.h"

static int run(const char *name, int argc, char **argv)
{
    const command *found = command_find(name);
    if (found != NULL)
        return (int)found->exec(argc, argv);
    fprintf(stderr, "weft: unknown command: %s; see weft --help\n", name);
    return COMMAND_USAGE;
}

/* The numbers of standard streams that are closed would go to the next files that are opened, the
 * data file among them, and what is said would be written there. So something has to hold them, and
 * it refuses what they are for: an export without an output is to fail. */
static bool hold_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    if (!hold_standard_streams())
        return COMMAND_FAILED;
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error to be told */
    if (strcmp(name, "--help") == 0) {
        command_print_all(stdout);
        return COMMAND_OK;
    }
    if (strcmp(name, "--version") == 0) {
        printf("weft %s\n", config_version);
        return COMMAND_OK;
    }
    if (name[0] != '\0')
        return run(name, argc - 1, argv + 1);
    command_print_all(stderr);
    return COMMAND_USAGE;
}
