/* patch(): activation patching at one place, or swept over layers, heads and positions. */
#include "study/patch.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "session/cell.h"
#include "sweep.h"
#include "words.h"

/* ---- arguments ---- */

typedef struct patch_arguments {
    pb_ends ends;
    pb_bound_metric metric;
    pb_select *layers, *heads, *positions, *keys, *neurons;
    const char *position; /* the argument that gives positions: "pos" or "query" */
    pb_head *pairs;
    pb_patch_spec spec;
} patch_arguments;

static void patch_free(patch_arguments *in)
{
    pb_bound_metric_free(&in->metric);
    pb_select_destroy(&in->layers);
    pb_select_destroy(&in->heads);
    pb_select_destroy(&in->positions);
    pb_select_destroy(&in->keys);
    pb_select_destroy(&in->neurons);
    free(in->pairs);
    pb_ends_free(&in->ends);
}

/* Arguments for which the site has no axis. */
static pb_status refuse_walks(pb_call *call, const patch_arguments *in, pb_error **error)
{
    const pb_site_argument given[] = {
        {"layer", in->layers != NULL, PB_ALONG_LAYERS},
        {"head", in->heads != NULL, PB_ALONG_HEADS},
        {"query", pb_given(call, "query"), PB_ALONG_QUERIES},
        {"key", in->keys != NULL, PB_ALONG_KEYS},
        {"neuron", in->neurons != NULL, PB_ALONG_FEATURES},
    };
    pb_status status = pb_site_arguments_check(call, in->ends.into.engine, in->spec.site, given,
                                               sizeof given / sizeof *given, error);
    if (!status)
        status = pb_kv_heads_check(call, in->spec.site, error);
    if (!status && pb_given(call, "query") && pb_given(call, "pos"))
        status =
            pb_fail_argument(call, "pos", error, PB_TYPE,
                             "the positions of %s are its queries; give query= or pos=, not both",
                             pb_site_info(in->spec.site)->name);
    return status;
}

static pb_status take_walks(pb_call *call, patch_arguments *in, pb_error **error)
{
    in->position =
        pb_site_has(in->spec.site, PB_ALONG_QUERIES) && pb_given(call, "query") ? "query" : "pos";
    pb_status status = pb_places_take(call, "layer", "layer", &in->layers, error);
    if (!status)
        status = pb_either_take(call, "head", "kv_head", "head", &in->heads, error);
    if (!status)
        status = pb_places_take(call, "neuron", "d_mlp", &in->neurons, error);
    if (!status)
        status = pb_places_take(call, in->position, "pos", &in->positions, error);
    if (!status)
        status = pb_places_take(call, "key", "key", &in->keys, error);
    if (!status)
        status = refuse_walks(call, in, error);
    in->spec.layers = in->layers ? in->layers : in->spec.layers;
    in->spec.heads = in->heads ? in->heads : in->spec.heads;
    in->spec.neurons = in->neurons;
    in->spec.positions = in->positions ? in->positions : in->neurons ? NULL : in->spec.positions;
    in->spec.keys = in->keys;
    return status;
}

/* Positions as an axis of the result need prompts that have as many. */
static pb_status check_position_axis(pb_call *call, const patch_arguments *in, pb_error **error)
{
    const pb_prompts *into = &in->ends.into;
    bool walked = pb_select_walks(in->spec.positions) || pb_select_walks(in->spec.keys);
    size_t first = pb_run_length(into->runs[0]);
    for (size_t i = 1; i < into->count && walked; i++) {
        size_t length = pb_run_length(into->runs[i]);
        if (length == first)
            continue;
        pb_status status = pb_fail_argument(
            call, in->positions ? in->position : "into", error, PB_VALUE,
            "the positions of these prompts do not line up: prompt 0 has %zu tokens, prompt %zu "
            "has %zu",
            first, i, length);
        if (error)
            pb_error_hint(*error, "name a position, such as pos=-1 or pos=per([2, 3]), or take "
                                  "prompts of as many tokens");
        return status;
    }
    return PB_OK;
}

