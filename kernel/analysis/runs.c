/* A set of runs as a value: what run() gives for a list or a table of prompts. */
#include "runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "display/tokens.h"
#include "value/text.h"

/* ---- the object ---- */

static void runs_destroy(void *data)
{
    pb_runs *runs = data;
    if (!runs)
        return;
    for (size_t i = 0; i < runs->count; i++) {
        if (runs->owns_tokens && runs->tokens)
            free((int32_t *)runs->tokens[i]);
        if (runs->texts)
            free(runs->texts[i]);
    }
    free(runs->tokens);
    free(runs->lengths);
    free(runs->texts);
    pb_value *list = atomic_load(&runs->list);
    pb_value_release(&list);
    pb_value_release(&runs->model);
    free(runs);
}

pb_runs *pb_runs_of(const pb_value *value)
{
    return pb_value_object(value, &pb_runs_type);
}

static pb_runs *blank(pb_value *model, size_t count, bool owns_tokens)
{
    pb_runs *runs = pb_calloc(1, sizeof *runs);
    if (!runs)
        return NULL;
    atomic_init(&runs->list, NULL);
    runs->tokens = pb_calloc(count, sizeof *runs->tokens);
    runs->lengths = pb_calloc(count, sizeof *runs->lengths);
    runs->texts = pb_calloc(count, sizeof *runs->texts);
    if (!runs->tokens || !runs->lengths || !runs->texts) {
        runs_destroy(runs);
        return NULL;
    }
    runs->count = count;
    runs->owns_tokens = owns_tokens;
    runs->model = pb_value_retain(model);
    return runs;
}

pb_status pb_runs_value(pb_token_lists *lists, pb_value **result, pb_error **error)
{
    pb_runs *runs = blank(lists->model, lists->count, true);
    if (!runs)
        return pb_fail_memory(error);
    for (size_t i = 0; i < lists->count; i++) {
        runs->tokens[i] = lists->ids[i];
        runs->lengths[i] = lists->counts[i];
        runs->texts[i] = lists->texts[i];
        lists->ids[i] = NULL;
        lists->texts[i] = NULL;
    }
    return pb_value_take_object(&pb_runs_type, runs, result, error);
}

pb_status pb_runs_of_list(pb_value *model, const pb_value *list, pb_value **result,
                          pb_error **error)
{
    size_t count = pb_list_count(list);
    pb_runs *runs = blank(model, count, false);
    if (!runs)
        return pb_fail_memory(error);
    atomic_store(&runs->list, pb_value_retain(list));
    for (size_t i = 0; i < count; i++) {
        const pb_value *item = pb_list_item(list, i);
        runs->tokens[i] = pb_run_tokens(pb_run_of(item));
        runs->lengths[i] = pb_run_length(pb_run_of(item));
        runs->texts[i] = strdup(pb_run_text(item));
        if (!runs->texts[i]) {
            runs_destroy(runs);
            return pb_fail_memory(error);
        }
    }
    return pb_value_take_object(&pb_runs_type, runs, result, error);
}

/* ---- the runs themselves ---- */

static pb_status list_of(const pb_runs *runs, pb_run **made, pb_value **list, pb_error **error)
{
    pb_list_builder items = {0};
    for (size_t i = 0; i < runs->count; i++) {
        pb_value *item = NULL;
        if (items.status)
            pb_run_release(&made[i]);
        else
            items.status =
                pb_run_value(&made[i], runs->model, runs->texts[i], NULL, &item, &items.error);
        if (!items.status)
            pb_list_take(&items, item);
    }
    return pb_list_finish(&items, false, list, error);
}

static pb_status run_all(const pb_runs *runs, const pb_context *context, pb_value **list,
                         pb_error **error)
{
    pb_prompt *prompts = pb_calloc(runs->count, sizeof *prompts);
    pb_run **made = pb_calloc(runs->count, sizeof *made);
    pb_status status = prompts && made ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < runs->count && !status; i++)
        prompts[i] = (pb_prompt){.tokens = runs->tokens[i], .n = runs->lengths[i]};
    if (!status)
        status = pb_runs_create(pb_model_of(runs->model), runs->count, prompts, NULL, context, made,
                                error);
    if (!status)
        status = list_of(runs, made, list, error);
    free(prompts);
    free(made);
    return status;
}

pb_status pb_runs_made(pb_runs *runs, const pb_context *context, pb_value **list, pb_error **error)
{
    *list = atomic_load(&runs->list);
    if (*list)
        return PB_OK;
    pb_value *made = NULL;
    pb_status status = run_all(runs, context, &made, error);
    if (status)
        return status;
    if (!atomic_compare_exchange_strong(&runs->list, list, made))
        pb_value_release(&made); /* a cell beside this one was quicker: *list is its list */
    else
        *list = made;
    return PB_OK;
}

