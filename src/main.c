/* The program: what is asked for, and how it ended. 0: well, 1: failed, 2: bad usage. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "server.h"

static const char usage[] = "usage: weft COMMAND [flags]\n"
                            "\n"
                            "  serve [--listen ADDRESS:PORT] [--data DIR] [--static DIR]\n"
                            "        [--max-update BYTES] [--cors ORIGIN]... [--insecure]\n"
                            "                 serve documents over HTTP\n"
                            "\n"
                            "weft COMMAND --help tells more; weft --version prints the version.\n";

static int serve(int argc, char **argv)
{
    config settings;
    switch (config_read(argc, argv, &settings)) {
    case CONFIG_OK:
        return server_run(&settings) ? 0 : 1;
    case CONFIG_DONE:
        return 0;
    case CONFIG_BAD:
        return 2;
    }
    return 2;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "serve") == 0)
        return serve(argc - 1, argv + 1);
    if (strcmp(command, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (strcmp(command, "--version") == 0) {
        printf("weft %s\n", config_version);
        return 0;
    }
    if (command[0] == '\0')
        fputs(usage, stderr);
    else
        fprintf(stderr, "weft: unknown command: %s; see weft --help\n", command);
    return 2;
}
