#include "cli/rows.h"
#include "base/heap.h"
#include "base/vec.h"
#include "wire/json.h"
#include <stdio.h>

enum { ROWS_SCREEN = 500, COLUMNS_MAX = 256, CELL_WIDTH_MAX = 120, ROWS_MEM_BYTES_MAX = 256 << 20 };

struct rows {
    enum rows_format format;
    struct arena mem;                 /* of the waiting rows */
    struct arena names_mem;
    VEC(struct str) columns;
    VEC(struct str *) waiting;        /* cells by column; NULL p: absent */
    bool header_printed, failed;
};

bool rows_format_find(const char *name, enum rows_format *out) {
    static const char *const names[] = { "table", "json", "csv" };
    for (unsigned i = 0; i < COUNT_OF(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum rows_format)i;
            return true;
        }
    return false;
}

struct rows *rows_new(enum rows_format format) {
    struct rows *r = HEAP_NEW(struct rows);
    r->format = format;
    arena_init(&r->mem, ROWS_MEM_BYTES_MAX);
    arena_init(&r->names_mem, ROWS_MEM_BYTES_MAX);
    return r;
}

void rows_free(struct rows *r) {
    if (!r)
        return;
    arena_fini(&r->mem);
    arena_fini(&r->names_mem);
    VEC_FINI(&r->columns);
    VEC_FINI(&r->waiting);
    heap_free(r);
}

bool rows_failed(const struct rows *r) { return r->failed; }

static size_t column_of(struct rows *r, struct str name) {
    for (size_t i = 0; i < r->columns.n; i++)
        if (str_eq(r->columns.p[i], name))
            return i;
    struct str kept;
    if (r->columns.n == COLUMNS_MAX || arena_dup(&r->names_mem, name, &kept) != ERR_OK)
        return SIZE_MAX;
    VEC_PUSH(&r->columns, kept);
    return r->columns.n - 1;
}

/* Characters, as a terminal counts them: continuation bytes of UTF-8 are none. */
static size_t width_of(struct str s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
    return n;
}

/* Control bytes in a log line must not drive the reader's terminal. */
static void print_safe(struct str s) {
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            putchar(c == '\t' || c == '\n' ? ' ' : '?');
        else
            putchar(c);
    }
}

static void print_csv(struct str s) {
    if (!memchr(s.p, '"', s.n) && !memchr(s.p, ',', s.n) && !memchr(s.p, '\n', s.n) && !memchr(s.p, '\r', s.n)) {
        fwrite(s.p, 1, s.n, stdout);
        return;
    }
    putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            putchar('"');
        putchar(s.p[i]);
    }
    putchar('"');
}

static void print_screen_csv(struct rows *r) {
    for (size_t c = 0; !r->header_printed && c < r->columns.n; c++) {
        if (c)
            putchar(',');
        print_csv(r->columns.p[c]);
    }
    if (!r->header_printed && r->columns.n)
        putchar('\n');
    r->header_printed = true;
    for (size_t i = 0; i < r->waiting.n; i++) {
        for (size_t c = 0; c < r->columns.n; c++) {
            if (c)
                putchar(',');
            if (r->waiting.p[i][c].n)
                print_csv(r->waiting.p[i][c]);
        }
        putchar('\n');
    }
}

static void print_cells(const struct rows *r, const struct str *cells, const size_t *widths) {
    for (size_t c = 0; c < r->columns.n; c++) {
        print_safe(cells[c]);
        size_t w = width_of(cells[c]);
        for (; c + 1 < r->columns.n && w < widths[c] + 2; w++)
            putchar(' ');
    }
    putchar('\n');
}

static void print_screen_table(struct rows *r) {
    size_t widths[COLUMNS_MAX] = { 0 };
    for (size_t c = 0; c < r->columns.n; c++) {
        widths[c] = width_of(r->columns.p[c]);
        for (size_t i = 0; i < r->waiting.n; i++) {
            size_t w = width_of(r->waiting.p[i][c]);
            if (w > widths[c])
                widths[c] = w < CELL_WIDTH_MAX ? w : CELL_WIDTH_MAX;
        }
    }
    if (r->waiting.n)
        print_cells(r, r->columns.p, widths);
    for (size_t i = 0; i < r->waiting.n; i++)
        print_cells(r, r->waiting.p[i], widths);
}

static void print_screen(struct rows *r) {
    if (r->format == ROWS_TABLE)
        print_screen_table(r);
    else
        print_screen_csv(r);
    r->waiting.n = 0;
    arena_reset(&r->mem);
    fflush(stdout);
}

static void tell_stats(struct str line) {
    static const char *const names[] = { "rows", "rows_scanned", "bytes_scanned", "blocks", "blocks_skipped", "time_ms" };
    double v[COUNT_OF(names)] = { 0 };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "\"%s\":", names[i]);
        size_t at = str_find(line, str_of(key), 0);
        if (at == SIZE_MAX)
            continue;
        struct str number = str_skip(line, at + strlen(key));
        size_t n = 0;
        while (n < number.n && (ascii_digit(number.p[n]) || number.p[n] == '.'))
            n++;
        if (!str_to_f64((struct str){ number.p, n }, &v[i]))
            v[i] = 0;
    }
    fprintf(stderr, "%.0f rows; %.0f rows and %.1f MB scanned in %.1f ms; %.0f of %.0f blocks skipped%s%s\n", v[0], v[1], v[2] / 1e6,
            v[5], v[4], v[3], str_find(line, STR("\"cut\":true"), 0) != SIZE_MAX ? "; cut short by a limit" : "",
            str_find(line, STR("\"approximate\":true"), 0) != SIZE_MAX ? "; approximate" : "");
}

static struct str cell_text(struct json_reader *j, struct arena *mem) {
    if (json_kind(j) == JSON_STRING)
        return json_string(j, mem);
    return json_skip(j);
}

void rows_line(struct rows *r, struct str line) {
    if (str_starts(line, STR("{\"_stats\""))) {
        tell_stats(line);
        return;
    }
    if (str_starts(line, STR("{\"_error\""))) {
        fprintf(stderr, "sonde: " STR_FMT "\n", STR_ARG(line));
        r->failed = true;
        return;
    }
    if (r->format == ROWS_JSON) {
        fwrite(line.p, 1, line.n, stdout);
        putchar('\n');
        return;
    }
    struct str *cells = ARENA_NEW(&r->mem, struct str, COLUMNS_MAX);
    struct json_reader j;
    struct json_text key;
    json_reader_init(&j, line);
    for (bool more = json_object(&j); more && json_key(&j, &key);) {
        struct str name;
        size_t c = json_text_get(key, &r->mem, &name) == ERR_OK ? column_of(r, name) : SIZE_MAX;
        struct str text = cell_text(&j, &r->mem);
        struct str kept;
        if (c != SIZE_MAX && cells && arena_dup(&r->mem, text, &kept) == ERR_OK)
            cells[c] = kept;
    }
    if (!cells || json_end(&j, NULL) != ERR_OK) {
        fprintf(stderr, "sonde: the server sent a line that is not JSON: " STR_FMT "\n", STR_ARG(line));
        r->failed = true;
        return;
    }
    VEC_PUSH(&r->waiting, cells);
    if (r->waiting.n == ROWS_SCREEN)
        print_screen(r);
}

void rows_end(struct rows *r) {
    if (r->format != ROWS_JSON && r->waiting.n)
        print_screen(r);
    fflush(stdout);
}
