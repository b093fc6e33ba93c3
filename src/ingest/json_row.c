#include "ingest/json_row.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "base/heap.h"
#include "wire/json.h"
/*
 * The problem: finding out what a key means (unescape, flatten, alias table, label or field, its number)
 * costs more than reading its value, and it is the same answer for every line of a sender.
 *
 * So every key that was seen at a place becomes a *node*: its bytes as sent, `"key":` and all, its parent
 * node, and the slot of its full name. And a sender writes its keys in the same order: each node remembers
 * the two nodes that came next most recently. Reading a key is then a comparison of 32 bytes with the bytes
 * that are expected. A key that is not the expected one is looked up by its bytes (the general way), and
 * becomes the expectation for the next line.
 *
 *      root ──first──> "ts": ──next──> "level": ──next──> "trace": ─first─> "id": ──next──> "span":
 * (children) └────next────> "msg":  (lines without a trace)
 *
 * Both ways end at the same node and continue with the same code: what was learnt can change how long a line
 * takes, never what it means. Nodes die with the slots they name, between two rows.
 */
enum {
    KEY_BYTES_EXPECTED = 32,           /* `"key":`; longer keys always go the general way */
    KEY_NODES_MAX = 2 * ROW_SLOTS_MAX, /* and ROW_CELLS_MAX of one row more */
    NODE_ROOT = 0,
    NODE_NONE = NODE_ROOT, /* the root follows no key */
    NODE_STRANGER = 1,
    QUICK_COUNT = 512,
};

struct key_node {
    char text[KEY_BYTES_EXPECTED];
    uint32_t text_bytes; /* 0: never expected */
    uint32_t parent;
    uint32_t next[2];      /* most likely followers, the latest first */
    uint32_t first[2];     /* the same for the first key of the object that is this key's value */
    struct row_slot *slot; /* NULL, of the stranger: goes to @rest under its name */
    struct str name;       /* full */
};

_Static_assert(KEY_NODES_MAX + ROW_CELLS_MAX + 2 <= UINT16_MAX, "quick holds numbers of nodes");

struct key_tree {
    VEC(struct key_node) nodes;
    struct map by_key;           /* parent's number and raw key -> node */
    uint16_t quick[QUICK_COUNT]; /* by quick_place(): a node, to be compared; before the map is asked */
    struct buf scratch, path;
    uint32_t epoch; /* of the maker's slots */
};

/* One object being read. */
struct walk {
    struct row_maker *m;
    struct key_tree *t;
    const char *end;
    struct json_row_error *error;
    unsigned depth;
    unsigned keys;
};

static void tree_reset(struct key_tree *t, uint32_t epoch) {
    map_clear(&t->by_key);
    memset(t->quick, 0, sizeof t->quick);
    t->nodes.n = 0;
    VEC_PUSH(&t->nodes, (struct key_node){ 0 });
    VEC_PUSH(&t->nodes, (struct key_node){ 0 });
    t->epoch = epoch;
}

void json_row_keys_free(struct key_tree *t) {
    if (!t)
        return;
    VEC_FINI(&t->nodes);
    map_fini(&t->by_key);
    buf_fini(&t->scratch);
    buf_fini(&t->path);
    heap_free(t);
}

void json_row_unlearn(struct row_maker *m) {
    if (m->keys)
        tree_reset(m->keys, m->slots_epoch);
}

/* Always NULL. */
static const char *fail(struct walk *w, const char *at, const char *what) {
    *w->error = (struct json_row_error){ what, at };
    return NULL;
}

/* ---- keys ---- */

static void expect_text(struct key_node *n, struct str raw_key) {
    if (raw_key.n + 3 > sizeof n->text)
        return;
    n->text[0] = '"';
    memcpy(n->text + 1, raw_key.p, raw_key.n);
    memcpy(n->text + 1 + raw_key.n, "\":", 2);
    n->text_bytes = (uint32_t)raw_key.n + 3;
}

