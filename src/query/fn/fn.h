#pragma once
#include "query/expr.h"
/*
 * What the functions of this folder use to read their arguments. Each is false when argument i was not given,
 * is null or is not what was asked for; the function then returns null. Bytes are borrowed from the argument
 * or live in c->mem.
 */
/* Any value but null, as value_print shows it. */
bool fn_arg_text(const struct fn_call *c, size_t i, struct str *out);
/* A number, cut to whole; times as ns. */
bool fn_arg_int(const struct fn_call *c, size_t i, int64_t *out);
bool fn_arg_number(const struct fn_call *c, size_t i, double *out);
/* A time, or what time_parse() reads. */
bool fn_arg_time(const struct fn_call *c, size_t i, int64_t *out_ns);
bool fn_arg_ip(const struct fn_call *c, size_t i, unsigned char out[16]);
/* Null for what JSON cannot say. */
struct value fn_float(double f);
/* A span in ns: a number, or a text such as "5m". */
bool fn_arg_duration(const struct fn_call *c, size_t i, int64_t *out_ns);
/* Byte offset of character `index` (from 0; UTF-8, stray bytes count as characters); the text's length when
 * it has fewer. */
size_t fn_char_offset(struct str s, int64_t index);
int64_t fn_char_count(struct str s);
/* Bytes as a STRING in c->mem; null when it is spent. */
struct value fn_string(const struct fn_call *c, struct str s);

#define FN(f) extern const struct fn f;
#include "query/fn/logic/list.def"
#include "query/fn/lookup/list.def"
#include "query/fn/number/list.def"
#include "query/fn/text/list.def"
#include "query/fn/time/list.def"
#undef FN
