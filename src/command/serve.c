/* weft serve: its flags are config.c's, and the rest is the server's. */
#include "command/command.h"
#include "config.h"
#include "server.h"

static command_exit exec(int argc, char **argv)
{
    config settings;
    switch (config_read(argc, argv, &settings)) {
    case CONFIG_OK:
        return server_run(&settings) ? COMMAND_OK : COMMAND_FAILED;
    case CONFIG_DONE:
        return COMMAND_OK;
    case CONFIG_BAD:
        break;
    }
    return COMMAND_USAGE;
}

const command command_serve = {
    .name = "serve",
    .arguments = "[--listen ADDRESS:PORT] [--data DIR] [--static DIR]\n"
                 "             [--max-update BYTES] [--cors ORIGIN]... [--insecure]",
    .purpose = "serves documents over HTTP",
    .exec = exec,
};
