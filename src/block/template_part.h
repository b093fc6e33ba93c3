#pragma once
#include "base/arena.h"
#include "base/bytes.h"
#include "block/template_format.h"
/*
 * An open template part, as template_read.c fills it and template_text.c and template_match.c use it. Private
 * to them.
 *
 * What is not needed is not decoded: a search for a word reads the template numbers and the templates; only
 * what looks at variables loads the slots, and of these only the groups and columns it looks at. Whatever is
 * filled late is filled by the thread that owns the part, in the arena it was opened with.
 */

/* A run of strips under one checksum. */
struct part_group {
    struct str body;
    uint32_t crc;
    bool tried;
    enum err err; /* of the try */
};

struct part_template {
    uint32_t at, n; /* its bytes in part.patterns, without SLOT_END */
    uint32_t rows;
    uint32_t first_slot, slot_count;
    bool digits_only; /* no slot holds anything but decimal digits */
    bool rest;        /* its last slot is SLOT_REST */
    /* With the slots: */
    bool texts;           /* has a SLOT_TEXT or SLOT_REST */
    bool ready;           /* all columns are */
    size_t longest_bytes; /* of a text, those slots not counted */
};

struct part_slot {
    uint8_t kind;      /* enum slot_kind */
    uint8_t bits;      /* integers and dictionary codes */
    uint8_t used_bits; /* of their last plane; 0: all planes have eight */
    uint8_t width;     /* SLOT_PADDED: digits; SLOT_HEX: width byte */
    bool delta;        /* integers */
    bool ready;        /* the column has been decoded, or needs no decoding */
    uint16_t dict_count;
    uint32_t before; /* bytes of the constant before the slot */
    uint32_t rows;
    uint32_t length;      /* SLOT_FIXED: bytes of each; SLOT_DICT: of the longest */
    uint32_t at;          /* first byte: of the full planes, or in part.strings */
    uint32_t used_at;     /* first byte of the last plane when it is not full */
    uint64_t base;        /* integers: smallest value, or the first of a delta column */
    const uint64_t *ints; /* integers and dictionary codes, decoded */
    union {
        const struct str *dict;
        const uint32_t *offsets; /* SLOT_TEXT, SLOT_REST: rows + 1, in part.strings */
    };
};
_Static_assert(sizeof(struct part_slot) <= 64, "one cache line: a part has tens of thousands");

struct template_part {
    struct arena *mem;
    uint32_t count, templates_count;
    const uint8_t *numbers[2]; /* low and high bytes; [1] NULL when there are at most 256 templates */
    struct str patterns;       /* all templates, each ended by SLOT_END */
    struct part_template *templates;
    uint32_t slot_count;
    struct part_group groups[3]; /* slots, ints, strings */
    struct part_slot *slots;
    uint32_t *order;  /* texts by template, ascending */
    uint32_t *starts; /* of each template in `order`, and the end */
    uint32_t *ranks;  /* of each text among those of its template */
    struct str ints[SLOT_STREAMS];
    size_t int_bytes[SLOT_STREAMS];
    size_t length_count; /* of SLOT_TEXT and SLOT_REST together */
    struct str strings;
};

enum { PART_SLOTS, PART_INTS, PART_STRINGS };

static inline uint32_t part_number(const struct template_part *p, size_t i) {
    return p->numbers[0][i] | (p->numbers[1] ? (uint32_t)p->numbers[1][i] << 8 : 0);
}
static inline struct str part_pattern(const struct template_part *p, const struct part_template *t) {
    return (struct str){ p->patterns.p + t->at, t->n };
}
static inline bool slot_is_digits(unsigned k) {
    return k == SLOT_INT || k == SLOT_PADDED || k == SLOT_DIGITS;
}

/* Fill what their names say, once. */
NODISCARD enum err part_need_slots(struct template_part *p);
NODISCARD enum err part_need_order(struct template_part *p);
NODISCARD enum err part_need_ranks(struct template_part *p);
/* All columns of one template. */
NODISCARD enum err part_need_columns(struct template_part *p, struct part_template *t);
NODISCARD enum err part_need_column(struct template_part *p, struct part_slot *s);

/* A value of a slot that holds texts and is ready. */
struct str part_slot_text(const struct template_part *p, const struct part_slot *s, uint32_t rank);

enum { PRINT_SPARE_BYTES = 32 }; /* part_print may write so far behind the text */
/* Most bytes of the text of row `rank` of a template whose columns are there. */
size_t part_text_bound(const struct template_part *p, const struct part_template *t, uint32_t rank);
/* Writes the text, at most part_text_bound() and PRINT_SPARE_BYTES; returns its end. */
char *part_print(const struct template_part *p, const struct part_template *t, uint32_t rank, char *to);
