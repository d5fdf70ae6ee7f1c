/* fan: very many readers of one server, over each transport, and everything counted.
 *
 *     fan WORK --port P --transport NAME [flags]
 *
 * Prints one line of key=value. The flags stand in read_options, the works in works.h. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime.h"
#include "transport.h"
#include "works.h"

const transport *transport_find(const char *name)
{
    static const transport *const all[] = {&sse_weft,  &poll_long,         &poll_short,
                                           &socket_y,  &socket_hocuspocus, &socket_nchan,
                                           &sse_nchan, &poll_nchan};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    load_fail("no such transport");
}

/* Of an event: a mark, and a blank. */
#define TEXT_LEN_DEFAULT 13

static fan_options read_options(int argc, char **argv)
{
    fan_options o = {.crowd = {.transport = &sse_weft,
                               .readers = 1000,
                               .documents = 1,
                               .writers = 8,
                               .depth = 1,
                               .text_len = TEXT_LEN_DEFAULT},
                     .seconds = 5,
                     .permille_per_s = 20000,
                     .missed = 100,
                     .events = 6400};
    unsigned port = 0, pid = 0, text_len = TEXT_LEN_DEFAULT, poll_ms = 1000, transit_ms = 0;
    unsigned post = 0, browser = 0, pause = 0, replace = 0;
    const struct {
        const char *name;
        unsigned *value;
    } numbers[] = {{"--port", &port},
                   {"--pid", &pid},
                   {"--readers", &o.crowd.readers},
                   {"--documents", &o.crowd.documents},
                   {"--writers", &o.crowd.writers}, /* of each document */
                   {"--depth", &o.crowd.depth},     /* events in flight of each */
                   {"--post", &post},               /* 1: writers POST, whatever readers do */
                   {"--browser", &browser},         /* 1: requests weigh what a browser's do */
                   {"--text-len", &text_len},       /* of what an event inserts */
                   {"--replace", &replace},         /* 1: and deletes what the one before did */
                   {"--poll-ms", &poll_ms},         /* between two short polls */
                   {"--transit-ms", &transit_ms},   /* of the way to a reader, and of that back */
                   {"--seconds", &o.seconds},
                   {"--permille", &o.permille_per_s}, /* events in a thousand seconds */
                   {"--missed", &o.missed},
                   {"--pause", &pause},
                   {"--stalled", &o.stalled},
                   {"--events", &o.events}};
    for (int i = 0; i + 1 < argc; i += 2) {
        bool known = strcmp(argv[i], "--transport") == 0;
        if (known)
            o.crowd.transport = transport_find(argv[i + 1]);
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            if (strcmp(argv[i], numbers[n].name) == 0) {
                *numbers[n].value = load_number(argv[i + 1]);
                known = true;
            }
        }
        if (!known)
            load_fail(argv[i]);
    }
    if (port == 0 || o.crowd.documents == 0 || o.permille_per_s == 0 || o.crowd.depth == 0)
        load_fail("--port is missing, or a number is 0");
    o.pid = (int)pid;
    o.pause = pause;
    o.crowd.port = (uint16_t)port;
    o.crowd.post = post;
    o.crowd.browser_fields = browser;
    o.crowd.text_len = text_len;
    o.crowd.replaces = replace;
    o.crowd.poll_ns = o.crowd.transport == &poll_short ? poll_ms * 1000000ull : 0;
    o.crowd.transit_ns = transit_ms * 1000000ull;
    return o;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const fan_options *options);
    } works[] = {{"steady", work_steady},
                 {"saturate", work_saturate},
                 {"idle", work_idle},
                 {"cut", work_cut},
                 {"stall", work_stall}};
    for (size_t i = 0; argc % 2 == 0 && i < sizeof(works) / sizeof(works[0]); i++) {
        if (strcmp(argv[1], works[i].name) == 0) {
            fan_options options = read_options(argc - 2, argv + 2);
            load_raise_file_limit();
            works[i].run(&options);
            return 0;
        }
    }
    fprintf(stderr, "usage: fan steady|saturate|idle|cut|stall --port P --transport T [flags]\n");
    return 2;
}