/* So many bytes of ones, then zeros. */
static inline const char *mask_of(size_t ones_count) {
    static const char ones[2 * KEY_BYTES_EXPECTED] = {
#define FF8 -1, -1, -1, -1, -1, -1, -1, -1
        FF8, FF8, FF8, FF8
#undef FF8
    };
    return ones + KEY_BYTES_EXPECTED - ones_count;
}

/* Are the bytes at `p` (at least KEY_BYTES_EXPECTED of them) the node's key? */
static inline bool is_expected(const struct key_node *n, const char *p) {
    const char *mask = mask_of(n->text_bytes);
    uint64_t differ = 0;
    for (size_t i = 0; i < KEY_BYTES_EXPECTED; i += 8)
        differ |= (le64_get(p + i) ^ le64_get(n->text + i)) & le64_get(mask + i);
    return differ == 0 && n->text_bytes;
}

/* From the parent and up to 16 bytes of a key (at least 16 of them readable). */
static inline size_t quick_place(uint32_t parent, const char *key, size_t n) {
    const char *mask = mask_of(n < 16 ? n : 16);
    uint64_t a = le64_get(key) & le64_get(mask), b = le64_get(key + 8) & le64_get(mask + 8);
    uint64_t h = (a ^ (b + parent) * 0x9e3779b97f4a7c15u ^ n) * 0x9e3779b97f4a7c15u;
    return h >> 55;
}

static void learn(uint32_t likely[2], uint32_t node) {
    if (likely[0] != node) {
        likely[1] = likely[0];
        likely[0] = node;
    }
}

/* A key whose name has no slot is not kept: this one node stands for all such keys, one at a time. */
static uint32_t stranger(struct walk *w, struct str name) {
    struct key_node *n = &w->t->nodes.p[NODE_STRANGER];
    return arena_dup(&w->m->batch->mem, name, &n->name) == ERR_OK ? NODE_STRANGER : NODE_NONE;
}

/* A node for a key seen for the first time under `parent`. */
static uint32_t node_new(struct walk *w, uint32_t parent, struct json_text key, const char *at) {
    struct key_tree *t = w->t;
    buf_clear(&t->path);
    if (parent != NODE_NONE) {
        buf_add(&t->path, t->nodes.p[parent].name);
        buf_add_char(&t->path, '.');
    }
    char *to = buf_reserve(&t->path, key.raw.n);
    size_t bytes = to ? json_unescape(key.raw, to) : SIZE_MAX;
    if (bytes == SIZE_MAX) {
        fail(w, at, "not an escape in a key");
        return NODE_NONE;
    }
    t->path.n += bytes;
    struct key_node n = { .name = buf_str(&t->path), .slot = row_maker_slot(w->m, buf_str(&t->path)) };
    if (!n.slot) {
        uint32_t node = stranger(w, n.name);
        if (node == NODE_NONE)
            fail(w, at, "the memory for names is spent");
        return node;
    }
    n.name = n.slot->name;
    n.parent = parent;
    expect_text(&n, key.raw);
    VEC_PUSH(&t->nodes, n);
    bool is_new;
    return map_put(&t->by_key, buf_str(&t->scratch), (uint32_t)t->nodes.n - 1, &is_new);
}

/* NODE_NONE after a mistake. */
static uint32_t node_by_map(struct walk *w, uint32_t parent, struct json_text key) {
    buf_clear(&w->t->scratch);
    buf_add_le32(&w->t->scratch, parent);
    buf_add(&w->t->scratch, key.raw);
    uint32_t node;
    if (map_get(&w->t->by_key, buf_str(&w->t->scratch), &node))
        return node;
    return node_new(w, parent, key, key.raw.p - 1);
}

