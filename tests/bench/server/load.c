/* bench_load: puts a load on a server that runs, and prints what came of it, one line of key=value.
 *
 *     bench_load write  --port P --connections N --documents M --seconds S [--in-flight F]
 *     bench_load fanout --port P --readers N --connections W --seconds S [--documents M]
 *                       [--in-flight F] [--rate EVENTS_PER_S] [--sockets] [--pid SERVER]
 *     bench_load idle   --port P --readers N --documents M --pid SERVER [--polls|--sockets]
 *     bench_load storm  --port P --readers N --events E [--polls] [--differ] [--pid SERVER]
 *     bench_load disk   --dir DIR --seconds S
 */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "posting.h"
#include "runtime.h"

static load_options read_options(int argc, char **argv)
{
    static const struct option flags[] = {
        {"port", required_argument, NULL, 'p'},        {"pid", required_argument, NULL, 'i'},
        {"connections", required_argument, NULL, 'c'}, {"documents", required_argument, NULL, 'd'},
        {"readers", required_argument, NULL, 'r'},     {"seconds", required_argument, NULL, 's'},
        {"events", required_argument, NULL, 'e'},      {"differ", no_argument, NULL, 'f'},
        {"dir", required_argument, NULL, 'D'},         {"polls", no_argument, NULL, 'P'},
        {"sockets", no_argument, NULL, 'S'},           {"in-flight", required_argument, NULL, 'F'},
        {"rate", required_argument, NULL, 'R'},        {0}};
    load_options o = {.connections = 1,
                      .documents = 1,
                      .in_flight = 1,
                      .readers = 1,
                      .seconds = 5,
                      .events = 100,
                      .dir = "."};
    int got;
    while ((got = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (got) {
        case 'p':
            o.port = (uint16_t)load_number(optarg);
            break;
        case 'i':
            o.pid = (int)load_number(optarg);
            break;
        case 'c':
            o.connections = load_number(optarg);
            break;
        case 'd':
            o.documents = load_number(optarg);
            break;
        case 'r':
            o.readers = load_number(optarg);
            break;
        case 'F':
            o.in_flight = load_number(optarg);
            break;
        case 'R':
            o.rate = load_number(optarg);
            break;
        case 's':
            o.seconds = load_number(optarg);
            break;
        case 'e':
            o.events = load_number(optarg);
            break;
        case 'f':
            o.differ = true;
            break;
        case 'P':
            o.polls = true;
            break;
        case 'S':
            o.sockets = true;
            break;
        case 'D':
            o.dir = optarg;
            break;
        default:
            exit(2);
        }
    }
    if (o.connections == 0 || o.documents == 0 || o.readers == 0 || o.seconds == 0 || o.events == 0)
        load_fail("every number is at least 1");
    if (o.in_flight == 0 || o.in_flight > WRITER_IN_FLIGHT_MAX)
        load_fail("--in-flight is 1 to 64");
    return o;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(const load_options *options);
    } runs[] = {{"write", load_write},
                {"fanout", load_fanout},
                {"idle", load_idle},
                {"storm", load_storm},
                {"disk", load_disk}};
    if (argc >= 2) {
        load_options options = read_options(argc - 1, argv + 1);
        load_raise_file_limit();
        for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
            if (strcmp(argv[1], runs[i].name) == 0) {
                runs[i].run(&options);
                return 0;
            }
        }
    }
    fprintf(stderr, "usage: bench_load write|fanout|idle|storm|disk [flags]\n");
    return 2;
}
