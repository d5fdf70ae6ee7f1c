#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <store.h>

#include "net/listener.h"

#define LISTEN_DEFAULT           "127.0.0.1:8080"
#define DATA_DEFAULT             "data"
#define UPDATE_BYTES_MAX_DEFAULT ((size_t)16 << 20)

const char config_version[] = WEFT_VERSION;

static const char usage[] =
    "usage: weft serve [flags]\n"
    "\n"
    "Serves documents from a data directory until it is told to stop (SIGTERM, SIGINT).\n"
    "\n"
    "  --listen ADDRESS:PORT  where to listen; port 0 takes a free one (" LISTEN_DEFAULT ")\n"
    "  --data DIR             the data directory, made if it does not exist (" DATA_DEFAULT ")\n"
    "  --static DIR           also serve the files below DIR\n"
    "  --max-update BYTES     the largest update that is taken (16777216)\n"
    "  --cors ORIGIN          let pages of this origin in; may be repeated\n"
    "  --insecure             listen on an address that others can reach; there is no\n"
    "                         authentication\n"
    "  --help                 print this\n"
    "  --version              print the version\n"
    "\n"
    "Each flag has an environment variable: WEFT_LISTEN, WEFT_DATA, WEFT_STATIC, WEFT_MAX_UPDATE,\n"
    "WEFT_CORS (origins separated by spaces), WEFT_INSECURE (1 or 0). Flags count before them.\n";

typedef enum flag {
    FLAG_LISTEN = 'l',
    FLAG_DATA = 'd',
    FLAG_STATIC = 's',
    FLAG_MAX_UPDATE = 'm',
    FLAG_CORS = 'c',
    FLAG_INSECURE = 'i',
    FLAG_HELP = 'h',
    FLAG_VERSION = 'v'
} flag;

/* What was said, before it is made sense of. */
typedef struct words {
    const char *listen;
    const char *data;
    const char *static_dir;
    const char *max_update;
    const char *insecure;
    const char *cors[CONFIG_CORS_MAX];
    size_t cors_count;
} words;

static config_result bad(const char *what, const char *value)
{
    fprintf(stderr, "weft: %s: %s\n", what, value);
    return CONFIG_BAD;
}

/* ---- from the environment ---- */

/* An empty variable counts as none. */
static const char *from_environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static bool add_cors(words *w, const char *origin)
{
    if (w->cors_count == CONFIG_CORS_MAX)
        return false;
    w->cors[w->cors_count++] = origin;
    return true;
}

/* Cuts the variable itself at its spaces: it is ours, and stays. */
static bool cors_from_environment(words *w)
{
    char *rest = getenv("WEFT_CORS");
    for (char *origin; rest != NULL && (origin = strtok_r(rest, " ", &rest)) != NULL;)
        if (!add_cors(w, origin))
            return false;
    return true;
}

/* ---- from the flags ---- */

/* Of several letters behind one dash, getopt_long says which it does not know. */
static config_result no_such_flag(char **argv)
{
    char letter[] = {'-', (char)optopt, '\0'};
    return bad("there is no such flag; see weft serve --help",
               optopt != 0 ? letter : argv[optind - 1]);
}

