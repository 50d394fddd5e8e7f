/* attribute(): how much of a logit each component, head or neuron wrote. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "display/table.h"
#include "domain.h"
#include "ranking.h"
#include "show/values.h"
#include "show/views.h"
#include "study/attribute.h"
#include "words.h"

/* ---- how an attribution shows ---- */

static bool is_by_neuron(const pb_value *attribution)
{
    return pb_tensor_find_axis(pb_value_get_tensor(attribution), "d_mlp") >= 0;
}

/* What the check says, as a sentence; empty where it is not about one number. */
static void check_sentence(const pb_value *self, char *out, size_t size)
{
    const pb_meta *meta = pb_value_meta(self);
    const pb_value *check = pb_meta_field(meta, "check"), *rest = pb_meta_field(meta, "rest");
    const char *parts = "The parts";
    /* for a mean or a difference of attributions the check is about that of their logits */
    bool own = meta->caption && strncmp(meta->caption, "What each ", 10) == 0 &&
               !strstr(meta->caption, "; ");
    char units[80];
    out[0] = '\0';
    if (!check || pb_value_kind(check) != PB_RECORD)
        return;
    const pb_value *sum = pb_record_find(check, "sum"), *logit = pb_record_find(check, "logit");
    const pb_value *difference = pb_record_find(check, "difference");
    if (!sum || !logit || !difference || pb_value_kind(sum) != PB_NUMBER)
        return;
    if (rest && pb_value_kind(rest) == PB_NUMBER) {
        const char *unit = is_by_neuron(self) ? "neuron" : "head";
        snprintf(units, sizeof units, "The %ss, what no %s wrote (.rest, %.4f)", unit, unit,
                 pb_value_get_number(rest));
        parts = units;
    }
    if (meta->units && strcmp(meta->units, "product") == 0)
        snprintf(out, size, "%s sum to %.4f; the product%s %.4f (difference %.1e).", parts,
                 pb_value_get_number(sum), own ? " is" : "s come to", pb_value_get_number(logit),
                 pb_value_get_number(difference));
    else if (meta->units && strcmp(meta->units, "logits") != 0)
        snprintf(out, size,
                 "%s and the bias sum to %.4f; without the scale that is not the logit, "
                 "%.4f.",
                 parts, pb_value_get_number(sum), pb_value_get_number(logit));
    else
        snprintf(out, size, "%s and the bias sum to %.4f; the logit%s %.4f (difference %.1e).",
                 parts, pb_value_get_number(sum), own ? " is" : "s come to",
                 pb_value_get_number(logit), pb_value_get_number(difference));
}

/* A row for each component; plain dot products have the scaled contribution beside them. */
static pb_status component_table(const pb_value *self, const pb_words *words, pb_bundle **bundle,
                                 pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    const pb_meta *meta = pb_value_meta(self);
    const pb_tensor *scaled = pb_value_get_tensor(pb_meta_field(meta, "scaled"));
    double *values = pb_doubles_of(tensor), *beside = scaled ? pb_doubles_of(scaled) : NULL;
    pb_status status = values && (beside || !scaled) ? PB_OK : pb_fail_memory(error);
    if (!status) {
        pb_column columns[] = {{.name = scaled ? "plain" : "contribution",
                                .unit = meta->units,
                                .kind = PB_COLUMN_NUMBER,
                                .numbers = values,
                                .format = {.sign = true},
                                .shade = PB_SHADE_DIVERGING},
                               {.name = "scaled",
                                .unit = "logits",
                                .kind = PB_COLUMN_NUMBER,
                                .numbers = beside,
                                .format = {.sign = true},
                                .shade = PB_SHADE_DIVERGING}};
        status =
            pb_table_of(pb_tensor_axis(tensor, 0), columns, scaled ? 2 : 1, words, bundle, error);
    }
    free(values);
    free(beside);
    return status;
}

