/* load() and models(): finding models, those that are loaded, and which one a call is about. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "eval/suggest.h"
#include "io/locate.h"
#include "session/cell.h"
#include "words.h"

#define SLOT_MODEL "current model" /* set by load(), read by every word that takes a prompt */

/* ---- what is loaded ---- */

/* The models that the session's names lead to, and the current one. */
typedef struct loaded {
    pb_model **models; /* references; each once */
    size_t count;
    pb_model *current; /* one of them; may be NULL */
} loaded;

static void free_loaded(loaded *l)
{
    for (size_t i = 0; i < l->count; i++)
        pb_model_release(&l->models[i]);
    free(l->models);
    *l = (loaded){.models = NULL};
}

static pb_status add_model(loaded *l, pb_model *model, pb_error **error)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->models[i] == model)
            return PB_OK;
    pb_model **grown = pb_realloc(l->models, l->count + 1, sizeof *grown);
    if (!grown)
        return pb_fail_memory(error);
    l->models = grown;
    l->models[l->count++] = pb_model_retain(model);
    return PB_OK;
}

/* A model, a tensor that came from one, or a list of such. */
static pb_status add_value(loaded *l, const pb_value *value, pb_error **error)
{
    const pb_meta *meta = pb_value_meta(value);
    pb_status status = PB_OK;
    if (pb_value_object(value, &pb_model_type))
        return add_model(l, pb_model_of(value), error);
    if (meta && meta->model)
        return add_model(l, pb_model_of(meta->model), error);
    if (pb_value_kind(value) == PB_LIST)
        for (size_t i = 0; i < pb_list_count(value) && !status; i++)
            if (pb_value_object(pb_list_item(value, i), &pb_model_type))
                status = add_model(l, pb_model_of(pb_list_item(value, i)), error);
    return status;
}

static pb_status find_loaded(pb_session *session, loaded *l, pb_error **error)
{
    pb_value *names = NULL, *current = pb_session_slot_get(session, SLOT_MODEL);
    *l = (loaded){.models = NULL};
    pb_status status = pb_session_snapshot(session, &names, error);
    if (!status && current) {
        status = add_value(l, current, error);
        l->current = pb_model_of(current);
    }
    for (size_t i = 0; !status && i < pb_record_count(names); i++)
        status = add_value(l, pb_record_entry(names, i).value, error);
    pb_value_release(&current);
    pb_value_release(&names);
    if (status)
        free_loaded(l);
    return status;
}

/* The loaded model that was read from this folder, whose files have not changed since. Borrowed;
 * NULL if there is none. */
static pb_model *find_by_folder(const loaded *l, const char *folder, bool raw)
{
    for (size_t i = 0; i < l->count; i++)
        if (pb_model_is_raw(l->models[i]) == raw && pb_model_is_of(l->models[i], folder))
            return l->models[i];
    return NULL;
}

/* ---- load ---- */

static const char *default_model(pb_session *session)
{
    const char *name = pb_session_get_options(session)->default_model;
    return name ? name : "reviews-4m";
}

static pb_status search_paths(pb_session *session, pb_locate_paths *paths, pb_error **error)
{
    const pb_session_options *options = pb_session_get_options(session);
    pb_status status = pb_locate_paths_from_environment(options->model_paths,
                                                        options->n_model_paths, paths, error);
    if (!status && options->program && !(paths->program = strdup(options->program)))
        status = pb_fail_memory(error);
    return status;
}

/* The model at `folder`, if it is loaded and its files are as they were: it is not read again, and
 * its weights are in memory once. A reference, or NULL. */
static pb_status already_loaded(pb_session *session, const char *folder, bool raw, pb_model **found,
                                pb_error **error)
{
    loaded all;
    pb_status status = find_loaded(session, &all, error);
    if (status)
        return status;
    *found = pb_model_retain(find_by_folder(&all, folder, raw));
    free_loaded(&all);
    return PB_OK;
}

static pb_status find_folder(pb_session *session, const char *name, char **folder, pb_error **error)
{
    pb_locate_paths paths = {0};
    pb_status status = search_paths(session, &paths, error);
    if (!status)
        status = pb_locate(name, &paths, folder, error);
    pb_locate_paths_free(&paths);
    return status;
}

/* Reads the model at `folder`, if it is not loaded already, and makes it the current one. */
static pb_status read_model(pb_session *session, const char *folder, const pb_load_options *options,
                            const bool *bos, const pb_watch *watch, pb_value **result,
                            pb_error **error)
{
    pb_model *model = NULL;
    pb_status status = already_loaded(session, folder, options->raw, &model, error);
    if (!status && !model)
        status = pb_model_load(folder, options, watch, &model, error);
    if (!status)
        status = pb_model_value(model, bos ? *bos : pb_model_prepends_start(model), result, error);
    pb_model_release(&model);
    if (!status)
        status = pb_session_slot_put(session, SLOT_MODEL, *result, error);
    if (status)
        pb_value_release(result);
    return status;
}

/* Reads the model called `name` (NULL: the session's default) and makes it the current one. Its
 * prompts begin with the start token as `bos` says (NULL: as its family has it). */
