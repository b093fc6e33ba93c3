#include "query/stage/stats.h"
/* timechart [span=5m] AGGREGATE, … [by KEY, …]: stats by bin(@timestamp, span) and the keys; the bin is
 * @timestamp. */
static const int64_t SPAN_NS_DEFAULT = 300ll * 1000000000;

static struct expr *node(struct parser *p, struct expr e) {
    struct expr *made = ARENA_NEW(parser_mem(p), struct expr, 1);
    if (made)
        *made = e;
    else
        (void)parser_fail(p, "the query is too large");
    return made;
}

static struct expr *bin_of(struct parser *p, int64_t span_ns) {
    struct expr **args = ARENA_NEW(parser_mem(p), struct expr *, 2);
    if (!args) {
        (void)parser_fail(p, "the query is too large");
        return NULL;
    }
    args[0] = node(p, (struct expr){ .kind = EXPR_FIELD, .name = STR("@timestamp"), .depth = 1 });
    args[1] = node(p, (struct expr){ .kind = EXPR_LITERAL, .literal = value_int(span_ns), .depth = 1 });
    struct expr call = {
        .kind = EXPR_CALL, .fn = fn_find(STR("bin")), .args = args, .arg_count = 2, .depth = 2
    };
    return args[0] && args[1] ? node(p, call) : NULL;
}

static bool parse(struct parser *p, void **out_args) {
    struct group_args *a = stats_args_new(p);
    int64_t span_ns = SPAN_NS_DEFAULT;
    if (!a)
        return false;
    if (parser_take_word(p, "span") && (!parser_need_symbol(p, "=") || !parser_duration(p, &span_ns)))
        return false;
    struct group_key key = { .name = STR("@timestamp"),
                             .source = STR("@timestamp"),
                             .expr = bin_of(p, span_ns) };
    if (!key.expr || span_ns <= 0)
        return span_ns > 0 ? false : parser_fail(p, "expected a span such as 5m");
    group_key_init(&key);
    a->keys[a->key_count++] = key;
    if (!stats_parse_calls(p, a) || (parser_take_word(p, "by") && !stats_parse_keys(p, a)))
        return false;
    group_args_layout(a);
    *out_args = a;
    return true;
}

const struct stage_kind stage_timechart = {
    .name = "timechart",
    .help = "timechart [span=5m] AGGREGATE, … [by KEY, …]: stats for each span of time",
    .parse = parse,
    .exec = &stats_exec,
};
