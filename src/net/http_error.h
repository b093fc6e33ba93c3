#pragma once
#include "base/err.h"
#include "net/http_server.h"
/* The one table from `enum err` to an HTTP status, and the one shape of an error answer: {"error":"…"}. */
unsigned http_status_of(enum err code);
void http_reply_error(struct http_request *r, enum err code, const struct err_text *why);
/* {"error":…} with a status of the caller's. `retry_after_s` 0: no such header. */
void http_reply_status(struct http_request *r, unsigned status, struct str message, unsigned retry_after_s);
void http_reply_json(struct http_request *r, unsigned status, struct str body);
