#pragma once
#include "base/vec.h"
#include "block/regex.h"
/*
 * The syntax tree of an expression. Private to regex.c.
 *
 *   x            a byte, or all bytes of one UTF-8 character
 *   .            any byte but a newline; with (?s) any
 *   [a-z_\d] [^…]  a byte of a set, ASCII only; [:alpha:] and its kin inside
 *   \d \w \s \D \W \S, \t \n \r \f \v \a \e, \xHH \x{HH}, \Q…\E, \ before any other sign
 *   x* x+ x? x{3} x{3,} x{3,5}   a '?' behind is allowed and changes nothing here
 *   x|y  (x)  (?:x)  (?<name>x)  (?#remark)
 *   (?i) (?s) (?m) (?-i) (?i:x)   letter case (ASCII), '.', lines
 *   ^ $ \A \z    begin and end of the text; ^ and $ with (?m) of a line; \b \B edge of a word (\w), or none
 *
 * No backreferences and no lookaround: they cannot be had in linear time.
 */
struct byte_set {
    uint64_t w[4];
};
enum node_kind { NODE_EMPTY, NODE_SET, NODE_CAT, NODE_ALT, NODE_REPEAT, NODE_ASSERT };
enum assertion { AT_BEGIN, AT_END, AT_LINE_BEGIN, AT_LINE_END, AT_EDGE, AT_NO_EDGE };
enum { REPEAT_EVER = UINT16_MAX, NODE_NONE = UINT32_MAX };
struct regex_node {
    enum node_kind kind;
    enum assertion assertion;
    uint16_t min, max; /* NODE_REPEAT; max REPEAT_EVER: no upper bound */
    uint32_t set;      /* NODE_SET: index */
    uint32_t child;    /* NODE_CAT, NODE_ALT: the last; NODE_REPEAT: the one; or NODE_NONE */
    uint32_t before;   /* the sibling before this one, or NODE_NONE */
};
struct regex_tree {
    VEC(struct regex_node) nodes;
    VEC(struct byte_set) sets;
    uint32_t root;
};
void regex_tree_fini(struct regex_tree *t);
/* Fills an empty tree, which the caller ends in any case. */
NODISCARD enum err regex_parse(struct str expression, struct err_text *why, struct regex_tree *tree);

static inline void byte_set_add(struct byte_set *s, unsigned char c) {
    s->w[c >> 6] |= 1ull << (c & 63);
}
static inline bool byte_set_has(const struct byte_set *s, unsigned char c) {
    return (s->w[c >> 6] >> (c & 63)) & 1;
}
