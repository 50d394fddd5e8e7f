/* patch() and path(): activation patching, swept, and what goes through given receivers. */
#include "study/patch.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "study/path.h"
#include "views.h"
#include "words.h"

/* ---- how a sweep shows ---- */

static double field_number(const pb_meta *meta, const char *name)
{
    const pb_value *value = pb_meta_field(meta, name);
    return value && pb_value_kind(value) == PB_NUMBER ? pb_value_get_number(value) : NAN;
}

/* The sentences a sweep carries (.notes), as the display's notes. Strings are borrowed. */
static pb_status collect_notes(const pb_meta *meta, const char ***notes, size_t *count,
                               pb_error **error)
{
    const pb_value *list = pb_meta_field(meta, "notes");
    *count = list ? pb_list_count(list) : 0;
    *notes = pb_malloc(*count, sizeof **notes);
    if (!*notes)
        return pb_fail_memory(error);
    for (size_t i = 0; i < *count; i++)
        (*notes)[i] = pb_value_get_text(pb_list_item(list, i), NULL);
    return PB_OK;
}

/* A row for each place: the patched metric, and its change from `into`. */
static pb_status sweep_table(const pb_value *self, const pb_words *words, pb_bundle **bundle,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    const pb_meta *meta = pb_value_meta(self);
    const pb_value *normal = pb_meta_field(meta, "normalized");
    double base = field_number(meta, "into");
    bool changes = !isnan(base) && !(normal && pb_value_get_bool(normal));
    double *values = pb_doubles_of(tensor), *change = pb_doubles_of(tensor);
    pb_status status = values && change ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < pb_tensor_size(tensor); i++)
        change[i] -= base;
    if (!status) {
        pb_column columns[] = {
            {.name = "patched", .unit = meta->units, .kind = PB_COLUMN_NUMBER, .numbers = values},
            {.name = "change",
             .unit = meta->units,
             .kind = PB_COLUMN_NUMBER,
             .numbers = change,
             .format = {.sign = true},
             .shade = PB_SHADE_DIVERGING}};
        status =
            pb_table_of(pb_tensor_axis(tensor, 0), columns, changes ? 2 : 1, words, bundle, error);
    }
    free(values);
    free(change);
    return status;
}

static pb_status sweep_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                            pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    const pb_meta *meta = pb_value_meta(self);
    const char **notes = NULL;
    size_t n_notes = 0;
    pb_bundle *shown = NULL;
    pb_status status = collect_notes(meta, &notes, &n_notes, error);
    pb_words words = {.caption = meta->caption, .notes = notes, .n_notes = n_notes};
    if (!status && pb_tensor_rank(tensor) == 1)
        status = sweep_table(self, &words, &shown, error);
    else if (!status && pb_tensor_rank(tensor) == 2)
        status = pb_heatmap_of(self, pb_axis_name(pb_tensor_axis(tensor, 0)),
                               pb_axis_name(pb_tensor_axis(tensor, 1)), &words, &shown, error);
    else if (!status) {
        pb_value *bare = NULL;
        pb_meta rest = {.model = meta->model, .units = meta->units, .caption = meta->caption};
        status = pb_value_tensor((pb_tensor *)tensor, &rest, &bare, error);
        if (!status && pb_tensor_rank(tensor))
            status = pb_interp_bundle(interp, bare, &shown, error);
        else if (!status) {
            pb_buffer text = PB_BUFFER_EMPTY;
            pb_buffer_format(&text, "%.4g", pb_tensor_data(tensor)[0]);
            if (meta->units)
                pb_buffer_format(&text, " %s", meta->units);
            if (meta->caption)
                pb_buffer_format(&text, "\n%s", meta->caption);
            status = pb_bundle_give(bundle, "text/plain", pb_buffer_take(&text), false, error);
        }
        pb_value_release(&bare);
    }
    free(notes);
    return status || !shown ? status : pb_bundle_absorb(bundle, &shown, error);
}

static const pb_look sweep_look = {
    .name = "patch",
    .article = "a patch sweep",
    .summary = "The metric at each patched place; .into and .from are its ends, .change the "
               "difference from .into.",
    .show = sweep_show};

/* ---- patch() ---- */

typedef struct patch_arguments {
    pb_prompts into, from;
    pb_bound_metric metric;
    pb_places layers, heads, positions, keys;
    pb_head *pairs;
    pb_axis *axis; /* borrowed from into or from */
    pb_patch_spec spec;
} patch_arguments;