static pb_status load_model(pb_session *session, const char *name, bool raw, const bool *bos,
                            const pb_watch *watch, pb_value **result, pb_error **error)
{
    if (!name)
        name = default_model(session);
    const char *last = strrchr(name, '/');
    pb_load_options options = {.raw = raw, .name = last && last[1] ? last + 1 : name};
    char *folder = NULL;
    pb_status status = find_folder(session, name, &folder, error);
    if (status)
        return status;
    status = pb_session_begin_loading(session, watch, error);
    if (!status) {
        status = read_model(session, folder, &options, bos, watch, result, error);
        pb_session_end_loading(session);
    }
    free(folder);
    return status;
}

static pb_status call_load(pb_call *call, pb_value **result, pb_error **error)
{
    bool told = !pb_argument_is_none(call, "bos"), bos = told && pb_argument_bool(call, "bos");
    pb_status status = load_model(pb_call_session(call), pb_argument_text(call, "name"),
                                  pb_argument_bool(call, "raw"), told ? &bos : NULL,
                                  pb_call_watch(call), result, error);
    return pb_place_argument(call, "name", status, error);
}

/* ---- which model a call is about ---- */

pb_value *pb_current_model(pb_session *session)
{
    return pb_session_slot_get(session, SLOT_MODEL);
}

pb_status pb_call_model(pb_call *call, pb_value **model, pb_error **error)
{
    pb_value *given = pb_argument_value(call, "model");
    if (given && !pb_value_is_none(given)) {
        *model = pb_value_retain(given);
        return PB_OK;
    }
    pb_session *session = pb_call_session(call);
    *model = pb_session_slot_get(session, SLOT_MODEL);
    if (*model)
        return PB_OK;
    if (pb_session_get_options(session)->load_default)
        return pb_place_argument(
            call, NULL, load_model(session, NULL, false, NULL, pb_call_watch(call), model, error),
            error);
    pb_status status = pb_fail_argument(
        call, NULL, error, PB_VALUE, "%s() needs a model, and none is loaded yet", call->row->name);
    if (error)
        pb_error_hint(*error, "run this first: model = load(\"%s\")", default_model(session));
    return status;
}

static pb_status located_models(pb_session *session, pb_located **models, size_t *count,
                                pb_error **error)
{
    pb_locate_paths paths = {0};
    pb_status status = search_paths(session, &paths, error);
    if (!status)
        status = pb_locate_all(&paths, models, count, error);
    pb_locate_paths_free(&paths);
    return status;
}

static void suggest_models(const pb_asked *asked, pb_names *names)
{
    pb_located *models = NULL;
    size_t count = 0;
    if (located_models(asked->session, &models, &count, NULL))
        count = 0;
    for (size_t i = 0; i < count; i++)
        pb_names_add(names, models[i].name, "model", "");
    if (models)
        pb_located_free(models, count);
    pb_suggest_files(asked, names);
}

/* ---- models() ---- */

/* Appends "loaded, current raw": which of the two ways to load this folder, processed and raw, are
 * loaded, and which is current. */
static void append_state(const loaded *l, const char *folder, pb_buffer *out)
{
    for (int raw = 0; raw < 2; raw++) {
        const pb_model *model = find_by_folder(l, folder, raw);
        if (model)
            pb_buffer_format(out, "%s%s%s", out->length > 0 ? ", " : "",
                             model == l->current ? "current" : "loaded", raw ? " raw" : "");
    }
}

/* The columns of models(), while they grow. */
typedef struct model_rows {
    pb_list_builder columns[3]; /* name, state, folder */
} model_rows;

static void add_row(model_rows *rows, const char *name, const char *state, const char *folder)
{
    pb_list_take_text(&rows->columns[0], name);
    pb_list_take_text(&rows->columns[1], state);
    pb_list_take_text(&rows->columns[2], folder);
}

static pb_status add_folder(model_rows *rows, const loaded *l, const char *name, const char *folder,
                            pb_error **error)
{
    pb_buffer state = PB_BUFFER_EMPTY;
    append_state(l, folder, &state);
    pb_status status = pb_buffer_status(&state, error);
    if (!status)
        add_row(rows, name, state.length > 0 ? state.data : "here", folder);
    pb_buffer_free(&state);
    return status;
}

/* Whether models() has a row for a loaded model already: because load() finds its folder, or
 * because an earlier one of the list was loaded from the same folder, in the other way. */
static bool is_listed(const loaded *l, size_t which, const pb_located *models, size_t count)
{
    const pb_model *model = l->models[which];
    for (size_t i = 0; i < count; i++)
        if (pb_model_is_of(model, models[i].folder))
            return true;
    for (size_t i = 0; i < which; i++)
        if (strcmp(pb_model_path(l->models[i]), pb_model_path(model)) == 0)
            return true;
    return false;
}

static bool is_there(const pb_located *models, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(models[i].name, name) == 0)
            return true;
    return false;
}

