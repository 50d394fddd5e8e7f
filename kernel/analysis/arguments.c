/* Arguments that several words take: targets, and the engine's context; and their results. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "base/visible.h"
#include "domain.h"
#include "session/cell.h"

/* ---- what many words take ---- */

const pb_parameter pb_model_group[] = {{.name = "model",
                                        .mode = PB_PARAMETER_KEYWORD,
                                        .what = "a model",
                                        .fallback = "None",
                                        .objects = {&pb_model_type}},
                                       {.name = NULL}};

const pb_parameter pb_prompt_group[] = {
    {.name = "edit",
     .mode = PB_PARAMETER_KEYWORD,
     .types = PB_TAKES_LIST,
     .what = "an edit or a list of edits",
     .fallback = "None",
     .objects = {&pb_edit_type}},
    {.name = "model",
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a model",
     .fallback = "None",
     .objects = {&pb_model_type}},
    {.name = "bos", .mode = PB_PARAMETER_KEYWORD, .types = PB_TAKES_BOOL, .fallback = "None"},
    {.name = NULL}};

/* ---- context ---- */

/* Scratch memory as a value, so that it can be kept between cells. */
static void scratch_destroy(void *data)
{
    pb_scratch *scratch = data;
    pb_scratch_destroy(&scratch);
}

static void scratch_repr(const pb_value *self, pb_buffer *out)
{
    (void)self;
    pb_buffer_text(out, "scratch");
}

static const pb_object_type scratch_type = {.name = "scratch",
                                            .article = "scratch memory",
                                            .summary = "The engine's work buffers.",
                                            .destroy = scratch_destroy,
                                            .repr = scratch_repr};

pb_context pb_call_context(pb_call *call)
{
    pb_context context = {.watch = pb_call_watch(call), .caller = call->interp};
    pb_value *kept = pb_interp_workspace(call->interp);
    if (!kept) {
        pb_scratch *scratch = pb_scratch_create();
        if (scratch && !pb_value_take_object(&scratch_type, scratch, &kept, NULL))
            pb_interp_give_workspace(call->interp, kept);
    }
    if (kept)
        context.scratch = pb_value_object(kept, &scratch_type);
    return context;
}

/* ---- rows ---- */

void pb_name_row(const pb_value *list, size_t which, pb_error **error)
{
    if (!error || pb_value_kind(list) != PB_LIST)
        return;
    pb_error_of_item(*error, which);
    if (pb_list_count(list) > 1)
        pb_error_precede(*error, "%s %zu: ", pb_list_is_column(list) ? "row" : "item", which);
}

/* ---- targets ---- */

pb_status pb_target_of(pb_model *model, const pb_value *value, int32_t *id, pb_error **error)
{
    size_t length;
    if (pb_value_kind(value) == PB_STRING) {
        const char *text = pb_value_get_text(value, &length);
        pb_status status =
            pb_tokenizer_need_one(pb_model_tokenizer(model), text, length, id, error);
        if (status == PB_VALUE && error && !pb_error_hint_text(*error))
            pb_error_hint(*error, "choose a word that is one token; tokens(\" word\") shows how "
                                  "text is cut");
        return status;
    }
    if (pb_value_kind(value) == PB_NUMBER && pb_value_is_integer(value)) {
        double number = pb_value_get_number(value);
        if (number < 0 || number >= (double)pb_model_shape(model)->n_vocab)
            return pb_fail(error, PB_RANGE,
                           "there is no token %.0f; the vocabulary has the tokens 0 to %zu", number,
                           pb_model_shape(model)->n_vocab - 1);
        *id = (int32_t)number;
        return PB_OK;
    }
    char text[96];
    return pb_fail(error, PB_TYPE, "a target is a word that is one token, or its number, not %s",
                   pb_value_describe(value, text, sizeof text));
}

static pb_status not_one_word(pb_error **error)
{
    pb_status status = pb_fail(error, PB_TYPE,
                               "any_of(...) is a target of metrics; here each word stands for "
                               "itself, since what is computed is linear in one logit");
    if (error)
        pb_error_hint(*error, "give one word, or take the words one by one: "
                              "[... for w in words]");
    return status;
}

/* Appends a word, unless it is there since `first`: in a set each word counts once. */
static pb_status add_word(pb_model *model, const pb_value *word, size_t first, size_t *n,
                          int32_t *ids, pb_error **error)
{
    pb_status status = pb_target_of(model, word, &ids[*n], error);
    for (size_t i = first; i < *n && !status; i++)
        if (ids[i] == ids[*n])
            return PB_OK;
    *n += !status;
    return status;
}

