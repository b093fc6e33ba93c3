#pragma once
#include "base/attr.h"
#include <stddef.h>
/* Single objects of fixed size and process-lifetime arrays. Zeroed; never NULL: true
 * out-of-memory aborts. Memory whose size follows input comes from an arena or a buf instead. */
NODISCARD void *heap_alloc(size_t size_bytes);
void heap_free(void *p);
#define HEAP_NEW(type)            ((type *)heap_alloc(sizeof(type)))
#define HEAP_ARRAY(type, count)   ((type *)heap_alloc(sizeof(type) * (count)))
/* After a burst of work: gives free pages back to the system. */
void heap_trim(void);
