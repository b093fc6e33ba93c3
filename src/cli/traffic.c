#include "cli/traffic.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/vec.h"
#include <stdio.h>

enum { TEMPLATES_EACH = TRAFFIC_TEMPLATES / TRAFFIC_SERVICES, TEMPLATE_BYTES_MAX = 160 };

struct traffic {
    char templates[TRAFFIC_TEMPLATES][TEMPLATE_BYTES_MAX];
    uint8_t level[TRAFFIC_TEMPLATES];
    uint32_t weight[TRAFFIC_TEMPLATES]; /* cumulative within a service */
};

static const char *const services[TRAFFIC_SERVICES] = { "frontend", "checkout", "cart",   "payment",
                                                        "catalog",  "shipping", "search", "identity" };
static const char *const levels[] = { "debug", "info", "info", "info", "info", "info", "warn", "error" };

/* Words of message templates. In a template # is a run of digits, @ eight hex digits, ~ an address, % a user. */
static const char *const subjects[] = { // tidy: table
    "order #####", "request @", "payment intent @", "connection pool", "cache shard ##", "worker ###", "session @", "inventory item ####",
    "shipment ######", "cart for user %", "index segment ##", "token for user %", "queue partition ##", "replica ~", "upstream ~",
    "batch ####", "lease @", "circuit breaker", "transaction @", "webhook delivery @",
};
static const char *const verbs[] = { // tidy: table
    "accepted after ## ms", "rejected: limit ### reached", "completed in ### ms", "timed out after #### ms", "retried # times", "was refreshed",
    "reconciled with ledger entry ######", "is waiting for lock held by %", "returned status ###", "was closed by peer ~",
    "moved to shard ##", "evicted ### entries", "expired at generation ####", "opened with ## slots free", "could not be decoded at byte ####",
    "was confirmed by gateway ~",
};
static const char *const tails[] = { // tidy: table
    "", "", "attempt #", "for tenant acme", "in region eu-west-#", "queue depth ###", "size #### bytes", "latency budget exhausted", "fallback in use",
    "see runbook RB-##", "correlation @", "from ~",
};

const char *traffic_service(unsigned i) { return services[i % TRAFFIC_SERVICES]; }

struct traffic *traffic_new(uint64_t seed) {
    struct traffic *t = HEAP_NEW(struct traffic);
    struct random r;
    random_init(&r, seed);
    for (unsigned i = 0; i < TRAFFIC_TEMPLATES; i++) {
        const char *subject = subjects[random_below(&r, COUNT_OF(subjects))], *verb = verbs[random_below(&r, COUNT_OF(verbs))];
        const char *tail = tails[random_below(&r, COUNT_OF(tails))];
        (void)snprintf(t->templates[i], TEMPLATE_BYTES_MAX, "%s.%s %s %s%s%s", services[i / TEMPLATES_EACH],
                       (const char *[]){ "api", "db", "rpc", "job", "http", "auth" }[random_below(&r, 6)], subject, verb,
                       tail[0] ? ", " : "", tail);
        t->level[i] = (uint8_t)random_below(&r, COUNT_OF(levels));
        uint32_t before = i % TEMPLATES_EACH ? t->weight[i - 1] : 0;
        t->weight[i] = before + 1 + (uint32_t)(20000 / (1 + random_below(&r, TEMPLATES_EACH))); /* few common, many rare */
    }
    return t;
}

void traffic_free(struct traffic *t) { heap_free(t); }

void traffic_body_fini(struct traffic_body *b) {
    buf_fini(&b->text);
    vec_free(b->patches);
    *b = (struct traffic_body){ 0 };
}

static void add_patch(struct traffic_body *b, enum patch_kind kind, size_t bytes) {
    vec_grow((void **)&b->patches, &b->patch_cap, b->patch_count + 1, sizeof *b->patches);
    b->patches[b->patch_count++] = (struct traffic_patch){ (uint32_t)b->text.n, (uint8_t)kind, (uint8_t)bytes };
    buf_add_fill(&b->text, '1', bytes);
}

static void add_message(struct traffic_body *b, const char *template) {
    for (const char *p = template; *p;) {
        size_t digits = strspn(p, "#");
        if (digits) {
            add_patch(b, PATCH_DIGITS, digits);
            p += digits;
            continue;
        }
        switch (*p) {
        case '@': add_patch(b, PATCH_HEX, 8); break;
        case '%': buf_add(&b->text, STR("u-")); add_patch(b, PATCH_USER, 5); break;
        case '~':
            buf_add(&b->text, STR("10.2."));
            add_patch(b, PATCH_DIGITS, 2);
            buf_add_char(&b->text, '.');
            add_patch(b, PATCH_DIGITS, 2);
            break;
        default: buf_add_char(&b->text, *p);
        }
        p++;
    }
}

static unsigned pick_template(const struct traffic *t, struct random *r, unsigned service) {
    const uint32_t *w = t->weight + service * TEMPLATES_EACH;
    uint32_t at = (uint32_t)random_below(r, w[TEMPLATES_EACH - 1]);
    unsigned low = 0, high = TEMPLATES_EACH - 1;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (w[mid] > at)
            high = mid;
        else
            low = mid + 1;
    }
    return service * TEMPLATES_EACH + low;
}

