#include "base/test.h"
#include "base/str.h"
#include "config/config.h"

TEST(defaults_are_valid) {
    struct config c;
    struct err_text why = { "" };
    config_init(&c);
    CHECK_OK(config_validate(&c, &why));
    CHECK_STR(c.listen, "127.0.0.1:7663");
    CHECK(c.http_body_bytes_max == 16 << 20 && c.label_fields.count == 6);
    config_fini(&c);
}

TEST(yaml_overrides_defaults_and_lists_replace) {
    struct config c;
    struct err_text why = { "" };
    config_init(&c);
    CHECK_OK(config_parse(&c, STR("server:\n  listen: 0.0.0.0:9000\n  shards: 3\nauth:\n  tokens: [abcdefghijklmnop]\n"
                                  "ingest:\n  label_fields: [app]\nquery: {time: 1m30s, memory_bytes: 1GiB}\n"
                                  "retention:\n  - table: logs\n    keep: 7d\n  - {selector: '{service=\"x\"}', keep: 1d}\n"), &why));
    CHECK_OK(config_validate(&c, &why));
    CHECK(c.shards == 3 && c.label_fields.count == 1 && c.query_time == 90ll * 1000000000 && c.query_memory_bytes == 1 << 30);
    CHECK(c.retention_count == 2 && c.retention[0].keep_ns == 7ll * 86400 * 1000000000);
    CHECK_STR(c.retention[1].selector, "{service=\"x\"}");
    config_fini(&c);
}

static void expect(const char *yaml, const char *message) {
    struct config c;
    struct err_text why = { "" };
    config_init(&c);
    enum err e = config_parse(&c, str_of(yaml), &why);
    if (e == ERR_OK)
        e = config_validate(&c, &why);
    CHECK(e != ERR_OK);
    if (!strstr(why.msg, message))
        fail_msg("got '%s', want '%s'", why.msg, message);
    config_fini(&c);
}

TEST(mistakes_name_the_line_and_the_fix) {
    expect("server:\n  lissten: x\n", "line 2: unknown key 'server.lissten'; did you mean 'server.listen'?");
    expect("query:\n  time: soon\n", "line 2: query.time wants a duration such as 30s, not 'soon'");
    expect("server: {shards: [1]}\n", "server.shards wants a whole number, not a list");
    expect("a: [b\n", "not YAML");
    expect("server: {listen: 0.0.0.0:7663}\n", "auth.tokens is empty; add a token");
    expect("server: {listen: nonsense}\n", "is not ADDRESS:PORT");
    expect("auth: {tokens: [short]}\n", "at least 16 characters");
    expect("retention:\n  - {keep: never}\n", "line 2: retention has table");
}

TEST_MAIN(RUN(defaults_are_valid), RUN(yaml_overrides_defaults_and_lists_replace), RUN(mistakes_name_the_line_and_the_fix))
