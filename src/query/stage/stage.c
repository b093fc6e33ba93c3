#include "query/stage/stage.h"
#include "query/names.h"

#define STAGE(s) extern const struct stage_kind s;
#include "query/stage/list.def"
#undef STAGE
static const struct stage_kind *const all[] = {
    // tidy: table
#define STAGE(s) &s,
#include "query/stage/list.def"
#undef STAGE
    NULL,
};

size_t stage_kind_count(void) {
    return COUNT_OF(all) - 1;
}

const struct stage_kind *stage_kind_at(size_t i) {
    return all[i];
}

const struct stage_kind *stage_find(struct str name) {
    for (size_t i = 0; i < stage_kind_count(); i++)
        if (str_eq_nocase(name, str_of(all[i]->name)) || names_has(all[i]->aliases, name))
            return all[i];
    return NULL;
}
