/* Prompts as arguments: strings, ids and runs, one or a list of them, run as one batch. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "eval/members.h"
#include "runs.h"
#include "session/cell.h"
#include "value/text.h"

/* ---- sets: a table with a column `prompt` ---- */

static const char prompt_name[] = "prompt";

bool pb_is_prompt_table(const pb_value *value)
{
    return pb_value_kind(value) == PB_TABLE && pb_table_find(value, prompt_name);
}

pb_status pb_prompt_column(pb_call *call, const pb_value *value, const pb_value **prompts,
                           pb_error **error)
{
    pb_runs *runs = pb_runs_of(value);
    *prompts = value;
    if (runs) {
        pb_context context = pb_call_context(call);
        pb_value *list = NULL;
        pb_status made = pb_runs_made(runs, &context, &list, error);
        *prompts = list;
        return made;
    }
    if (pb_value_kind(value) != PB_TABLE)
        return PB_OK;
    const pb_table_cells *column = pb_table_find(value, prompt_name);
    if (column) {
        *prompts = column->cells;
        return PB_OK;
    }
    pb_status status = pb_fail_column(value, NULL, prompt_name, error);
    if (error)
        pb_error_hint(*error, "a table is a set of prompts by its column of that name: t.prompt = "
                              "[...]");
    return status;
}

/* ---- tokens of one prompt ---- */

static pb_status too_long(const pb_model *model, size_t count, bool bos, pb_error **error)
{
    size_t most = pb_model_shape(model)->n_positions;
    pb_status status =
        pb_fail(error, PB_RANGE, "the prompt has %zu tokens%s, and %s reads at most %zu", count,
                bos ? ", the start token included" : "", pb_model_name(model), most);
    if (error)
        pb_error_hint(*error, "shorten it by at least %zu token%s", count - most,
                      count - most == 1 ? "" : "s");
    return status;
}

static pb_status empty_prompt(const pb_model *model, pb_error **error)
{
    pb_status status = pb_fail(error, PB_VALUE, "the prompt is empty; it needs at least one token");
    int32_t start = pb_tokenizer_start(pb_model_tokenizer(model));
    if (error && start != PB_NO_TOKEN)
        pb_error_hint(*error,
                      "to ask what the model says after the start token alone, write \"%s\" with "
                      "bos=False",
                      pb_tokenizer_label(pb_model_tokenizer(model), start));
    return status;
}

static pb_status encode(const pb_model *model, const char *text, size_t length, bool bos,
                        const pb_watch *watch, int32_t **ids, size_t *count, pb_error **error)
{
    if (length == 0)
        return empty_prompt(model, error);
    const pb_tokenizer *tokenizer = pb_model_tokenizer(model);
    pb_status status =
        pb_tokenizer_encode(tokenizer, text, length, PB_SPECIAL_ALLOWED, watch, ids, count, error);
    if (status)
        return status;
    int32_t start = pb_tokenizer_start(tokenizer);
    if (bos && start != PB_NO_TOKEN) {
        int32_t *longer = pb_realloc(*ids, *count + 1, sizeof **ids);
        if (!longer) {
            free(*ids);
            return pb_fail_memory(error);
        }
        memmove(longer + 1, longer, *count * sizeof *longer);
        longer[0] = start;
        *ids = longer;
        ++*count;
    }
    return status;
}

/* The name of a prompt with this text: the text, with NULs written \x00 as in the labels of tokens.
 */
static char *name_of(const char *text, size_t length)
{
    pb_buffer name = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < length; i++) {
        if (text[i])
            pb_buffer_byte(&name, text[i]);
        else
            pb_buffer_text(&name, "\\x00");
    }
    return pb_buffer_take(&name);
}

/* The decoded text of ids, for naming a prompt that was given as ids. */
static char *text_of_ids(const pb_model *model, const int32_t *ids, size_t count)
{
    char *text = NULL;
    size_t length = 0;
    const pb_tokenizer *tokenizer = pb_model_tokenizer(model);
    size_t skip = count > 1 && ids[0] == pb_tokenizer_start(tokenizer) ? 1 : 0;
    if (pb_tokenizer_decode(tokenizer, ids + skip, count - skip, &text, &length, NULL))
        return NULL;
    char *name = name_of(text, length);
    free(text);
    return name;
}

