/* sonde bench ingest|query|stages */
#include "bench/bench.h"
#include "bench/cmd_bench.h"

static int run(int argc, char **argv) {
    struct traffic *t = traffic_new(1);
    int status = 2;
    if (argc >= 2 && strcmp(argv[1], "ingest") == 0)
        status = bench_ingest(t, argc - 2, argv + 2);
    else if (argc >= 2 && strcmp(argv[1], "query") == 0)
        status = bench_query(t, argc - 2, argv + 2);
    else if (argc >= 2 && strcmp(argv[1], "stages") == 0)
        status = bench_stages(t);
    else
        (void)cli_fail("usage: sonde bench ingest [SECONDS [SHAPE]] | query [LINES] | stages; see docs/performance.md");
    traffic_free(t);
    return status;
}

const struct command cmd_bench = { "bench", "ingest [SECONDS [SHAPE]] | query [LINES] | stages",
                                   "Measure this machine: write rates, query times, sizes.", run };