void traffic_add_line(const struct traffic *t, struct random *r, unsigned service, struct traffic_body *b) {
    static const unsigned statuses[] = { 200, 200, 200, 200, 200, 201, 204, 304, 400, 404, 429, 500, 503 };
    if (service >= TRAFFIC_SERVICES)
        service = (unsigned)random_below(r, TRAFFIC_SERVICES);
    unsigned template = pick_template(t, r, service);
    struct buf *text = &b->text;
    buf_add(text, STR("{\"@timestamp\":\""));
    add_patch(b, PATCH_TIME, 24);
    buf_addf(text, "\",\"level\":\"%s\",\"service\":\"%s\",\"host\":\"%s-%02u\",\"message\":\"", levels[t->level[template]],
             services[service], services[service], (unsigned)random_below(r, TRAFFIC_HOSTS / TRAFFIC_SERVICES));
    add_message(b, t->templates[template]);
    buf_add(text, STR("\",\"user_id\":\"u-"));
    add_patch(b, PATCH_USER, 5);
    buf_add(text, STR("\",\"duration_ms\":"));
    add_patch(b, PATCH_DIGITS, 1 + (size_t)random_below(r, 3));
    buf_add_char(text, '.');
    add_patch(b, PATCH_DIGITS, 1);
    buf_addf(text, ",\"status\":%u", statuses[random_below(r, COUNT_OF(statuses))]);
    if (random_below(r, 5) == 0) {
        buf_add(text, STR(",\"trace_id\":\""));
        add_patch(b, PATCH_TRACE, 32);
        buf_add_char(text, '"');
    }
    buf_add(text, STR("}\n"));
    b->line_count++;
}

/* --- patching ------------------------------------------------------------------------------------------- */

static void two_digits(char *to, unsigned v) {
    to[0] = (char)('0' + v / 10 % 10);
    to[1] = (char)('0' + v % 10);
}

/* Civil date of a day number, after Howard Hinnant's days algorithm (proleptic Gregorian). */
static void write_date(char *to, int64_t day) {
    int64_t z = day + 719468, era = z / 146097;
    unsigned doe = (unsigned)(z - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    unsigned d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
    unsigned y = yoe + (unsigned)era * 400 + (m <= 2);
    two_digits(to, y / 100);
    two_digits(to + 2, y % 100);
    to[4] = to[7] = '-';
    two_digits(to + 5, m);
    two_digits(to + 8, d);
}

void traffic_time(char to[24], int64_t ns) {
    static _Thread_local int64_t cached_day = -1;
    static _Thread_local char date[10];
    int64_t ms = ns / NS_PER_MS, day = ms / 86400000;
    unsigned left = (unsigned)(ms - day * 86400000);
    if (day != cached_day) {
        write_date(date, day);
        cached_day = day;
    }
    memcpy(to, date, 10);
    to[10] = 'T';
    two_digits(to + 11, left / 3600000);
    to[13] = to[16] = ':';
    two_digits(to + 14, left / 60000 % 60);
    two_digits(to + 17, left / 1000 % 60);
    to[19] = '.';
    to[20] = (char)('0' + left / 100 % 10);
    two_digits(to + 21, left % 100);
    to[23] = 'Z';
}

static void write_digits(char *to, unsigned bytes, uint64_t random) {
    for (unsigned i = 0; i < bytes; i++, random /= 10)
        to[i] = (char)('0' + random % 10);
    if (bytes > 1 && to[0] == '0')
        to[0] = '4';
}

static void write_hex(char *to, unsigned bytes, uint64_t random) {
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < bytes; i++, random >>= 4)
        to[i] = digits[random & 15];
}

void traffic_patch(struct traffic_body *b, struct random *r, int64_t *inout_ns, int64_t step_ns) {
    uint64_t trace[2] = { random_u64(r), random_u64(r) }, shared = 0;
    for (size_t i = 0; i < b->patch_count; i++) {
        const struct traffic_patch *p = &b->patches[i];
        char *to = b->text.p + p->offset;
        switch ((enum patch_kind)p->kind) {
        case PATCH_TIME:
            traffic_time(to, *inout_ns);
            *inout_ns += step_ns;
            break;
        case PATCH_TRACE: /* about four lines share one */
            if (shared++ % 4 == 0)
                trace[0] = random_u64(r), trace[1] = random_u64(r);
            write_hex(to, 16, trace[0]);
            write_hex(to + 16, 16, trace[1]);
            break;
        case PATCH_USER: { /* few users do much */
            uint64_t u = random_u64(r);
            write_digits(to, p->bytes, 10000 + (u % 90000 * ((u >> 32) % 1000)) / 1000);
            break;
        }
        case PATCH_DIGITS: write_digits(to, p->bytes, random_u64(r) >> 8); break;
        case PATCH_HEX: write_hex(to, p->bytes, random_u64(r)); break;
        }
    }
}
