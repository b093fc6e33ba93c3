#pragma once
#include "base/buf.h"
#include "base/file.h"
/*
 * The word filter of one block: may this block hold a row with that token? A split-block Bloom filter whose
 * lines are checked one by one, so that a lookup reads 64 bytes.
 */
enum { WORD_LINE_BYTES = 64, WORD_LINES_MAX = 1 << 20 };
/* Appends a filter of the distinct hashes: a head line and at least one line. */
void index_words_write(const uint64_t *hashes, size_t count, struct buf *out);
/* Number of lines of the filter whose head is at `offset`; ERR_CORRUPT when there is none. */
NODISCARD enum err index_words_lines(struct file *f, uint64_t offset, uint32_t *out_lines);
/* False in *out_may: surely not there. */
NODISCARD enum err index_words_test(struct file *f, uint64_t offset, uint32_t lines, uint64_t hash,
                                    bool *out_may);
/* All lines. */
NODISCARD enum err index_words_check(struct file *f, uint64_t offset, uint32_t lines);
