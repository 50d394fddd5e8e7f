/* Finding a model by its name, and saying where one was looked for in vain. */
#include "io/locate.h"

#include <ctype.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "io/file.h"
#include "places.h"

/* One search: the first place that holds a model ends it; the others are noted for the error. */
typedef struct search {
    const char *name;
    const pb_locate_paths *paths;
    pb_buffer looked; /* "\n    /a/b (no such folder)", a line a place */
    char *torch;      /* the first that holds the model in PyTorch's format; may be NULL */
    char *found;
} search;

/* Tries a folder, which it takes. False when memory is out. */
static bool try_folder(search *s, char *folder)
{
    if (!folder || s->found) {
        free(folder);
        return s->found != NULL;
    }
    const char *lacks = places_lacks(folder);
    if (!lacks) {
        s->found = folder;
        return true;
    }
    pb_buffer_format(&s->looked, "\n    %s (%s)", folder, lacks);
    if (!s->torch && places_has_only_torch(folder))
        s->torch = folder;
    else
        free(folder);
    return !s->looked.failed;
}

/* folder/name, or the folder itself if it is a model's and has that name. */
static bool try_below(search *s, const char *folder, const char *name)
{
    const char *slash = strrchr(folder, '/');
    if (strcmp(slash ? slash + 1 : folder, name) == 0 && !places_lacks(folder))
        return try_folder(s, strdup(folder));
    return try_folder(s, pb_file_join(folder, name));
}

static const char *lacks_snapshot(const char *model_folder, const char *revision)
{
    if (!pb_file_is_folder(model_folder))
        return "no such folder";
    if (places_is_unfinished(model_folder))
        return "a download into it has not ended";
    return revision ? "no snapshot of that revision in it" : "no snapshot in it";
}

static bool try_hub(search *s, const char *hub_id, const char *revision)
{
    if (s->found)
        return true;
    char *folder = pb_locate_hub_folder(s->paths->hub, hub_id), *snapshot = NULL;
    bool complete = folder && places_snapshot(folder, revision, &snapshot);
    if (complete && snapshot) {
        complete = try_folder(s, snapshot);
    } else if (complete) {
        pb_buffer_format(&s->looked, "\n    %s (%s)", folder, lacks_snapshot(folder, revision));
        complete = !s->looked.failed;
    }
    free(folder);
    return complete;
}

static bool is_path(const char *name)
{
    return name[0] == '/' || name[0] == '.' || name[0] == '~';
}

bool pb_locate_is_revision(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("-_./", *c))
            return false;
    size_t length = strlen(text);
    return length > 0 && length < 200 && isalnum((unsigned char)text[0]) &&
           isalnum((unsigned char)text[length - 1]) && !strstr(text, "..") && !strstr(text, "//");
}

const char *pb_locate_revision(const char *name, size_t *length)
{
    const char *at = strchr(name, '@');
    *length = at ? (size_t)(at - name) : strlen(name);
    return at ? at + 1 : NULL;
}

/* The cache, where a name may say its revision. */
static bool look_in_hub(search *s)
{
    size_t length;
    const char *revision = pb_locate_revision(s->name, &length);
    if (s->found || !s->paths->hub || (revision && !pb_locate_is_revision(revision)))
        return true;
    char *name = strndup(s->name, length);
    if (!name)
        return false;
    const pb_known_model *known = pb_known_model_find(name);
    bool complete = try_hub(s, known ? known->hub_id : name, revision);
    if (complete && known)
        complete = try_hub(s, known->name, revision);
    free(name);
    return complete;
}

/* All places in order. False when memory is out. */
static bool look_everywhere(search *s)
{
    if (is_path(s->name))
        return try_folder(s, places_expand_home(s->name, strlen(s->name), s->paths->home));
    const pb_known_model *known = pb_known_model_find(s->name);
    bool path = strchr(s->name, '/') || pb_file_exists(s->name);
    bool complete = !path || try_folder(s, strdup(s->name));
    for (size_t i = 0; complete && i < s->paths->n_folders; i++) {
        complete = try_below(s, s->paths->folders[i], s->name);
        if (complete && known && strcmp(known->name, s->name) != 0)
            complete = try_below(s, s->paths->folders[i], known->name);
    }
    return complete && look_in_hub(s);
}

/* ---- what is there ---- */

typedef struct found_models {
    pb_located *models;
    size_t count;
} found_models;

/* Takes the folder. A name that is there already, found earlier, stays. False when memory is out.
 */
static bool list_model(found_models *l, const char *name, char *folder)
{
    bool wanted = folder && !places_lacks(folder);
    for (size_t i = 0; wanted && i < l->count; i++)
        wanted = strcmp(l->models[i].name, name) != 0;
    if (!wanted) {
        bool complete = folder != NULL;
        free(folder);
        return complete;
    }
    pb_located *grown = pb_realloc(l->models, l->count + 1, sizeof *grown);
    if (grown)
        l->models = grown;
    char *copy = grown ? strdup(name) : NULL;
    if (!copy) {
        free(folder);
        return false;
    }
    l->models[l->count++] = (pb_located){copy, folder};
    return true;
}

static bool list_folder(found_models *l, const char *folder)
{
    char **names;
    size_t count;
    if (!places_lacks(folder)) { /* a model's own folder, see try_below() */
        const char *slash = strrchr(folder, '/');
        return list_model(l, slash ? slash + 1 : folder, strdup(folder));
    }
    if (!places_list(folder, &names, &count))
        return false;
    bool complete = true;
    for (size_t i = 0; complete && i < count; i++)
        complete = list_model(l, names[i], pb_file_join(folder, names[i]));
    places_free_names(names, count);
    return complete;
}

