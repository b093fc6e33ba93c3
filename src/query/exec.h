#pragma once
#include "base/map.h"
#include "query/budget.h"
#include "query/stage/stage.h"
#include "query/vector_filter.h"
/*
 * How a plan runs. Three ways, chosen by its commands:
 *
 *   rows      filter | eval | limit …      newest first, in rounds of growing size: exec_rows.c
 *   collect   filter | eval | stats …      the first command that needs all rows takes them in parallel:
 * exec_collect.c context   filter | context …           matches, then their neighbours: exec_context.c
 *
 * Between commands a row is a *record*: cells of (name, value). A command is an *operator*: records are
 * pushed in, it pushes to the next. Operators of row-wise commands and collectors run on worker threads, one
 * chain of them for each chunk of the scan; a collector's chunks are merged in scan order. What follows runs
 * on the asking thread.
 */
struct exec_name { /* interned: one for each text; compare pointers */
    struct str text;
    uint32_t number;
};
struct exec_cell {
    const struct exec_name *name;
    struct value value;
    bool hidden; /* commands find it by its name, answers do not show it: what `fields` did not pick, @id
                    unless picked */
};
/* Identity and order of a row: newest first, then stream, then latest arrival. Stable across merges but for
 * arrivals of one millisecond. */
struct exec_key {
    int64_t time_ns; /* a row made by a command: its number */
    struct id128 stream;
    int64_t received_ms;
    uint32_t block, row; /* EXEC_MADE: a row made by a command */
};
enum { EXEC_MADE = UINT32_MAX };
struct exec_record {
    struct exec_key key;
    struct str labels;
    const struct exec_cell *cells; /* never null values */
    size_t count;
};
/* < 0: `a` is shown before `b`. */
int exec_key_order(const struct exec_key *a, const struct exec_key *b);
/* < 0: `a` happened before `b`. */
int exec_key_age(const struct exec_key *a, const struct exec_key *b);

/* What of a row is still needed behind some point of the pipe. */
struct exec_needs {
    bool all;
    VEC(struct str) names;
};
void exec_needs_fini(struct exec_needs *n);
static inline void exec_needs_auto(struct exec_needs *n) {
    exec_needs_fini(n);
}
void exec_needs_none(struct exec_needs *n);
void exec_needs_add(struct exec_needs *n, struct str name);
void exec_needs_expr(struct exec_needs *n, const struct expr *e);
/* A command makes the field: what was there before is not needed for it. */
void exec_needs_made(struct exec_needs *n, struct str name);

struct exec_alias {
    struct str alias;
    const struct exec_name *name;
    size_t stage; /* which made the column */
};
/* One running query. */
struct exec {
    const struct query_plan *plan;
    struct budget budget;
    int64_t time_from_ns, time_to_ns; /* of request and plan together */
    pthread_mutex_t names_lock;
    struct arena names_mem; /* guarded by names_lock, as the next two */
    struct map names_by_text;
    VEC(struct exec_name *) names;
    struct exec_name *timestamp, *message, *level;
    size_t alias_stage;             /* while aliases are made */
    VEC(struct exec_alias) aliases; /* count() for count, …: made before the first row */
    const struct exec_key *matches; /* context: the rows that matched, in order */
    size_t match_count;
    struct query_pool *pool;
    struct store *store;
    char cut_by[64]; /* the asking thread's */
};
NODISCARD enum err exec_init(struct exec *x, const struct query_request *r);
void exec_fini(struct exec *x);
static inline void exec_auto(struct exec *x) {
    exec_fini(x);
}
/* NULL only when memory is spent. Any thread. */
const struct exec_name *exec_intern(struct exec *x, struct str text);

/* Records. */
const struct value *exec_get(const struct exec_record *r, const struct exec_name *name); /* NULL: absent */
NODISCARD enum err exec_copy_value(struct arena *mem, const struct value *v, struct value *out);
NODISCARD enum err exec_copy(struct arena *mem, const struct exec_record *r, struct exec_record *out);

/* A field as an operator looks it up: the name, then what it is an alias of. */
enum { EXEC_TRIES_MAX = 4 };
struct exec_field {
    struct str text;
    const struct exec_name *tries[EXEC_TRIES_MAX];
    size_t count;
};
struct exec_scope;
/* As the command of the scope sees it: names of columns that an earlier stats made have other spellings too.
 */
NODISCARD enum err exec_field_init(const struct exec_scope *s, struct str name, struct exec_field *out);
struct value exec_field_get(const struct exec_field *f, const struct exec_record *r);

/* An expression over records. Memory of `mem`. */
struct exec_expr {
    const struct expr *e;
    struct exec_field *fields;
    size_t field_count;
    int64_t now_ns;
};
NODISCARD enum err exec_expr_init(const struct exec_scope *s, const struct expr *e, struct arena *mem,
                                  struct exec_expr *out);