static pb_context cell_context(pb_interp *interp)
{
    return (pb_context){.watch = pb_interp_watch(interp)};
}

/* rs[0] is a run; a slice or a mask of them is a set again. */
static pb_status runs_index(pb_interp *interp, const pb_value *self, size_t count,
                            const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_runs *runs = pb_runs_of(self);
    pb_context context = cell_context(interp);
    pb_value *list = NULL, *picked = NULL;
    if (count != 1 || entries[0].name || pb_value_kind(entries[0].value) == PB_STRING) {
        pb_status refused = pb_fail(error, PB_TYPE,
                                    "a set of runs is indexed by numbers; its activations are "
                                    "answered by their names");
        if (error)
            pb_hint_activation(count, entries, *error);
        return refused;
    }
    pb_status status = pb_runs_made(runs, &context, &list, error);
    if (!status)
        status = pb_interp_index(interp, list, count, entries, &picked, error);
    if (!status && pb_value_kind(picked) == PB_LIST && pb_list_count(picked) > 0)
        status = pb_runs_of_list(runs->model, picked, result, error);
    else if (!status)
        *result = pb_value_retain(picked);
    pb_value_release(&picked);
    return status;
}

static pb_status runs_items(pb_interp *interp, const pb_value *self, pb_value **list,
                            pb_error **error)
{
    pb_context context = cell_context(interp);
    pb_value *borrowed = NULL;
    pb_status status = pb_runs_made(pb_runs_of(self), &context, &borrowed, error);
    if (!status)
        *list = pb_value_retain(borrowed);
    return status;
}

/* The runs of a set, or a list of runs itself; NULL for anything else. Borrowed. */
static pb_status runs_in(const pb_value *value, const pb_context *context, pb_value **list,
                         pb_value **model, pb_error **error)
{
    pb_runs *runs = pb_runs_of(value);
    *list = NULL;
    if (runs) {
        *model = runs->model;
        return pb_runs_made(runs, context, list, error);
    }
    for (size_t i = 0; i < pb_list_count(value); i++)
        if (!pb_run_of(pb_list_item(value, i)))
            return PB_OK;
    if (pb_list_count(value) > 0)
        *list = (pb_value *)value;
    return PB_OK;
}

/* Two sets one behind the other, as lists are added. */
static pb_status runs_binary(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                             pb_value **result, pb_error **error)
{
    pb_context context = cell_context(interp);
    pb_value *lists[2] = {NULL}, *joined = NULL, *model = NULL;
    if (op != PB_ADD)
        return PB_OK;
    pb_status status = runs_in(a, &context, &lists[0], &model, error);
    if (!status)
        status = runs_in(b, &context, &lists[1], &model, error);
    if (status || !lists[0] || !lists[1])
        return status;
    status = pb_interp_binary(interp, PB_ADD, lists[0], lists[1], &joined, error);
    for (size_t i = 0; !status && i < pb_list_count(joined); i++)
        if (pb_run_model(pb_run_of(pb_list_item(joined, i))) != pb_model_of(model))
            status = pb_fail(error, PB_VALUE, "these are runs of two models");
    if (!status)
        status = pb_runs_of_list(model, joined, result, error);
    pb_value_release(&joined);
    return status;
}

/* ---- how it shows ---- */

static void runs_repr(const pb_value *self, pb_buffer *out)
{
    const pb_runs *runs = pb_runs_of(self);
    pb_buffer_text(out, "run([");
    for (size_t i = 0; i < runs->count && i < 3; i++) {
        char *title = pb_prompt_title(runs->texts[i], 40);
        pb_buffer_format(out, "%s%s", i ? ", " : "", title ? title : "...");
        free(title);
    }
    pb_buffer_text(out, runs->count > 3 ? ", ...])" : "])");
}

enum { MOST_SHOWN = 12 };