/* "models--ORG--NAME" as load() takes it: the name of a known model, else "ORG/NAME". */
static char *name_of_hub_folder(const char *folder)
{
    pb_buffer id = PB_BUFFER_EMPTY;
    for (const char *c = folder + strlen("models--"); *c; c++) {
        bool slash = c[0] == '-' && c[1] == '-';
        pb_buffer_byte(&id, slash ? '/' : *c);
        c += slash;
    }
    char *name = pb_buffer_take(&id);
    const pb_known_model *known = name ? pb_known_model_find(name) : NULL;
    if (!known)
        return name;
    free(name);
    return strdup(known->name);
}

static bool list_hub_model(found_models *l, const char *hub, const char *name)
{
    if (strncmp(name, "models--", strlen("models--")) != 0)
        return true;
    char *folder = pb_file_join(hub, name), *snapshot = NULL;
    char *shown = name_of_hub_folder(name);
    bool complete = folder && shown && places_snapshot(folder, NULL, &snapshot);
    if (complete && snapshot)
        complete = list_model(l, shown, snapshot);
    free(folder);
    free(shown);
    return complete;
}

static bool list_hub(found_models *l, const char *hub)
{
    char **names;
    size_t count;
    if (!places_list(hub, &names, &count))
        return false;
    bool complete = true;
    for (size_t i = 0; complete && i < count; i++)
        complete = list_hub_model(l, hub, names[i]);
    places_free_names(names, count);
    return complete;
}

pb_status pb_locate_all(const pb_locate_paths *paths, pb_located **models, size_t *count,
                        pb_error **error)
{
    found_models l = {NULL, 0};
    bool complete = true;
    for (size_t i = 0; complete && i < paths->n_folders; i++)
        complete = list_folder(&l, paths->folders[i]);
    if (complete && paths->hub)
        complete = list_hub(&l, paths->hub);
    if (!complete) {
        pb_located_free(l.models, l.count);
        return pb_fail_memory(error);
    }
    *models = l.models;
    *count = l.count;
    return PB_OK;
}

void pb_located_free(pb_located *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(models[i].name);
        free(models[i].folder);
    }
    free(models);
}

/* ---- one model, or an error that says where it is not ---- */

static const char *program_of(const search *s)
{
    return s->paths->program ? s->paths->program : "patchbay";
}

/* The nearest of the models that are there and those that can be fetched. */
static void hint_nearest(const search *s, const pb_located *there, size_t n_there, pb_error *error)
{
    const char *name = s->name;
    size_t n_known = pb_known_model_count(), n = 0;
    const char **names = pb_malloc(n_there + n_known, sizeof *names);
    if (!names)
        return;
    for (size_t i = 0; i < n_there; i++)
        names[n++] = there[i].name;
    for (size_t i = 0; i < n_known; i++)
        names[n++] = pb_known_model_at(i)->name;
    const char *nearest = pb_nearest(name, names, n);
    free(names);
    if (nearest) {
        pb_error_hint(error, "did you mean '%s'?", nearest);
        return;
    }
    if (strchr(name, '/')) {
        pb_error_hint(error,
                      "if it is on the Hugging Face hub, run this in a terminal to download it: "
                      "%s fetch %s",
                      program_of(s), name);
        return;
    }
    pb_buffer list = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < n_there; i++)
        pb_buffer_format(&list, "%s%s", i == 0 ? "these models are there: " : ", ", there[i].name);
    if (list.length > 0 && !list.failed)
        pb_error_hint(error, "%s", list.data);
    else
        pb_error_hint(error,
                      "set PATCHBAY_MODELS to the folder that holds your models, or run "
                      "this in a terminal: %s fetch gpt2",
                      program_of(s));
    pb_buffer_free(&list);
}

/* Whether a name, its revision aside, is that of a known model. */
static bool is_known(const char *name)
{
    size_t length;
    (void)pb_locate_revision(name, &length);
    char *bare = strndup(name, length);
    bool known = bare && pb_known_model_find(bare);
    free(bare);
    return known;
}

static pb_status fail_to_find(const search *s, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_IO, "there is no model '%s'; these places were looked at:%s", s->name,
                s->looked.length > 0 ? s->looked.data : " none");
    if (!error)
        return status;
    if (is_known(s->name)) {
        pb_error_hint(*error, "to download it, run this in a terminal: %s fetch %s", program_of(s),
                      s->name);
        return status;
    }
    if (s->torch) {
        pb_error_hint(*error,
                      "Patchbay reads safetensors only, which transformers writes: "
                      "AutoModelForCausalLM.from_pretrained(\"%s\").save_pretrained(\"FOLDER\")",
                      s->torch);
        return status;
    }
    pb_located *there = NULL;
    size_t n_there = 0;
    if (!is_path(s->name) && !pb_locate_all(s->paths, &there, &n_there, NULL))
        hint_nearest(s, there, n_there, *error);
    pb_located_free(there, n_there);
    return status;
}

pb_status pb_locate(const char *name, const pb_locate_paths *paths, char **folder, pb_error **error)
{
    if (!name[0])
        return pb_fail(error, PB_VALUE,
                       "the name of a model is empty, and a name such as "
                       "\"reviews-4m\" or a path was expected");
    search s = {.name = name, .paths = paths};
    pb_status status = PB_OK;
    if (!look_everywhere(&s))
        status = pb_fail_memory(error);
    else if (!s.found)
        status = fail_to_find(&s, error);
    pb_buffer_free(&s.looked);
    free(s.torch);
    if (status) {
        free(s.found);
        return status;
    }
    *folder = s.found;
    return PB_OK;
}
