/* Edits as values: zero, set, add, scale, project, ablate_mean, resample, except_heads. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "words.h"

/* ---- the object ---- */

typedef struct edit_data {
    pb_edit *edit;
    pb_value *model;
} edit_data;

static void edit_destroy(void *data)
{
    edit_data *edit = data;
    if (!edit)
        return;
    pb_edit_release(&edit->edit);
    pb_value_release(&edit->model);
    free(edit);
}

static void edit_repr(const pb_value *self, pb_buffer *out)
{
    const edit_data *edit = pb_value_object(self, &pb_edit_type);
    char *text = pb_edit_describe(edit->edit);
    pb_buffer_text(out, "edit: ");
    pb_buffer_text(out, text ? text : "...");
    free(text);
}

const pb_object_type pb_edit_type = {
    .name = "edit",
    .article = "an edit",
    .summary = "A change to a forward pass, for edit=: zero(\"z\", layer=8, head=6), ...",
    .destroy = edit_destroy,
    .repr = edit_repr};

/* Takes *edit. */
static pb_status edit_value(pb_edit **edit, pb_value *model, pb_value **result, pb_error **error)
{
    edit_data *data = pb_calloc(1, sizeof *data);
    if (!data) {
        pb_edit_release(edit);
        return pb_fail_memory(error);
    }
    *data = (edit_data){*edit, pb_value_retain(model)};
    *edit = NULL;
    return pb_value_take_object(&pb_edit_type, data, result, error);
}

/* ---- edits as an argument ---- */

static pb_status add_edit(const pb_value *item, const pb_value *model, pb_edits *edits,
                          pb_error **error)
{
    const edit_data *edit = pb_value_object(item, &pb_edit_type);
    char text[96];
    if (!edit)
        return pb_fail(error, PB_TYPE, "edit= takes an edit or a list of edits, not %s",
                       pb_value_describe(item, text, sizeof text));
    if (pb_model_of(edit->model) != pb_model_of(model))
        return pb_fail(error, PB_VALUE, "this edit was made for %s, and the prompt runs on %s",
                       pb_model_value_name(edit->model), pb_model_value_name(model));
    edits->items[edits->count++] = edit->edit;
    return PB_OK;
}

pb_status pb_edits_take(pb_call *call, const char *name, const pb_value *model, pb_edits *edits,
                        pb_error **error)
{
    *edits = (pb_edits){0};
    const pb_value *value = pb_argument_value(call, name);
    if (!value || pb_value_is_none(value))
        return PB_OK;
    bool many = pb_value_kind(value) == PB_LIST;
    size_t count = many ? pb_list_count(value) : 1;
    edits->items = pb_calloc(count, sizeof *edits->items);
    if (!edits->items)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t i = 0; i < count && !status; i++)
        status = add_edit(many ? pb_list_item(value, i) : value, model, edits, error);
    if (status)
        pb_edits_free(edits);
    return pb_place_argument(call, name, status, error);
}

void pb_edits_free(pb_edits *edits)
{
    free(edits->items);
    *edits = (pb_edits){0};
}

/* ---- where an edit applies ---- */

typedef struct edit_places {
    pb_value *model;
    pb_select *layers, *heads, *positions, *keys, *neurons;
    pb_head *pairs;
    pb_edit_call call;
    pb_value *directions; /* of a space: a list of tensors */
    const pb_tensor **tensors;
    pb_edit_spec spec;
} edit_places;

static void places_free(edit_places *at)
{
    pb_select_destroy(&at->layers);
    pb_select_destroy(&at->heads);
    pb_select_destroy(&at->positions);
    pb_select_destroy(&at->keys);
    pb_select_destroy(&at->neurons);
    free(at->pairs);
    free(at->tensors);
    if (at->call.release)
        at->call.release(at->call.user);
    pb_value_release(&at->directions);
    pb_value_release(&at->model);
}

static pb_status no_each(pb_call *call, const char *name, const pb_select *places, pb_error **error)
{
    if (!pb_select_walks(places))
        return PB_OK;
    return pb_fail_argument(call, name, error, PB_VALUE,
                            "an edit takes its places together; each is for sweeps. Write %s=all, "
                            "or name the places",
                            name);
}

