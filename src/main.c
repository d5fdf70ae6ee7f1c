/* The program: which command is asked for, and how it ended. 0: well, 1: failed, 2: bad usage. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

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

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
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