static pb_status add_target(pb_model *model, const pb_value *item, bool sets, size_t which,
                            size_t *n, pb_targets *targets, pb_error **error)
{
    const pb_value *words = pb_any_of_words(item);
    size_t first = *n;
    if (words && !sets)
        return not_one_word(error);
    pb_status status = words ? PB_OK : add_word(model, item, first, n, targets->ids, error);
    for (size_t i = 0; words && i < pb_list_count(words) && !status; i++) {
        status = add_word(model, pb_list_item(words, i), first, n, targets->ids, error);
        if (status)
            pb_name_row(words, i, error);
    }
    if (targets->ends)
        targets->ends[which] = *n;
    return status;
}

static pb_status read_targets(pb_model *model, const pb_value *value, bool sets,
                              pb_targets *targets, pb_error **error)
{
    *targets = (pb_targets){0};
    targets->many = pb_value_kind(value) == PB_LIST;
    targets->count = targets->many ? pb_list_count(value) : 1;
    if (targets->count == 0)
        return pb_fail(error, PB_VALUE, "the list of words is empty");
    size_t most = 0, n = 0;
    bool any = false;
    for (size_t i = 0; i < targets->count; i++) {
        const pb_value *words = pb_any_of_words(targets->many ? pb_list_item(value, i) : value);
        most += words ? pb_list_count(words) : 1;
        any = any || words;
    }
    targets->ids = pb_malloc(most, sizeof *targets->ids);
    targets->ends = any ? pb_calloc(targets->count, sizeof *targets->ends) : NULL;
    pb_status status = targets->ids && (!any || targets->ends) ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < targets->count && !status; i++) {
        status = add_target(model, targets->many ? pb_list_item(value, i) : value, sets, i, &n,
                            targets, error);
        if (status)
            pb_name_row(value, i, error);
    }
    if (status)
        pb_targets_free(targets);
    return status;
}

pb_status pb_targets_of(pb_model *model, const pb_value *value, pb_targets *targets,
                        pb_error **error)
{
    return read_targets(model, value, false, targets, error);
}

pb_status pb_word_sets_of(pb_model *model, const pb_value *value, pb_targets *targets,
                          pb_error **error)
{
    return read_targets(model, value, true, targets, error);
}

static void append_written(const pb_call *call, const pb_argument *argument, pb_buffer *out)
{
    pb_buffer_append(out, pb_source_text(call->source) + argument->span.start,
                     argument->span.end - argument->span.start);
}

/* Several words with spaces between them: no token, but a prompt. */
static bool is_sentence(const pb_value *value)
{
    size_t length, gaps = 0;
    if (pb_value_kind(value) != PB_STRING)
        return false;
    const char *text = pb_value_get_text(value, &length);
    for (size_t i = 1; i < length; i++)
        gaps += text[i] == ' ' && text[i - 1] != ' ';
    return gaps >= 2;
}

/* The hint for logit(" great", love), whose prompt and word are the wrong way round: the line with
 * both in their places. */
static void hint_swapped(const pb_call *call, pb_model *model, const pb_argument *word,
                         pb_error *error)
{
    const pb_argument *prompt = &call->arguments[0];
    int32_t id;
    if (!error || !call->source || !prompt->given || !word->given || !is_sentence(word->value) ||
        pb_target_of(model, prompt->value, &id, NULL))
        return;
    pb_buffer line = PB_BUFFER_EMPTY;
    append_written(call, word, &line);
    const pb_parameter *parameter;
    for (size_t i = 0; (parameter = pb_builtin_parameter(call->row, i)); i++) {
        const pb_argument *other = &call->arguments[i];
        if (!other->given || other == word || parameter->mode != PB_PARAMETER_NORMAL)
            continue;
        pb_buffer_text(&line, ", ");
        append_written(call, other, &line);
    }
    if (line.data && !line.failed)
        pb_error_hint(error, "the prompt comes first: %s(%s)", call->row->name, line.data);
    pb_buffer_free(&line);
}

static pb_status wrong_count(size_t n_prompts, size_t n_targets, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_VALUE,
                "there %s %zu prompt%s and %zu words; give one word for all prompts, or one for "
                "each",
                n_prompts == 1 ? "is" : "are", n_prompts, n_prompts == 1 ? "" : "s", n_targets);
    if (error && n_prompts == 1)
        pb_error_hint(*error, "logits(prompt, [...]) crosses prompts with words; a comprehension "
                              "takes them one by one: [... for w in words]");
    return status;
}