/* The general way. `*p` is at the key; then behind its colon. NODE_NONE after a mistake. */
static uint32_t node_find(struct walk *w, uint32_t parent, const char **p) {
    struct key_tree *t = w->t;
    struct json_text key = { 0 };
    const char *at = *p, *quote = NULL;
    if (at < w->end && *at == '"')
        quote = json_scan_string(at + 1, w->end, &key.escaped);
    if (!quote) {
        fail(w, at, at < w->end && *at == '"' ? "a key without its closing quote" : "expected a key");
        return NODE_NONE;
    }
    key.raw = (struct str){ at + 1, (size_t)(quote - at - 1) };
    uint16_t *quick = NULL;
    if (LIKELY(w->end - at >= KEY_BYTES_EXPECTED)) {
        quick = &t->quick[quick_place(parent, key.raw.p, key.raw.n)];
        const struct key_node *n = &t->nodes.p[*quick];
        if (LIKELY(n->parent == parent && is_expected(n, at))) {
            *p += n->text_bytes;
            return *quick;
        }
    }
    const char *colon = json_scan_space(quote + 1, w->end);
    if (colon == w->end || *colon != ':') {
        fail(w, colon, "expected ':' after the key");
        return NODE_NONE;
    }
    *p = colon + 1;
    uint32_t node = node_by_map(w, parent, key);
    if (quick && node > NODE_STRANGER)
        *quick = (uint16_t)node;
    return node;
}

/* The key at `*p`, which follows `before` (the object's own node when `first`). */
static inline uint32_t node_next(struct walk *w, uint32_t parent, uint32_t before, bool first,
                                 const char **p) {
    struct key_node *nodes = w->t->nodes.p;
    const uint32_t *likely = first ? nodes[parent].first : nodes[before].next;
    if (LIKELY(w->end - *p >= KEY_BYTES_EXPECTED)) {
        for (int i = 0; i < 2; i++) {
            const struct key_node *n = &nodes[likely[i]];
            if (LIKELY(is_expected(n, *p))) {
                *p += n->text_bytes;
                return likely[i];
            }
        }
    }
    uint32_t node = node_find(w, parent, p);
    nodes = w->t->nodes.p;
    bool known_place =
        first || before != NODE_STRANGER; /* a stranger stands anywhere: what follows it says nothing */
    if (node > NODE_STRANGER && known_place)
        learn(first ? nodes[parent].first : nodes[before].next, node);
    return node;
}

/* ---- values ---- */

static inline void put(struct walk *w, uint32_t node, struct cell value) {
    const struct key_node *n = &w->t->nodes.p[node];
    if (LIKELY(n->slot != NULL))
        row_maker_put(w->m, n->slot, value);
    else
        row_maker_rest(w->m, n->name, value);
}

static const char *put_string(struct walk *w, uint32_t node, const char *p) {
    struct json_text text = { 0 };
    const char *quote = json_scan_string(p + 1, w->end, &text.escaped);
    if (UNLIKELY(!quote))
        return fail(w, p, "a string without its closing quote");
    text.raw = (struct str){ p + 1, (size_t)(quote - p - 1) };
    if (UNLIKELY(text.escaped)) {
        enum err e = json_text_get(text, &w->m->batch->mem, &text.raw);
        if (e != ERR_OK)
            return fail(w, p,
                        e == ERR_LIMIT ? "the memory for strings is spent" : "not an escape in a string");
    }
    put(w, node, cell_bytes(0, VALUE_STRING, text.raw));
    return quote + 1;
}

/* An array, or an object that is not flattened: its text, on one line. */
static const char *put_json(struct walk *w, uint32_t node, const char *p) {
    struct json_reader r;
    json_reader_init(&r, (struct str){ p, (size_t)(w->end - p) });
    r.depth = w->depth;
    struct str text = json_skip(&r);
    if (r.failed)
        return fail(w, r.p, r.failed);
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x20)
            continue;
        AUTO(buf) clean = { .limit_bytes = ROW_BYTES_MAX };
        json_add_compact(&clean, text);
        if (!buf_ok(&clean) || arena_dup(&w->m->batch->mem, buf_str(&clean), &text) != ERR_OK)
            return fail(w, p, "the memory for strings is spent");
        break;
    }
    put(w, node, cell_bytes(0, VALUE_JSON, text));
    return r.p;
}

