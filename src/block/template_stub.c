#include "base/assert.h"
#include "block/template.h"
/* Stands in for template.c until it is here: no text has a template. */
struct template_encoder *template_encoder_new(void) { return NULL; }
void template_encoder_free(struct template_encoder *e UNUSED) {}
enum err template_encode(struct template_encoder *e UNUSED, const struct str *texts UNUSED, size_t count UNUSED,
                         int zstd_level UNUSED, void (*word)(void *ctx, uint64_t token_hash) UNUSED, void *ctx UNUSED,
                         struct buf *out UNUSED) {
    return ERR_UNSUPPORTED;
}
void template_pattern(struct str text, struct buf *out) { buf_add(out, text); }
enum err template_part_open(struct str bytes UNUSED, struct arena *mem UNUSED, struct template_part **out UNUSED) {
    return ERR_UNSUPPORTED;
}
size_t template_part_count(const struct template_part *p UNUSED) { return 0; }
enum err template_part_text(struct template_part *p UNUSED, size_t i UNUSED, struct arena *mem UNUSED,
                            struct str *out UNUSED) {
    return ERR_UNSUPPORTED;
}
enum err template_part_pattern(struct template_part *p UNUSED, size_t i UNUSED, struct arena *mem UNUSED,
                               struct str *out UNUSED) {
    return ERR_UNSUPPORTED;
}
enum err template_part_match(struct template_part *p UNUSED, const struct text_match *m UNUSED, size_t first UNUSED,
                             size_t count UNUSED, struct arena *mem UNUSED, uint64_t *out UNUSED) {
    return ERR_UNSUPPORTED;
}
