#include "query/expr.h"
#include <stdio.h>
/* Prints docs/query/functions.md from the descriptors; a test compares the page with it. */

static void print_row(const struct fn *fn) {
    struct str help = str_of(fn->help), call = help;
    size_t split = str_find(help, STR("): "), 0);
    call.n = split + 1;
    help = str_skip(help, split + 3);
    printf("| `" STR_FMT "` | ", STR_ARG(call));
    for (size_t i = 0; i < help.n; i++)
        printf(help.p[i] == '|' ? "\\|" : "%c", help.p[i]);
    printf(" | %s%s%s |\n", fn->aliases ? "`" : "", fn->aliases ? fn->aliases : "", fn->aliases ? "`" : "");
}

int main(void) {
    printf(
        "# Functions\n\n"
        "Functions compute a value from values: in `eval`, in `filter`, in the arguments of aggregates and behind `by`. Letter case of\n"
        "their names is ignored. A text in an argument needs quotes, a bare word is a field. A function of null is null, unless its line\n"
        "says otherwise; what is no number, time or address where one is needed counts as null. Patterns of regular expressions must be\n"
        "quoted texts, for they are compiled when the query is read. Times are UTC; spans such as `5m` are numbers of nanoseconds.\n\n"
        "This page is printed from the program (`functions_doc`); aggregates are on the page of [stats](stats.md).\n\n"
        "`exists(field)` is true where the field has a value; it takes a name and no expression.\n");
    for (size_t i = 0; i < fn_count(); i++) {
        if (i == 0 || fn_group(i) != fn_group(i - 1))
            printf("\n## %s\n\n| call | value | other names |\n|---|---|---|\n", fn_group(i));
        print_row(fn_at(i));
    }
    return 0;
}