static pb_status take_patch(pb_call *call, patch_arguments *in, pb_error **error)
{
    *in = (patch_arguments){0};
    pb_status status = pb_site_take(call, "at", &in->spec.site, error);
    if (!status)
        status = pb_ends_take(call, "patching", &in->ends, error);
    if (!status)
        status = pb_metric_take(call, "metric", pb_ends_prompts(&in->ends), &in->metric, error);
    if (status)
        return status;
    pb_patch_defaults(in->spec.site, &in->spec);
    status = take_walks(call, in, error);
    if (!status)
        status = pb_heads_take(call, "heads", in->ends.into.engine, &in->pairs, &in->spec.n_pairs,
                               error);
    if (!status && in->pairs && (in->layers || !pb_select_is_every(in->heads)))
        status = pb_fail_argument(call, "heads", error, PB_TYPE,
                                  "give heads=[\"L9H6\"] or layer= and head=, not both");
    const pb_site_argument listed = {"heads", in->pairs != NULL, PB_ALONG_HEADS};
    if (!status)
        status =
            pb_site_arguments_check(call, in->ends.into.engine, in->spec.site, &listed, 1, error);
    if (!status)
        status = check_position_axis(call, in, error);
    in->spec.into = in->ends.into.runs;
    in->spec.n_into = in->ends.into.count;
    in->spec.from = in->ends.from.runs;
    in->spec.n_from = in->ends.from.count;
    in->spec.prompts = in->ends.axis;
    in->spec.pairs = in->pairs;
    in->spec.metric = &in->metric.metric;
    in->spec.normalize = pb_argument_bool(call, "normalize");
    return status;
}

/* ---- the result ---- */

/* "z, layer 4, all heads": the site, and the places that are not walked. */
static void patched_places(const pb_call *call, const patch_arguments *in, pb_buffer *out)
{
    const pb_run *run = in->ends.into.many ? NULL : in->ends.into.runs[0];
    pb_buffer_text(out, pb_site_info(in->spec.site)->name);
    for (size_t i = 0; i < in->spec.n_pairs && in->heads && in->heads->kind == PB_SELECT_ALL; i++)
        pb_buffer_format(out, "%sL%zuH%zu", i ? " and " : " of ", in->pairs[i].layer,
                         in->pairs[i].head);
    pb_places_phrase("layer", in->layers, pb_argument_value(call, "layer"), NULL, out);
    if (!in->pairs)
        pb_places_phrase("head", in->heads, pb_argument_value(call, "head"), NULL, out);
    pb_places_phrase(strcmp(in->position, "pos") == 0 ? "position" : "query", in->positions,
                     pb_argument_value(call, in->position), run, out);
    pb_places_phrase("key", in->keys, pb_argument_value(call, "key"), run, out);
    pb_places_phrase("neuron", in->neurons, pb_argument_value(call, "neuron"), NULL, out);
    if (!in->positions && !pb_select_walks(in->spec.positions) && !in->keys)
        pb_buffer_text(out, ", all positions");
}

/* Position 1 where 2 was meant: what lies before the first difference cannot change anything. */
static void note_too_early(const patch_arguments *in, pb_list_builder *notes)
{
    const pb_prompts *prompts = &in->ends.into;
    const pb_run *into = prompts->runs[0], *from = in->ends.from.runs[0];
    size_t length = pb_run_length(into), at, first = 0;
    if (pb_ends_count(&in->ends) != 1 || pb_select_is_every(in->positions) || prompts->edits ||
        in->ends.from.edits ||
        pb_position_resolve(into, pb_select_for(in->positions, 0), &at, NULL))
        return;
    while (first < length && pb_run_tokens(into)[first] == pb_run_tokens(from)[first])
        first++;
    if (at >= first)
        return;
    if (first == length) {
        pb_list_take_text(notes, "Both prompts are the same, so nothing changes.");
        return;
    }
    char *one = pb_token_text(prompts->engine, pb_run_tokens(into)[first]);
    char *other = pb_token_text(prompts->engine, pb_run_tokens(from)[first]);
    char text[400];
    snprintf(text, sizeof text,
             "The prompts are the same up to position %zu and first differ at position %zu (%.80s "
             "here, %.80s there), so patching position %zu changes nothing.",
             first - 1, first, one ? one : "?", other ? other : "?", at);
    free(one);
    free(other);
    pb_list_take_text(notes, text);
}

