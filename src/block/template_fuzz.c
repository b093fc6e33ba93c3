#include "base/assert.h"
#include "base/bits.h"
#include "block/strip.h"
#include "block/template.h"
/*
 * The first byte chooses: the rest is a foreign part (open it, build every text, match), or the streams of a
 * part, which are packed as strips first so that mutations reach what is behind zstd, or lines, which must
 * come back and match as themselves.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY_BYTES_MAX = 16 << 20, LINES_MAX = 256, STREAMS = 16 };

static struct text_match *needle_of(struct str s) {
    struct text_match *m = NULL;
    enum text_match_kind kind = (enum text_match_kind)(s.n ? (unsigned char)s.p[0] % TEXT_REGEX : 0);
    ERR_IGNORE(text_match_new(kind, s.n > 40 ? (struct str){ s.p, 40 } : s, NULL, &m),
               "kinds that cannot fail");
    return m;
}

static void read_part(struct str bytes, struct str needle) {
    AUTO(arena) mem;
    arena_init(&mem, MEMORY_BYTES_MAX);
    struct template_part *p = NULL;
    struct str s;
    if (template_part_open(bytes, &mem, &p) != ERR_OK)
        return;
    size_t count = template_part_count(p);
    uint64_t *hits = ARENA_NEW(&mem, uint64_t, bits_words(count));
    struct text_match *m = needle_of(needle);
    if (hits && m)
        ERR_IGNORE(template_part_match(p, m, count / 3, count - count / 3, &mem, hits), "only crashes count");
    for (size_t i = 0; i < count && i < 1000; i++)
        ERR_IGNORE(template_part_text(p, i, &mem, &s), "only crashes count");
    for (uint32_t i = 0; i < template_part_templates(p) && i < 100; i++)
        ERR_IGNORE(template_part_template_pattern(p, i, &mem, &s), "only crashes count");
    text_match_free(m);
}

static void add_group(struct buf *out, struct buf *group) {
    buf_add_le32(out, 0);
    buf_add_varint(out, group->n);
    buf_add(out, buf_str(group));
    buf_clear(group);
}

/* count, templates, then streams: a length byte and so many bytes each; the last of a group ends it. */
static void pack_streams(struct str in, struct buf *out) {
    static const bool ends_group[STREAMS] = { [1] = true, [4] = true, [12] = true, [14] = true };
    AUTO(buf) group = { 0 };
    struct strip_writer *w = strip_writer_new();
    struct reader r = reader_of(in);
    buf_add_varint(out, reader_u8(&r) + 1u);
    buf_add_varint(out, reader_u8(&r) + 1u);
    for (size_t i = 0; i < STREAMS - 1; i++) {
        size_t n = reader_u8(&r);
        struct str s = reader_bytes(&r, n < reader_left(&r) ? n : reader_left(&r));
        strip_put(w, s.n ? s.p : "", s.n, &group);
        if (ends_group[i])
            add_group(out, &group);
    }
    strip_writer_free(w);
}

static void check_lines(struct str in, struct str needle) {
    struct str lines[LINES_MAX];
    size_t count = 0;
    AUTO(arena) mem;
    AUTO(buf) out = { 0 };
    arena_init(&mem, 0);
    while (count < LINES_MAX && str_cut(&in, '\n', &lines[count]))
        count++;
    struct template_encoder *e = template_encoder_new();
    struct template_part *p = NULL;
    struct text_match *m = needle_of(needle);
    if (template_encode(e, lines, count, 1, NULL, NULL, &out) == ERR_OK && m) {
        uint64_t *hits = ARENA_NEW(&mem, uint64_t, bits_words(count));
        ASSERT(template_part_open(buf_str(&out), &mem, &p) == ERR_OK);
        ASSERT(template_part_match(p, m, 0, count, &mem, hits) == ERR_OK);
        for (size_t i = 0; i < count; i++) {
            struct str s;
            ASSERT(template_part_text(p, i, &mem, &s) == ERR_OK);
            ASSERT(str_eq(s, lines[i]));
            ASSERT(bits_get(hits, i) == text_match_test(m, lines[i]));
        }
    }
    text_match_free(m);
    template_encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2)
        return 0;
    size_t n = data[1] % 16 < size - 2 ? data[1] % 16 : size - 2;
    struct str needle = { (const char *)data + 2, n }, rest = { (const char *)data + 2 + n, size - 2 - n };
    if (data[0] % 3 == 0) {
        read_part(rest, needle);
    } else if (data[0] % 3 == 1) {
        AUTO(buf) part = { 0 };
        pack_streams(rest, &part);
        read_part(buf_str(&part), needle);
    } else {
        check_lines(rest, needle);
    }
    return 0;
}