static pb_status attribution_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                                  pb_error **error)
{
    const pb_meta *meta = pb_value_meta(self);
    char note[320];
    check_sentence(self, note, sizeof note);
    if (is_by_neuron(self)) /* tens of thousands: a map of them says nothing */
        return pb_show_largest(interp, self, 10, note[0] ? note : NULL, bundle, error);
    const char *notes[] = {note};
    pb_words words = {.caption = meta->caption, .notes = notes, .n_notes = note[0] ? 1 : 0};
    if (pb_tensor_rank(pb_value_get_tensor(self)) != 1)
        return pb_show_values(self, &words, "contribution", bundle, error);
    pb_bundle *shown = NULL;
    pb_status status = component_table(self, &words, &shown, error);
    return status ? status : pb_bundle_absorb(bundle, &shown, error);
}

static const pb_look attribution_look = {
    .name = "attribution",
    .article = "an attribution",
    .summary = "What each component adds to a logit; .check compares the sum with the logit.",
    .show = attribution_show};

/* ---- fields ---- */

static void take_measure(pb_record_builder *out, const char *name, pb_tensor *measure,
                         pb_value *model, const char *units)
{
    pb_value *value = NULL;
    if (!out->status)
        out->status = pb_tensor_field(measure, model, units, &value, &out->error);
    pb_record_take(out, name, value);
}

static pb_status check_record(const pb_attribution *found, pb_value *model, const char *units,
                              bool scaled, pb_value **result, pb_error **error)
{
    pb_record_builder check = {
        .caption = scaled ? "What the parts and the bias sum to, the true logit, and the difference"
                          : "Plain dot products leave out the layer norm's scale, so their sum is "
                            "not the logit"};
    take_measure(&check, "sum", found->sum, model, units);
    take_measure(&check, "logit", found->logit, model, units);
    take_measure(&check, "difference", found->difference, model, units);
    return pb_record_finish(&check, result, error);
}

/* The columns `layer` and `part` along the component axis. */
static pb_status component_fields(const pb_model *model, const pb_tensor *parts, pb_value **layers,
                                  pb_value **names, pb_error **error)
{
    int which = pb_tensor_find_axis(parts, "component");
    const pb_axis *axis = pb_tensor_axis(parts, (size_t)which);
    pb_list_builder layer_list = {0}, part_list = {0};
    for (size_t i = 0; !layer_list.status && i < pb_axis_length(axis); i++) {
        pb_component component = pb_component_at(model, (size_t)pb_axis_coordinate(axis, i));
        pb_value *layer = NULL;
        layer_list.status = component.layer < 0
                                ? pb_value_none(&layer, &layer_list.error)
                                : pb_value_integer(component.layer, &layer, &layer_list.error);
        pb_list_take(&layer_list, layer);
        pb_list_take_text(&part_list, component.part);
    }
    pb_status status = pb_list_finish(&layer_list, true, layers, error);
    if (!status)
        return pb_list_finish(&part_list, true, names, error);
    pb_list_discard(&part_list);
    return status;
}

/* ---- attribute() ---- */

typedef struct attribute_arguments {
    const char *by; /* as it was given */
    pb_prompts prompts;
    pb_targets targets, against;
    float *directions; /* instead of targets; [n, d_model] */
    pb_select *positions;
    pb_head *heads;
    pb_attribute_spec spec;
} attribute_arguments;

static void arguments_free(attribute_arguments *in)
{
    free(in->heads);
    free(in->directions);
    pb_select_destroy(&in->positions);
    pb_targets_free(&in->targets);
    pb_targets_free(&in->against);
    pb_prompts_free(&in->prompts);
}

/* A direction of the stream in place of a target: over d_model, and of several prompts over prompt
 * too. */
static pb_status take_directions(pb_call *call, attribute_arguments *in, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(pb_argument_value(call, "target"));
    size_t d = pb_model_shape(in->prompts.engine)->d_model, n = pb_tensor_size(tensor) / d;
    static const char *const order[] = {"prompt", "d_model"};
    pb_tensor *lying = NULL;
    int along = pb_tensor_find_axis(tensor, "d_model");
    bool each = pb_tensor_rank(tensor) == 2 && pb_tensor_find_axis(tensor, "prompt") >= 0;
    if (along < 0 || pb_axis_length(pb_tensor_axis(tensor, (size_t)along)) != d ||
        (pb_tensor_rank(tensor) != 1 && !each))
        return pb_fail_argument(call, "target", error, PB_TYPE,
                                "a direction is a tensor over d_model (%zu), or one for each "
                                "prompt, over prompt and d_model",
                                d);
    if (each && n != in->prompts.count)
        return pb_fail_argument(call, "target", error, PB_VALUE,
                                "there are %zu prompts and %zu directions", in->prompts.count, n);
    pb_status status =
        pb_tensor_transpose(tensor, each ? order : order + 1, pb_call_watch(call), &lying, error);
    in->directions = status ? NULL : pb_malloc(n * d, sizeof *in->directions);
    if (!status && !in->directions)
        status = pb_fail_memory(error);
    if (!status)
        memcpy(in->directions, pb_tensor_data(lying), n * d * sizeof *in->directions);
    pb_tensor_release(&lying);
    in->spec.directions = in->directions;
    in->spec.n_directions = n;
    return status;
}