static pb_status check_ids(const pb_model *model, const int32_t *ids, size_t count,
                           pb_error **error)
{
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    for (size_t i = 0; i < count; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= n_vocab)
            return pb_fail(error, PB_RANGE,
                           "there is no token %d; the vocabulary of %s has the tokens 0 to %zu",
                           (int)ids[i], pb_model_name(model), n_vocab - 1);
    return PB_OK;
}

/* What stands behind the name of a model in messages, so that its two ways to be loaded differ. */
static const char *raw_word(const pb_model *model)
{
    return pb_model_is_raw(model) ? " (raw)" : "";
}

static pb_status not_a_prompt(const pb_value *value, pb_error **error)
{
    char text[96];
    pb_status status = pb_fail(
        error, PB_TYPE, "a prompt is a string, prompt(ids), a run, or a list of those, not %s",
        pb_value_describe(value, text, sizeof text));
    if (error && pb_value_kind(value) == PB_NUMBER)
        pb_error_hint(*error, "prompt([...]) is a prompt of token ids, and decode([...]) their "
                              "text");
    return status;
}

/* Ids and name of one prompt. Both are the caller's. */
static pb_status tokens_of(const pb_value *value, const pb_model *model, bool bos,
                           const pb_watch *watch, int32_t **ids, size_t *count, char **name,
                           pb_error **error)
{
    pb_status status = PB_OK;
    size_t length;
    if (pb_value_kind(value) == PB_STRING) {
        const char *text = pb_value_get_text(value, &length);
        status = encode(model, text, length, bos, watch, ids, count, error);
        if (!status)
            *name = name_of(text, length);
    } else {
        const int32_t *given = NULL;
        pb_run *run = pb_run_of(value);
        if (run) {
            given = pb_run_tokens(run);
            *count = pb_run_length(run);
        } else {
            given = pb_prompt_value_ids(value, count);
        }
        if (!given)
            return not_a_prompt(value, error);
        if (run && pb_run_model(run) != model)
            return pb_fail(error, PB_VALUE,
                           "this run is one of %s%s, and here prompts run on %s%s; give its text",
                           pb_model_name(pb_run_model(run)), raw_word(pb_run_model(run)),
                           pb_model_name(model), raw_word(model));
        status = check_ids(model, given, *count, error);
        if (status)
            return status;
        *ids = pb_malloc(*count, sizeof **ids);
        if (!*ids)
            return pb_fail_memory(error);
        memcpy(*ids, given, *count * sizeof **ids);
        *name = run ? strdup(pb_run_text(value)) : text_of_ids(model, *ids, *count);
    }
    if (!status && !*name) {
        free(*ids);
        *ids = NULL;
        status = pb_fail_memory(error);
    }
    return status;
}

/* "I\xC2\xB7love it": displays show a space so, and code that was copied from one means a space. */
static void note_dots(pb_interp *interp, const pb_value *prompts)
{
    static const char dot[] = "\xC2\xB7";
    size_t count = pb_value_kind(prompts) == PB_LIST ? pb_list_count(prompts) : 1;
    for (size_t i = 0; i < count; i++) {
        const pb_value *prompt =
            pb_value_kind(prompts) == PB_LIST ? pb_list_item(prompts, i) : prompts;
        const char *text = pb_value_get_text(prompt, NULL), *at = text ? strstr(text, dot) : NULL;
        pb_buffer note = PB_BUFFER_EMPTY, meant = PB_BUFFER_EMPTY;
        if (!at)
            continue;
        for (; (at = strstr(text, dot)); text = at + strlen(dot)) {
            pb_buffer_append(&meant, text, (size_t)(at - text));
            if (!meant.length || meant.data[meant.length - 1] != ' ')
                pb_buffer_byte(&meant, ' ');
        }
        pb_buffer_text(&meant, text);
        char *title = meant.data ? pb_prompt_title(meant.data, 60) : NULL;
        pb_buffer_format(&note,
                         "note: a \xC2\xB7 stands for a space in displays, and for itself in a "
                         "prompt; with spaces this one is %s\n",
                         title ? title : "another");
        if (note.data)
            pb_interp_text(interp, 2, note.data, note.length);
        free(title);
        pb_buffer_free(&meant);
        pb_buffer_free(&note);
        return; /* once is enough */
    }
}

/* ---- the model of a call's prompts ---- */

