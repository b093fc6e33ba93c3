#include "query/stage/stats.h"
/* count [by KEY, …]: `stats count()` with less to write. */

static bool parse(struct parser *p, void **out_args) {
    struct group_args *a = stats_args_new(p);
    double unused;
    if (!a)
        return false;
    a->calls[a->call_count++] = (struct agg_call){ .agg = agg_find(STR("count"), &unused),
                                                   .name = STR("count"),
                                                   .source = STR("count()") };
    parser_define(p, STR("count"));
    if (parser_take_word(p, "by") && !stats_parse_keys(p, a))
        return false;
    group_args_layout(a);
    *out_args = a;
    return true;
}

const struct stage_kind stage_count = {
    .name = "count",
    .help = "count [by KEY, …]: how many rows there are",
    .parse = parse,
    .exec = &stats_exec,
};