struct value exec_expr_get(const struct exec_expr *e, const struct exec_record *r, struct arena *mem);

/* Operators. */
struct exec_op;
struct exec_builder;
struct exec_page { /* rows of a page straight from the scan */
    struct vector_view *view;
    const uint64_t *rows; /* bitmap */
    size_t row_count;     /* bits set */
    struct exec_builder *builder;
    uint32_t block; /* index in the scan */
};
struct exec_op_kind {
    enum err (*push)(struct exec_op *op, const struct exec_record *r);
    enum err (*page)(struct exec_op *op, const struct exec_page *p); /* may be NULL: wants records */
    enum err (*merge)(struct exec_op *to, struct exec_op *from); /* collectors: `from` is not used again */
    enum err (*end)(struct exec_op *op);                         /* may be NULL; pushes what was held back */
    void (*free)(struct exec_op *op);                            /* may be NULL; what op->mem does not own */
    bool holds;                                                  /* keeps rows until end() */
};
struct exec_op {
    const struct exec_op_kind *kind;
    struct exec_op *next;
    struct exec *exec;
    struct arena mem; /* what it holds; charged to the budget */
    size_t charged_bytes;
    struct arena *scratch; /* of the chain; emptied between rows by whoever feeds the chain */
    int64_t made;          /* rows made so far */
    bool full;             /* takes no more rows */
};
/* How a command runs. */
enum exec_shape {
    EXEC_LOCAL,   /* row by row, nothing kept */
    EXEC_SERIAL,  /* row by row in order: limit, dedup */
    EXEC_COLLECT, /* all rows in any order, mergeable */
    EXEC_SOURCE,  /* changes what is scanned: context */
};
struct exec_scope {
    struct exec *exec;
    const struct vector_fields *fields; /* NULL: records will come, not pages */
    struct arena *scratch;
    size_t stage;             /* number of the command */
    bool in_order;            /* rows come in the order in which they are to go out; else any, by key */
    const struct stage *next; /* the command that follows, or NULL */
};
struct stage_exec {
    enum exec_shape shape;
    bool keeps_rows; /* every row that comes in goes out: eval, fields */
    /* More rows than this never pass; may be NULL. */
    uint64_t (*rows_max)(const void *args);
    /* From what is needed behind it to what is needed before it. */
    void (*needs)(const void *args, struct exec_needs *n);
    /* Fields that its page() asks the view for; may be NULL. */
    void (*fields)(const void *args, struct vector_fields *f);
    /* A collector whose answer is the same to the last bit however rows are spread over operators that are
     * merged later. May be NULL: it is not. */
    bool (*commutes)(const void *args);
    /* May pages come in? NULL: never. */
    bool (*pages)(const void *args);
    /* Names that later commands may use for its columns; may be NULL. */
    enum err (*aliases)(const void *args, struct exec *x);
    enum err (*open)(const struct exec_scope *s, const void *args, struct exec_op **out);
};
/* For open(): `size_bytes` of an operator whose first member is a struct exec_op. Zeroed. */
void *exec_op_new(const struct exec_scope *s, const struct exec_op_kind *kind, size_t size_bytes);
void exec_op_free(struct exec_op *op); /* NULL is fine */
static inline enum err exec_push(struct exec_op *to, const struct exec_record *r) {
    return to->kind->push(to, r);
}
/* Nothing that is pushed to `op` can matter any more. */
bool exec_full(const struct exec_op *op);
/* Checks what op->mem has grown to. After every push that keeps something. */
NODISCARD enum err exec_charge(struct exec_op *op);
/* A row made by `op`, to the next one; the scratch is emptied after. Only from end(). */
NODISCARD enum err exec_make(struct exec_op *op, const struct exec_cell *cells, size_t count);
/* A held record, likewise. */
NODISCARD enum err exec_release(struct exec_op *op, const struct exec_record *r);
/* ERR_LIMIT with its words. */
enum err exec_spent(struct exec *x);
NODISCARD enum err exec_alias_add(struct exec *x, struct str alias, const struct exec_name *name);
/* Something was left out; the first reason is told. Asking thread. */
void exec_cut(struct exec *x, const char *by);

/* Operators of commands [from, to), linked, `last` behind them (may be NULL). */
struct exec_chain {
    struct exec_op **ops;
    size_t count;
    struct exec_op *first;
    struct arena scratch;
};
NODISCARD enum err exec_chain_open(struct exec *x, size_t from, size_t to, const struct vector_fields *fields,
                                   struct exec_op *last, struct exec_chain *out);
void exec_chain_close(struct exec_chain *c);
/* Ends operators one after the other, from `from` on. */
NODISCARD enum err exec_chain_end(struct exec_chain *c, size_t from);
