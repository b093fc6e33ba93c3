#include "block/encoding.h"
#include "block/block_build.h"

#define ENC(x) extern const struct encoding x;
#include "block/list.def"
#undef ENC
#define ENC(x) &x,
static const struct encoding *const encodings[] = {
#include "block/list.def"
};
#undef ENC

const struct encoding *encoding_at(size_t i) {
    return i < COUNT_OF(encodings) ? encodings[i] : NULL;
}

const struct encoding *encoding_of(uint8_t id) {
    for (size_t i = 0; i < COUNT_OF(encodings); i++)
        if (encodings[i]->id == id)
            return encodings[i];
    return NULL;
}

void encoder_init(struct encoder *e) {
    *e = (struct encoder){ .strips = strip_writer_new() };
    e->ints.strips = e->strips;
}

void encoder_start(struct encoder *e, const struct block_build_options *o) {
    e->use_templates = o->templates;
    e->zstd_level = o->zstd_level;
    e->word = o->word;
    e->word_ctx = o->ctx;
    strip_put_abandon(e->strips);
    memset(e->recent_words, 0, sizeof e->recent_words);
}

void encoder_fini(struct encoder *e) {
    strip_writer_free(e->strips);
    int_runs_fini(&e->ints);
    template_encoder_free(e->templates);
    VEC_FINI(&e->codes);
    VEC_FINI(&e->texts);
    dict_table_fini(&e->dict);
    VEC_FINI(&e->ids);
    VEC_FINI(&e->numbers);
    VEC_FINI(&e->lengths);
    buf_fini(&e->template_part);
    buf_fini(&e->text);
}

void encoder_words(struct encoder *e, struct str text) {
    struct str token;
    if (!e->word)
        return;
    while (token_next(&text, &token)) {
        uint64_t hash = token_hash(token), *recent = &e->recent_words[hash % COUNT_OF(e->recent_words)];
        if (*recent == hash)
            continue;
        *recent = hash;
        e->word(e->word_ctx, hash);
    }
}
