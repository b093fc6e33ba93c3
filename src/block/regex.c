#include "block/regex.h"
#include "base/assert.h"
#include "base/heap.h"
#include "base/map.h"
#include "block/regex_parse.h"
/*
 * tree -> program -> automaton.
 *
 * The program is Thompson's: instructions that look at one byte (SET) or at a place (ASSERT), and splits. A
 * set of instructions is all the matcher ever knows; a byte turns one set into the next:
 *
 *     a(b|c)*d      0 SET a -> 1    1 SPLIT 2 5    2 SPLIT 3 4    3 SET b -> 1    4 SET c -> 1    5 SET d ->
 * 6    6 MATCH
 *
 *     {0}  --a-->  {0 3 4 5}  --c-->  {0 3 4 5}  --d-->  match       (0 is in every set: a match may begin
 * anywhere)
 *
 * Sets are states of a deterministic automaton, whose table is made once, when the expression is, breadth
 * first, until a budget is spent. A test walks the table, two loads a byte. Expressions with a few wild
 * repeats have more states than any budget; where the table ends the test goes on with sets. Either way each
 * byte is looked at once, and no expression takes longer than (instructions x bytes of the text).
 *
 * ASSERT looks at the bytes on both sides of a place, so it is decided when the next byte (or the end) is
 * known: it stays in the set until then, and the state remembers what kind of byte came before.
 *
 * Invariants: a set holds SET and ASSERT only (splits are followed, MATCH ends the search). Immutable once
 * made.
 */
enum op { OP_SET, OP_ASSERT, OP_SPLIT, OP_MATCH };
struct instruction {
    uint8_t op;
    uint8_t assertion;
    uint16_t next, other; /* other: OP_SPLIT */
    uint32_t set;
};

/* The byte before a place, as far as assertions care. */
enum before { BEFORE_TEXT, BEFORE_NEWLINE, BEFORE_WORD, BEFORE_OTHER };
enum { STATE_DEAD, STATE_MATCH, STATE_START, STATE_UNKNOWN = UINT16_MAX };
/* In the table a state is the offset of its row. */
static const uint32_t ROW_UNKNOWN = UINT32_MAX;
enum {
    STATES_MAX = 2048,
    STEPS_MAX = 1 << 18, /* instructions looked at while the table is made */
    CLASSES_MAX = 257,   /* of bytes that no instruction tells apart, and the end */
};

struct state {
    uint32_t pcs_at;
    uint16_t pcs_count;
    uint8_t before;
};

struct regex {
    VEC(struct instruction) program;
    struct regex_tree tree; /* its sets */
    uint16_t start;
    bool knows_words, knows_lines;
    uint8_t class_of[256];
    uint32_t class_count;       /* without the end */
    unsigned char example[256]; /* a byte of each class */
    VEC(struct state) states;
    VEC(uint16_t) pcs;
    VEC(uint32_t) table; /* a row for each state: the next row by class of byte; the last is the end */
    size_t literal_bytes;
    char literal[REGEX_BYTES_MAX];
};

/* ---- tree to program, from the end, so that each instruction knows what follows ---- */

struct compiler {
    struct regex *r;
    bool full;
};

static uint16_t emit(struct compiler *c, struct instruction i) {
    if (c->r->program.n == REGEX_INSTRUCTIONS_MAX) {
        c->full = true;
        return 0;
    }
    VEC_PUSH(&c->r->program, i);
    return (uint16_t)(c->r->program.n - 1);
}

static uint16_t emit_split(struct compiler *c, uint16_t a, uint16_t b) {
    return emit(c, (struct instruction){ .op = OP_SPLIT, .next = a, .other = b });
}

static uint16_t compile(struct compiler *c, uint32_t node, uint16_t next);

static uint16_t compile_repeat(struct compiler *c, const struct regex_node *n, uint16_t next) {
    uint16_t entry = next;
    uint32_t min = n->min;
    if (n->max == REPEAT_EVER) {
        entry = emit_split(c, 0, next);
        uint16_t body = compile(c, n->child, entry);
        if (c->full)
            return 0;
        c->r->program.p[entry].next = body;
        if (min > 0) {
            entry = body;
            min--;
        }
    }
    for (uint32_t i = n->min; n->max != REPEAT_EVER && i < n->max && !c->full; i++)
        entry = emit_split(c, compile(c, n->child, entry), next);
    for (uint32_t i = 0; i < min && !c->full; i++) {
        uint16_t again = compile(c, n->child, entry);
        if (again == entry)
            break; /* nothing, however often */
        entry = again;
    }
    return entry;
}