/* Places that the site does not have. */
static pb_status refuse_places(pb_call *call, const edit_places *at, pb_error **error)
{
    const pb_site_argument given[] = {
        {"layer", at->layers != NULL, PB_ALONG_LAYERS},
        {"head", at->heads != NULL, PB_ALONG_HEADS},
        {"heads", at->pairs != NULL, PB_ALONG_HEADS},
        {"query", pb_given(call, "query"), PB_ALONG_QUERIES},
        {"key", at->keys != NULL, PB_ALONG_KEYS},
        {"neuron", at->neurons != NULL, PB_ALONG_FEATURES},
    };
    pb_status status = pb_site_arguments_check(call, pb_model_of(at->model), at->spec.site, given,
                                               sizeof given / sizeof *given, error);
    return status ? status : pb_kv_heads_check(call, at->spec.site, error);
}

static pb_status take_places(pb_call *call, edit_places *at, pb_error **error)
{
    struct {
        const char *name, *other, *axis;
        pb_select **places;
    } wanted[] = {{"layer", NULL, "layer", &at->layers},
                  {"head", "kv_head", "head", &at->heads},
                  {"pos", "query", "pos", &at->positions},
                  {"key", NULL, "key", &at->keys},
                  {"neuron", NULL, "d_mlp", &at->neurons}};
    pb_status status = PB_OK;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted && !status; i++) {
        status = wanted[i].other ? pb_either_take(call, wanted[i].name, wanted[i].other,
                                                  wanted[i].axis, wanted[i].places, error)
                                 : pb_places_take(call, wanted[i].name, wanted[i].axis,
                                                  wanted[i].places, error);
        if (!status)
            status = no_each(call, wanted[i].name, *wanted[i].places, error);
    }
    if (!status)
        status = refuse_places(call, at, error);
    at->spec.layers = pb_places_chosen(at->layers);
    at->spec.heads = pb_places_chosen(at->heads);
    at->spec.positions = pb_places_chosen(at->positions);
    at->spec.keys = pb_places_chosen(at->keys);
    at->spec.neurons = pb_places_chosen(at->neurons);
    return status;
}

/* Reads model, site and places, which all edit words share. */
static pb_status begin_edit(pb_call *call, edit_places *at, pb_error **error)
{
    *at = (edit_places){0};
    at->spec.word = call->row->name;
    pb_status status = pb_call_model(call, &at->model, error);
    if (!status)
        status = pb_head_set_take(call, "heads", pb_model_of(at->model), &at->pairs,
                                  &at->spec.n_pairs, error);
    at->spec.pairs = at->pairs;
    at->spec.site = PB_SITE_Z;
    if (!status && !pb_argument_is_none(call, "site"))
        status = pb_site_take(call, "site", &at->spec.site, error);
    else if (!status && !at->pairs)
        status = pb_fail_argument(
            call, NULL, error, PB_TYPE,
            "%s() needs a site, such as \"z\" or \"mlp_out\", or heads=", call->row->name);
    if (!status)
        status = take_places(call, at, error);
    if (!status && pb_site_has(at->spec.site, PB_ALONG_LAYERS) && !at->layers && !at->pairs) {
        status = pb_fail_argument(call, NULL, error, PB_TYPE, "%s() needs to be told the layer",
                                  call->row->name);
        if (error)
            pb_error_hint(*error, "write layer=3, layer=[3, 4], or layer=all for every layer");
    }
    if (!status && at->pairs && (at->layers || at->heads))
        status = pb_fail_argument(call, "heads", error, PB_TYPE,
                                  "give heads=[\"L9H6\"] or layer= and head=, not both");
    return status;
}

/* `value` names the argument that the edit writes, which is what can still be wrong with it. */
static pb_status finish_edit(pb_call *call, const char *value, edit_places *at, pb_status status,
                             pb_value **result, pb_error **error)
{
    pb_edit *edit = NULL;
    if (!status)
        status = pb_place_argument(call, at->neurons ? "neuron" : value,
                                   pb_edit_create(pb_model_of(at->model), &at->spec, &edit, error),
                                   error);
    if (!status)
        status = edit_value(&edit, at->model, result, error);
    places_free(at);
    return status;
}

/* ---- the words ---- */

static pb_status take_function(pb_call *call, const pb_value *function, edit_places *at,
                               pb_error **error)
{
    if (at->spec.op != PB_EDIT_SET)
        return pb_fail_argument(call, NULL, error, PB_TYPE,
                                "a function is what set(..., to=...) takes");
    at->spec.op = PB_EDIT_CALL;
    at->spec.call = &at->call;
    return pb_edit_function_create((pb_value *)function, at->model, &at->call, error);
}

/* A number, a tensor, what a function makes of what is there, or an activation of other runs, as
 * what an edit writes. */
