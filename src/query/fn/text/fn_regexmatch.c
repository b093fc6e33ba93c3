#include "query/fn/fn.h"

static enum err prepare(struct str pattern, struct err_text *why, void **out) {
    struct text_match *m;
    TRY(text_match_new(TEXT_REGEX, pattern, why, &m));
    *out = m;
    return ERR_OK;
}

static void release(void *prepared) {
    text_match_free(prepared);
}

static struct value eval(const struct fn_call *c) {
    struct str s;
    return fn_arg_text(c, 0, &s) && c->prepared ? value_bool(text_match_test(c->prepared, s)) : value_null();
}

const struct fn fn_regexmatch = {
    .name = "regexmatch",
    .aliases = "match regexp_like",
    .args_min = 2,
    .args_max = 2,
    .help = "regexmatch(text, \"regex\"): whether the regular expression matches somewhere",
    .eval = eval,
    .prepare = prepare,
    .release = release,
    .prepare_arg = 1,
};
