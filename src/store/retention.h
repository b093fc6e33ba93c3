#pragma once
#include "catalog/catalog.h"
#include "store/store.h"
/*
 * How long rows are kept. Of the rules of a table, those with a selector are asked first, in the order of the
 * configuration; the first whose selector keeps the stream decides. keep_bytes is a rule of a whole table:
 * its oldest segments go first. Immutable after retention_new: any thread.
 */
struct retention;
/* ERR_INVALID names the rule. */
NODISCARD enum err retention_new(const struct retention_rule *rules, size_t count, struct err_text *why,
                                 struct retention **out);
void retention_free(struct retention *r);
bool retention_any(const struct retention *r, enum table table);
/* Event times below it are past retention for this stream; INT64_MIN: kept for ever. */
int64_t retention_keep_from(const struct retention *r, enum table table, struct str labels, int64_t now_ns);
/* … for every stream there may be. */
int64_t retention_floor(const struct retention *r, enum table table, int64_t now_ns);
/* … for some stream: above it nothing is past retention. */
int64_t retention_ceiling(const struct retention *r, enum table table, int64_t now_ns);
uint64_t retention_keep_bytes(const struct retention *r, enum table table); /* 0: no limit */

/* A wall clock that is not believed blindly; see retention.c. The owner locks. */
struct trusted_clock {
    int64_t believed_ns, mono_ns; /* when it was asked last */
    int64_t offset_ns, steady_since_ns;
};
/* `newest_ns`: receive time of the newest row stored, or INT64_MIN. */
void trusted_clock_start(struct trusted_clock *t, const struct clock *clock, int64_t newest_ns);
int64_t trusted_clock_now(struct trusted_clock *t, const struct clock *clock);

/* The time that retention goes by. */
int64_t retention_now_ns(struct store *s);
/* Drops the segments that are wholly past retention. */
NODISCARD enum err retention_run(struct store *s, struct err_text *why);