/* Returns the first instruction of `node`, which goes on at `next`. */
static uint16_t compile(struct compiler *c, uint32_t node, uint16_t next) {
    if (node == NODE_NONE || c->full)
        return next;
    const struct regex_node *nodes = c->r->tree.nodes.p, *n = &nodes[node];
    uint16_t entry = next;
    switch (n->kind) {
    case NODE_EMPTY: return next;
    case NODE_SET: return emit(c, (struct instruction){ .op = OP_SET, .next = next, .set = n->set });
    case NODE_ASSERT:
        c->r->knows_words |= n->assertion == AT_EDGE || n->assertion == AT_NO_EDGE;
        c->r->knows_lines |= n->assertion == AT_LINE_BEGIN;
        return emit(
            c, (struct instruction){ .op = OP_ASSERT, .assertion = (uint8_t)n->assertion, .next = next });
    case NODE_REPEAT: return compile_repeat(c, n, next);
    case NODE_CAT:
        for (uint32_t k = n->child; k != NODE_NONE; k = nodes[k].before)
            entry = compile(c, k, entry);
        return entry;
    case NODE_ALT:
        entry = compile(c, n->child, next);
        for (uint32_t k = nodes[n->child].before; k != NODE_NONE; k = nodes[k].before)
            entry = emit_split(c, compile(c, k, next), entry);
        return entry;
    }
    return entry;
}

/* ---- the literal: bytes that stand side by side in every match ---- */

struct literal_search {
    const struct regex_tree *tree;
    struct regex *r;
    char run[REGEX_BYTES_MAX]; /* filled from its end: nodes are met last to first */
    size_t run_at;
};

static void literal_end_run(struct literal_search *l) {
    size_t n = sizeof l->run - l->run_at;
    if (n > l->r->literal_bytes) {
        memcpy(l->r->literal, l->run + l->run_at, n);
        l->r->literal_bytes = n;
    }
    l->run_at = sizeof l->run;
}

/* The one byte of a set, letter case aside; false when there are more. */
static bool set_byte(const struct byte_set *s, char *out) {
    int found = -1;
    for (int c = 0; c < 256; c++) {
        if (!byte_set_has(s, (unsigned char)c))
            continue;
        char lower = ascii_lower((char)c);
        if (found >= 0 && found != (unsigned char)lower)
            return false;
        found = (unsigned char)lower;
    }
    *out = (char)found;
    return found >= 0;
}

static void literal_visit(struct literal_search *l, uint32_t node) {
    const struct regex_node *n = &l->tree->nodes.p[node];
    char byte;
    if (n->kind == NODE_CAT) {
        for (uint32_t k = n->child; k != NODE_NONE; k = l->tree->nodes.p[k].before)
            literal_visit(l, k);
        return;
    }
    if (n->kind == NODE_ASSERT || n->kind == NODE_EMPTY)
        return;
    if (n->kind == NODE_SET && l->run_at > 0 && set_byte(&l->tree->sets.p[n->set], &byte)) {
        l->run[--l->run_at] = byte;
        return;
    }
    literal_end_run(l);
    if (n->kind == NODE_REPEAT && n->min > 0) {
        literal_visit(l, n->child);
        literal_end_run(l);
    }
}

static void find_literal(struct regex *r) {
    struct literal_search l = { .tree = &r->tree, .r = r, .run_at = sizeof l.run };
    literal_visit(&l, r->tree.root);
    literal_end_run(&l);
}

/* ---- classes of bytes ---- */

static void class_split(struct regex *r, const struct byte_set *s) {
    int16_t inside[CLASSES_MAX];
    uint32_t sizes[CLASSES_MAX] = { 0 }, members[CLASSES_MAX] = { 0 };
    for (unsigned c = 0; c < 256; c++) {
        sizes[r->class_of[c]]++;
        members[r->class_of[c]] += byte_set_has(s, (unsigned char)c);
    }
    memset(inside, -1, sizeof inside);
    for (unsigned c = 0; c < 256; c++) {
        unsigned old = r->class_of[c];
        if (!byte_set_has(s, (unsigned char)c) || members[old] == sizes[old])
            continue;
        if (inside[old] < 0)
            inside[old] = (int16_t)r->class_count++;
        r->class_of[c] = (uint8_t)inside[old];
    }
}

static bool is_word(unsigned char c) {
    return c < 0x80 && token_byte(c);
}

static void find_classes(struct regex *r) {
    struct byte_set words = { 0 }, newline = { 0 };
    r->class_count = 1;
    for (unsigned c = 0; c < 256; c++)
        if (is_word((unsigned char)c))
            byte_set_add(&words, (unsigned char)c);
    byte_set_add(&newline, '\n');
    class_split(r, &words);
    class_split(r, &newline);
    for (size_t i = 0; i < r->tree.sets.n && r->class_count < 256; i++)
        class_split(r, &r->tree.sets.p[i]);
    for (unsigned c = 0; c < 256; c++)
        r->example[r->class_of[c]] = (unsigned char)c;
}

