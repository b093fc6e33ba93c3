#pragma once
#include "base/str.h"
#include "block/template.h"
/*
 * What the writer and the reader of a template part agree on: docs/design/format.md, "Template part".
 *
 * Constants hold no ASCII digit, since a token with one is a variable. So in the bytes of a template a digit
 * can stand for a slot without any escaping, and say how the slot's column is kept:
 *
 *     "took 17 ms at rdd_4_11"    ->    "took 1 ms at rdd_1_1"
 *
 * A slot is a variable, or a run of digits in a variable whose other bytes are the same in all texts: rdd_1_1
 * is one variable with two slots. A template's own variables are still its tokens with a digit: splitting
 * "took 1 ms at rdd_1_1" finds what splitting the text finds. A slot's column is its values in all texts of
 * the template, in order.
 */
enum slot_kind {
    SLOT_END = '0',    /* no slot: the end of a template */
    SLOT_INT = '1',    /* decimal, no leading zero */
    SLOT_PADDED = '2', /* decimal digits, all of one length */
    SLOT_DIGITS = '3', /* decimal digits of any length up to 18: kept as the number with a 1 before it */
    SLOT_HEX = '4',    /* hex digits of one case, all of one length or none with a leading zero */
    SLOT_DICT = '5',   /* one of few texts */
    SLOT_FIXED = '6',  /* texts of one length */
    SLOT_TEXT = '7',   /* texts */
    SLOT_REST = '8',   /* as SLOT_TEXT: all that follows the first TEMPLATE_SLOTS_MAX - 1 variables */
};

enum {
    TEMPLATE_TEXTS_MAX = 65536,
    TEMPLATE_STREAM_BYTES_MAX = 64 << 20, /* of the texts, the templates or any stream of one part */
    TEMPLATE_COLUMNS_MAX = 1 << 18,       /* slots of all templates of one part */
    SLOT_PARTS_MAX = 8,                   /* slots of one variable */
    SLOT_DIGITS_MAX = 19,                 /* of SLOT_INT and SLOT_PADDED: less than 2^64 */
    SLOT_LOOSE_DIGITS_MAX = 18,           /* of SLOT_DIGITS */
    SLOT_HEX_MAX = 16,
    SLOT_HEX_WIDTH = 0x1f, /* of a hex slot's width byte: digits, 0 for as many as needed */
    SLOT_HEX_0X = 0x40,    /* "0x" before */
    SLOT_HEX_UPPER = 0x80, /* capital letters */
    SLOT_DELTA = 0x80,     /* flag of an integer slot's bits: differences, zigzag, to the value before */
    SLOT_DICT_MAX = 256,
    SLOT_STREAMS = 8, /* integers: one stream of bytes for each number of bits used in a byte */
};

/* Bits that a value needs: 0 for 0, 64 at most. */
static inline unsigned bit_width(uint64_t v) {
    return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}
