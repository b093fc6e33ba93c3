#pragma once
#include "ingest/row_maker.h"
/*
 * One JSON object -> the fields of one row. Nested objects flatten, their names joined with dots; arrays, and
 * empty objects, keep their text (VALUE_JSON); null is absent.
 */
struct key_tree;

struct json_row_error {
    const char *what; /* static text */
    const char *at;
};
/* `p` is at '{' of an object that ends before `end`, or not at all. Between row_maker_begin and
 * row_maker_end. Behind its '}', or NULL and the mistake. */
const char *json_row_parse(struct row_maker *m, const char *p, const char *end,
                           struct json_row_error *out_error);
/* Forgets what was learnt of the order of keys: for tests and for measuring the general way. */
void json_row_unlearn(struct row_maker *m);
void json_row_keys_free(struct key_tree *t);