static bool wants_bos(pb_call *call, const pb_value *model)
{
    return pb_argument_value(call, "bos") && !pb_argument_is_none(call, "bos")
               ? pb_argument_bool(call, "bos")
               : pb_model_adds_bos(model);
}

/* model= if given, else that of `like`, else that of the first run among the prompts, else the
 * current one. */
static pb_status model_for(pb_call *call, const pb_value *prompts, const pb_prompts *like,
                           pb_value **model, pb_error **error)
{
    pb_value *given = pb_argument_value(call, "model");
    bool named = given && !pb_value_is_none(given);
    const pb_value *first = pb_value_kind(prompts) == PB_LIST && pb_list_count(prompts)
                                ? pb_list_item(prompts, 0)
                                : prompts;
    if (!named && like) {
        *model = pb_value_retain(like->model);
        return PB_OK;
    }
    if (!named && pb_run_of(first)) {
        *model = pb_value_retain(pb_run_model_value(first));
        return PB_OK;
    }
    return pb_call_model(call, model, error);
}

static size_t prompt_count(const pb_value *value, bool *many)
{
    *many = pb_value_kind(value) == PB_LIST;
    return *many ? pb_list_count(value) : 1;
}

static const pb_value *prompt_at(const pb_value *value, size_t index)
{
    return pb_value_kind(value) == PB_LIST ? pb_list_item(value, index) : value;
}

/* ---- token lists ---- */

static pb_status take_tokens(const pb_value *value, const pb_model *model, bool bos,
                             const pb_watch *watch, pb_token_lists *lists, pb_error **error)
{
    lists->count = prompt_count(value, &lists->many);
    if (lists->count == 0)
        return pb_fail(error, PB_VALUE, "the list of prompts is empty");
    lists->ids = pb_calloc(lists->count, sizeof *lists->ids);
    lists->counts = pb_calloc(lists->count, sizeof *lists->counts);
    lists->texts = pb_calloc(lists->count, sizeof *lists->texts);
    if (!lists->ids || !lists->counts || !lists->texts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < lists->count; i++) {
        pb_status status = tokens_of(prompt_at(value, i), model, bos, watch, &lists->ids[i],
                                     &lists->counts[i], &lists->texts[i], error);
        if (status) {
            pb_name_row(value, i, error);
            return status;
        }
    }
    return PB_OK;
}

/* What is run has to fit into the context; what is only cut into tokens has not. */
static pb_status check_context(const pb_value *value, const pb_model *model, bool bos,
                               const pb_token_lists *lists, pb_error **error)
{
    for (size_t i = 0; i < lists->count; i++) {
        bool text = pb_value_kind(prompt_at(value, i)) == PB_STRING;
        if (lists->counts[i] <= pb_model_shape(model)->n_positions)
            continue;
        pb_status status = too_long(model, lists->counts[i], bos && text, error);
        pb_name_row(value, i, error);
        return status;
    }
    return PB_OK;
}

static pb_status take_lists(pb_call *call, const char *name, bool runnable, pb_token_lists *lists,
                            pb_error **error)
{
    *lists = (pb_token_lists){0};
    const pb_value *value = NULL;
    pb_status status = pb_prompt_column(call, pb_argument_value(call, name), &value, error);
    if (!status)
        status = model_for(call, value, NULL, &lists->model, error);
    const pb_model *model = status ? NULL : pb_model_of(lists->model);
    bool bos = !status && wants_bos(call, lists->model);
    if (!status)
        status = take_tokens(value, model, bos, pb_call_watch(call), lists, error);
    if (!status && runnable)
        status = check_context(value, model, bos, lists, error);
    if (!status)
        note_dots(call->interp, value);
    if (status)
        pb_token_lists_free(lists);
    return pb_place_argument(call, name, status, error);
}

pb_status pb_token_lists_take(pb_call *call, const char *name, pb_token_lists *lists,
                              pb_error **error)
{
    return take_lists(call, name, false, lists, error);
}

pb_status pb_runnable_lists_take(pb_call *call, const char *name, pb_token_lists *lists,
                                 pb_error **error)
{
    return take_lists(call, name, true, lists, error);
}

void pb_token_lists_free(pb_token_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        if (lists->ids)
            free(lists->ids[i]);
        if (lists->texts)
            free(lists->texts[i]);
    }
    free(lists->ids);
    free(lists->counts);
    free(lists->texts);
    pb_value_release(&lists->model);
    *lists = (pb_token_lists){0};
}