/* What the sweep found out about itself, as sentences. */
static pb_status sweep_notes(const patch_arguments *in, const pb_patch_result *found,
                             pb_value **notes, pb_error **error)
{
    pb_list_builder list = {0};
    char text[320];
    note_too_early(in, &list);
    for (size_t i = 0; i < found->n_checks; i++) {
        const pb_patch_check *check = &found->checks[i];
        snprintf(text, sizeof text, "%s %s: expected %.4f, got %.4f (difference %.1e).",
                 check->passed ? "\xE2\x9C\x93" : "\xE2\x9C\x97", check->text, check->expected,
                 check->got, check->difference);
        pb_list_take_text(&list, text);
    }
    if (found->partial) {
        snprintf(text, sizeof text,
                 "Interrupted: %zu of %zu cells were computed, the others are empty.",
                 found->cells_done, found->cells);
        pb_list_take_text(&list, text);
    }
    return pb_list_finish(&list, false, notes, error);
}

/* One of the sweep's own checks as a record, for .checks. */
static void take_measured(pb_record_builder *out, const char *name, double number)
{
    pb_value *value = NULL;
    if (!out->status)
        out->status = pb_value_number(number, PB_SINGLE, &value, &out->error);
    pb_record_take(out, name, value);
}

/* One of the sweep's own checks as a record, for .checks. */
static pb_status check_record(const pb_patch_check *check, pb_value **result, pb_error **error)
{
    pb_record_builder out = {0};
    pb_value *what = NULL, *passed = NULL;
    out.status = pb_value_text(check->text, &what, &out.error);
    pb_record_take(&out, "what", what);
    take_measured(&out, "expected", check->expected);
    take_measured(&out, "got", check->got);
    take_measured(&out, "difference", check->difference);
    if (!out.status)
        out.status = pb_value_bool(check->passed, &passed, &out.error);
    pb_record_take(&out, "passed", passed);
    return pb_record_finish(&out, result, error);
}

static pb_status check_records(const pb_patch_result *found, pb_value **result, pb_error **error)
{
    pb_list_builder list = {0};
    for (size_t i = 0; !list.status && i < found->n_checks; i++) {
        pb_value *record = NULL;
        list.status = check_record(&found->checks[i], &record, &list.error);
        pb_list_take(&list, record);
    }
    return pb_list_finish(&list, false, result, error);
}

static pb_status patch_value(pb_call *call, const patch_arguments *in, pb_patch_result *found,
                             pb_value **result, pb_error **error)
{
    pb_context context = pb_call_context(call);
    pb_value *notes = NULL, *checks = NULL;
    pb_buffer what = PB_BUFFER_EMPTY;
    patched_places(call, in, &what);
    pb_status status = sweep_notes(in, found, &notes, error);
    if (!status)
        status = check_records(found, &checks, error);
    if (!status) {
        const pb_field fields[] = {{.name = "checks", .value = checks, .whole = true},
                                   {.name = "notes", .value = notes, .whole = true}};
        pb_found_sweep sweep = {.values = &found->values,
                                .mean = &found->mean,
                                .into = found->into,
                                .from = found->from,
                                .normalized = found->normalized,
                                .partial = found->partial,
                                .noted = true};
        status = pb_place_argument(
            call, "normalize", pb_sweep_check_gap(&in->ends, &in->metric, &context, &sweep, error),
            error);
        if (!status)
            status =
                pb_sweep_value(&what, &in->ends, &in->metric, &sweep, 2, fields, result, error);
    }
    pb_value_release(&notes);
    pb_value_release(&checks);
    pb_buffer_free(&what);
    return status;
}