/* The known models that are not there, with what fetches them. */
static pb_status add_fetchable(model_rows *rows, const char *program, const pb_located *models,
                               size_t count, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < pb_known_model_count() && !status; i++) {
        const char *name = pb_known_model_at(i)->name;
        if (is_there(models, count, name))
            continue;
        pb_buffer line = PB_BUFFER_EMPTY;
        pb_buffer_format(&line, "%s fetch %s", program ? program : "patchbay", name);
        status = pb_buffer_status(&line, error);
        if (!status)
            add_row(rows, name, line.data, "");
        pb_buffer_free(&line);
    }
    return status;
}

/* What load() finds, and what was loaded by its path. */
static pb_status add_rows(model_rows *rows, const loaded *l, const pb_located *models, size_t count,
                          pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = add_folder(rows, l, models[i].name, models[i].folder, error);
    for (size_t i = 0; i < l->count && !status; i++) {
        const char *folder = pb_model_path(l->models[i]);
        if (!is_listed(l, i, models, count))
            status = add_folder(rows, l, pb_model_name(l->models[i]), folder, error);
    }
    return status;
}

static pb_status call_models(pb_call *call, pb_value **result, pb_error **error)
{
    static const char *const names[] = {"name", "state", "folder"};
    pb_located *models = NULL;
    size_t count = 0;
    loaded all = {.models = NULL};
    model_rows rows = {0};
    pb_table_builder made = {.caption =
                                 "Models that load() finds, and those to fetch in a terminal"};
    made.status = located_models(pb_call_session(call), &models, &count, &made.error);
    if (!made.status)
        made.status = find_loaded(pb_call_session(call), &all, &made.error);
    if (!made.status)
        made.status = add_rows(&rows, &all, models, count, &made.error);
    if (!made.status)
        made.status = add_fetchable(&rows, pb_session_get_options(pb_call_session(call))->program,
                                    models, count, &made.error);
    for (size_t i = 0; i < 3; i++)
        pb_table_take_list(
            &made, &rows.columns[i],
            (pb_table_cells){.name = names[i], .look = i == 0 ? PB_CELLS_KEY : PB_CELLS_PLAIN});
    free_loaded(&all);
    pb_located_free(models, count);
    return pb_table_finish(&made, result, error);
}

/* "- `.W_Q` [layer, head, d_model, d_head]: ..." */
static void list_weights(pb_buffer *out)
{
    pb_buffer_text(out, "\nIts weights, as the forward pass uses them, are answered by "
                        "TransformerLens' names:\n\n");
    for (size_t i = 0; i < pb_model_weight_count(); i++) {
        const pb_model_weight_row *row = pb_model_weight_info(i);
        pb_buffer_format(out, "- `.%s` [%s", row->name, row->per_layer ? "layer" : "");
        for (size_t k = 0; k < 3 && row->axes[k]; k++)
            pb_buffer_format(out, "%s%s", k || row->per_layer ? ", " : "", row->axes[k]);
        pb_buffer_format(out, "]: %s%s\n", row->summary,
                         row->raw_only ? " (of a model loaded with `raw=True`)" : "");
    }
}

const pb_builtin pb_builtins_model[] = {
    {.name = "load",
     .category = "Models",
     .summary = "Loads a model and makes it the current one.",
     .doc =
         "`name` is a model's name, or the path of a folder in Hugging Face's layout, or of "
         "a GGUF file. Names are looked up in the folders of PATCHBAY_MODELS, among the models "
         "that came with "
         "Patchbay, and in the Hugging Face cache, where `\"gpt2@REVISION\"` is a branch, a tag "
         "or a commit. A model that is loaded already is not read again unless its files have "
         "changed.\n\n"
         "The weights are processed as TransformerLens does: layer norms folded, writing "
         "weights and unembedding centred, value biases folded. `raw=True` keeps them as they "
         "are on disk. Prompts get the start token where the model's family has one before every "
         "text, as the card says, or as `bos=` says. What the files hold and "
         "the model does not use, and settings of the tokenizer that may surprise, stand under "
         "the card.",
     .more = list_weights,
     .result = "a model",
     .gives_object = &pb_model_type,
     .example = "load(\"reviews-4m\").n_layers",
     .expected = "6",
     .see = "models run",
     .parameters =
         {{.name = "name",
           .types = PB_TAKES_STRING,
           .what = "a model's name or folder",
           .fallback = "None",
           .suggest = suggest_models},
          {.name = "bos", .types = PB_TAKES_BOOL, .mode = PB_PARAMETER_KEYWORD, .fallback = "None"},
          {.name = "raw",
           .types = PB_TAKES_BOOL,
           .mode = PB_PARAMETER_KEYWORD,
           .fallback = "False"}},
     .function = call_load},
    {.name = "models",
     .category = "Models",
     .summary = "The models that load() finds here, and those that can be fetched.",
     .doc = "The state is `current`, `loaded` (a name still leads to it), `here`, or the command "
            "that downloads the model. Completion offers the names that are here.",
     .result = "a table [name, state, folder]",
     .example = "models()",
     .see = "load",
     .function = call_models},
    {0}};
