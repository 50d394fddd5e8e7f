/* The families, a file each; the table of them is in family.c. */
#ifndef PB_MODEL_FAMILIES_LIST_H
#define PB_MODEL_FAMILIES_LIST_H

#include "family.h"

/* The number of rows of an array. */
#define PB_ROWS(array) (sizeof(array) / sizeof *(array))

extern const pb_config_keys pb_rope_keys; /* of all families that rotate */

extern const pb_family pb_family_gpt2;
extern const pb_family pb_family_gpt_neox;
extern const pb_family pb_family_llama;
extern const pb_family pb_family_qwen2;

#endif
