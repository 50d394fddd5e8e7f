/* Reading the golden files of tests/golden/make_model_goldens.py, and comparing with them. */
#ifndef PB_TESTS_MODEL_GOLDEN_H
#define PB_TESTS_MODEL_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GOLDEN_WORDS = 96 };

/* A line of NAME.txt, cut into words, and its values. */
typedef struct golden_entry {
    char *words[GOLDEN_WORDS];
    size_t n_words;
    const float *values;
    size_t n_values; /* the product of the sizes at the line's end; 0 for prompts */
} golden_entry;

typedef struct golden {
    golden_entry *entries;
    size_t n;
    char *text;
    float *values;
} golden;

/* Reads NAME.txt and .f32 in tests/golden, or the folder PATCHBAY_GOLDENS. Fails the test if they
 * do not fit each other. */
golden golden_read(const char *name);
void golden_free(golden *g);

/* The ids of a prompt into `ids` (room for GOLDEN_WORDS); returns how many. */
size_t golden_prompt(const golden *g, const char *key, int32_t *ids);

/* The tolerance: 1e-4 on values of unit scale, 1e-4 relative beyond; or `unit` in place of 1e-4.
 * What is NaN in the entry was not asked for. Fails the test, naming the entry and the place. */
void golden_compare(const golden_entry *entry, const float *got, size_t n, double unit);

#endif