static void patch_free(patch_arguments *in)
{
    pb_bound_metric_free(&in->metric);
    pb_places_free(&in->layers);
    pb_places_free(&in->heads);
    pb_places_free(&in->positions);
    pb_places_free(&in->keys);
    free(in->pairs);
    pb_prompts_free(&in->into);
    pb_prompts_free(&in->from);
}

/* into and from pair up: n and n, or one shared. */
static pb_status take_ends(pb_call *call, pb_prompts *into, pb_prompts *from, pb_axis **axis,
                           pb_error **error)
{
    pb_status status = pb_prompts_take(call, "into", PB_PROMPTS_KEEP_QKV, NULL, into, error);
    if (!status)
        status = pb_prompts_take(call, "from", PB_PROMPTS_KEEP_QKV, into, from, error);
    if (status)
        return status;
    if (into->count != from->count && into->count != 1 && from->count != 1)
        return pb_fail_argument(call, "from", error, PB_VALUE,
                                "into has %zu prompts and from has %zu; give as many, or one that "
                                "all share",
                                into->count, from->count);
    *axis = into->count >= from->count && into->axis ? into->axis : from->axis;
    if (into->axis && pb_axis_length(into->axis) >= (from->axis ? pb_axis_length(from->axis) : 0))
        *axis = into->axis;
    return PB_OK;
}

static pb_status take_walks(pb_call *call, patch_arguments *in, pb_error **error)
{
    bool query = pb_site_info(in->spec.site)->by_query;
    const char *position = query && pb_given(call, "query") ? "query" : "pos";
    pb_status status = pb_places_take(call, "layer", "layer", &in->layers, error);
    if (!status)
        status = pb_places_take(call, "head", "head", &in->heads, error);
    if (!status)
        status = pb_places_take(call, position, "pos", &in->positions, error);
    if (!status)
        status = pb_places_take(call, "key", "key", &in->keys, error);
    if (!status && pb_given(call, "query") && !query)
        status = pb_fail_argument(call, "query", error, PB_TYPE,
                                  "%s has no queries; its positions are given as pos=",
                                  pb_site_info(in->spec.site)->name);
    if (!status && in->heads.given && !pb_site_info(in->spec.site)->by_head)
        status = pb_fail_argument(call, "head", error, PB_TYPE,
                                  "%s has no heads; the sites that do are q, k, v, z, result, "
                                  "attn_scores and pattern",
                                  pb_site_info(in->spec.site)->name);
    in->spec.layers = pb_places_where(&in->layers, in->spec.layers);
    in->spec.heads = pb_places_where(&in->heads, in->spec.heads);
    in->spec.positions = pb_places_where(&in->positions, in->spec.positions);
    in->spec.keys = pb_places_where(&in->keys, in->spec.keys);
    return status;
}

static pb_status take_patch(pb_call *call, patch_arguments *in, pb_error **error)
{
    *in = (patch_arguments){0};
    pb_status status = take_ends(call, &in->into, &in->from, &in->axis, error);
    if (!status)
        status = pb_site_take(call, "at", &in->spec.site, error);
    if (!status)
        status = pb_metric_take(call, "metric", in->axis && !in->into.axis ? &in->from : &in->into,
                                &in->metric, error);
    if (status)
        return status;
    pb_patch_defaults(in->spec.site, &in->spec);
    status = take_walks(call, in, error);
    if (!status)
        status =
            pb_heads_take(call, "heads", in->into.engine, &in->pairs, &in->spec.n_pairs, error);
    if (!status && in->pairs && (in->layers.given || in->heads.given))
        status = pb_fail_argument(call, "heads", error, PB_TYPE,
                                  "give heads=[\"L9H6\"] or layer= and head=, not both");
    in->spec.into = in->into.runs;
    in->spec.n_into = in->into.count;
    in->spec.from = in->from.runs;
    in->spec.n_from = in->from.count;
    in->spec.prompts = in->axis;
    in->spec.pairs = in->pairs;
    in->spec.metric = &in->metric.metric;
    in->spec.normalize = pb_argument_bool(call, "normalize");
    return status;
}

/* The direction and both ends, in words: "resid_post of "I hate ..." into "I love ...": logit of
 * great. Unpatched 15.67, the other end 11.70." */
