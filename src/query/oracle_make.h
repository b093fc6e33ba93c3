#pragma once
#include "query/oracle.h"
/*
 * Random rows and random questions about them, aimed at hits and boundaries: what a question asks for is
 * mostly taken from a row that is there; times lie on and around the hours that segments end at; fields are
 * absent, of several types, labels here and columns there.
 */
void oracle_add_rows(struct exec_case *c, struct random *r, size_t count);
/* As many rows, each with a field that no other has: more fields than a block has columns. */
void oracle_add_wide_rows(struct exec_case *c, struct random *r);
void oracle_make(const struct exec_case *c, struct random *r, struct oracle_query *out);
/* A filter alone, without a range of time. */
void oracle_make_filter(const struct exec_case *c, struct random *r, char *out, size_t size);
