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

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static bool is_set(const char *value)
{
    return value && value[0];
}

/* Takes `folder`, also when it fails. An empty name is skipped ("a::b" holds two folders), and so
 * is one that is there already. */
static pb_status add_folder(pb_locate_paths *paths, char *folder, pb_error **error)
{
    if (!folder)
        return pb_fail_memory(error);
    bool skipped = !folder[0];
    for (size_t i = 0; i < paths->n_folders && !skipped; i++)
        skipped = strcmp(paths->folders[i], folder) == 0;
    char **grown = skipped ? NULL : pb_realloc(paths->folders, paths->n_folders + 1, sizeof *grown);
    if (!grown) {
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
    while (!status && list) {
        const char *colon = strchr(list, ':');
        size_t length = colon ? (size_t)(colon - list) : strlen(list);
        status = add_folder(paths, places_expand_home(list, length, paths->home), error);
        list = colon ? colon + 1 : NULL;
    }
    return status;
}

/* $NAME and ${NAME} by the environment, as huggingface_hub does: Jupyter's own settings give
 * variables to a kernel without a shell. What is not set stays as it is. */
static char *expand_variables(const char *path)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    while (*path) {
        bool braced = path[0] == '$' && path[1] == '{';
        const char *name = path + 1 + braced;
        size_t length = path[0] == '$' ? strspn(name, NAME_LETTERS) : 0;
        char key[128];
        const char *value = NULL;
        if (length > 0 && length < sizeof key && (!braced || name[length] == '}')) {
            memcpy(key, name, length);
            key[length] = '\0';
            value = getenv(key);
        }
        if (value)
            pb_buffer_text(&text, value);
        else
            pb_buffer_byte(&text, *path);
        path = value ? name + length + braced : path + 1;
    }
    return pb_buffer_take(&text);
}

/* `from` with its ~ and its variables expanded, and `below` added; NULL when memory is out. */
static char *make_path(const char *from, const char *below, const char *home)
{
    char *at_home = places_expand_home(from, strlen(from), home);
    char *base = at_home ? expand_variables(at_home) : NULL;
    char *path = base && below[0] ? pb_file_join(base, below) : base;
    if (path != base)
        free(base);
    free(at_home);
    return path;
}

char *pb_locate_expand(const char *path, const pb_locate_paths *paths)
{
    return make_path(path, "", paths->home);
}

/* As huggingface_hub does: HF_HOME, else huggingface in the user's cache folder; in it hub, unless
 * HF_HUB_CACHE says another. NULL where nothing says. */
static pb_status find_huggingface(const pb_locate_values *values, pb_locate_paths *paths,
                                  pb_error **error)
{
    const char *from = paths->home, *below = ".cache/huggingface";
    if (is_set(values->hf_home))
        from = values->hf_home, below = "";
    else if (is_set(values->xdg_cache_home))
        from = values->xdg_cache_home, below = "huggingface";
    if (from && !(paths->huggingface = make_path(from, below, paths->home)))
        return pb_fail_memory(error);
    from = paths->huggingface, below = "hub";
    if (is_set(values->hf_hub_cache))
        from = values->hf_hub_cache, below = "";
    if (from && !(paths->hub = make_path(from, below, paths->home)))
        return pb_fail_memory(error);
    return PB_OK;
}

pb_status pb_locate_paths_from_values(const pb_locate_values *values, const char *const *extra,
                                      size_t n, pb_locate_paths *paths, pb_error **error)
{
    pb_locate_paths made = {.folders = NULL};
    pb_status status = PB_OK;
    if (is_set(values->home) && !(made.home = strdup(values->home)))
        status = pb_fail_memory(error);
    if (!status)
        status = add_list(&made, values->patchbay_models, error);
    for (size_t i = 0; !status && i < n; i++)
        status = add_folder(&made, strdup(extra[i]), error);
    if (!status)
        status = find_huggingface(values, &made, error);
    if (status) {
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
    free(paths->huggingface);
    free(paths->hub);
    free(paths->home);
    free(paths->program);
    *paths = (pb_locate_paths){.folders = NULL};
}
