/* Gives every file of the folders and files named to a fuzz target: how ctest replays the corpora,
 * and how a crash is repeated. With --sweep, also every prefix of each, and each with every byte
 * changed in a few ways. */
#define _DEFAULT_SOURCE

#include <dirent.h>
#include <limits.h>

#include "fuzz.h"

static size_t runs;

/* From memory of exactly this size, so that a sanitizer sees a byte read too far. */
static void run(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        abort();
    if (size > 0)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void sweep(uint8_t *data, size_t size)
{
    for (size_t len = 0; len < size; len++)
        run(data, len);
    for (size_t i = 0; i < size; i++) {
        const uint8_t kept = data[i];
        const uint8_t changes[] = {0,
                                   0xff,
                                   (uint8_t)(kept ^ 0x80),
                                   (uint8_t)(kept ^ 0x01),
                                   (uint8_t)(kept + 1),
                                   (uint8_t)(kept ^ 0x40),
                                   (uint8_t)(kept ^ 0x20)};
        for (size_t k = 0; k < sizeof changes; k++) {
            data[i] = changes[k];
            run(data, size);
        }
        data[i] = kept;
    }
}

static void run_file(const char *path, bool sweeps)
{
    enum { FILE_LEN_MAX = 1 << 20 };
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(FILE_LEN_MAX);
    if (!file || !data) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(2);
    }
    size_t size = fread(data, 1, FILE_LEN_MAX, file);
    fclose(file);
    fprintf(stderr, "%s\n", path);
    run(data, size);
    if (sweeps)
        sweep(data, size);
    free(data);
}

static void run_path(const char *path, bool sweeps)
{
    DIR *dir = opendir(path);
    if (!dir) {
        run_file(path, sweeps);
        return;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        char name[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        run_file(name, sweeps);
    }
    closedir(dir);
}

int main(int argc, char **argv)
{
    bool sweeps = argc > 1 && strcmp(argv[1], "--sweep") == 0;
    for (int i = sweeps ? 2 : 1; i < argc; i++)
        run_path(argv[i], sweeps);
    fprintf(stderr, "%zu inputs\n", runs);
    return runs > 0 ? 0 : 2;
}