/* ---- sets of instructions ---- */

struct pc_set {
    uint16_t pcs[REGEX_INSTRUCTIONS_MAX + 1]; /* one more for state_of() */
    size_t count;
    bool match;
    uint8_t before;
    uint64_t seen[REGEX_INSTRUCTIONS_MAX / 64];
};

static void set_clear(struct pc_set *s, size_t program_bytes) {
    s->count = 0;
    s->match = false;
    memset(s->seen, 0, (program_bytes + 63) / 64 * 8);
}

/* Adds `pc`, or what its splits lead to. */
static void set_add(const struct regex *r, struct pc_set *s, uint16_t pc) {
    uint16_t stack[REGEX_INSTRUCTIONS_MAX + 1];
    size_t depth = 0;
    stack[depth++] = pc;
    while (depth > 0) {
        pc = stack[--depth];
        if (s->seen[pc / 64] >> (pc % 64) & 1)
            continue;
        s->seen[pc / 64] |= 1ull << (pc % 64);
        const struct instruction *i = &r->program.p[pc];
        if (i->op == OP_MATCH) {
            s->match = true;
        } else if (i->op == OP_SPLIT) {
            stack[depth++] =
                i->other; /* at most one more than there are instructions: each is taken apart once */
            stack[depth++] = i->next;
        } else {
            s->pcs[s->count++] = pc;
        }
    }
}

/* `next` is the byte behind the place, or -1 at the end. */
static bool holds(enum assertion a, uint8_t before, int next) {
    bool edge = (before == BEFORE_WORD) != (next >= 0 && is_word((unsigned char)next));
    switch (a) {
    case AT_BEGIN: return before == BEFORE_TEXT;
    case AT_END: return next < 0;
    case AT_LINE_BEGIN: return before == BEFORE_TEXT || (before == BEFORE_NEWLINE && next >= 0);
    case AT_LINE_END: return next < 0 || next == '\n';
    case AT_EDGE: return edge;
    case AT_NO_EDGE: return !edge;
    }
    return false;
}

static uint8_t before_of(const struct regex *r, int c) {
    if (r->knows_lines && c == '\n')
        return BEFORE_NEWLINE;
    return r->knows_words && is_word((unsigned char)c) ? BEFORE_WORD : BEFORE_OTHER;
}

/* What `from` becomes by the byte `c` (-1: the end). `from` grows by what its assertions lead to.
 * `out->match`: there is a match. */
static void set_step(const struct regex *r, struct pc_set *from, int c, struct pc_set *out) {
    set_clear(out, r->program.n);
    for (size_t k = 0; k < from->count && !out->match; k++) {
        const struct instruction *i = &r->program.p[from->pcs[k]];
        if (i->op == OP_ASSERT) {
            if (holds((enum assertion)i->assertion, from->before, c))
                set_add(r, from, i->next);
            out->match |= from->match;
        } else if (c >= 0 && byte_set_has(&r->tree.sets.p[i->set], (unsigned char)c)) {
            set_add(r, out, i->next);
        }
    }
    if (c < 0 || out->match)
        return;
    set_add(r, out, r->start);
    out->before = before_of(r, c);
}

/* ---- the table ---- */

struct builder {
    struct regex *r;
    struct map ids;
    struct pc_set from, to;
    size_t steps;
};

