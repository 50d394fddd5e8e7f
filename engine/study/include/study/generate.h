/* Writing on from a prompt, one token at a time, with kept keys and values. */
#ifndef PB_STUDY_GENERATE_H
#define PB_STUDY_GENERATE_H

#include "model/forward.h"
#include "model/run.h"
#include "study/edit.h"

typedef struct pb_generate_spec {
    size_t n_tokens;       /* at most this many new ones */
    float temperature;     /* 0: always the most likely token; ties by smaller id */
    size_t top_k;          /* sample among this many; 0: all */
    uint64_t seed;         /* the same seed gives the same text */
    bool stop_at_end;      /* stop after <|endoftext|> */
    pb_edit *const *edits; /* borrowed */
    size_t n_edits;
    size_t which, of; /* the prompt is that one of so many, for edits with a place or a source for
                         each; `of` 0: it is alone */
    /* Called after each token, on the calling thread; may be NULL. */
    void (*token)(void *user, int32_t token);
    void *user;
} pb_generate_spec;

/*
 * Continues a prompt (a run: its tokens count). *tokens holds the new ones only, malloc'ed, the
 * caller's. Edits apply to the prompt and, where their positions are open, to every new token.
 * An interrupt after the first token returns PB_OK with what there is and *partial set.
 * PB_LIMIT if the prompt and n_tokens are longer than the context.
 */
pb_status pb_generate(pb_run *prompt, const pb_generate_spec *spec, const pb_context *context,
                      int32_t **tokens, size_t *count, bool *partial, pb_error **error);

#endif
