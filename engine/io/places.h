/* What locate.c, locate_paths.c and hub_cache.c share. Strings returned are malloc'ed, and NULL
 * when memory is out. */
#ifndef PB_IO_PLACES_H
#define PB_IO_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* The path with a leading ~ replaced by `home`, which may be NULL. */
char *places_expand_home(const char *path, size_t length, const char *home);

/* What a folder, or a GGUF file, that may be a model's lacks; NULL if nothing. Static. */
const char *places_lacks(const char *folder);
/* Whether its weights are there in PyTorch's own format alone. */
bool places_has_only_torch(const char *folder);

/*
 * A snapshot of models--ORG--NAME: of a revision, which is a commit or has a file in refs; or, for
 * NULL, what refs/main names, or, without one, the only one there is. False when memory is out;
 * *snapshot is NULL when there is none.
 */
bool places_snapshot(const char *model_folder, const char *revision, char **snapshot);

/* Whether a download into models--ORG--NAME has begun and not ended. */
bool places_is_unfinished(const char *model_folder);

/* The names in a folder, sorted, without those that start with a dot. False when memory is out; a
 * folder that cannot be read has none. Freed with places_free_names(). */
bool places_list(const char *folder, char ***names, size_t *count);
void places_free_names(char **names, size_t count);

#endif