static pb_status call_patch(pb_call *call, pb_value **result, pb_error **error)
{
    patch_arguments in;
    pb_patch_result found = {0};
    pb_context context = pb_call_context(call);
    pb_status status = take_patch(call, &in, error);
    if (!status)
        status = pb_patch(&in.spec, &context, &found, error);
    bool of_queries = status && error && pb_error_argument(*error) &&
                      strcmp(pb_error_argument(*error), "pos") == 0;
    /* What is about no place is the metric, or ends that are equal. */
    pb_place_answer(call,
                    of_queries                                ? in.position
                    : status == PB_VALUE && in.spec.normalize ? "normalize"
                                                              : "metric",
                    &in.ends.into, status, error);
    if (!status && found.partial)
        status = pb_interp_halt(call->interp, error, "the sweep was stopped after %zu of %zu cells",
                                found.cells_done, found.cells);
    if (!status)
        status = patch_value(call, &in, &found, result, error);
    pb_patch_result_release(&found);
    patch_free(&in);
    return status;
}

/* ---- the word ---- */

const pb_builtin pb_builtins_patch[] = {
    {.name = "patch",
     .category = "Patching",
     .summary = "Runs one prompt with activations taken from another, and reads a metric.",
     .doc =
         "Runs `into` with the activation at the site replaced by `from`'s. `layer`, `head`, "
         "`pos`, `query` and `key` say where: a place, a list, a slice, `all` (taken whole) or "
         "`each` (walked, one result for each). Left out: every layer; at the sites with heads "
         "every head over all positions; elsewhere every position. Places given as words are "
         "found in `into`.\n\n"
         "Both prompts need the same number of tokens. `normalize=True` gives (patched - into) "
         "/ (from - into); over several pairs it is the ratio of the means, (mean patched - "
         "mean into) / (mean from - mean into), and `.each` has the ratio of each pair. Ends that "
         "float32 cannot tell apart have no ratio: an error, or of one pair among several an "
         "empty row of `.each`. "
         "The metric may be a function of your own. It gets the run of each cell, which answers "
         "what any run does, and `.index`, which of the pairs it is of: `metric=lambda r: "
         "logit(r, \" great\") - r.resid_post[layer=5, pos=-1].norm()`. What it reads of both "
         "ends is computed with the sweep; what it reads elsewhere takes a pass of its own.\n\n"
         "A part of the result, such as p[layer=0:3], is a sweep with the same ends.\n\n"
         "`neuron=` patches single neurons, `at=\"mlp_post\"`: one, a list of them together, or "
         "`each` one by one, over all positions unless told.\n\n"
         "TransformerLens' get_act_patch_* functions copy clean into "
         "corrupted: that is patch(into=corrupted, from=clean).",
     .result = "a tensor over what is walked, with .into, .from, .change (of a normalised one over "
               "several pairs .each) and .checks",
     .example = "patch(into=\"I love this movie because it is\", from=\"I hate this movie because "
                "it is\", at=\"resid_post\", pos=\" love\", metric=logit(\" great\")).checks",
     .needs_model = true,
     .see = "path set attribute line heatmap",
     .parameters =
         {{.name = "into",
           .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
           .what = "a prompt or a list of prompts",
           .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
          {.name = "from",
           .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
           .what = "a prompt or a list of prompts",
           .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
          {.name = "at",
           .types = PB_TAKES_STRING,
           .what = "an activation site",
           .suggest = pb_suggest_sites},
          {.name = "metric",
           .types = PB_TAKES_ANY,
           .what = "a metric such as logit(\" great\"), or a function of a run",
           .objects = {&pb_metric_type}},
          {.name = "layer",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "head",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "pos",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "query",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "key",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "neuron",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "kv_head",
           .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "a place, a list, a slice, each or all",
           .fallback = "None"},
          {.name = "heads",
           .types = PB_TAKES_STRING | PB_TAKES_LIST,
           .mode = PB_PARAMETER_KEYWORD,
           .what = "heads such as \"L9H6\", one by one, or with head=all together",
           .fallback = "None",
           .objects = {&pb_ranking_type}},
          {.name = "normalize",
           .types = PB_TAKES_BOOL,
           .mode = PB_PARAMETER_KEYWORD,
           .fallback = "False"}},
     .also = {pb_prompt_group},
     .function = call_patch},
    {0}};
