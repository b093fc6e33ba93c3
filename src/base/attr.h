#pragma once
/* Compiler attributes under names that read well; C23 spellings replace them later. */
#define NODISCARD    __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define UNUSED       __attribute__((unused))
#define LIKELY(e)    __builtin_expect(!!(e), 1)
#define UNLIKELY(e)  __builtin_expect(!!(e), 0)

/* A local that ends itself: `AUTO(arena) mem;` calls arena_auto(&mem) on every return. */
#define AUTO(type)     __attribute__((cleanup(type##_auto))) struct type
#define AUTO_PTR(type) __attribute__((cleanup(type##_auto_ptr))) struct type *

/* Hands a pointer over: the source becomes NULL, so that its cleanup does nothing. */
#define STEAL(p)                                                                                   \
    (__extension__({                                                                               \
        __typeof__(p) *steal_p_ = &(p);                                                            \
        __typeof__(p) steal_v_ = *steal_p_;                                                        \
        *steal_p_ = NULL;                                                                          \
        steal_v_;                                                                                  \
    }))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
