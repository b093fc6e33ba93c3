#pragma once
#include "base/str.h"
/*
 * One typed value, as a cell of a row, a literal of a query or a result. 16 or 24 bytes, borrowed
 * bytes: whoever made it owns what a string points at.
 *
 * VALUE_NUMBER_TEXT is a number whose canonical print differs from what the sender wrote ("1.50",
 * "1e3", 20 digits): it keeps its text and still compares as a number. VALUE_JSON is the text of what
 * is deeper than a scalar: an array (its scalar elements each match a filter) or an object.
 * The numbers of the types are stored in blocks: they never change.
 */
enum value_type {
    VALUE_NULL = 0,
    VALUE_BOOL = 1,
    VALUE_INT = 2,
    VALUE_FLOAT = 3,
    VALUE_TIME = 4, /* int64 ns since 1970, UTC */
    VALUE_IP = 5,   /* 16 bytes, IPv4 as ::ffff:a.b.c.d; reserved in blocks, used by queries */
    VALUE_STRING = 6,
    VALUE_BYTES = 7, /* reserved */
    VALUE_NUMBER_TEXT = 8,
    VALUE_JSON = 9,
    VALUE_HISTOGRAM = 10, /* reserved for samples */
    VALUE_TYPE_COUNT
};

struct value {
    enum value_type type;
    union {
        bool b;
        int64_t i;    /* INT, TIME */
        double f;
        struct str s; /* STRING, BYTES, NUMBER_TEXT, JSON, IP */
    };
};

static inline struct value value_null(void) { return (struct value){ .type = VALUE_NULL }; }
static inline struct value value_bool(bool b) { return (struct value){ .type = VALUE_BOOL, .b = b }; }
static inline struct value value_int(int64_t i) { return (struct value){ .type = VALUE_INT, .i = i }; }
static inline struct value value_float(double f) { return (struct value){ .type = VALUE_FLOAT, .f = f }; }
static inline struct value value_time(int64_t ns) { return (struct value){ .type = VALUE_TIME, .i = ns }; }
static inline struct value value_string(struct str s) { return (struct value){ .type = VALUE_STRING, .s = s }; }
static inline bool value_has_bytes(enum value_type t) { return t >= VALUE_IP && t <= VALUE_JSON; }
