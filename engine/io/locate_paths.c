/* The places to look for models, from the environment or from values given. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/locate.h"
#include "places.h"

char *places_expand_home(const char *path, size_t length, const char *home)
{
    bool tilde = home && length > 0 && path[0] == '~' && (length == 1 || path[1] == '/');
    pb_buffer text = PB_BUFFER_EMPTY;
    if (tilde)
        pb_buffer_text(&text, home);
    pb_buffer_append(&text, path + tilde, length - tilde);
    return pb_buffer_take(&text);
}

static bool is_set(const char *value)
{
    return value && value[0];
}

/* Takes `folder`, also when it fails. An empty name is skipped: "a::b" holds two folders. */
static pb_status add_folder(pb_locate_paths *paths, char *folder, pb_error **error)
{
    if (!folder)
        return pb_fail_memory(error);
    char **grown =
        folder[0] ? pb_realloc(paths->folders, paths->n_folders + 1, sizeof *grown) : NULL;
    if (!grown) {
        bool skipped = !folder[0];
        free(folder);
        return skipped ? PB_OK : pb_fail_memory(error);
    }
    paths->folders = grown;
    paths->folders[paths->n_folders++] = folder;
    return PB_OK;
}

static pb_status add_list(pb_locate_paths *paths, const char *list, pb_error **error)
{
    pb_status status = PB_OK;
    while (status == PB_OK && list) {
        const char *colon = strchr(list, ':');
        size_t length = colon ? (size_t)(colon - list) : strlen(list);
        status = add_folder(paths, places_expand_home(list, length, paths->home), error);
        list = colon ? colon + 1 : NULL;
    }
    return status;
}

/* As huggingface_hub does: HF_HUB_CACHE, else HF_HOME/hub, else huggingface/hub in the user's cache
 * folder. NULL where nothing says. */
static pb_status find_hub(const pb_locate_values *values, const char *home, char **hub,
                          pb_error **error)
{
    const char *from = NULL, *below = NULL;
    if (is_set(values->hf_hub_cache))
        from = values->hf_hub_cache, below = "";
    else if (is_set(values->hf_home))
        from = values->hf_home, below = "hub";
    else if (is_set(values->xdg_cache_home))
        from = values->xdg_cache_home, below = "huggingface/hub";
    else if (is_set(home))
        from = home, below = ".cache/huggingface/hub";
    *hub = NULL;
    if (!from)
        return PB_OK;
    char *base = places_expand_home(from, strlen(from), home);
    *hub = base && below[0] ? pb_file_join(base, below) : base;
    if (*hub != base)
        free(base);
    return *hub ? PB_OK : pb_fail_memory(error);
}

pb_status pb_locate_paths_from_values(const pb_locate_values *values, const char *const *extra,
                                      size_t n, pb_locate_paths *paths, pb_error **error)
{
    pb_locate_paths made = {NULL, 0, NULL, NULL};
    pb_status status = PB_OK;
    if (is_set(values->home) && !(made.home = strdup(values->home)))
        status = pb_fail_memory(error);
    if (status == PB_OK)
        status = add_list(&made, values->patchbay_models, error);
    for (size_t i = 0; status == PB_OK && i < n; i++)
        status = add_folder(&made, strdup(extra[i]), error);
    if (status == PB_OK)
        status = find_hub(values, made.home, &made.hub, error);
    if (status != PB_OK) {
        pb_locate_paths_free(&made);
        return status;
    }
    *paths = made;
    return PB_OK;
}

pb_status pb_locate_paths_from_environment(const char *const *extra, size_t n,
                                           pb_locate_paths *paths, pb_error **error)
{
    const char *hub_cache = getenv("HF_HUB_CACHE");
    pb_locate_values values = {
        .patchbay_models = getenv("PATCHBAY_MODELS"),
        .hf_hub_cache = is_set(hub_cache) ? hub_cache : getenv("HUGGINGFACE_HUB_CACHE"),
        .hf_home = getenv("HF_HOME"),
        .xdg_cache_home = getenv("XDG_CACHE_HOME"),
        .home = getenv("HOME"),
    };
    return pb_locate_paths_from_values(&values, extra, n, paths, error);
}

void pb_locate_paths_free(pb_locate_paths *paths)
{
    for (size_t i = 0; i < paths->n_folders; i++)
        free(paths->folders[i]);
    free(paths->folders);
    free(paths->hub);
    free(paths->home);
    *paths = (pb_locate_paths){NULL, 0, NULL, NULL};
}
