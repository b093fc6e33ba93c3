#pragma once
#include "base/buf.h"
#include "model/batch.h"
/*
 * The text of `@rest`: one JSON object of the values of a row that have no column. It is complete after every
 * call. Bytes that are not UTF-8 stay as they are; a name may appear twice.
 */
void rest_object_begin(struct buf *out);
void rest_object_add(struct buf *out, struct str name, const struct cell *c);
/* Adds the members of another object's text (an earlier block's `@rest`). */
void rest_object_splice(struct buf *out, struct str object);