static char *sweep_caption(const char *what, const pb_prompts *into, const pb_prompts *from,
                           const pb_bound_metric *metric, const pb_tensor *into_value,
                           const pb_tensor *from_value, bool normalized)
{
    pb_buffer caption = PB_BUFFER_EMPTY;
    char *to = into->many ? NULL : pb_prompt_title(into->texts[0], 60);
    char *of = from->many ? NULL : pb_prompt_title(from->texts[0], 60);
    pb_buffer_format(&caption, "%s patched into %s from %s: %s", what, to ? to : "each prompt",
                     of ? of : "its pair", metric->name);
    if (metric->units)
        pb_buffer_format(&caption, " (%s)",
                         normalized ? "0 is unpatched, 1 is the other prompt" : metric->units);
    if (pb_tensor_rank(into_value) == 0 && pb_tensor_rank(from_value) == 0) {
        char unpatched[PB_NUMBER_SIZE], other[PB_NUMBER_SIZE];
        double ends[] = {pb_tensor_data(into_value)[0], pb_tensor_data(from_value)[0]};
        pb_number_format format = pb_number_settle((pb_number_format){0}, ends, 2);
        pb_number_write(unpatched, ends[0], format);
        pb_number_write(other, ends[1], format);
        pb_buffer_format(&caption, ". Unpatched %s; in the other prompt %s.", unpatched, other);
    }
    free(to);
    free(of);
    return pb_buffer_take(&caption);
}

static pb_status add_note(pb_list_builder *notes, const char *text, pb_error **error)
{
    pb_value *value = NULL;
    pb_status status = pb_value_text(text, &value, error);
    return status ? status : pb_list_take(notes, value, error);
}

/* What the sweep found out about itself, as sentences. */
static pb_status sweep_notes(const pb_patch_result *found, pb_value **notes, pb_error **error)
{
    pb_list_builder list = {0};
    pb_status status = PB_OK;
    char text[320];
    for (size_t i = 0; i < found->n_checks && !status; i++) {
        const pb_patch_check *check = &found->checks[i];
        snprintf(text, sizeof text, "%s %s: expected %.4f, got %.4f (difference %.1e).",
                 check->passed ? "\xE2\x9C\x93" : "\xE2\x9C\x97", check->text, check->expected,
                 check->got, check->difference);
        status = add_note(&list, text, error);
    }
    if (!status && found->partial) {
        snprintf(text, sizeof text,
                 "Interrupted: %zu of %zu cells were computed, the others are empty.",
                 found->cells_done, found->cells);
        status = add_note(&list, text, error);
    }
    if (!status)
        status = pb_list_finish(&list, false, notes, error);
    pb_list_discard(&list);
    return status;
}

/* One of the sweep's own checks as a record, for .checks. */
static pb_status check_records(const pb_patch_result *found, pb_value **result, pb_error **error)
{
    pb_list_builder list = {0};
    pb_status status = PB_OK;
    for (size_t i = 0; i < found->n_checks && !status; i++) {
        const pb_patch_check *check = &found->checks[i];
        pb_value *parts[5] = {NULL}, *record = NULL;
        status = pb_value_text(check->text, &parts[0], error);
        if (!status)
            status = pb_value_number(check->expected, PB_SINGLE, &parts[1], error);
        if (!status)
            status = pb_value_number(check->got, PB_SINGLE, &parts[2], error);
        if (!status)
            status = pb_value_number(check->difference, PB_SINGLE, &parts[3], error);
        if (!status)
            status = pb_value_bool(check->passed, &parts[4], error);
        pb_entry entries[] = {{"what", parts[0]},
                              {"expected", parts[1]},
                              {"got", parts[2]},
                              {"difference", parts[3]},
                              {"passed", parts[4]}};
        if (!status)
            status = pb_value_record(entries, 5, NULL, &record, error);
        if (!status)
            status = pb_list_take(&list, record, error);
        for (size_t p = 0; p < 5; p++)
            pb_value_release(&parts[p]);
    }
    if (!status)
        status = pb_list_finish(&list, false, result, error);
    pb_list_discard(&list);
    return status;
}

static pb_status tensor_value(pb_tensor *tensor, pb_value *model, const char *units,
                              pb_value **result, pb_error **error)
{
    pb_tensor *shared = pb_tensor_retain(tensor);
    return pb_result_tensor(&shared, model, NULL, units, NULL, 0, NULL, result, error);
}