static pb_status take_written(pb_call *call, const char *name, edit_places *at, pb_prompts *from,
                              pb_error **error)
{
    const pb_value *value = pb_argument_value(call, name);
    switch (pb_value_kind(value)) {
    case PB_NUMBER:
    case PB_BOOL: at->spec.number = pb_value_get_number(value); return PB_OK;
    case PB_TENSOR: at->spec.value = pb_value_get_tensor(value); return PB_OK;
    default: break;
    }
    if (pb_value_is_callable(value) && !pb_run_of(value))
        return take_function(call, value, at, error);
    pb_prompts like = {.model = at->model};
    pb_status status = pb_prompts_take(call, name, PB_PROMPTS_IGNORE_EDIT, &like, from, error);
    at->spec.from = from->runs;
    at->spec.n_from = from->count;
    return status;
}

static pb_status edit_with(pb_call *call, pb_edit_op op, const char *value, pb_value **result,
                           pb_error **error)
{
    edit_places at;
    pb_prompts from = {0};
    pb_status status = begin_edit(call, &at, error);
    at.spec.op = op;
    if (!status && value)
        status = take_written(call, value, &at, &from, error);
    status = finish_edit(call, value, &at, status, result, error);
    pb_prompts_free(&from);
    return status;
}

static pb_status call_zero(pb_call *call, pb_value **result, pb_error **error)
{
    return edit_with(call, PB_EDIT_SET, NULL, result, error);
}

static pb_status call_set(pb_call *call, pb_value **result, pb_error **error)
{
    return edit_with(call, PB_EDIT_SET, "to", result, error);
}

static pb_status call_resample(pb_call *call, pb_value **result, pb_error **error)
{
    return edit_with(call, PB_EDIT_SET, "from", result, error);
}

static pb_status call_add(pb_call *call, pb_value **result, pb_error **error)
{
    return edit_with(call, PB_EDIT_ADD, "value", result, error);
}

static pb_status call_scale(pb_call *call, pb_value **result, pb_error **error)
{
    return edit_with(call, PB_EDIT_SCALE, "by", result, error);
}

static bool site_has_axis(const edit_places *at, const char *axis)
{
    const char *names[3];
    size_t n = pb_site_axes(pb_model_of(at->model), at->spec.site, names);
    bool has = strcmp(axis, "layer") == 0 || strcmp(axis, "prompt") == 0;
    for (size_t i = 0; i < n; i++)
        has = has || strcmp(axis, names[i]) == 0;
    return has;
}

/* The axis of a tensor of several directions that goes over them: the one the site has not. Its
 * rank where there is none. */
static size_t axis_of_directions(const pb_tensor *tensor, const edit_places *at)
{
    const char *last = pb_site_last_axis(at->spec.site);
    size_t which = 0, rank = pb_tensor_rank(tensor);
    while (which < rank && last && strcmp(pb_axis_name(pb_tensor_axis(tensor, which)), last) == 0)
        which++;
    return rank == 2 && which < rank &&
                   !site_has_axis(at, pb_axis_name(pb_tensor_axis(tensor, which)))
               ? which
               : rank;
}

/* A tensor [component, d_model] as the list of its rows. */
static pb_status list_directions(pb_call *call, const pb_value *value, size_t which,
                                 edit_places *at, pb_error **error)
{
    const pb_axis *axis = pb_tensor_axis(pb_value_get_tensor(value), which);
    pb_list_builder list = {0};
    for (size_t i = 0; i < pb_axis_length(axis) && !list.status; i++) {
        pb_value *place = NULL, *row = NULL;
        list.status = pb_value_integer(pb_axis_coordinate(axis, i), &place, &list.error);
        const pb_index_entry entry = {.name = pb_axis_name(axis), .value = place};
        if (!list.status)
            list.status = pb_interp_index(call->interp, value, 1, &entry, &row, &list.error);
        pb_value_release(&place);
        pb_list_take(&list, row);
    }
    return pb_list_finish(&list, false, &at->directions, error);
}

/* out=[d1, d2] or out=pca(...).directions: the space that several directions span. */
static pb_status take_directions(pb_call *call, edit_places *at, pb_error **error)
{
    const pb_value *out = pb_argument_value(call, "out");
    const pb_tensor *tensor = pb_value_get_tensor(out);
    size_t which = tensor ? axis_of_directions(tensor, at) : 0;
    pb_status status = PB_OK;
    if (tensor && which == pb_tensor_rank(tensor)) {
        at->spec.value = tensor;
        return PB_OK;
    }
    if (tensor)
        status = list_directions(call, out, which, at, error);
    else
        at->directions = pb_value_retain((pb_value *)out);
    size_t n = status ? 0 : pb_list_count(at->directions);
    if (!status && n == 0)
        status = pb_fail_argument(call, "out", error, PB_VALUE, "the list of directions is empty");
    at->tensors = pb_calloc(n, sizeof *at->tensors);
    if (!status && !at->tensors)
        status = pb_fail_memory(error);
    for (size_t i = 0; i < n && !status; i++) {
        char text[96];
        const pb_value *item = pb_list_item(at->directions, i);
        at->tensors[i] = pb_value_get_tensor(item);
        if (!at->tensors[i])
            status = pb_fail_argument(call, "out", error, PB_TYPE, "directions are tensors, not %s",
                                      pb_value_describe(item, text, sizeof text));
    }
    at->spec.directions = at->tensors;
    at->spec.n_directions = n;
    return status;
}

