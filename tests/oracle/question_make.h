#pragma once
#include "question.h"
/* Shared by the files that make questions. */
struct maker {
    const struct world *world;
    struct random *random;
    struct arena *mem;
    const struct world_row *row; /* that what is asked for should find */
    bool raw;                    /* rows are the store's: every form of filter makes sense */
    struct str made[16];         /* columns, when rows are made by a command */
    size_t made_count;
};
static inline uint64_t below(struct maker *m, uint64_t n) { return random_below(m->random, n); }
static inline bool chance(struct maker *m, unsigned percent) { return below(m, 100) < percent; }
struct node *node_new(struct maker *m, enum node_kind kind);
struct node *node_of(struct maker *m, enum node_kind kind, struct node *a, struct node *b);
struct node *node_field(struct maker *m, struct str name);
/* As the parser reads it; `bare`: a text may be written without quotes. */
struct node *node_literal(struct maker *m, struct value v, bool bare);
struct node *node_text_literal(struct maker *m, const char *s);
struct node *node_int(struct maker *m, int64_t i);
struct node *node_span(struct maker *m, const char *text);
struct node *node_call(struct maker *m, const char *name, struct node *const *args, size_t count);
void maker_other_row(struct maker *m);
/* A name of which the row has a value, most of the time. */
struct str maker_name(struct maker *m);
struct value maker_value(struct maker *m, struct str name);
struct str maker_text(struct maker *m, struct str *out_name); /* of the row, not empty if it can be helped */
/* A condition of a filter, or of a value expression. */
struct node *maker_filter(struct maker *m, unsigned depth);
struct node *maker_condition(struct maker *m, unsigned depth);
struct node *maker_expression(struct maker *m, unsigned depth);
/* Something that finds `text`; NULL when it has no words or bytes that can be written. */
struct node *maker_text_node(struct maker *m, struct str name, struct str text);
struct pattern *maker_pattern(struct maker *m, struct str text);
/* May stand without quotes. */
bool question_bare_word(struct str s);
