#include "query/fn/fn.h"
#include "wire/json.h"

static struct value eval(const struct fn_call *c) {
    struct json_reader r;
    struct json_text key;
    struct str s;
    int64_t count = 0;
    if (!fn_arg_text(c, 0, &s))
        return value_null();
    if (c->args[0].type != VALUE_JSON)
        return value_int(fn_char_count(s));
    json_reader_init(&r, s);
    if (json_kind(&r) == JSON_ARRAY)
        for (bool more = json_array(&r); more && json_item(&r); count++)
            json_skip(&r);
    else
        for (bool more = json_object(&r); more && json_key(&r, &key); count++)
            json_skip(&r);
    return r.failed ? value_null() : value_int(count);
}

const struct fn fn_length = {
    .name = "length",
    .aliases = "array_length",
    .args_min = 1,
    .args_max = 1,
    .help = "length(x): elements of an array, members of an object, characters of a text",
    .eval = eval,
};