/* values - into, as a sweep of changes. */
static pb_status change_value(const pb_patch_result *found, pb_value *model, const char *units,
                              pb_value **result, pb_error **error)
{
    pb_tensor *change = NULL;
    pb_status status = pb_tensor_binary(PB_SUB, found->values, found->into, &change, error);
    return status ? status
                  : pb_result_tensor(&change, model, NULL, units, "Change from the unpatched value",
                                     0, NULL, result, error);
}

static pb_status patch_value(const patch_arguments *in, pb_patch_result *found, pb_value **result,
                             pb_error **error)
{
    pb_value *model = in->into.model;
    const char *units = found->normalized ? "normalised" : in->metric.units;
    pb_value *into = NULL, *from = NULL, *change = NULL, *mean = NULL, *notes = NULL,
             *checks = NULL, *normalized = NULL, *partial = NULL;
    char *caption = sweep_caption(pb_site_info(in->spec.site)->name, &in->into, &in->from,
                                  &in->metric, found->into, found->from, found->normalized);
    pb_status status = caption ? PB_OK : pb_fail_memory(error);
    if (!status)
        status = tensor_value(found->into, model, in->metric.units, &into, error);
    if (!status)
        status = tensor_value(found->from, model, in->metric.units, &from, error);
    if (!status && !found->normalized)
        status = change_value(found, model, units, &change, error);
    if (!status && found->mean)
        status = tensor_value(found->mean, model, "normalised", &mean, error);
    if (!status)
        status = sweep_notes(found, &notes, error);
    if (!status)
        status = check_records(found, &checks, error);
    if (!status)
        status = pb_value_bool(found->normalized, &normalized, error);
    if (!status)
        status = pb_value_bool(found->partial, &partial, error);
    if (!status) {
        pb_field fields[8];
        size_t n = 0;
        fields[n++] = (pb_field){"into", NULL, into};
        fields[n++] = (pb_field){"from", NULL, from};
        fields[n++] = (pb_field){"checks", NULL, checks};
        fields[n++] = (pb_field){"notes", NULL, notes};
        fields[n++] = (pb_field){"normalized", NULL, normalized};
        fields[n++] = (pb_field){"partial", NULL, partial};
        if (change)
            fields[n++] = (pb_field){"change", NULL, change};
        if (mean)
            fields[n++] = (pb_field){"mean", NULL, mean};
        status = pb_result_tensor(&found->values, model, &sweep_look, units, caption, n, fields,
                                  result, error);
    }
    pb_value *owned[] = {into, from, change, mean, notes, checks, normalized, partial};
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        pb_value_release(&owned[i]);
    free(caption);
    return status;
}

static pb_status call_patch(pb_call *call, pb_value **result, pb_error **error)
{
    patch_arguments in;
    pb_patch_result found = {0};
    pb_context context = pb_call_context(call);
    pb_status status = take_patch(call, &in, error);
    if (!status)
        status = pb_place_argument(call, NULL, pb_patch(&in.spec, &context, &found, error), error);
    if (!status && found.partial)
        pb_interp_text(call->interp, 2, "interrupted: the sweep has what was computed by then\n",
                       53);
    if (!status)
        status = patch_value(&in, &found, result, error);
    pb_patch_result_release(&found);
    patch_free(&in);
    return status;
}

/* ---- path() ---- */

typedef struct path_arguments {
    pb_prompts into, from;
    pb_bound_metric metric;
    pb_places positions;
    pb_head *senders;
    pb_receiver *receivers;
    pb_run **into_pairs, **from_pairs;
    pb_axis *axis;
    pb_path_spec spec;
} path_arguments;

static void path_free(path_arguments *in)
{
    pb_bound_metric_free(&in->metric);
    pb_places_free(&in->positions);
    free(in->senders);
    free(in->receivers);
    free(in->into_pairs);
    free(in->from_pairs);
    pb_prompts_free(&in->into);
    pb_prompts_free(&in->from);
}

