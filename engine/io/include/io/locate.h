/* Where models are found: a path, the folders of PATCHBAY_MODELS, the Hugging Face cache. */
#ifndef PB_IO_LOCATE_H
#define PB_IO_LOCATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* ---- models with a name ---- */

typedef struct pb_known_model {
    const char *name;           /* "gpt2-medium" */
    const char *hub_id;         /* where the hub keeps it: "openai-community/gpt2-medium" */
    const char *const *aliases; /* other names for it, ended by NULL */
    const char *summary;        /* "355M parameters, 24 layers" */
} pb_known_model;

size_t pb_known_model_count(void);
const pb_known_model *pb_known_model_at(size_t index);
/* By name, alias or hub id; NULL if it is none. */
const pb_known_model *pb_known_model_find(const char *name);

/* ---- where to look ---- */

/* Search places, in order. Strings are owned. */
typedef struct pb_locate_paths {
    char **folders; /* folders that hold model folders */
    size_t n_folders;
    char *huggingface; /* HF_HOME: what Hugging Face's libraries keep for a user; may be NULL */
    char *hub;         /* the hub's cache, the folder that holds models--*; may be NULL */
    char *home;        /* what ~ stands for; may be NULL */
    char *program;     /* how a terminal calls this program, for hints; NULL: patchbay */
} pb_locate_paths;

/* Reads PATCHBAY_MODELS (folders separated by colons), HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
 * HF_HOME, XDG_CACHE_HOME and HOME. `extra` (n folders, e.g. the ones installed with Patchbay) are
 * looked at after PATCHBAY_MODELS. */
pb_status pb_locate_paths_from_environment(const char *const *extra, size_t n,
                                           pb_locate_paths *paths, pb_error **error);
/* The same with the values given; any may be NULL. */
typedef struct pb_locate_values {
    const char *patchbay_models, *hf_hub_cache, *hf_home, *xdg_cache_home, *home;
} pb_locate_values;
pb_status pb_locate_paths_from_values(const pb_locate_values *values, const char *const *extra,
                                      size_t n, pb_locate_paths *paths, pb_error **error);
void pb_locate_paths_free(pb_locate_paths *paths);

/* A path with ~, $NAME and ${NAME} expanded as in HF_HOME; malloc'ed, NULL when memory is out. */
char *pb_locate_expand(const char *path, const pb_locate_paths *paths);

/*
 * A name on the hub may end in the revision that is meant: "gpt2@v1", "ORG/NAME@refs/pr/2". Gives
 * the revision (of `name`) and the length of what is before the '@'; NULL and the whole length
 * where there is none. A revision is a branch, a tag or a commit, and may be part of a path.
 */
const char *pb_locate_revision(const char *name, size_t *length);
bool pb_locate_is_revision(const char *text);

/*
 * The folder, or the GGUF file, of a model by name or path, malloc'ed, the caller's. A name with a
 * slash that is no folder is tried as a hub id ("ORG/NAME"); one that starts with '/', '.' or '~'
 * is a path only. PB_IO lists every place that was looked at; the hint says how to fetch a known
 * model, or names the nearest one that is there.
 */
pb_status pb_locate(const char *name, const pb_locate_paths *paths, char **folder,
                    pb_error **error);

/* Where `patchbay fetch` puts a hub model: the folder models--ORG--NAME of the cache, malloc'ed;
 * NULL when memory is out. */
char *pb_locate_hub_folder(const char *hub, const char *hub_id);

typedef struct pb_located {
    char *name; /* what load() takes */
    char *folder;
} pb_located;

/* Every model that is there, each once, in the order they would be found. The list is the caller's:
 * pb_located_free(). */
pb_status pb_locate_all(const pb_locate_paths *paths, pb_located **models, size_t *count,
                        pb_error **error);
void pb_located_free(pb_located *models, size_t count);

#endif