/* layer=: the stream after it, which has a product with a direction but no logit. */
static pb_status take_inner_layer(pb_call *call, attribute_arguments *in, pb_error **error)
{
    int64_t layer = pb_argument_integer(call, "layer");
    int64_t count = (int64_t)pb_model_shape(in->prompts.engine)->n_layer;
    if (pb_argument_is_none(call, "layer"))
        return PB_OK;
    if (!in->directions)
        return pb_fail_argument(call, "layer", error, PB_TYPE,
                                "layer= goes with a direction as the target: a logit is read after "
                                "the last layer");
    if (layer < -count || layer >= count)
        return pb_fail_argument(
            call, "layer", error, PB_RANGE, "there is no layer %lld; %s has the layers 0 to %lld",
            (long long)layer, pb_model_name(in->prompts.engine), (long long)count - 1);
    in->spec.inner = true;
    in->spec.layer = (size_t)(layer < 0 ? layer + count : layer);
    return PB_OK;
}

static pb_status take_target(pb_call *call, attribute_arguments *in, pb_error **error)
{
    if (pb_value_kind(pb_argument_value(call, "target")) != PB_TENSOR)
        return pb_targets_take(call, "target", in->prompts.engine, in->prompts.count, &in->targets,
                               error);
    if (!pb_argument_is_none(call, "against"))
        return pb_fail_argument(call, "against", error, PB_TYPE,
                                "against= goes with a word; of two directions give the "
                                "difference");
    return take_directions(call, in, error);
}

static pb_status take_arguments(pb_call *call, attribute_arguments *in, pb_error **error)
{
    *in = (attribute_arguments){.by = pb_argument_text(call, "by")};
    in->spec.by = (pb_attribute_by)pb_argument_choice(call, "by");
    in->spec.scale = pb_argument_bool(call, "scale");
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &in->prompts, error);
    if (!status)
        status = take_target(call, in, error);
    if (!status)
        status = take_inner_layer(call, in, error);
    if (!status && !pb_argument_is_none(call, "against"))
        status = pb_targets_take(call, "against", in->prompts.engine, in->prompts.count,
                                 &in->against, error);
    if (!status)
        status = pb_positions_take(call, "pos", PB_SOME_POSITIONS, &in->positions, error);
    if (!status)
        status =
            pb_heads_take(call, "heads", in->prompts.engine, &in->heads, &in->spec.n_heads, error);
    if (!status && in->heads && in->spec.by != PB_BY_HEAD)
        status = pb_fail_argument(call, "heads", error, PB_TYPE,
                                  "heads= goes with by=\"head\"; by %s there are no heads", in->by);
    in->spec.targets = in->targets.ids;
    in->spec.n_targets = in->targets.count;
    in->spec.against = in->against.ids;
    in->spec.n_against = in->against.count;
    in->spec.positions = in->positions;
    in->spec.heads = in->heads;
    return status;
}

