#include "query/exec_run.h"
/*
 * A live tail asks again and again: which rows of live blocks came after this position? It is a query of one
 * round over few blocks, turned around: oldest first. A round that finds more than TAIL_ROWS_MAX rows gives
 * the newest of them and says that it was cut.
 */
enum { TAIL_ROWS_MAX = 10000 };

static uint64_t last_position(const struct source *s, uint64_t position) {
    for (size_t i = 0; i < scan_count(s->scan); i++) {
        uint64_t p = scan_block(s->scan, i)->position;
        position = p > position ? p : position;
    }
    return position;
}

static enum err run(struct exec_scan *s, const struct query_request *r, struct exec_out *out) {
    struct exec_position at = { 0 };
    struct exec_rows_options o = { .first_round =
                                       r->limit && r->limit < TAIL_ROWS_MAX ? r->limit : TAIL_ROWS_MAX,
                                   .rounds_max = 1,
                                   .at = &at,
                                   .oldest_first = true };
    struct exec_chain chain;
    uint64_t fed;
    enum err e = exec_chain_open(s->exec, 0, s->exec->plan->stage_count, NULL, &out->op, &chain);
    if (e == ERR_OK)
        e = exec_rows(s, &o, &chain, &fed);
    if (e == ERR_OK && s->exec->budget.rows_matched > fed)
        exec_cut(s->exec, "tail");
    exec_chain_close(&chain);
    return e;
}

enum err query_tail(struct store *store, const struct query_request *r, const struct query_sink *sink,
                    uint64_t *position, struct query_stats *out_stats, struct err_text *why) {
    AUTO(exec) x;
    struct err_text said = { .msg = "" };
    struct exec_scan scan = { .exec = &x };
    enum err e = exec_init(&x, r);
    x.store = store;
    struct exec_out *out = exec_out_new(&x, r, sink);
    out->limit = 0;
    if (e == ERR_OK && !query_is_streaming(r->query))
        e = err_say(&said, ERR_INVALID, "only filters and commands that work row by row can be tailed");
    if (e == ERR_OK)
        e = exec_scan_open(&scan, true, *position, &said);
    uint64_t reached = e == ERR_OK ? last_position(&scan.source, *position) : *position;
    if (e == ERR_OK && scan_count(scan.source.scan))
        e = run(&scan, r, out);
    exec_fill_stats(&scan, out, out_stats);
    if (why && said.msg[0])
        *why = said;
    e = exec_result(&x, out, e, why);
    if (e == ERR_OK)
        *position = reached;
    exec_scan_close(&scan);
    exec_op_free(&out->op);
    return e;
}
