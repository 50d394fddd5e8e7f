/* What the benchmark measures: a loaded model, prompts for it, and a scratch that is reused. */
#ifndef PB_BENCH_SUBJECT_H
#define PB_BENCH_SUBJECT_H

#include "model/forward.h"
#include "model/model.h"

typedef struct subject {
    pb_model *model;
    pb_context context;
    pb_work work;
} subject;

/* What a piece of work reports beside its time; 0 where it has none. */
typedef struct count {
    size_t cells, closed, row_layers;
} count;

/* Ends the program with the error. */
void must(pb_status status, pb_error *error);
/* calloc() that ends the program. */
void *need(size_t n, size_t size);

/*
 * One question, answered once. `a` and `b` are numbers such as a length; 0 where the question has
 * none. Those that time themselves return milliseconds, the others 0: the caller's clock counts.
 */
typedef double work_function(subject *s, size_t a, size_t b, count *counted);

/* ---- questions: questions.c ---- */
work_function ask_top, ask_attribution, ask_heads, ask_patch, ask_resid_sweep, ask_head_sweep;
work_function ask_generate, ask_forward;

/* ---- what cannot be done faster: bounds.c ---- */
/* The products of all layers on `a` rows, with the library alone; the best of `b` tries. */
work_function bound_products;
/* Those of attention for one prompt of `a` tokens, likewise. */
work_function bound_attention;
/* Reading every weight of the layers once, on all cores; the best of `b` tries. */
work_function bound_read;
/* The bytes of the weights' files, from the system's cache into memory that is new, on all cores;
 * the best of `b` tries. */
work_function bound_copy;

#endif