/* Its first prompts, as tokens. */
static pb_status runs_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                           pb_error **error)
{
    const pb_runs *runs = pb_runs_of(self);
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(runs->model));
    size_t shown = runs->count < MOST_SHOWN ? runs->count : MOST_SHOWN, made = 0;
    pb_token_row rows[MOST_SHOWN] = {{0}};
    const char **tokens[MOST_SHOWN] = {NULL};
    pb_buffer caption = PB_BUFFER_EMPTY;
    (void)interp;
    pb_buffer_format(&caption,
                     "A set of %zu runs on %s%s; .logits, .pattern, .resid_post and so on are "
                     "their activations, over prompt.",
                     runs->count, pb_model_value_name(runs->model),
                     shown < runs->count ? ", the first 12 of them" : "");
    pb_status status = pb_buffer_status(&caption, error);
    for (; made < shown && !status; made++) {
        size_t n = runs->lengths[made];
        tokens[made] = pb_malloc(n, sizeof **tokens);
        status = tokens[made] ? PB_OK : pb_fail_memory(error);
        for (size_t i = 0; i < n && !status; i++)
            tokens[made][i] = pb_tokenizer_label(tokenizer, runs->tokens[made][i]);
        rows[made] = (pb_token_row){.count = n, .tokens = tokens[made]};
    }
    pb_tokens_view view = {.words = {.caption = caption.data}, .rows = rows, .n_rows = shown};
    pb_bundle *drawn = NULL;
    if (!status)
        status = pb_show_tokens(&view, &drawn, error);
    for (size_t i = 0; i < made; i++)
        free(tokens[i]);
    pb_buffer_free(&caption);
    return status ? status : pb_bundle_absorb(bundle, &drawn, error);
}

/* ---- what it answers ---- */

/* Of each run what `name` answers, as a list. */
static pb_status member_of_each(pb_interp *interp, const pb_value *self, const char *name,
                                bool column, pb_value **result, pb_error **error)
{
    pb_context context = cell_context(interp);
    pb_value *list = NULL;
    pb_list_builder items = {.keeper = pb_interp_keeper(interp)};
    pb_status status = pb_runs_made(pb_runs_of(self), &context, &list, error);
    if (status)
        return status;
    for (size_t i = 0; !items.status && i < pb_list_count(list); i++) {
        pb_value *item = NULL;
        items.status =
            pb_interp_attribute(interp, pb_list_item(list, i), name, &item, &items.error);
        if (!items.status)
            pb_list_take(&items, item);
    }
    return pb_list_finish(&items, column, result, error);
}

static pb_status get_tokens(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return member_of_each(interp, self, "tokens", false, result, error);
}

static pb_status get_ids(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    return member_of_each(interp, self, "ids", false, result, error);
}

static pb_status get_prompt(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return member_of_each(interp, self, "prompt", true, result, error);
}

static pb_status get_model(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(pb_runs_of(self)->model);
    return PB_OK;
}

static const pb_member runs_members[] = {{"tokens", "The tokens of each prompt.", get_tokens},
                                         {"ids", "The tokens' numbers, of each prompt.", get_ids},
                                         {"prompt", "The prompts' texts.", get_prompt},
                                         {"model", "The model they ran on.", get_model},
                                         {NULL, NULL, NULL}};

static pb_status runs_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                pb_value **result, pb_error **error)
{
    (void)interp;
    pb_status status = pb_runs_activation(self, name, result, error);
    return status || *result ? status : pb_run_called_otherwise(name, error);
}

static void runs_names(const pb_value *self, pb_names *names)
{
    (void)self;
    pb_names_add(names, "logits", "tensor", "");
    pb_names_add(names, "logprobs", "tensor", "");
    for (int site = 0; site < PB_N_SITES; site++)
        pb_names_add(names, pb_site_info((pb_site)site)->name, "tensor", "");
}

/* As of one run, over prompt too. */
static bool runs_foresee(const pb_value *self, const char *name, pb_prospect *prospect)
{
    pb_site site;
    const pb_model *model = self ? pb_model_of(pb_runs_of(self)->model) : NULL;
    *prospect = (pb_prospect){.axes = {"prompt"}, .n_axes = 1};
    if (strcmp(name, "logits") == 0 || strcmp(name, "logprobs") == 0) {
        prospect->summary = "Of the next token at every position of each prompt.";
        prospect->axes[prospect->n_axes++] = "pos";
        prospect->axes[prospect->n_axes++] = "token";
        return true;
    }
    if (pb_site_find(name, &site, NULL))
        return false;
    const pb_site_row *row = pb_site_info(site);
    prospect->summary = row->summary;
    prospect->also = row->hook;
    if (row->layers)
        prospect->axes[prospect->n_axes++] = "layer";
    prospect->n_axes += pb_site_axes(model, site, prospect->axes + prospect->n_axes);
    return true;
}

const pb_object_type pb_runs_type = {
    .name = "set of runs",
    .article = "a set of runs",
    .summary = "Several prompts through the model; every activation is a tensor over prompt.",
    .destroy = runs_destroy,
    .repr = runs_repr,
    .show = runs_show,
    .members = runs_members,
    .attribute = runs_attribute,
    .names = runs_names,
    .foresee = runs_foresee,
    .index = runs_index,
    .binary = runs_binary,
    .items = runs_items};
