#pragma once
#include "base/str.h"
/*
 * Searching bytes with ASCII case ignored, in one pass over the haystack: a private tool of text_match.c.
 * The needle stays borrowed and must be lower case already. Immutable after finder_of: any thread.
 */
struct finder {
    struct str needle;
    size_t rare[2];        /* offsets in the needle of its two least common bytes, ascending */
    unsigned char byte[2]; /* these bytes */
    unsigned char fold[2]; /* 0x20 for a letter: or-ed to the text before comparing; else 0 */
};

/* 1 <= lower.n. */
struct finder finder_of(struct str lower);
/* Offset of the first occurrence at or after `from`, or SIZE_MAX. */
size_t finder_next(const struct finder *f, struct str text, size_t from);
/* The same without vector instructions. */
size_t finder_next_plain(const struct finder *f, struct str text, size_t from);
/* text[0..lower.n) equals `lower`, ASCII case of the text ignored. */
bool finder_equal(const char *text, struct str lower);