static config_result read_flags(int argc, char **argv, words *w)
{
    static const struct option flags[] = {{"listen", required_argument, NULL, FLAG_LISTEN},
                                          {"data", required_argument, NULL, FLAG_DATA},
                                          {"static", required_argument, NULL, FLAG_STATIC},
                                          {"max-update", required_argument, NULL, FLAG_MAX_UPDATE},
                                          {"cors", required_argument, NULL, FLAG_CORS},
                                          {"insecure", no_argument, NULL, FLAG_INSECURE},
                                          {"help", no_argument, NULL, FLAG_HELP},
                                          {"version", no_argument, NULL, FLAG_VERSION},
                                          {0}};
    int got;
    opterr = 0;
    while ((got = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        switch (got) {
        case FLAG_LISTEN:
            w->listen = optarg;
            break;
        case FLAG_DATA:
            w->data = optarg;
            break;
        case FLAG_STATIC:
            w->static_dir = optarg;
            break;
        case FLAG_MAX_UPDATE:
            w->max_update = optarg;
            break;
        case FLAG_CORS:
            if (!add_cors(w, optarg))
                return bad("too many origins", optarg);
            break;
        case FLAG_INSECURE:
            w->insecure = "1";
            break;
        case FLAG_HELP:
            fputs(usage, stdout);
            return CONFIG_DONE;
        case FLAG_VERSION:
            printf("weft %s\n", config_version);
            return CONFIG_DONE;
        case ':':
            return bad("this flag needs a value; see weft serve --help", argv[optind - 1]);
        default:
            return no_such_flag(argv);
        }
    }
    if (optind < argc)
        return bad("this is not a flag, and serve takes nothing else", argv[optind]);
    return CONFIG_OK;
}

/* ---- making sense of it ---- */

static bool parse_bytes(const char *text, size_t *out)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 ||
        value > STORE_UPDATE_LEN_MAX)
        return false;
    *out = (size_t)value;
    return true;
}

static bool ends_in(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* `scheme://host[:port]` as browsers send it (RFC 6454, section 6.2); in another form it would let
 * nobody in. */
static bool is_origin(const char *text)
{
    static const char scheme[] = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
    static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
    size_t len = strspn(text, scheme);
    const char *rest = text + len;
    bool usual_port = (strncmp(text, "http:", 5) == 0 && ends_in(text, ":80")) ||
                      (strncmp(text, "https:", 6) == 0 && ends_in(text, ":443"));
    return len > 0 && strncmp(rest, "://", 3) == 0 && rest[3] != '\0' && !usual_port &&
           rest[3 + strspn(rest + 3, host)] == '\0';
}

static config_result read_origins(const words *w, config *out)
{
    for (size_t i = 0; i < w->cors_count; i++) {
        if (!is_origin(w->cors[i]))
            return bad(
                "an origin is like https://example.org, in lower case, without a path or the "
                "usual port",
                w->cors[i]);
        out->cors[i] = w->cors[i];
    }
    out->cors_count = w->cors_count;
    return CONFIG_OK;
}

static config_result make_sense(const words *w, config *out)
{
    *out = (config){.data = w->data != NULL ? w->data : DATA_DEFAULT,
                    .listen = w->listen != NULL ? w->listen : LISTEN_DEFAULT,
                    .static_dir = w->static_dir,
                    .update_bytes_max = UPDATE_BYTES_MAX_DEFAULT};
    struct sockaddr_storage address;
    if (!listener_parse(out->listen, &address))
        return bad("this is not an address like 127.0.0.1:8080 or [::1]:8080", out->listen);
    bool insecure = w->insecure != NULL && strcmp(w->insecure, "0") != 0;
    if (w->insecure != NULL && insecure && strcmp(w->insecure, "1") != 0)
        return bad("WEFT_INSECURE is 1 or 0", w->insecure);
    if (!listener_is_loopback(&address) && !insecure)
        return bad("anybody who reaches this address could read and write everything; if that is "
                   "meant, add --insecure",
                   out->listen);
    if (w->max_update != NULL && !parse_bytes(w->max_update, &out->update_bytes_max))
        return bad("the largest update is a number of bytes from 1 to 1073741824", w->max_update);
    return read_origins(w, out);
}

config_result config_read(int argc, char **argv, config *out)
{
    words said = {0};
    config_result result = read_flags(argc, argv, &said);
    if (result != CONFIG_OK)
        return result;
    if (said.cors_count == 0 && !cors_from_environment(&said))
        return bad("too many origins", "WEFT_CORS");
    const struct {
        const char **word;
        const char *name;
    } variables[] = {{&said.listen, "WEFT_LISTEN"},
                     {&said.data, "WEFT_DATA"},
                     {&said.static_dir, "WEFT_STATIC"},
                     {&said.max_update, "WEFT_MAX_UPDATE"},
                     {&said.insecure, "WEFT_INSECURE"}};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
        if (*variables[i].word == NULL)
            *variables[i].word = from_environment(variables[i].name);
    return make_sense(&said, out);
}
