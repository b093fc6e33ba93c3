#include "query/fn/fn.h"
#include "query/fn/pcre.h"

static enum err prepare(struct str pattern, struct err_text *why, void **out) {
    struct pcre *r;
    TRY(pcre_new(pattern, why, &r));
    *out = r;
    return ERR_OK;
}

static void release(void *prepared) {
    pcre_free(prepared);
}

static bool group_of(const struct fn_call *c, size_t *out) {
    int64_t number = -1;
    if (c->arg_count < 3)
        return true;
    if (c->args[2].type == VALUE_STRING)
        number = (int64_t)pcre_group(c->prepared, c->args[2].s);
    else if (!fn_arg_int(c, 2, &number))
        return false;
    *out = (size_t)number;
    return number >= 0;
}

static struct value eval(const struct fn_call *c) {
    struct str s, groups[PCRE_GROUPS_MAX];
    size_t count, group = SIZE_MAX;
    if (!fn_arg_text(c, 0, &s) || !c->prepared || !group_of(c, &group) ||
        !pcre_match(c->prepared, s, 0, groups, &count))
        return value_null();
    if (group == SIZE_MAX)
        group = count > 1 ? 1 : 0; /* the first group, or the whole match */
    return group < count && groups[group].p ? value_string(groups[group]) : value_null();
}

const struct fn fn_regexextract = {
    .name = "regexextract",
    .aliases = "extract regexp_extract",
    .args_min = 2,
    .args_max = 3,
    .help =
        "regexextract(text, \"regex\"[, group]): the first group (or that number or name) of the first match",
    .eval = eval,
    .prepare = prepare,
    .release = release,
    .prepare_arg = 1,
};
