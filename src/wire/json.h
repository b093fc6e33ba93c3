#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "wire/json_scan.h"
/*
 * JSON, both ways. The reader pulls values out of a document that lies whole in memory and remembers its
 * first mistake: after one, everything is empty and every loop ends, so that a decoder checks once, at its
 * end. It takes no memory but for strings with escapes. The dialect is json_scan.h's.
 *
 *     json_reader_init(&r, text);
 *     for (bool more = json_object(&r); more && json_key(&r, &key);)
 *         if (json_is(&key, "id")) id = json_string(&r, mem); else json_skip(&r);
 *     return json_end(&r, why);
 *
 * The value behind each key and of each item must be read or skipped, exactly once.
 */
enum { JSON_DEPTH_MAX = 64 };

enum json_kind {
    JSON_NONE, /* end of the text, or not the start of a value */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_NUMBER,
    JSON_BOOL,
    JSON_NULL,
};
struct json_reader {
    const char *start, *p, *end;
    const char *failed; /* what was wrong at p, or NULL */
    unsigned depth;
    bool first; /* no member of the innermost container has been read */
};
/* A string as it stands between its quotes. */
struct json_text {
    struct str raw;
    bool escaped;
};

void json_reader_init(struct json_reader *r, struct str text);
/* Of the next value; nothing is read. */
enum json_kind json_kind(struct json_reader *r);

/* Enters an object (an array); false, and a mistake, when the next value is not one. */
bool json_object(struct json_reader *r);
bool json_array(struct json_reader *r);
/* The next key; false at the end of the object, which is left. */
bool json_key(struct json_reader *r, struct json_text *out);
/* Another item follows; false at the end of the array, which is left. */
bool json_item(struct json_reader *r);

struct json_text json_raw_string(struct json_reader *r);
/* Unescaped: points into the text, or into `mem`. A mistake when `mem` is spent. */
struct str json_string(struct json_reader *r, struct arena *mem);
struct str json_number_text(struct json_reader *r);
bool json_bool(struct json_reader *r);
/* Checks the next value, whatever it is, and returns its text. */
struct str json_skip(struct json_reader *r);

/* The reader's own mistake and place, or `what` at the present place. Returns ERR_INVALID. */
void json_fail(struct json_reader *r, const char *what);
/* ERR_OK when the whole text was read and only spaces are left, else ERR_INVALID and "byte N: …". */
NODISCARD enum err json_end(struct json_reader *r, struct err_text *why);

/* Compares with a key that needs no escapes. */
static inline bool json_is(const struct json_text *key, const char *name) {
    return !key->escaped && str_eq(key->raw, str_of(name));
}

/* Writes the unescaped form of `raw` (at most raw.n bytes) to `to`; SIZE_MAX when an escape is not one. A
 * lone half of a surrogate pair becomes U+FFFD. */
size_t json_unescape(struct str raw, char *to);
NODISCARD enum err json_text_get(struct json_text t, struct arena *mem, struct str *out);

/*
 * Writing. Strings: '"', '\\' and bytes under 0x20 are escaped; every other byte passes unchanged, so that
 * bytes that are not UTF-8 come back exactly as they came in (and such an answer is then not UTF-8: its
 * reader decides).
 */
void json_add_string(struct buf *out, struct str s);
/* `"key":`, behind a comma unless the last byte opens a container. */
void json_add_key(struct buf *out, struct str key);
/* Numbers that JSON cannot say (NaN, infinities) become null. */
void json_add_f64(struct buf *out, double v);
/* Checked JSON text, without the spaces around its tokens and with control characters escaped: one line of
 * clean JSON. */
void json_add_compact(struct buf *out, struct str json);
