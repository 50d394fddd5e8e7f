/* What an error is made of: shared by error.c, which fills it, and render.c, which shows it. */
#ifndef PB_BASE_ERROR_PARTS_H
#define PB_BASE_ERROR_PARTS_H

#include "base/error.h"

/* Of a long trail the innermost and the outermost calls are kept. */
enum { TRAIL_INNER = 8, TRAIL_OUTER = 4, TRAIL_MAX = TRAIL_INNER + TRAIL_OUTER };

typedef struct trail_call {
    char *function;    /* NULL when memory was out */
    pb_source *source; /* where it was called; may be NULL */
    pb_span span;
} trail_call;

struct pb_error {
    pb_status code;
    bool is_static; /* the out-of-memory error: never changed, never freed */
    char *text, *hint;
    const char *argument; /* NULL if it is about none */
    bool has_prompt, has_item;
    size_t prompt, item;
    pb_source *source;
    pb_span span;
    trail_call trail[TRAIL_MAX];
    size_t n_trail; /* calls kept */
    size_t skipped; /* calls left out between the inner and the outer ones */
};

#endif
