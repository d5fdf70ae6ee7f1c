#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/must.h"
#include "command/command.h"
#include "room/codec.h"

/* ---- the table ---- */

static const command *const commands[] = {&command_serve,  &command_backup, &command_restore,
                                          &command_verify, &command_export, &command_import};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

const command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

void command_print_all(FILE *out)
{
    fputs("usage: weft COMMAND [flags]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  weft %s %s\n      %s\n", commands[i]->name, commands[i]->arguments,
                commands[i]->purpose);
    fputs("\nweft COMMAND --help tells more; weft --version prints the version.\n", out);
}

/* ---- what is told ---- */

command_exit command_fail(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("weft: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return COMMAND_FAILED;
}

/* Every byte may become \xNN; and the quotes, and the end. */
#define QUOTE_MAX (STORE_NAME_LEN_MAX * 4 + 3)

const char *command_quote(store_bytes name)
{
    static char text[QUOTE_MAX];
    const unsigned char *bytes = name.data;
    size_t len = 0;
    text[len++] = '"';
    for (size_t i = 0; i < name.len && i < STORE_NAME_LEN_MAX; i++) {
        unsigned char c = bytes[i];
        if (c < 0x20 || c == 0x7f)
            len += (size_t)snprintf(text + len, 5, "\\x%02x", c);
        else if (c == '"' || c == '\\')
            len += (size_t)snprintf(text + len, 3, "\\%c", c);
        else
            text[len++] = (char)c;
    }
    text[len++] = '"';
    text[len] = '\0';
    return text;
}

const char *command_err_text(err code)
{
    if (code == ERR_STORAGE)
        return "what is stored of it is damaged, or cannot be read; weft verify tells where";
    return code == ERR_NO_MEMORY ? "out of memory" : err_text(code);
}

/* ---- time and chance ---- */

int64_t command_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint32_t command_draw_epoch(void)
{
    uint32_t epoch;
    must(getrandom(&epoch, sizeof(epoch), 0) == (ssize_t)sizeof(epoch));
    return epoch;
}

/* ---- stores ---- */

#define DETAIL_LEN 512

typedef store_err (*opener)(const char *dir, const store_options *options, store **out,
                            char *detail, size_t detail_len);

static bool open_with(opener how, const char *dir, store **out)
{
    char detail[DETAIL_LEN] = "";
    store_options options = {.codec = &room_codec};
    store_err failed = how(dir, &options, out, detail, sizeof(detail));
    if (failed != STORE_OK)
        command_fail("%s", detail[0] != '\0' ? detail : store_strerror(failed));
    return failed == STORE_OK;
}

bool command_open_read(const char *dir, store **out)
{
    return open_with(store_open_read, dir, out);
}

bool command_open(const char *dir, store **out)
{
    return open_with(store_open, dir, out);
}
