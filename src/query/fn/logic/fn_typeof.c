#include "query/fn/fn.h"

static struct value eval(const struct fn_call *c) {
    static const char *const names[VALUE_TYPE_COUNT] = {
        [VALUE_NULL] = "null",     [VALUE_BOOL] = "bool",           [VALUE_INT] = "int",
        [VALUE_FLOAT] = "float",   [VALUE_TIME] = "time",           [VALUE_IP] = "ip",
        [VALUE_STRING] = "string", [VALUE_BYTES] = "bytes",         [VALUE_NUMBER_TEXT] = "number",
        [VALUE_JSON] = "json",     [VALUE_HISTOGRAM] = "histogram",
    };
    return value_string(str_of(names[c->args[0].type]));
}

const struct fn fn_typeof = {
    .name = "typeof",
    .args_min = 1,
    .args_max = 1,
    .help = "typeof(x): null, bool, int, float, number, time, ip, string or json",
    .eval = eval,
};
