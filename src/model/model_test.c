#include "base/test.h"
#include <stdio.h>
#include "model/batch.h"

TEST(labels_have_one_canonical_form_with_the_service_first) {
    struct label a[] = { { STR("zone"), STR("eu") }, { STR("service"), STR("cart") }, { STR("host"), STR("h1") } };
    struct label b[] = { { STR("host"), STR("h1") }, { STR("zone"), STR("us") }, { STR("service"), STR("cart") },
                         { STR("zone"), STR("eu") }, { STR("empty"), STR("") } };
    AUTO(buf) x = { 0 };
    AUTO(buf) y = { 0 };
    CHECK_OK(labels_canonical(a, 3, &x, NULL));
    CHECK_OK(labels_canonical(b, 5, &y, NULL));
    CHECK(str_eq(buf_str(&x), buf_str(&y)));
    CHECK(labels_valid(buf_str(&x)));
    CHECK_STR(labels_get(buf_str(&x), STR("zone")), "eu");
    AUTO(buf) text = { 0 };
    labels_print(buf_str(&x), &text);
    CHECK_STR(buf_str(&text), "{service=\"cart\",host=\"h1\",zone=\"eu\"}");
}

TEST(foreign_labels_out_of_order_or_cut_short_are_refused) {
    CHECK(!labels_valid(STR("b\0x\0a\0y\0")));
    CHECK(!labels_valid(STR("a\0x\0a\0y\0")));
    CHECK(!labels_valid(STR("a\0x")));
    CHECK(labels_valid(STR("")));
}

TEST(a_rolled_back_row_leaves_no_cell) {
    struct field_dict fields;
    struct stream_dict streams;
    struct batch b;
    field_dict_init(&fields);
    stream_dict_init(&streams);
    batch_init(&b, &fields, &streams, 0);
    struct batch_mark m = batch_mark(&b);
    struct row *r = batch_row_begin(&b);
    r->raw_bytes = 7;
    batch_cell(&b, cell_int(field_dict_put(&fields, STR("n")), VALUE_INT, 5));
    batch_row_end(&b);
    CHECK(b.rows.n == 1 && b.cells.n == 1 && b.rows.p[0].cell_count == 1 && b.raw_bytes == 7);
    batch_rollback(&b, m);
    CHECK(b.rows.n == 0 && b.cells.n == 0 && b.raw_bytes == 0);
    batch_fini(&b);
    field_dict_fini(&fields);
    stream_dict_fini(&streams);
}

TEST(a_field_dictionary_says_no_when_it_is_full) {
    struct field_dict d;
    field_dict_init(&d);
    CHECK(field_dict_put(&d, STR("@message")) == FIELD_MESSAGE);
    char name[16];
    uint32_t last = 0;
    for (int i = 0; i <= FIELD_DICT_COUNT_MAX && last != UINT32_MAX; i++) {
        int n = snprintf(name, sizeof name, "f%d", i);
        last = field_dict_put(&d, (struct str){ name, (size_t)n });
    }
    CHECK(last == UINT32_MAX && field_dict_full(&d));
    field_dict_reset(&d);
    CHECK(field_dict_put(&d, STR("level")) == FIELD_LEVEL && d.generation == 1);
    field_dict_fini(&d);
}

TEST_MAIN(RUN(labels_have_one_canonical_form_with_the_service_first),
          RUN(foreign_labels_out_of_order_or_cut_short_are_refused), RUN(a_rolled_back_row_leaves_no_cell),
          RUN(a_field_dictionary_says_no_when_it_is_full))
