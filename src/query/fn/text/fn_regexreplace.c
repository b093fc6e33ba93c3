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

/* $1, ${1} and $$ in the replacement. */
static void add_replacement(struct str to, const struct str *groups, size_t count, struct buf *out) {
    for (size_t i = 0; i < to.n; i++) {
        bool braces = to.p[i] == '$' && i + 3 < to.n && to.p[i + 1] == '{' && to.p[i + 3] == '}';
        size_t digit = i + (braces ? 2 : 1);
        if (to.p[i] != '$' || digit >= to.n || !(ascii_digit(to.p[digit]) || to.p[digit] == '$')) {
            buf_add_char(out, to.p[i]);
            continue;
        }
        size_t group = (size_t)(to.p[digit] - '0');
        if (to.p[digit] == '$')
            buf_add_char(out, '$');
        else if (group < count)
            buf_add(out, groups[group]);
        i = digit + braces;
    }
}

static struct value eval(const struct fn_call *c) {
    AUTO(buf) b = { .limit_bytes = ROW_TEXT_BYTES_MAX };
    struct str s, to, groups[PCRE_GROUPS_MAX];
    size_t at = 0, count;
    if (!fn_arg_text(c, 0, &s) || !fn_arg_text(c, 2, &to) || !c->prepared)
        return value_null();
    while (at <= s.n && pcre_match(c->prepared, s, at, groups, &count)) {
        size_t start = (size_t)(groups[0].p - s.p);
        buf_add(&b, (struct str){ s.p + at, start - at });
        add_replacement(to, groups, count, &b);
        at = start + groups[0].n;
        if (groups[0].n == 0 && at++ < s.n) /* an empty match: one byte on */
            buf_add_char(&b, s.p[start]);
    }
    if (at < s.n)
        buf_add(&b, str_skip(s, at));
    return buf_ok(&b) ? fn_string(c, buf_str(&b)) : value_null();
}

const struct fn fn_regexreplace = {
    .name = "regexreplace",
    .aliases = "regexp_replace replace_regex",
    .args_min = 3,
    .args_max = 3,
    .help = "regexreplace(text, \"regex\", to): each match replaced; $1 in `to` is the first group",
    .eval = eval,
    .prepare = prepare,
    .release = release,
    .prepare_arg = 1,
};
