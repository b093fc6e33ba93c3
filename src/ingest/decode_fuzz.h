#pragma once
#include "ingest/decode_fixture.h"
/*
 * What every fuzz target of a decoder does: decodes the bytes, reads every byte that the rows point at,
 * checks that all numbers are in range and rows add up, asks for the answer, and decodes once more with
 * nothing learnt: the rows must be the same.
 */
int decode_fuzz(const struct ingest_proto *proto, struct str body, struct str content_type,
                const char *options);