static const char *put_number(struct walk *w, uint32_t node, const char *p) {
    struct json_number number;
    const char *behind = json_scan_number(p, w->end, &number);
    if (UNLIKELY(!behind))
        return fail(w, p, "expected a value");
    if (LIKELY(number.kind == JSON_NUMBER_INT))
        put(w, node, cell_int(0, VALUE_INT, number.i));
    else if (number.kind == JSON_NUMBER_FLOAT)
        put(w, node, cell_float(0, number.f));
    else
        put(w, node, cell_bytes(0, VALUE_NUMBER_TEXT, (struct str){ p, (size_t)(behind - p) }));
    return behind;
}

static const char *put_word(struct walk *w, uint32_t node, const char *p) {
    struct str rest = { p, (size_t)(w->end - p) };
    if (str_starts(rest, STR("null")))
        return p + 4;
    bool yes = str_starts(rest, STR("true"));
    if (!yes && !str_starts(rest, STR("false")))
        return fail(w, p, "expected a value");
    put(w, node, cell_int(0, VALUE_BOOL, yes));
    return p + (yes ? 4 : 5);
}

static const char *object(struct walk *w, uint32_t parent, const char *p);

static const char *put_object(struct walk *w, uint32_t node, const char *p) {
    const char *inside = json_scan_space(p + 1, w->end);
    if (node == NODE_STRANGER || (inside < w->end && *inside == '}'))
        return put_json(w, node, p);
    return object(w, node, inside);
}

static inline const char *value(struct walk *w, uint32_t node, const char *p) {
    p = json_scan_space(p, w->end);
    if (UNLIKELY(p == w->end))
        return fail(w, p, "expected a value");
    switch (*p) {
    case '"': return put_string(w, node, p);
    case '{': return put_object(w, node, p);
    case '[': return put_json(w, node, p);
    case 't':
    case 'f':
    case 'n': return put_word(w, node, p);
    default: return put_number(w, node, p);
    }
}

/* `p` is behind '{', at a key. Recursion ends at JSON_DEPTH_MAX. */
static const char *object(struct walk *w, uint32_t parent, const char *p) {
    uint32_t node = parent;
    if (++w->depth > JSON_DEPTH_MAX)
        return fail(w, p, "nested more than 64 deep");
    for (bool first = true;; first = false) {
        p = json_scan_space(p, w->end);
        node = node_next(w, parent, node, first, &p);
        if (UNLIKELY(node == NODE_NONE))
            return NULL;
        if (UNLIKELY(++w->keys > ROW_CELLS_MAX))
            return fail(w, p, "more than 4096 fields");
        p = value(w, node, p);
        if (UNLIKELY(!p))
            return NULL;
        p = json_scan_space(p, w->end);
        if (UNLIKELY(p == w->end || (*p != ',' && *p != '}')))
            return fail(w, p, "expected ',' or '}'");
        if (*p++ == '}')
            break;
    }
    w->depth--;
    return p;
}

const char *json_row_parse(struct row_maker *m, const char *p, const char *end,
                           struct json_row_error *out_error) {
    if (UNLIKELY(!m->keys)) {
        m->keys = HEAP_NEW(struct key_tree);
        tree_reset(m->keys, m->slots_epoch);
    }
    if (UNLIKELY(m->keys->epoch != m->slots_epoch || m->keys->nodes.n > KEY_NODES_MAX))
        tree_reset(m->keys, m->slots_epoch);
    struct walk w = { .m = m, .t = m->keys, .end = end, .error = out_error };
    p = json_scan_space(p + 1, end);
    return p < end && *p == '}' ? p + 1 : object(&w, NODE_ROOT, p);
}
