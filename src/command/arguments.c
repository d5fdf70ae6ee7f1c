#include "command/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/names.h"
#include "config.h"

typedef enum flag {
    FLAG_DATA = 'd',
    FLAG_AT = 'a',
    FLAG_HISTORY = 'H',
    FLAG_HELP = 'h',
    FLAG_VERSION = 'v'
} flag;

/* What was said, before it is made sense of. */
typedef struct words {
    const char *data;
    const char *at;
    const char *history;
} words;

/* One line: `what: value`; bad usage. */
static bool bad(const arguments_form *form, const char *what, const char *value,
                command_exit *ended)
{
    fprintf(stderr, "weft: %s: %s%s%s; see weft %s --help\n", form->command, what,
            value != NULL ? ": " : "", value != NULL ? value : "", form->command);
    *ended = COMMAND_USAGE;
    return false;
}

static bool done(command_exit *ended)
{
    *ended = COMMAND_OK;
    return false;
}

/* ---- flags ---- */

/* Of several letters behind one dash, getopt_long says which it does not know. */
static bool no_such_flag(const arguments_form *form, char **argv, command_exit *ended)
{
    char letter[] = {'-', (char)optopt, '\0'};
    return bad(form, "there is no such flag (-- ends the flags)",
               optopt != 0 ? letter : argv[optind - 1], ended);
}

static bool read_flags(const arguments_form *form, int argc, char **argv, words *w,
                       command_exit *ended)
{
    static const struct option flags[] = {
        {"data", required_argument, NULL, FLAG_DATA}, {"help", no_argument, NULL, FLAG_HELP},
        {"version", no_argument, NULL, FLAG_VERSION}, {"at", required_argument, NULL, FLAG_AT},
        {"history", no_argument, NULL, FLAG_HISTORY}, {0}};
    int got;
    opterr = 0;
    while ((got = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        switch (got) {
        case FLAG_DATA:
            w->data = optarg;
            break;
        case FLAG_AT:
            w->at = optarg;
            break;
        case FLAG_HISTORY:
            w->history = "1";
            break;
        case FLAG_HELP:
            fputs(form->help, stdout);
            return done(ended);
        case FLAG_VERSION:
            printf("weft %s\n", config_version);
            return done(ended);
        case ':':
            return bad(form, argv[optind - 1], "its value is missing", ended);
        default:
            return no_such_flag(form, argv, ended);
        }
    }
    return true;
}

/* ---- the environment ---- */

static const char *or_variable(const char *word, const char *name)
{
    const char *value = word != NULL ? word : getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static void read_variables(const arguments_form *form, words *w)
{
    w->data = or_variable(w->data, "WEFT_DATA");
    if (form->takes_at)
        w->at = or_variable(w->at, "WEFT_AT");
    if (form->takes_history)
        w->history = or_variable(w->history, "WEFT_HISTORY");
}

/* ---- making sense of it ---- */

static bool read_operands(const arguments_form *form, int argc, char **argv, arguments *out,
                          command_exit *ended)
{
    int next = optind;
    for (size_t i = 0; i < ARGUMENTS_OPERANDS_MAX && form->operands[i] != NULL; i++) {
        if (next == argc)
            return bad(form, form->operands[i], "is missing", ended);
        out->operands[i] = argv[next++];
        if (out->operands[i][0] == '\0')
            return bad(form, form->operands[i], "is empty", ended);
        if (strcmp(form->operands[i], "DOC") == 0 && !name_is_valid(slice_of(out->operands[i])))
            return bad(form,
                       "a document's name is 1 to 255 bytes of UTF-8 without control characters, "
                       "and not . or ..",
                       NULL, ended);
    }
    return next == argc || bad(form, "this is one too many", argv[next], ended);
}

static bool make_sense(const arguments_form *form, const words *w, arguments *out,
                       command_exit *ended)
{
    if (w->at != NULL && !form->takes_at)
        return bad(form, "there is no such flag", "--at", ended);
    if (w->history != NULL && !form->takes_history)
        return bad(form, "there is no such flag", "--history", ended);
    if (w->data == NULL)
        return bad(form, "--data DIR", "is missing", ended);
    out->data = w->data;
    out->has_at = w->at != NULL;
    if (w->at != NULL && !event_id_parse(slice_of(w->at), &out->at))
        return bad(form, "this is not an event's id, like 42 or 42.9f3c1a07", w->at, ended);
    out->history = w->history != NULL && strcmp(w->history, "1") == 0;
    if (w->history != NULL && !out->history && strcmp(w->history, "0") != 0)
        return bad(form, "WEFT_HISTORY is 1 or 0", w->history, ended);
    return true;
}

bool arguments_read(const arguments_form *form, int argc, char **argv, arguments *out,
                    command_exit *ended)
{
    words said = {0};
    *out = (arguments){0};
    if (!read_flags(form, argc, argv, &said, ended))
        return false;
    read_variables(form, &said);
    return make_sense(form, &said, out, ended) && read_operands(form, argc, argv, out, ended);
}