static pb_status call_project(pb_call *call, pb_value **result, pb_error **error)
{
    edit_places at;
    pb_status status = begin_edit(call, &at, error);
    at.spec.op = PB_EDIT_PROJECT;
    if (!status)
        status = take_directions(call, &at, error);
    return finish_edit(call, "out", &at, status, result, error);
}

static pb_status call_ablate_mean(pb_call *call, pb_value **result, pb_error **error)
{
    edit_places at;
    pb_prompts over = {0};
    pb_edit *edit = NULL;
    pb_context context = pb_call_context(call);
    pb_status status = begin_edit(call, &at, error);
    pb_prompts like = {.model = at.model};
    if (!status)
        status = pb_prompts_take(call, "over", PB_PROMPTS_IGNORE_EDIT, &like, &over, error);
    if (!status)
        status = pb_place_argument(
            call, "over",
            pb_edit_mean(pb_model_of(at.model), &at.spec, over.runs, over.count,
                         strcmp(pb_argument_text(call, "by"), "pos") == 0, &context, &edit, error),
            error);
    if (!status)
        status = edit_value(&edit, at.model, result, error);
    places_free(&at);
    pb_prompts_free(&over);
    return status;
}

static pb_status call_except_heads(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *model = NULL;
    pb_head *heads = NULL, *others = NULL;
    size_t n = 0, n_others = 0;
    pb_list_builder list = {0};
    list.status = pb_call_model(call, &model, &list.error);
    if (!list.status)
        list.status = pb_head_set_take(call, "heads", pb_model_of(model), &heads, &n, &list.error);
    if (!list.status)
        list.status =
            pb_heads_except(pb_model_of(model), heads, n, &others, &n_others, &list.error);
    for (size_t i = 0; i < n_others; i++) {
        char name[48];
        snprintf(name, sizeof name, "L%zuH%zu", others[i].layer, others[i].head);
        pb_list_take_text(&list, name);
    }
    free(heads);
    free(others);
    pb_value_release(&model);
    return pb_list_finish(&list, false, result, error);
}

#define PLACES_DOC                                                                                 \
    "The layer has to be named (`layer=all` for every one) unless `heads=` names heads; head, "    \
    "pos (or query), key and neuron are all of them unless told. Positions left open are edited "  \
    "in generated tokens too."

/* Where an edit is. */
static const pb_parameter places_group[] = {
    {.name = "layer",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "head",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "pos",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "query",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "key",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "kv_head",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "neuron",
     .types =
         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR | PB_TAKES_TENSOR,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "a place, a list, a slice or all",
     .fallback = "None"},
    {.name = "heads",
     .types = PB_TAKES_STRING | PB_TAKES_LIST,
     .mode = PB_PARAMETER_KEYWORD,
     .what = "heads such as \"L9H6\"",
     .fallback = "None",
     .objects = {&pb_ranking_type}},
    {.name = NULL}};

