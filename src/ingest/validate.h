#pragma once
#include "ingest/ingest.h"
/*
 * What a decoded row must satisfy, whatever the protocol, and what becomes of the rows that do not: a line in the table
 * dead_letters with the reason. Pure but for the batches it moves rows between.
 */
struct validate_limits {
    int64_t time_max_ns; /* later rows are refused: ingest.future_limit */
};
/* Drops the rows from `first_row` that break a limit (batch_drop) and adds a reject for each. */
void validate_rows(struct decode_output *out, size_t first_row, const struct validate_limits *limits);
/* Appends the rejects to `dead`, a batch of table dead_letters. Their bytes must live as long as the batch does. */
void dead_letters_add(const struct decode_input *in, const struct decode_output *out, struct str protocol,
                      struct batch *dead);
