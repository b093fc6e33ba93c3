#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "block/text_match.h"
/*
 * Templates: a text is split in one pass into its constant bytes and its variables, and a block's texts are
 * stored as template numbers and one typed column for each (template, slot). docs/design/format.md has the
 * bytes.
 *
 * A variable is a whole token (text_match.h) that contains an ASCII digit; everything between is constant.
 * Hence a word without a digit is found in the constants alone, and a word with one in the variables alone.
 * Joining gives the original back, byte for byte, for any bytes.
 */
enum { TEMPLATE_SLOTS_MAX = 64 /* later variables stay in one last string slot with the rest of the text */ };

/* Pattern of one text as people see it: constants with `<*>` for each variable; variables joined by one of .
 * : - / , + (an address, a date, an UUID) are one `<*>`. template.c says exactly when. Appends. */
void template_pattern(struct str text, struct buf *out);

/* Encodes all texts of a column (rows without a value are not among them). ERR_UNSUPPORTED: the texts have no
 * common templates (more than half as many templates as texts, say): store them plainly. `word` (may be NULL)
 * is called for each distinct token hash at least once. The output is NOT compressed as a whole: it is a
 * sequence of checksummable bytes whose parts are zstd-compressed where that pays. */
struct template_encoder;
NODISCARD struct template_encoder *template_encoder_new(void); /* reused; one thread */
void template_encoder_free(struct template_encoder *e);
NODISCARD enum err template_encode(struct template_encoder *e, const struct str *texts, size_t count,
                                   int zstd_level, void (*word)(void *ctx, uint64_t token_hash), void *ctx,
                                   struct buf *out);

/* An opened part: texts by number, 0 .. count-1. Bytes are foreign (fuzzed): ERR_CORRUPT, never a crash.
 * Memory of `mem`, which must live as long, as must `bytes`. What is not asked for is not decoded: later
 * calls may say ERR_CORRUPT, or ERR_LIMIT when `mem` is spent. One thread at a time. */
struct template_part;
NODISCARD enum err template_part_open(struct str bytes, struct arena *mem, struct template_part **out);
size_t template_part_count(const struct template_part *p);
/* In memory of `mem`. */
NODISCARD enum err template_part_text(struct template_part *p, size_t i, struct arena *mem, struct str *out);
/* Many texts: appends text rows[k] (NULL: text k) for k = 0 .. count-1; text k is out->p[offsets[k] ..
 * offsets[k+1]). `offsets` has room for count + 1. */
NODISCARD enum err template_part_texts(struct template_part *p, const uint32_t *rows, size_t count,
                                       struct buf *out, uint32_t *offsets);
NODISCARD enum err template_part_pattern(struct template_part *p, size_t i, struct arena *mem,
                                         struct str *out);
/* Number of the template of text i, 0 .. template_part_templates()-1: counting patterns without building
 * text. Several numbers may have the same pattern. */
uint32_t template_part_template(const struct template_part *p, size_t i);
size_t template_part_templates(const struct template_part *p);
NODISCARD enum err template_part_template_pattern(struct template_part *p, uint32_t number, struct arena *mem,
                                                  struct str *out);
/* Bit k of `out` for each text first+k, k < count: set when it matches, else cleared. Each template is
 * decided once: always, never, or look. `mem` is scratch. */
NODISCARD enum err template_part_match(struct template_part *p, const struct text_match *m, size_t first,
                                       size_t count, struct arena *mem, uint64_t *out);