const pb_builtin pb_builtins_edit[] = {
    {.name = "zero",
     .category = "Edits",
     .summary = "Sets an activation to zero.",
     .doc = "What a row of `pattern` loses is not given to its other keys: it sums to less than 1 "
            "then. `set(\"attn_scores\", to=-inf)` knocks attention out before the softmax, which "
            "makes the others sum to 1 again.\n\n" PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "logit(\"I love this movie because it is\", \" great\", "
                "edit=zero(\"mlp_out\", layer=0)) < 15",
     .expected = "True",
     .needs_model = true,
     .see = "ablate_mean set patch",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites}},
     .also = {places_group, pb_model_group},
     .function = call_zero},
    {.name = "set",
     .category = "Edits",
     .summary = "Sets an activation to a number, a tensor, what it is in another run, or what a "
                "function makes of it.",
     .doc = "A tensor may have an axis `prompt`, with a value for each prompt. A function, "
            "`to=lambda x: x * 0.5`, is given what one prompt has at one layer over the chosen "
            "places, at all positions so far; while text is generated the new position's part of "
            "what it gives is used. `set(\"attn_scores\", to=-inf)` knocks attention out and "
            "renormalises the rest of the row; `zero(\"pattern\")` does not.\n\n" PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "set(\"resid_post\", layer=5, pos=\" love\", to=run(\"I hate it\"))",
     .expected = "edit: set resid_post at L5, position \" love\"",
     .needs_model = true,
     .see = "resample patch",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "to",
                     .types = PB_TAKES_NUMBER | PB_TAKES_TENSOR | PB_TAKES_STRING | PB_TAKES_LIST |
                              PB_TAKES_TABLE | PB_TAKES_FUNCTION,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a number, a tensor, a run, or a function of what is there",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}}},
     .also = {places_group, pb_model_group},
     .function = call_set},
    {.name = "resample",
     .category = "Edits",
     .summary = "Takes an activation from another prompt.",
     .doc = PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "resample(\"z\", layer=2, head=3, from=\"I hate this movie\")",
     .expected = "edit: resample z at L2H3, all positions",
     .needs_model = true,
     .see = "set patch",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "from",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a prompt or a run",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}}},
     .also = {places_group, pb_model_group},
     .function = call_resample},
    {.name = "add",
     .category = "Edits",
     .summary = "Adds to an activation: steering.",
     .doc = "A value with an axis `prompt` has a vector for each prompt.\n\n" PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "add(\"resid_post\", layer=3, value=0.5)",
     .expected = "edit: add resid_post at L3, all positions",
     .needs_model = true,
     .see = "scale project",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "value",
                     .types = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a number or a tensor"}},
     .also = {places_group, pb_model_group},
     .function = call_add},
    {.name = "scale",
     .category = "Edits",
     .summary = "Multiplies an activation.",
     .doc = PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "scale(\"attn_out\", layer=2, by=0.5)",
     .expected = "edit: scale attn_out at L2, all positions",
     .needs_model = true,
     .see = "zero add",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "by",
                     .types = PB_TAKES_NUMBER | PB_TAKES_TENSOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a number or a tensor"}},
     .also = {places_group, pb_model_group},
     .function = call_scale},
    {.name = "project",
     .category = "Edits",
     .summary = "Takes a direction, or the space of several, out of an activation.",
     .doc = "`x - (x . d / d . d) d`, over the site's last axis. Of several directions, "
            "`out=[d1, d2]` or a tensor [component, d_model], everything that lies in the space "
            "they span.\n\n" PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "project(\"resid_post\", layer=3, out=model.W_U[token=\" great\"])",
     .expected = "edit: project resid_post at L3, all positions",
     .needs_model = true,
     .see = "add zero",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "out",
                     .types = PB_TAKES_TENSOR | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a direction, a tensor, or a list of directions"}},
     .also = {places_group, pb_model_group},
     .function = call_project},
    {.name = "ablate_mean",
     .category = "Edits",
     .summary = "Sets an activation to its mean over prompts.",
     .doc =
         "`by=\"pos\"` takes the mean at every position by itself, and wants prompts of one "
         "length; `by=\"all\"` averages all positions but the start token, and puts the mean in "
         "those places: a prompt's start token keeps its own activation, which no other "
         "resembles, unless `pos=` names it. `attn_scores` and `pattern`, whose keys are positions "
         "too, want `by=\"pos\"`.\n\n" PLACES_DOC,
     .result = "an edit",
     .gives_object = &pb_edit_type,
     .example = "ablate_mean(\"mlp_out\", layer=3, over=[\"I love it\", \"I hate it\"])",
     .expected = "edit: ablate_mean mlp_out at L3, all positions",
     .needs_model = true,
     .see = "zero resample",
     .parameters = {{.name = "site",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .fallback = "None",
                     .suggest = pb_suggest_sites},
                    {.name = "over",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "prompts",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"pos\"",
                     .choices = "pos all"}},
     .also = {places_group, pb_model_group},
     .function = call_ablate_mean},
    {.name = "except_heads",
     .category = "Edits",
     .summary = "Every head of the model but these, for heads=.",
     .doc = "`except_heads([])` is every head, and of every head there is none: the two ends of a "
            "curve. An edit of no heads changes nothing.",
     .result = "a list of heads",
     .example = "len(except_heads([\"L5H5\"]))",
     .expected = "35",
     .needs_model = true,
     .see = "zero",
     .parameters = {{.name = "heads",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .what = "heads such as \"L9H6\"",
                     .objects = {&pb_ranking_type}}},
     .also = {pb_model_group},
     .function = call_except_heads},
    {0}};
