#include "base/assert.h"
#include "wire/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Valid text stays valid and the same when it is made compact twice; every string survives unescaping and
 * writing. */
static void check_strings(struct json_reader *r, struct arena *mem) {
    struct json_text key;
    if (json_kind(r) == JSON_OBJECT) {
        for (bool more = json_object(r); more && json_key(r, &key);)
            check_strings(r, mem);
    } else if (json_kind(r) == JSON_ARRAY) {
        for (bool more = json_array(r); more && json_item(r);)
            check_strings(r, mem);
    } else if (json_kind(r) == JSON_STRING) {
        struct str s = json_string(r, mem), again;
        AUTO(buf) out = { 0 };
        json_add_string(&out, s);
        struct json_reader w;
        json_reader_init(&w, buf_str(&out));
        again = json_string(&w, mem);
        ASSERT(r->failed || (json_end(&w, NULL) == ERR_OK && str_eq(s, again)));
    } else {
        (void)json_skip(r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct str text = { (const char *)data, size };
    struct json_reader r;
    struct err_text why;
    AUTO(arena) mem;
    arena_init(&mem, 0);
    json_reader_init(&r, text);
    check_strings(&r, &mem);
    bool walked = json_end(&r, &why) == ERR_OK;
    json_reader_init(&r, text);
    (void)json_skip(&r);
    ASSERT(walked == (json_end(&r, &why) == ERR_OK));
    if (!walked)
        return 0;
    AUTO(buf) once = { 0 };
    AUTO(buf) twice = { 0 };
    json_add_compact(&once, text);
    json_add_compact(&twice, buf_str(&once));
    ASSERT(str_eq(buf_str(&once), buf_str(&twice)));
    json_reader_init(&r, buf_str(&once));
    (void)json_skip(&r);
    ASSERT(json_end(&r, &why) == ERR_OK);
    return 0;
}