static void attribution_caption(const attribute_arguments *in, pb_buffer *caption)
{
    char *target =
        in->targets.count == 1 ? pb_token_text(in->prompts.engine, in->targets.ids[0]) : NULL;
    char *against =
        in->against.count == 1 ? pb_token_text(in->prompts.engine, in->against.ids[0]) : NULL;
    char *title = in->prompts.many ? NULL : pb_prompts_title(&in->prompts, 0, in->positions, 70);
    if (in->directions)
        pb_buffer_format(caption, "What each %s adds to the product with %s", in->by,
                         in->spec.n_directions > 1 ? "each prompt's direction" : "the direction");
    else
        pb_buffer_format(caption, "What each %s adds to the logit of %s", in->by,
                         target ? target : "each prompt's word");
    if (in->against.count)
        pb_buffer_format(caption, " minus that of %s", against ? against : "each prompt's other");
    if (title)
        pb_buffer_format(caption, " after %s", title);
    if (in->spec.inner)
        pb_buffer_format(caption, ", of the stream after layer %zu", in->spec.layer);
    else if (in->directions && in->spec.scale)
        pb_buffer_text(caption, ", of what the last norm makes of the stream");
    else
        pb_buffer_text(caption, in->spec.scale
                                    ? ", in logits"
                                    : ", as plain dot products (without the layer norm's "
                                      "scale: not in logits)");
    if (in->prompts.edits)
        pb_buffer_byte(caption, '.');
    pb_prompts_edits(&in->prompts, caption);
    free(target);
    free(against);
    free(title);
}

/* The scaled contributions, to stand beside plain dot products. NULL where there is nothing to
 * stand beside. */
static pb_status scaled_field(const attribute_arguments *in, const pb_context *context,
                              pb_value **result, pb_error **error)
{
    *result = NULL;
    if (in->spec.scale || in->spec.by != PB_BY_COMPONENT || in->prompts.many || !in->positions)
        return PB_OK;
    pb_attribute_spec spec = in->spec;
    spec.scale = true;
    pb_attribution found = {0};
    pb_status status = pb_attribute(in->prompts.runs, in->prompts.count, in->prompts.axis, &spec,
                                    context, &found, error);
    if (!status && pb_tensor_rank(found.parts) == 1)
        status = pb_tensor_field(found.parts, in->prompts.model, "logits", result, error);
    pb_attribution_release(&found);
    return status;
}

/* What an attribution has beside its contributions. Those that are not there are NULL. */
typedef struct attribution_extras {
    pb_value *check, *bias, *logit, *rest, *scaled;
    pb_value *layers, *parts; /* of each component */
} attribution_extras;

static void extras_release(attribution_extras *extras)
{
    pb_value **owned[] = {&extras->check,  &extras->bias,   &extras->logit, &extras->rest,
                          &extras->scaled, &extras->layers, &extras->parts};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        pb_value_release(owned[i]);
}

static pb_status make_extras(const attribute_arguments *in, const pb_context *context,
                             const pb_attribution *found, attribution_extras *out, pb_error **error)
{
    pb_value *model = in->prompts.model;
    const char *units = in->directions ? "product" : "logits";
    pb_status status = check_record(found, model, units, in->spec.scale, &out->check, error);
    if (!status)
        status = pb_tensor_field(found->bias, model, units, &out->bias, error);
    if (!status)
        status = pb_tensor_field(found->logit, model, units, &out->logit, error);
    if (!status && found->rest)
        status = pb_tensor_field(found->rest, model, units, &out->rest, error);
    if (!status && pb_tensor_find_axis(found->parts, "component") >= 0)
        status =
            component_fields(in->prompts.engine, found->parts, &out->layers, &out->parts, error);
    if (!status)
        status = scaled_field(in, context, &out->scaled, error);
    return status;
}

/* Lists them as fields of the result; gives how many. */
enum { MOST_EXTRAS = 7 };
static size_t extras_fields(const attribution_extras *extras, size_t n_layer,
                            pb_field fields[MOST_EXTRAS])
{
    size_t n = 0;
    fields[n++] =
        (pb_field){.name = "check", .value = extras->check, .kind = PB_FIELD_AMOUNT, .whole = true};
    fields[n++] = (pb_field){.name = "bias", .value = extras->bias, .kind = PB_FIELD_AMOUNT};
    fields[n++] = (pb_field){.name = "logit", .value = extras->logit, .kind = PB_FIELD_AMOUNT};
    if (extras->rest)
        fields[n++] = (pb_field){.name = "rest", .value = extras->rest, .kind = PB_FIELD_AMOUNT};
    if (extras->scaled)
        fields[n++] =
            (pb_field){.name = "scaled", .value = extras->scaled, .kind = PB_FIELD_AMOUNT};
    if (extras->layers)
        fields[n++] = (pb_field){.name = "layer",
                                 .axis = "component",
                                 .value = extras->layers,
                                 .extent = (int64_t)n_layer};
    if (extras->parts)
        fields[n++] = (pb_field){.name = "part", .axis = "component", .value = extras->parts};
    return n;
}

