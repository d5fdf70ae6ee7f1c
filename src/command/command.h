/* The commands of the program: one file each, and a row in the table. */
#ifndef WEFT_COMMAND_COMMAND_H
#define WEFT_COMMAND_COMMAND_H

#include <stdint.h>
#include <stdio.h>
#include <store.h>

#include "base/err.h"
#include "base/slice.h"

/* What the program exits with. */
typedef enum command_exit { COMMAND_OK = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 } command_exit;

typedef struct command {
    const char *name;
    const char *arguments; /* as the summary shows them */
    const char *purpose;
    command_exit (*exec)(int argc, char **argv); /* argv[0] is the command's name */
} command;

/* NULL: there is none of that name. */
const command *command_find(const char *name);

/* Appends the summary of all to the stream. */
void command_print_all(FILE *out);

extern const command command_serve;
extern const command command_backup;
extern const command command_restore;
extern const command command_verify;
extern const command command_export;
extern const command command_import;

/* ---- for the commands ---- */

/* Prints one line to standard error; COMMAND_FAILED. */
__attribute__((format(printf, 1, 2))) command_exit command_fail(const char *format, ...);

/* A document's name as it is printed: in quotes, with what would confuse a terminal or a reader
 * escaped. Good until the next call. */
const char *command_quote(store_bytes name);

/* What went wrong with a document, as an end to "document ...: ". */
const char *command_err_text(err code);

/* Milliseconds since 1970. */
int64_t command_now_ms(void);

/* An epoch, at random. */
uint32_t command_draw_epoch(void);

/* Opens the store in `dir` as it is at this moment, also while a server runs; false: a line has
 * been printed. */
bool command_open_read(const char *dir, store **out);

/* Opens it for this process alone, and makes it if there is none; false: a line has been printed.
 */
bool command_open(const char *dir, store **out);

#endif