static pb_status take_targets(pb_call *call, const char *name, pb_model *model, size_t n_prompts,
                              bool sets, pb_targets *targets, pb_error **error)
{
    pb_value *value = pb_argument_value(call, name);
    pb_status status = read_targets(model, value, sets, targets, error);
    if (status == PB_VALUE && error)
        hint_swapped(call, model, pb_argument_of(call, name), *error);
    if (!status && n_prompts && targets->count != 1 && targets->count != n_prompts) {
        status = wrong_count(n_prompts, targets->count, error);
        pb_targets_free(targets);
    }
    if (!status)
        pb_note_missing_space(call->interp, model, value);
    return pb_place_argument(call, name, status, error);
}

pb_status pb_targets_take(pb_call *call, const char *name, pb_model *model, size_t n_prompts,
                          pb_targets *targets, pb_error **error)
{
    return take_targets(call, name, model, n_prompts, false, targets, error);
}

pb_status pb_word_sets_take(pb_call *call, const char *name, pb_model *model, size_t n_prompts,
                            pb_targets *targets, pb_error **error)
{
    return take_targets(call, name, model, n_prompts, true, targets, error);
}

void pb_targets_free(pb_targets *targets)
{
    free(targets->ids);
    free(targets->ends);
    *targets = (pb_targets){0};
}

/* Notes that "great" without a space in front, though it is a token, hardly ever follows a word. */
static void note_one(pb_interp *interp, pb_model *model, const pb_value *target)
{
    size_t length;
    if (pb_value_kind(target) != PB_STRING)
        return;
    const char *text = pb_value_get_text(target, &length);
    bool letter =
        length > 1 && ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
    char spaced[64];
    if (!letter || length + 2 > sizeof spaced)
        return;
    spaced[0] = ' ';
    memcpy(spaced + 1, text, length);
    if (pb_tokenizer_find(pb_model_tokenizer(model), spaced, length + 1) == PB_NO_TOKEN)
        return;
    char note[256];
    int n = snprintf(note, sizeof note,
                     "note: \"%.*s\" and \" %.*s\" are two tokens; after a word the model says the "
                     "one with the space\n",
                     (int)length, text, (int)length, text);
    pb_interp_text(interp, 2, note, (size_t)n);
}

void pb_note_missing_space(pb_interp *interp, pb_model *model, const pb_value *target)
{
    if (pb_value_kind(target) != PB_LIST) {
        note_one(interp, model, target);
        return;
    }
    for (size_t i = 0; i < pb_list_count(target); i++)
        note_one(interp, model, pb_list_item(target, i));
}

/* ---- results ---- */

pb_status pb_result_tensor(pb_tensor **tensor, pb_value *model, const pb_look *look,
                           const char *units, const char *caption, size_t n_fields,
                           const pb_field *fields, pb_value **result, pb_error **error)
{
    pb_meta meta = {.model = model,
                    .look = look,
                    .units = units,
                    .caption = caption,
                    .n_fields = n_fields,
                    .fields = fields};
    return pb_value_take_tensor(tensor, &meta, result, error);
}

pb_status pb_result_captioned(pb_tensor **tensor, pb_value *model, const pb_look *look,
                              const char *units, pb_buffer *caption, size_t n_fields,
                              const pb_field *fields, pb_value **result, pb_error **error)
{
    char *text = pb_buffer_take(caption);
    pb_status status;
    if (text) {
        status =
            pb_result_tensor(tensor, model, look, units, text, n_fields, fields, result, error);
    } else {
        pb_tensor_release(tensor);
        status = pb_fail_memory(error);
    }
    free(text);
    return status;
}

pb_status pb_drop_single_axis(pb_tensor **tensor, const char *axis, bool drop, pb_error **error)
{
    if (!drop)
        return PB_OK;
    size_t which;
    pb_tensor *smaller = NULL;
    pb_status status = pb_tensor_need_axis(*tensor, axis, &which, error);
    if (!status) {
        pb_select first = {.kind = PB_SELECT_INDEX,
                           .index = pb_axis_coordinate(pb_tensor_axis(*tensor, which), 0)};
        status = pb_tensor_select(*tensor, 1, &axis, &first, NULL, &smaller, error);
    }
    pb_tensor_release(tensor);
    *tensor = smaller;
    return status;
}

char *pb_token_text(const pb_model *model, int32_t id)
{
    const char *label = pb_tokenizer_label(pb_model_tokenizer(model), id);
    pb_buffer text = PB_BUFFER_EMPTY;
    if (!label)
        return NULL;
    pb_visible_text(&text, label, strlen(label));
    return pb_buffer_take(&text);
}

pb_status pb_tensor_field(pb_tensor *tensor, pb_value *model, const char *units, pb_value **result,
                          pb_error **error)
{
    pb_tensor *shared = pb_tensor_retain(tensor);
    return pb_result_tensor(&shared, model, NULL, units, NULL, 0, NULL, result, error);
}
