/* A copy of the random model's folder, to be changed in one place. */
#ifndef PB_TESTS_MODEL_FOLDER_H
#define PB_TESTS_MODEL_FOLDER_H

#include <stddef.h>

typedef struct folder {
    char path[64];
} folder;

extern const char folder_source[];
extern const char *const folder_names[4]; /* config.json, vocab.json, merges.txt, the weights */

folder folder_copy(void);
void folder_remove(const folder *f);

/* A file's bytes, NUL-terminated, malloc'ed. */
char *folder_read(const char *path, const char *name, size_t *length);
void folder_write(const char *path, const char *name, const char *bytes, size_t length);

/* Replaces the first `old` in a file by `new`; fails the test if there is none. */
void folder_replace(const folder *f, const char *name, const char *old, const char *new);

/* Appends a tensor to the weights: its name as JSON writes it, dtype and shape likewise. */
void folder_add_tensor(const folder *f, const char *name, const char *dtype, const char *shape,
                       const void *data, size_t n_data);

#endif
