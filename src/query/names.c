#include "query/names.h"
#include "query/parser_state.h"
/* "did you mean": optimal string alignment distance by rows of the usual table; three rows are enough for
 * swaps. */

bool names_has(const char *names, struct str name) {
    struct str rest = str_of(names), one;
    while (str_cut(&rest, ' ', &one))
        if (str_eq_nocase(one, name))
            return true;
    return rest.n && str_eq_nocase(rest, name);
}

unsigned names_distance(struct str a, struct str b, unsigned max) {
    unsigned rows[3][NAMES_BYTES_MAX + 1];
    if (a.n > NAMES_BYTES_MAX || b.n > NAMES_BYTES_MAX)
        return max + 1;
    for (unsigned j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            char x = ascii_lower(a.p[i - 1]), y = ascii_lower(b.p[j - 1]);
            unsigned best = above[j - 1] + (x != y);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && x == ascii_lower(b.p[j - 2]) && y == ascii_lower(a.p[i - 2]);
            if (swapped && second[j - 2] + 1 < best)
                best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    unsigned distance = rows[a.n % 3][b.n];
    return distance > max ? max + 1 : distance;
}

const char *parser_suggest(struct parser *p, struct str word, const char *(*at)(size_t i)) {
    unsigned best_distance = word.n < 4 ? 2 : 3; /* fewer changes than this */
    struct str best = { 0 };
    const char *names;
    for (size_t i = 0; (names = at(i)); i++) {
        struct str rest = str_of(names), one;
        for (bool more = true; more;) {
            more = str_cut(&rest, ' ', &one);
            if (!more)
                one = rest;
            unsigned distance = names_distance(word, one, best_distance);
            if (distance < best_distance && one.n) {
                best_distance = distance;
                best = one;
            }
        }
    }
    struct str kept;
    if (best.n == 0 || arena_printf(p->mem, &kept, STR_FMT, STR_ARG(best)) != ERR_OK)
        return NULL;
    return kept.p;
}
