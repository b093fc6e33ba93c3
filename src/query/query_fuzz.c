#include "base/assert.h"
#include "query/parser_state.h"
#include "query/query.h"
#include "query/stage/stage.h"
/*
 * Any bytes as a query, and as a value expression: no crash; what was understood prints as a text that is
 * understood as the same tree; it can be evaluated on a row with values of every type.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct query_context context = { .now_ns = 1763708504ll * 1000000000 };

static struct value field(void *ctx UNUSED, struct str name) {
    static const char ip[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, 10, 0, 0, 1 };
    if (name.n == 0)
        return value_null();
    switch (name.p[name.n - 1]) {
    case 'a': return value_int(5);
    case 'b': return value_string(STR("card declined 10.0.0.7 \xc3\xa9\xff"));
    case 'c': return (struct value){ .type = VALUE_JSON, .s = STR("[1,\"x\\n\",true,null,{\"k\":[2]}]") };
    case 'd': return (struct value){ .type = VALUE_IP, .s = { ip, 16 } };
    case 'e': return value_float(-1.25);
    case 'f': return value_bool(true);
    case 'g': return (struct value){ .type = VALUE_NUMBER_TEXT, .s = STR("1.50") };
    case 'h': return (struct value){ .type = VALUE_JSON, .s = STR("{\"k\":{\"x\":[1,2]}}") };
    case 'i': return value_int(INT64_MIN);
    case 'p': return value_time(context.now_ns);
    default: return value_null();
    }
}

static bool any_text(void *ctx UNUSED, bool (*each)(void *each_ctx, struct str text), void *each_ctx) {
    return each(each_ctx, STR("Disk full on /dev/sda1")) || each(each_ctx, STR(""));
}

static struct str labels(void *ctx UNUSED) {
    return (struct str){ "service\0checkout\0app\0web\0", 25 };
}

static void evaluate(const struct expr *e) {
    static const struct expr_row row = { .field = field, .any_text = any_text, .labels = labels };
    AUTO(arena) mem;
    AUTO(buf) out = { .limit_bytes = 1 << 20 };
    arena_init(&mem, 16 << 20);
    struct value v = expr_eval(e, &row, &mem, context.now_ns);
    (void)value_truth(&v);
    value_print(&v, &out);
}

/* The print may have a parenthesis more than the text. */
static bool too_deep(const struct query_error *why) {
    return str_find(str_of(why->msg), STR("levels of nesting"), 0) != SIZE_MAX;
}

static void fuzz_query(struct str text) {
    struct query_error why;
    struct query *q, *again;
    AUTO(buf) printed = { 0 };
    if (query_parse(text, &context, &why, &q) != ERR_OK) {
        ASSERT(why.msg[0] && why.offset <= text.n && why.length <= text.n - why.offset);
        return;
    }
    expr_print(query_plan(q)->filter, &printed);
    if (printed.n <= QUERY_BYTES_MAX) {
        if (query_parse(buf_str(&printed), &context, &why, &again) == ERR_OK) {
            ASSERT(expr_equal(query_plan(q)->filter, query_plan(again)->filter));
            query_free(again);
        } else {
            ASSERT(too_deep(&why));
        }
    }
    evaluate(query_plan(q)->filter);
    query_free(q);
}

static const struct expr *expression(struct parser *p, struct str text, struct arena *mem,
                                     struct query_error *why) {
    arena_init(mem, QUERY_MEMORY_MAX);
    parser_init(p, text, &context, mem, why);
    const struct expr *e = parser_expr(p);
    return parser_at_end(p) && !parser_failed(p) ? e : NULL;
}

static void fuzz_expression(struct str text) {
    struct query_error why;
    AUTO(arena) mem = { 0 };
    AUTO(arena) mem_again = { 0 };
    AUTO(parser) p = { 0 };
    AUTO(parser) again = { 0 };
    AUTO(buf) printed = { 0 };
    const struct expr *e = expression(&p, text, &mem, &why);
    if (!e)
        return;
    expr_print(e, &printed);
    if (printed.n <= QUERY_BYTES_MAX) {
        const struct expr *same = expression(&again, buf_str(&printed), &mem_again, &why);
        ASSERT(same ? expr_equal(e, same) : too_deep(&why));
    }
    evaluate(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct str text = { (const char *)data + 1, size - 1 };
    if (data[0] & 1)
        fuzz_query(text);
    else
        fuzz_expression(text);
    return 0;
}