static const char *units_of(const attribute_arguments *in)
{
    bool product = in->directions && (in->spec.scale || in->spec.inner);
    return product ? "product" : in->spec.scale ? "logits" : "dot product";
}

/* The result with its fields; takes the contributions out of `found`. */
static pb_status attribution_value(const attribute_arguments *in, const pb_context *context,
                                   pb_attribution *found, pb_value **result, pb_error **error)
{
    attribution_extras extras = {0};
    pb_field fields[MOST_EXTRAS];
    pb_buffer caption = PB_BUFFER_EMPTY;
    attribution_caption(in, &caption);
    pb_status status = make_extras(in, context, found, &extras, error);
    if (!status) {
        size_t n = extras_fields(&extras, pb_model_shape(in->prompts.engine)->n_layer, fields);
        status = pb_result_captioned(&found->parts, in->prompts.model, &attribution_look,
                                     units_of(in), &caption, n, fields, result, error);
    }
    extras_release(&extras);
    pb_buffer_free(&caption);
    return status;
}

static pb_status call_attribute(pb_call *call, pb_value **result, pb_error **error)
{
    attribute_arguments in;
    pb_attribution found = {0};
    pb_context context = pb_call_context(call);
    pb_status status = take_arguments(call, &in, error);
    if (!status)
        status = pb_place_answer(call, pb_given(call, "pos") ? "pos" : "prompt", &in.prompts,
                                 pb_attribute(in.prompts.runs, in.prompts.count, in.prompts.axis,
                                              &in.spec, &context, &found, error),
                                 error);
    if (!status)
        status = attribution_value(&in, &context, &found, result, error);
    pb_attribution_release(&found);
    arguments_free(&in);
    return status;
}

const pb_builtin pb_builtins_attribute[] = {
    {.name = "attribute",
     .category = "Attribution",
     .summary = "How much of a logit each component, head or neuron wrote.",
     .doc = "Direct logit attribution: `((c - mean c) / sigma) . W_U[:, target]` for what each "
            "component c wrote to the residual stream, sigma taken once from the full final "
            "residual, so that the parts and the bias sum to the logit; `.check` compares them. "
            "`scale=False` leaves out the division by sigma. `against=` attributes the difference "
            "of two logits. By component, `a[layer=3:5]`, `a[layer=-1]`, `a[a.layer >= 3]` and "
            "`a[part=\"mlp\"]` pick.\n\n"
            "`by=\"head\"` is over layer and head, with c = z W_O; `by=\"neuron\"` is over layer "
            "and d_mlp, with c = mlp_post W_out. `.rest` is what no head, or no neuron, wrote.\n\n"
            "A direction, a tensor over d_model, in place of the word attributes its product with "
            "what the last norm makes of the stream; with `layer=` its product with the stream "
            "after that layer as it is, which the parts below sum to.",
     .result = "a tensor [component] with .layer and .part, or [layer, head] or [layer, d_mlp] "
               "with .rest; .check",
     .example = "abs(attribute(\"I love this movie because it is\", \" great\").check.difference) "
                "< 0.001",
     .expected = "True",
     .needs_model = true,
     .see = "top bar heatmap patch",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "target",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER | PB_TAKES_TENSOR,
                     .what = "a word that is one token, or a direction"},
                    {.name = "against",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a word that is one token",
                     .fallback = "None"},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"component\"",
                     .choices = "component head neuron"},
                    {.name = "scale",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "True"},
                    {.name = "pos",
                     .types =
                         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"},
                    {.name = "layer",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "the number of a layer, after which a direction is read",
                     .fallback = "None"},
                    {.name = "heads",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "heads such as \"L9H6\"",
                     .fallback = "None",
                     .objects = {&pb_ranking_type}}},
     .also = {pb_prompt_group},
     .function = call_attribute},
    {0}};
