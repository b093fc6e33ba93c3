#include "query/fn/fn.h"
#include "wire/json.h"

/* Enters the member or element that the path names next; false: there is none. */
static bool descend(struct json_reader *r, struct str step, struct arena *mem) {
    struct json_text key;
    struct str name;
    uint64_t index;
    if (json_kind(r) == JSON_OBJECT) {
        for (bool more = json_object(r); more && json_key(r, &key); json_skip(r))
            if (json_text_get(key, mem, &name) == ERR_OK && str_eq(name, step))
                return true;
        return false;
    }
    if (json_kind(r) != JSON_ARRAY || !str_to_u64(step, &index) || !json_array(r))
        return false;
    for (; json_item(r); json_skip(r))
        if (index-- == 0)
            return true;
    return false;
}

/* a.b[0].c -> a b 0 c */
static bool next_step(struct str *path, struct str *out) {
    while (path->n && (path->p[0] == '.' || path->p[0] == '[' || path->p[0] == ']'))
        *path = str_skip(*path, 1);
    *out = (struct str){ path->p, 0 };
    while (out->n < path->n && !strchr(".[]", path->p[out->n]))
        out->n++;
    *path = str_skip(*path, out->n);
    return out->n > 0;
}

static struct value scalar(struct json_reader *r, struct arena *mem) {
    struct str text;
    int64_t i;
    double f;
    switch (json_kind(r)) {
    case JSON_STRING: return value_string(json_string(r, mem));
    case JSON_BOOL: return value_bool(json_bool(r));
    case JSON_NUMBER:
        text = json_number_text(r);
        if (str_to_i64(text, &i))
            return value_int(i);
        return str_to_f64(text, &f) ? fn_float(f) : (struct value){ .type = VALUE_NUMBER_TEXT, .s = text };
    case JSON_OBJECT:
    case JSON_ARRAY: return (struct value){ .type = VALUE_JSON, .s = json_skip(r) };
    default: return value_null();
    }
}

static struct value eval(const struct fn_call *c) {
    struct str s, path, step;
    struct json_reader r;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 1, &path))
        return value_null();
    json_reader_init(&r, s);
    while (next_step(&path, &step))
        if (!descend(&r, step, c->mem))
            return value_null();
    struct value v = scalar(&r, c->mem);
    return r.failed ? value_null() : v;
}

const struct fn fn_jsonextract = {
    .name = "jsonextract",
    .aliases = "json_get json_extract spath",
    .args_min = 2,
    .args_max = 2,
    .help = "jsonextract(text, \"a.b[0]\"): what stands at the path in a JSON text",
    .eval = eval,
};