/* ---- runs ---- */

/* The runs for prompts that are not runs already, in one batch; given runs are retained. */
static pb_status run_all(const pb_value *value, const pb_token_lists *lists, unsigned flags,
                         const pb_context *context, pb_prompts *prompts, pb_error **error)
{
    pb_prompt *fresh = pb_calloc(lists->count, sizeof *fresh);
    pb_run **made = pb_calloc(lists->count, sizeof *made);
    size_t *where = pb_calloc(lists->count, sizeof *where);
    size_t n = 0;
    pb_status status = fresh && made && where ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < lists->count && !status; i++) {
        pb_run *run = pb_run_of(prompt_at(value, i));
        bool reuse = run && pb_run_model(run) == prompts->engine &&
                     (!(flags & PB_PROMPTS_KEEP_QKV) || pb_run_cache(run) || pb_run_is_edited(run));
        if (reuse) {
            prompts->runs[i] = pb_run_retain(run);
        } else {
            fresh[n] = (pb_prompt){.tokens = lists->ids[i], .n = lists->counts[i]};
            where[n++] = i;
        }
    }
    pb_run_options options = {.keep_qkv = flags & PB_PROMPTS_KEEP_QKV};
    if (!status && n)
        status = pb_runs_create(prompts->engine, n, fresh, &options, context, made, error);
    for (size_t i = 0; i < n && !status; i++)
        prompts->runs[where[i]] = made[i];
    free(fresh);
    free(made);
    free(where);
    return status;
}

/* ---- edits ---- */

static pb_status join_edits(const pb_edits *edits, pb_prompts *prompts, pb_error **error)
{
    pb_buffer joined = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < edits->count; i++) {
        char *text = pb_edit_describe(edits->items[i]);
        pb_buffer_format(&joined, "%s%s", i ? "; " : "", text ? text : "...");
        free(text);
    }
    prompts->edits = pb_buffer_take(&joined);
    return prompts->edits ? PB_OK : pb_fail_memory(error);
}

/* Which edits the runs among the prompts were made with, in words. */
static pb_status given_edits(const pb_value *value, pb_prompts *prompts, pb_error **error)
{
    const char *found = NULL;
    bool same = true;
    for (size_t i = 0; i < prompts->count; i++) {
        const pb_value *item = prompt_at(value, i);
        const char *edits = pb_run_of(item) ? pb_run_edits_text(item) : NULL;
        same = same && (i == 0 || (found && edits ? strcmp(found, edits) == 0 : found == edits));
        found = found ? found : edits;
    }
    if (!found)
        return PB_OK;
    prompts->edits = strdup(same ? found : "some of the runs, each in its own way");
    return prompts->edits ? PB_OK : pb_fail_memory(error);
}

static pb_status run_edited(pb_call *call, const pb_edits *edits, const pb_context *context,
                            pb_prompts *prompts, pb_error **error)
{
    for (size_t i = 0; i < prompts->count; i++) {
        if (pb_run_is_edited(prompts->runs[i]))
            return pb_fail_argument(call, "edit", error, PB_VALUE,
                                    "a run that was made with edits cannot be edited again; give "
                                    "all edits together: run(prompt, edit=[...])");
    }
    pb_run **edited = pb_calloc(prompts->count, sizeof *edited);
    if (!edited)
        return pb_fail_memory(error);
    pb_status status = pb_place_argument(call, "edit",
                                         pb_run_edited(prompts->runs, prompts->count, edits->items,
                                                       edits->count, context, edited, error),
                                         error);
    for (size_t i = 0; i < prompts->count && !status; i++) {
        pb_run_release(&prompts->runs[i]);
        prompts->runs[i] = edited[i];
    }
    free(edited);
    return status ? status : join_edits(edits, prompts, error);
}

/* Replaces the plain runs by runs under the call's edits. */
static pb_status apply_edits(pb_call *call, const pb_context *context, pb_prompts *prompts,
                             pb_error **error)
{
    pb_edits edits = {0};
    pb_status status = pb_edits_take(call, "edit", prompts->model, &edits, error);
    if (!status && edits.count)
        status = run_edited(call, &edits, context, prompts, error);
    pb_edits_free(&edits);
    return status;
}

void pb_prompts_edits(const pb_prompts *prompts, pb_buffer *out)
{
    if (prompts->edits)
        pb_buffer_format(out, " Edited: %s.", prompts->edits);
}

