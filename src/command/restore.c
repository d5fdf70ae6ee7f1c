/* weft restore: a data directory from a backup. */
#include "command/arguments.h"
#include "room/codec.h"

static const char help[] =
    "usage: weft restore --data DIR FILE\n"
    "\n"
    "Makes the data directory DIR, which must not exist or be empty, from FILE, which weft backup\n"
    "wrote. Every document gets a new epoch, so that clients that have seen more than the backup\n"
    "are told (reset, reason `restored`) and upload what the server lacks. If it fails, or is\n"
    "stopped, there is no store in DIR; empty it and begin again.\n"
    "\n"
    "  --data DIR  the data directory (or WEFT_DATA)\n"
    "  --help      print this\n"
    "  --version   print the version\n"
    "\n"
    "  weft restore --data /var/lib/weft-new /backup/weft-2026-11-21\n"
    "  weft verify --data /var/lib/weft-new\n";

static const arguments_form form = {.command = "restore", .help = help, .operands = {"FILE"}};

static uint32_t draw(void *ctx)
{
    (void)ctx;
    return command_draw_epoch();
}

static command_exit exec(int argc, char **argv)
{
    arguments given;
    command_exit ended;
    char detail[512] = "";
    store_options options = {.codec = &room_codec};
    if (!arguments_read(&form, argc, argv, &given, &ended))
        return ended;
    store_err failed =
        store_restore(given.operands[0], given.data, &options, draw, NULL, detail, sizeof(detail));
    return failed == STORE_OK
               ? COMMAND_OK
               : command_fail("%s", detail[0] != '\0' ? detail : store_strerror(failed));
}

const command command_restore = {
    .name = "restore",
    .arguments = "--data DIR FILE",
    .purpose = "makes an empty or absent DIR from a backup",
    .exec = exec,
};
