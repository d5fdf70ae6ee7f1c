/* weft backup: one file that holds the store as it is at this moment. */
#include "command/arguments.h"

static const char help[] =
    "usage: weft backup --data DIR FILE\n"
    "\n"
    "Writes a consistent copy of the data directory DIR to FILE, also while a server runs on it:\n"
    "everything that was acknowledged before the backup began is in it. FILE must not exist.\n"
    "On success nothing is printed. weft restore makes a data directory of it.\n"
    "\n"
    "  --data DIR  the data directory (or WEFT_DATA)\n"
    "  --help      print this\n"
    "  --version   print the version\n"
    "\n"
    "  weft backup --data /var/lib/weft /backup/weft-$(date +%F)\n";

static const arguments_form form = {.command = "backup", .help = help, .operands = {"FILE"}};

static command_exit exec(int argc, char **argv)
{
    arguments given;
    command_exit ended;
    store *s;
    char detail[512] = "";
    if (!arguments_read(&form, argc, argv, &given, &ended))
        return ended;
    if (!command_open_read(given.data, &s))
        return COMMAND_FAILED;
    store_err failed = store_backup(s, given.operands[0], detail, sizeof(detail));
    store_close(s);
    return failed == STORE_OK
               ? COMMAND_OK
               : command_fail("%s", detail[0] != '\0' ? detail : store_strerror(failed));
}

const command command_backup = {
    .name = "backup",
    .arguments = "--data DIR FILE",
    .purpose = "writes a consistent copy, also while a server runs",
    .exec = exec,
};
