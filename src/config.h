/* The settings of `weft serve`: from its flags, and from the environment where a flag is missing.
 */
#ifndef WEFT_CONFIG_H
#define WEFT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/* Origins that --cors may name. */
#define CONFIG_CORS_MAX 64

typedef struct config {
    const char *listen;
    const char *data;
    const char *static_dir; /* NULL: nothing is served but the API */
    size_t update_bytes_max;
    const char *cors[CONFIG_CORS_MAX];
    size_t cors_count;
} config;

typedef enum config_result {
    CONFIG_OK,
    CONFIG_DONE, /* --help or --version has been answered */
    CONFIG_BAD   /* a sentence has been printed to standard error */
} config_result;

/* Reads the arguments behind `serve` (argv[0] is `serve` itself). What `out` points to belongs to
 * argv and the environment, which are kept. */
config_result config_read(int argc, char **argv, config *out);

extern const char config_version[];

#endif
