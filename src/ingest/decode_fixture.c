#include "ingest/decode_fixture.h"
#include "base/assert.h"
#include "wire/json.h"
#include <stdlib.h>

const int64_t fixture_now_ns = 1795242300ll * 1000 * 1000 * 1000;

static const struct str label_fields[] = { { "service", 7 }, { "host", 4 }, { "environment", 11 } };

void fixture_init(struct fixture *f) {
    *f = (struct fixture){ 0 };
    field_dict_init(&f->fields);
    stream_dict_init(&f->streams);
    batch_init(&f->batch, &f->fields, &f->streams, 64 << 20);
    arena_init(&f->reply_mem, 64 << 20);
    f->in = (struct decode_input){
        .params = f->params,
        .received_ns = fixture_now_ns,
        .label_fields = label_fields,
        .label_field_count = COUNT_OF(label_fields),
        .peer = STR("192.0.2.7"),
        .memo = &f->memo,
    };
    f->out = (struct decode_output){ .batch = &f->batch, .mem = &f->reply_mem };
}

void fixture_fini(struct fixture *f, const struct ingest_proto *proto) {
    proto->memo_free(f->memo);
    batch_fini(&f->batch);
    field_dict_fini(&f->fields);
    stream_dict_fini(&f->streams);
    arena_fini(&f->reply_mem);
    VEC_FINI(&f->out.rejects);
    VEC_FINI(&f->out.items);
    buf_fini(&f->print);
}

static void set_params(struct fixture *f, const char *options) {
    struct str rest = str_of(options), one, name;
    f->in.param_count = 0;
    while (rest.n) {
        if (!str_cut(&rest, '&', &one))
            one = rest, rest.n = 0;
        if (!str_cut(&one, '=', &name))
            name = one, one.n = 0;
        ASSERT(f->in.param_count < COUNT_OF(f->params));
        f->params[f->in.param_count++] = (struct decode_param){ name, one };
    }
}

enum err fixture_decode(struct fixture *f, const struct ingest_proto *proto, struct str body,
                        const char *options) {
    batch_clear(&f->batch);
    arena_reset(&f->reply_mem);
    f->out.rejects.n = f->out.items.n = 0;
    f->out.row_count = 0;
    set_params(f, options);
    f->in.body = body;
    return proto->decode(&f->in, &f->out, &f->why);
}

static const struct field_dict *names_of; /* qsort has no context; tests have one thread */

static int by_name(const void *a, const void *b) {
    const struct cell *x = a, *y = b;
    return str_cmp(names_of->names.p[x->field], names_of->names.p[y->field]);
}

static void print_cell(struct fixture *f, struct cell c) {
    struct str bytes = { c.p, c.bytes };
    buf_addf(&f->print, " " STR_FMT "=", STR_ARG(f->fields.names.p[c.field]));
    switch ((enum value_type)c.type) {
    case VALUE_BOOL: buf_addf(&f->print, "b%lld", (long long)c.i); break;
    case VALUE_INT: buf_addf(&f->print, "i%lld", (long long)c.i); break;
    case VALUE_FLOAT:
        buf_add_char(&f->print, 'f');
        buf_add_f64(&f->print, c.f);
        break;
    case VALUE_NUMBER_TEXT: buf_addf(&f->print, "n" STR_FMT, STR_ARG(bytes)); break;
    case VALUE_JSON: buf_addf(&f->print, "j" STR_FMT, STR_ARG(bytes)); break;
    case VALUE_STRING: json_add_string(&f->print, bytes); break;
    default: buf_addf(&f->print, "type %d", c.type); break;
    }
}

const char *fixture_print(struct fixture *f) {
    buf_clear(&f->print);
    for (size_t i = 0; i < f->batch.rows.n; i++) {
        const struct row *r = &f->batch.rows.p[i];
        buf_addf(&f->print, "%+lld ", (long long)((r->time_ns - fixture_now_ns) / NS_PER_MS));
        labels_print(f->streams.entries.p[r->stream].labels, &f->print);
        struct cell *cells = r->cell_count ? f->batch.cells.p + r->cell_first : NULL;
        names_of = &f->fields;
        if (r->cell_count)
            qsort(cells, r->cell_count, sizeof *cells, by_name);
        for (size_t k = 0; k < r->cell_count; k++)
            print_cell(f, cells[k]);
        buf_add_char(&f->print, '\n');
    }
    for (size_t i = 0; i < f->out.rejects.n; i++) {
        const struct reject *r = &f->out.rejects.p[i];
        buf_addf(&f->print, "! %u " STR_FMT " | " STR_FMT "\n", r->row, STR_ARG(r->reason), STR_ARG(r->raw));
    }
    buf_add_char(&f->print, '\0');
    return f->print.p;
}
