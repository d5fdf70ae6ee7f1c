/* The arguments of the commands other than serve: --data, --at, --history, and operands. */
#ifndef WEFT_COMMAND_ARGUMENTS_H
#define WEFT_COMMAND_ARGUMENTS_H

#include <stdbool.h>

#include "base/eventid.h"
#include "command/command.h"

#define ARGUMENTS_OPERANDS_MAX 2

/* What a command takes. */
typedef struct arguments_form {
    const char *command;
    const char *help;
    bool takes_at;
    bool takes_history;
    const char *operands[ARGUMENTS_OPERANDS_MAX]; /* their names: DOC is checked */
} arguments_form;

typedef struct arguments {
    const char *data;
    bool has_at;
    event_id at;
    bool history;
    const char *operands[ARGUMENTS_OPERANDS_MAX];
} arguments;

/* False: the command ends with *ended; what was to be said has been. */
bool arguments_read(const arguments_form *form, int argc, char **argv, arguments *out,
                    command_exit *ended);

#endif