static pb_status take_receivers(pb_call *call, path_arguments *in, pb_error **error)
{
    const char *const *names = NULL;
    size_t count = 0;
    pb_status status = pb_argument_texts(call, "receivers", &names, &count, error);
    if (!status) {
        in->receivers = pb_malloc(count, sizeof *in->receivers);
        if (!in->receivers)
            status = pb_fail_memory(error);
    }
    for (size_t i = 0; i < count && !status; i++)
        status = pb_place_argument(
            call, "receivers",
            pb_receiver_parse(in->into.engine, names[i], &in->receivers[i], error), error);
    free((void *)names);
    in->spec.receivers = in->receivers;
    in->spec.n_receivers = count;
    return status;
}

static pb_status pair_up(path_arguments *in, pb_error **error)
{
    size_t n = in->into.count > in->from.count ? in->into.count : in->from.count;
    in->into_pairs = pb_malloc(n, sizeof *in->into_pairs);
    in->from_pairs = pb_malloc(n, sizeof *in->from_pairs);
    if (!in->into_pairs || !in->from_pairs)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++) {
        in->into_pairs[i] = in->into.runs[in->into.count > 1 ? i : 0];
        in->from_pairs[i] = in->from.runs[in->from.count > 1 ? i : 0];
    }
    in->spec.into = in->into_pairs;
    in->spec.from = in->from_pairs;
    in->spec.n_pairs = n;
    return PB_OK;
}

static pb_status take_path(pb_call *call, path_arguments *in, pb_error **error)
{
    static const struct {
        const char *name;
        pb_path_mode mode;
    } modes[] = {{"ioi", PB_PATH_IOI}, {"direct", PB_PATH_DIRECT}, {"linear", PB_PATH_LINEAR}};
    *in = (path_arguments){0};
    pb_status status = take_ends(call, &in->into, &in->from, &in->axis, error);
    if (!status)
        status = pair_up(in, error);
    if (!status)
        status = pb_metric_take(call, "metric", in->axis && !in->into.axis ? &in->from : &in->into,
                                &in->metric, error);
    const pb_value *sender = pb_argument_value(call, "sender");
    const pb_selector *selector = pb_value_get_selector(sender);
    in->spec.each_sender = selector && selector->kind == PB_SELECTOR_EACH;
    if (!status && !in->spec.each_sender)
        status = pb_heads_take(call, "sender", in->into.engine, &in->senders, &in->spec.n_senders,
                               error);
    if (!status)
        status = take_receivers(call, in, error);
    if (!status)
        status = pb_places_take(call, "pos", "pos", &in->positions, error);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, pb_argument_text(call, "mode")) == 0)
            in->spec.mode = modes[i].mode;
    in->spec.senders = in->senders;
    in->spec.prompts = in->axis;
    in->spec.positions = pb_places_where(&in->positions, PB_WHERE_ALL);
    in->spec.metric = &in->metric.metric;
    in->spec.normalize = pb_argument_bool(call, "normalize");
    return status;
}

static pb_status call_path(pb_call *call, pb_value **result, pb_error **error)
{
    path_arguments in;
    pb_path_result found = {0};
    pb_value *into = NULL, *from = NULL, *normalized = NULL;
    char *caption = NULL;
    pb_context context = pb_call_context(call);
    pb_status status = take_path(call, &in, error);
    if (!status)
        status =
            pb_place_argument(call, NULL, pb_path_patch(&in.spec, &context, &found, error), error);
    if (!status) {
        char what[96];
        snprintf(what, sizeof what, "Path (%s) with the sender", pb_argument_text(call, "mode"));
        caption = sweep_caption(what, &in.into, &in.from, &in.metric, found.into, found.from,
                                in.spec.normalize);
        status = caption ? PB_OK : pb_fail_memory(error);
    }
    if (!status)
        status = tensor_value(found.into, in.into.model, in.metric.units, &into, error);
    if (!status)
        status = tensor_value(found.from, in.into.model, in.metric.units, &from, error);
    if (!status)
        status = pb_value_bool(in.spec.normalize, &normalized, error);
    if (!status) {
        pb_field fields[] = {
            {"into", NULL, into}, {"from", NULL, from}, {"normalized", NULL, normalized}};
        status = pb_result_tensor(&found.values, in.into.model, &sweep_look,
                                  in.spec.normalize ? "normalised" : in.metric.units, caption, 3,
                                  fields, result, error);
    }
    pb_value_release(&into);
    pb_value_release(&from);
    pb_value_release(&normalized);
    free(caption);
    pb_path_result_release(&found);
    path_free(&in);
    return status;
}

