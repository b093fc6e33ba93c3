#include "model/labels.h"
#include <stdlib.h>

static const struct str service = { "service", 7 };

/* The order of names: `service` before all others. */
static int name_cmp(struct str a, struct str b) {
    bool a_first = str_eq(a, service), b_first = str_eq(b, service);
    if (a_first || b_first)
        return (int)b_first - (int)a_first;
    return str_cmp(a, b);
}

static void sort_stable(struct label *labels, size_t count) {
    for (size_t i = 1; i < count; i++) {
        struct label l = labels[i];
        size_t at = i;
        for (; at > 0 && name_cmp(labels[at - 1].name, l.name) > 0; at--)
            labels[at] = labels[at - 1];
        labels[at] = l;
    }
}

static void add_without_nul(struct buf *out, struct str s) {
    struct str part;
    while (str_cut(&s, '\0', &part)) {
        buf_add(out, part);
        buf_add(out, STR("\xef\xbf\xbd"));
    }
    buf_add(out, s);
    buf_add_char(out, '\0');
}

enum err labels_canonical(struct label *labels, size_t count, struct buf *out, struct err_text *why) {
    if (count > LABELS_COUNT_MAX)
        return err_say(why, ERR_LIMIT, "%zu labels; at most %d", count, LABELS_COUNT_MAX);
    size_t start = out->n;
    sort_stable(labels, count);
    for (size_t i = 0; i < count; i++) {
        bool given_again = i + 1 < count && str_eq(labels[i].name, labels[i + 1].name);
        if (given_again || labels[i].value.n == 0 || labels[i].name.n == 0)
            continue;
        add_without_nul(out, labels[i].name);
        add_without_nul(out, labels[i].value);
    }
    if (out->n - start > LABELS_BYTES_MAX || !buf_ok(out)) {
        out->n = start;
        return err_say(why, ERR_LIMIT, "labels of more than %d bytes", LABELS_BYTES_MAX);
    }
    return ERR_OK;
}

bool labels_next(struct str *rest, struct label *out) {
    return str_cut(rest, '\0', &out->name) && str_cut(rest, '\0', &out->value);
}

struct str labels_get(struct str canonical, struct str name) {
    struct label l;
    while (labels_next(&canonical, &l))
        if (str_eq(l.name, name))
            return l.value;
    return (struct str){ 0 };
}

bool labels_valid(struct str canonical) {
    struct str last = { 0 };
    struct label l;
    if (canonical.n > LABELS_BYTES_MAX)
        return false;
    while (canonical.n) {
        if (!labels_next(&canonical, &l) || l.name.n == 0 || l.value.n == 0)
            return false;
        if (last.n && name_cmp(last, l.name) >= 0)
            return false;
        last = l.name;
    }
    return true;
}

void labels_print(struct str canonical, struct buf *out) {
    struct label l;
    bool first = true;
    buf_add_char(out, '{');
    while (labels_next(&canonical, &l)) {
        buf_addf(out, "%s" STR_FMT "=\"", first ? "" : ",", STR_ARG(l.name));
        for (size_t i = 0; i < l.value.n; i++) {
            if (l.value.p[i] == '"' || l.value.p[i] == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, l.value.p[i]);
        }
        buf_add_char(out, '"');
        first = false;
    }
    buf_add_char(out, '}');
}
