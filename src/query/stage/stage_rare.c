#include "query/stage/top.h"
/* rare [N] NAME, … [by NAME, …]: as top, the least frequent first. */

static bool parse(struct parser *p, void **out_args) {
    return top_parse(p, true, out_args);
}

const struct stage_kind stage_rare = {
    .name = "rare",
    .help = "rare [N] NAME, … [by NAME, …]: the N (10) least frequent values, with count and percent",
    .parse = parse,
    .exec = &top_exec,
};
