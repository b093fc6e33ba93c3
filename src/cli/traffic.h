#pragma once
#include "base/buf.h"
#include "base/random.h"
/*
 * Log lines as a small shop of eight services writes them: about 240 bytes of JSON, 2,400 message templates, one line in five with
 * a trace id that a few lines share. For the demo and the benchmark.
 *
 * Making text is slower than a server that stores it, so lines are made once and then patched: a prepared body knows where its
 * times, ids and numbers are, and every pass writes new ones there, so that nothing repeats verbatim.
 */
enum { TRAFFIC_SERVICES = 8, TRAFFIC_TEMPLATES = 2400, TRAFFIC_HOSTS = 24 };

struct traffic; /* templates; read-only once made */
NODISCARD struct traffic *traffic_new(uint64_t seed);
void traffic_free(struct traffic *t);
const char *traffic_service(unsigned i);

enum patch_kind { PATCH_TIME, PATCH_TRACE, PATCH_USER, PATCH_DIGITS, PATCH_HEX };
struct traffic_patch {
    uint32_t offset;
    uint8_t kind;  /* enum patch_kind */
    uint8_t bytes;
};
struct traffic_body {
    struct buf text;
    struct traffic_patch *patches;
    size_t patch_count, patch_cap, line_count;
};
void traffic_body_fini(struct traffic_body *b);
/* Appends one line; `service` below TRAFFIC_SERVICES, or more for a random one. */
void traffic_add_line(const struct traffic *t, struct random *r, unsigned service, struct traffic_body *b);
/* New times (from *inout_ns on, step_ns apart), ids and numbers. */
void traffic_patch(struct traffic_body *b, struct random *r, int64_t *inout_ns, int64_t step_ns);
/* "2026-11-21T06:31:55.123Z", 24 bytes, no NUL. */
void traffic_time(char to[24], int64_t ns);