static int by_pc(const void *a, const void *b) {
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Assertions that never hold again keep a set from being empty. */
static void drop_begin(const struct regex *r, struct pc_set *s) {
    size_t kept = 0;
    for (size_t k = 0; k < s->count; k++) {
        const struct instruction *i = &r->program.p[s->pcs[k]];
        if (s->before == BEFORE_TEXT || i->op != OP_ASSERT || i->assertion != AT_BEGIN)
            s->pcs[kept++] = s->pcs[k];
    }
    s->count = kept;
}

/* Number of the state of this set; STATE_UNKNOWN when there is no room for a new one. */
static uint16_t state_of(struct builder *b, struct pc_set *s) {
    struct regex *r = b->r;
    if (s->match)
        return STATE_MATCH;
    drop_begin(r, s);
    if (s->count == 0)
        return STATE_DEAD;
    qsort(s->pcs, s->count, sizeof *s->pcs, by_pc);
    s->pcs[s->count] = s->before;
    struct str key = { (const char *)s->pcs, (s->count + 1) * sizeof *s->pcs };
    uint32_t id;
    if (map_get(&b->ids, key, &id))
        return (uint16_t)id;
    if (r->states.n == STATES_MAX)
        return STATE_UNKNOWN;
    id = (uint32_t)r->states.n;
    map_set(&b->ids, key, id);
    struct state state = { (uint32_t)r->pcs.n, (uint16_t)s->count, s->before };
    VEC_PUSH(&r->states, state);
    for (size_t k = 0; k < s->count; k++)
        VEC_PUSH(&r->pcs, s->pcs[k]);
    return (uint16_t)id;
}

static void state_load(const struct regex *r, uint16_t id, struct pc_set *s) {
    const struct state *state = &r->states.p[id];
    set_clear(s, r->program.n);
    s->before = state->before;
    for (size_t k = 0; k < state->pcs_count; k++) {
        uint16_t pc = r->pcs.p[state->pcs_at + k];
        s->pcs[s->count++] = pc;
        s->seen[pc / 64] |= 1ull << (pc % 64);
    }
}

static void build_table(struct builder *b) {
    struct regex *r = b->r;
    struct state none = { 0 };
    for (size_t i = 0; i < STATE_START; i++)
        VEC_PUSH(&r->states, none);
    set_clear(&b->from, r->program.n);
    b->from.before = BEFORE_TEXT;
    set_add(r, &b->from, r->start);
    uint16_t first = state_of(b, &b->from);
    ASSERT(first == STATE_START || first == STATE_MATCH);
    for (size_t id = 0; id < r->states.n; id++) {
        for (uint32_t class = 0; class <= r->class_count; class ++) {
            uint16_t to = (uint16_t)id;
            if (id >= STATE_START) {
                to = STATE_UNKNOWN;
                if (b->steps < STEPS_MAX) {
                    state_load(r, (uint16_t)id, &b->from);
                    set_step(r, &b->from, class == r->class_count ? -1 : r->example[class], &b->to);
                    b->steps += b->from.count + b->to.count + 8;
                    to = state_of(b, &b->to);
                }
            }
            VEC_PUSH(&r->table, to == STATE_UNKNOWN ? ROW_UNKNOWN : to * (r->class_count + 1));
        }
    }
    if (first == STATE_MATCH) /* even the empty text matches */
        r->program.n = 0;
}

/* ---- testing ---- */

/* From text[at], with sets. */
static bool test_with_sets(const struct regex *r, uint16_t state, struct str text, size_t at) {
    struct pc_set sets[2];
    struct pc_set *from = &sets[0], *to = &sets[1];
    state_load(r, state, from);
    for (; at < text.n; at++) {
        set_step(r, from, (unsigned char)text.p[at], to);
        if (to->match)
            return true;
        struct pc_set *spare = from;
        from = to;
        to = spare;
    }
    set_step(r, from, -1, to);
    return to->match;
}

bool regex_test(const struct regex *r, struct str text) {
    if (r->program.n == 0)
        return true;
    const uint32_t *table = r->table.p;
    uint32_t row_width = r->class_count + 1, row = STATE_START * row_width, next;
    for (size_t i = 0; i < text.n; i++, row = next) {
        next = table[row + r->class_of[(unsigned char)text.p[i]]];
        if (next <= STATE_MATCH * row_width)
            return next != STATE_DEAD;
        if (next == ROW_UNKNOWN)
            return test_with_sets(r, (uint16_t)(row / row_width), text, i);
    }
    next = table[row + r->class_count];
    if (next == ROW_UNKNOWN)
        return test_with_sets(r, (uint16_t)(row / row_width), text, text.n);
    return next == STATE_MATCH * row_width;
}

struct str regex_literal(const struct regex *r) {
    return (struct str){ r->literal, r->literal_bytes };
}

/* ---- making one ---- */

static enum err program_make(struct regex *r, struct str expression, struct err_text *why) {
    TRY(regex_parse(expression, why, &r->tree));
    struct compiler c = { .r = r };
    uint16_t match = emit(&c, (struct instruction){ .op = OP_MATCH });
    r->start = compile(&c, r->tree.root, match);
    if (c.full)
        return err_say(why, ERR_LIMIT,
                       "regular expression: its repeats write out to more than %d instructions",
                       REGEX_INSTRUCTIONS_MAX);
    return ERR_OK;
}

enum err regex_new(struct str expression, struct err_text *why, struct regex **out) {
    struct regex *r = HEAP_NEW(struct regex);
    enum err e = program_make(r, expression.p ? expression : STR(""), why);
    if (e != ERR_OK) {
        regex_free(r);
        return e;
    }
    find_literal(r);
    find_classes(r);
    struct builder *b = HEAP_NEW(struct builder);
    b->r = r;
    build_table(b);
    map_fini(&b->ids);
    heap_free(b);
    *out = r;
    return ERR_OK;
}

void regex_free(struct regex *r) {
    if (!r)
        return;
    VEC_FINI(&r->program);
    regex_tree_fini(&r->tree);
    VEC_FINI(&r->states);
    VEC_FINI(&r->pcs);
    VEC_FINI(&r->table);
    heap_free(r);
}