/* ---- what prompts are called ---- */

char *pb_prompts_text(const pb_prompts *prompts, size_t which, const pb_select *at)
{
    const pb_run *run = prompts->runs[which];
    const pb_select *select = pb_select_for(at, which);
    size_t position;
    if (!pb_select_is_one(select) || pb_position_resolve(run, select, &position, NULL) ||
        position + 1 == pb_run_length(run))
        return strdup(prompts->texts[which]);
    return text_of_ids(pb_run_model(run), pb_run_tokens(run), position + 1);
}

pb_status pb_prompt_bytes(const pb_run *run, const char *called, pb_buffer *out, pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(run));
    const int32_t *ids = pb_run_tokens(run);
    size_t count = pb_run_length(run), length = 0;
    char *text = NULL;
    if (!strstr(called, "\\x00")) {
        pb_buffer_text(out, called);
        return PB_OK;
    }
    size_t skip = count > 1 && ids[0] == pb_tokenizer_start(tokenizer) ? 1 : 0;
    pb_status status =
        pb_tokenizer_decode(tokenizer, ids + skip, count - skip, &text, &length, error);
    pb_buffer_append(out, text ? text : "", length);
    free(text);
    return status;
}

char *pb_prompts_title(const pb_prompts *prompts, size_t which, const pb_select *at, size_t width)
{
    char *text = pb_prompts_text(prompts, which, at);
    char *title = text ? pb_prompt_title(text, width) : NULL;
    free(text);
    return title;
}

pb_status pb_prompts_take(pb_call *call, const char *name, unsigned flags, const pb_prompts *like,
                          pb_prompts *prompts, pb_error **error)
{
    *prompts = (pb_prompts){0};
    const pb_value *value = NULL;
    pb_token_lists lists = {0};
    pb_context context = pb_call_context(call);
    pb_status status = pb_interp_start(call->interp, error);
    if (!status)
        status = pb_prompt_column(call, pb_argument_value(call, name), &value, error);
    if (!status)
        status = model_for(call, value, like, &prompts->model, error);
    if (!status) {
        prompts->engine = pb_model_of(prompts->model);
        bool bos = wants_bos(call, prompts->model);
        status = take_tokens(value, prompts->engine, bos, context.watch, &lists, error);
        if (!status)
            status = check_context(value, prompts->engine, bos, &lists, error);
    }
    if (!status) {
        note_dots(call->interp, value);
        prompts->many = lists.many;
        prompts->count = lists.count;
        prompts->texts = lists.texts;
        lists.texts = NULL;
        prompts->runs = pb_calloc(lists.count, sizeof *prompts->runs);
        if (!prompts->runs)
            status = pb_fail_memory(error);
    }
    if (!status)
        status = run_all(value, &lists, flags, &context, prompts, error);
    if (!status && prompts->many)
        status = pb_axis_create("prompt", prompts->count, NULL, (const char *const *)prompts->texts,
                                &prompts->axis, error);
    if (!status)
        status = given_edits(value, prompts, error);
    status = pb_place_argument(call, name, status, error);
    if (!status && !(flags & PB_PROMPTS_IGNORE_EDIT))
        status = apply_edits(call, &context, prompts, error);
    pb_token_lists_free(&lists);
    if (status)
        pb_prompts_free(prompts);
    return status;
}

pb_status pb_prompts_join(const pb_prompts *prompts, pb_tensor **parts, const pb_watch *watch,
                          pb_status status, pb_tensor **joined, pb_error **error)
{
    if (!status && prompts->many)
        status = pb_tensor_stack_ragged(prompts->axis, (const pb_tensor *const *)parts, watch,
                                        joined, error);
    else if (!status)
        *joined = pb_tensor_retain(parts[0]);
    for (size_t i = 0; parts && i < prompts->count; i++)
        pb_tensor_release(&parts[i]);
    free(parts);
    return status;
}

void pb_prompts_free(pb_prompts *prompts)
{
    for (size_t i = 0; i < prompts->count; i++) {
        if (prompts->runs)
            pb_run_release(&prompts->runs[i]);
        if (prompts->texts)
            free(prompts->texts[i]);
    }
    free(prompts->runs);
    free(prompts->texts);
    free(prompts->edits);
    pb_axis_release(&prompts->axis);
    pb_value_release(&prompts->model);
    *prompts = (pb_prompts){0};
}