/* ---- the words ---- */

#define PLACE(word)                                                                                \
    {                                                                                              \
        .name = word,                                                                              \
        .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,           \
        .mode = PB_PARAMETER_KEYWORD, .what = "a place, a list, a slice, each or all",             \
        .fallback = "None"                                                                         \
    }
#define PROMPT(word)                                                                               \
    {                                                                                              \
        .name = word, .types = PB_PROMPT_TYPES, .what = "a prompt or a list of prompts",           \
        .objects = PB_PROMPT_OBJECTS                                                               \
    }
#define METRIC                                                                                     \
    {                                                                                              \
        .name = "metric", .types = PB_TAKES_FUNCTION,                                              \
        .what = "a metric such as logit(\" great\"), or a function of a run", .objects = {         \
            &pb_metric_type                                                                        \
        }                                                                                          \
    }

const pb_builtin pb_builtins_patch[] = {
    {.name = "patch",
     .category = "Patching",
     .summary = "Runs one prompt with activations taken from another, and reads a metric.",
     .doc = "Runs `into` with the activation at the site replaced by `from`'s. `layer`, `head`, "
            "`pos`, `query` and `key` say where: a place, a list, a slice, `all` (taken whole) or "
            "`each` (walked, one result for each). Left out: every layer; at the head sites `q k v "
            "z result pattern attn_scores` every head over all positions; elsewhere every "
            "position. Places given as words are found in `into`.\n\n"
            "Both prompts need the same number of tokens. `normalize=True` gives (patched - into) "
            "/ (from - into). TransformerLens' get_act_patch_* functions copy clean into "
            "corrupted: that is patch(into=corrupted, from=clean).",
     .result = "a tensor over what is walked, with .into, .from, .change and .checks",
     .example = "patch(into=\"I love this movie because it is\", from=\"I hate this movie because "
                "it is\", at=\"resid_post\", pos=\" love\", metric=logit(\" great\")).checks",
     .needs_model = true,
     .see = "path set attribute line heatmap",
     .parameters = {PROMPT("into"),
                    PROMPT("from"),
                    {.name = "at",
                     .types = PB_TAKES_STRING,
                     .what = "an activation site",
                     .suggest = pb_suggest_sites},
                    METRIC,
                    PLACE("layer"),
                    PLACE("head"),
                    PLACE("pos"),
                    PLACE("query"),
                    PLACE("key"),
                    {.name = "heads",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "heads such as \"L9H6\", patched together",
                     .fallback = "None",
                     .objects = {&pb_ranking_type}},
                    {.name = "normalize",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"},
                    PB_PROMPT_PARAMETERS},
     .function = call_patch},
    {.name = "path",
     .category = "Patching",
     .summary = "Path patching: what a head sends to given receivers.",
     .doc =
         "Pass 1 runs `into` with the sender's output taken from `from` and records the "
         "receivers' inputs: `\"ioi\"` freezes the other heads and recomputes MLPs, `\"direct\"` "
         "freezes MLPs too and recomputes norms, `\"linear\"` also freezes the layer norm's "
         "scale. Pass 2 sets all receivers together and recomputes everything after them.\n\n"
         "Receivers are `\"L9H9.q\"`, `\"L9H9.k\"`, `\"L9H9.v\"`, `\"L8_mlp\"` or `\"logits\"`. "
         "`sender=each` tries every head.",
     .result = "a number, or with sender=each a tensor [layer, head]; .into and .from",
     .example = "path(into=\"I love this movie because it is\", from=\"I hate this movie because "
                "it is\", sender=\"L2H3\", metric=logit(\" great\"))",
     .needs_model = true,
     .see = "patch",
     .parameters = {PROMPT("into"),
                    PROMPT("from"),
                    {.name = "sender",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .what = "a head such as \"L5H5\", a list of heads, or each",
                     .fallback = "each",
                     .objects = {&pb_ranking_type}},
                    {.name = "receivers",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .what = "receivers such as \"L9H9.q\" or \"logits\"",
                     .fallback = "\"logits\""},
                    METRIC,
                    {.name = "mode",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"ioi\"",
                     .choices = "ioi direct linear"},
                    PLACE("pos"),
                    {.name = "normalize",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"},
                    PB_PROMPT_PARAMETERS},
     .function = call_path},
    {0}};
