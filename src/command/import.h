/* The two ways to import. */
#ifndef WEFT_COMMAND_IMPORT_H
#define WEFT_COMMAND_IMPORT_H

#include <stdio.h>

#include "command/command.h"

typedef struct import_file {
    const char *name; /* as people know it */
    FILE *stream;
} import_file;

/* A history into a document that does not exist: all of it, or nothing. */
command_exit import_history(const char *dir, store_bytes name, const import_file *file);

#endif
