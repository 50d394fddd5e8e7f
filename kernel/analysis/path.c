/* path(): path patching, what a head sends to given receivers. */
#include "study/path.h"

#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "sweep.h"
#include "words.h"

typedef struct path_arguments {
    pb_ends ends;
    pb_bound_metric metric;
    pb_select *positions;
    pb_path_sender *senders;
    pb_receiver *receivers;
    pb_run **into_pairs, **from_pairs;
    pb_path_spec spec;
} path_arguments;

static void path_free(path_arguments *in)
{
    pb_bound_metric_free(&in->metric);
    pb_select_destroy(&in->positions);
    free(in->senders);
    free(in->receivers);
    free(in->into_pairs);
    free(in->from_pairs);
    pb_ends_free(&in->ends);
}

static pb_status check_reached(pb_call *call, const path_arguments *in, const char *name,
                               const pb_receiver *receiver, pb_error **error)
{
    static const pb_path_sender first = {PB_PATH_FROM_HEAD, 0, 0};
    const pb_model *model = in->ends.into.engine;
    /* With sender=each it is enough that one reaches. */
    bool reached = !in->senders && pb_receiver_reads(model, receiver, &first);
    for (size_t i = 0; i < in->spec.n_outputs; i++)
        reached = reached || pb_receiver_reads(model, receiver, &in->senders[i]);
    if (reached)
        return PB_OK;
    char sender[48];
    if (in->senders)
        pb_path_sender_name(&in->senders[0], sender, sizeof sender);
    pb_status status =
        in->senders
            ? pb_fail_argument(call, "receivers", error, PB_VALUE,
                               "nothing that %s writes reaches %s, which comes no later", sender,
                               name)
            : pb_fail_argument(call, "receivers", error, PB_VALUE,
                               "nothing that a head writes reaches %s, in the first layer", name);
    if (error)
        pb_error_hint(*error,
                      pb_model_shape(model)->parallel
                          ? "heads and MLPs read what earlier layers wrote: in this model both "
                            "parts of a layer read the same stream"
                          : "heads read what earlier layers wrote, an MLP also its own layer's "
                            "heads");
    return status;
}

static pb_status not_alone(pb_call *call, pb_error **error)
{
    pb_status status = pb_fail_argument(call, "receivers", error, PB_VALUE,
                                        "the logits come after every other receiver, and stand "
                                        "alone");
    if (error)
        pb_error_hint(*error, "ask about them by themselves: receivers=\"logits\"");
    return status;
}

/* The strings of a list of senders, or of one; a ranking has heads. */
static pb_status list_senders(pb_call *call, const pb_value *given, path_arguments *in,
                              pb_error **error)
{
    const pb_value *list =
        pb_value_object_type(given) == &pb_ranking_type ? pb_ranking_heads(given) : given;
    if (!list)
        return pb_fail(error, PB_VALUE,
                       "this ranking is not of heads; rank a tensor over layer and head");
    bool many = pb_value_kind(list) == PB_LIST;
    size_t count = many ? pb_list_count(list) : 1;
    in->senders = pb_malloc(count, sizeof *in->senders);
    if (!in->senders)
        return pb_fail_memory(error);
    pb_status status = count ? PB_OK : pb_fail(error, PB_VALUE, "the list of senders is empty");
    for (size_t i = 0; i < count && !status; i++) {
        char text[96];
        const pb_value *item = many ? pb_list_item(list, i) : list;
        status = pb_value_kind(item) == PB_STRING
                     ? pb_path_sender_parse(in->ends.into.engine, pb_value_get_text(item, NULL),
                                            &in->senders[i], error)
                     : pb_fail(error, PB_TYPE, "senders are written \"L5H5\", not %s",
                               pb_value_describe(item, text, sizeof text));
    }
    in->spec.n_outputs = count;
    (void)call;
    return status;
}

/* sender=each: with one receiver every head, [layer, head]; with receivers=each whatever sends. */
static pb_status take_senders(pb_call *call, path_arguments *in, pb_error **error)
{
    const pb_value *given = pb_argument_value(call, "sender");
    in->spec.each_sender = pb_select_walks(pb_value_get_selector(given));
    pb_status status = PB_OK;
    if (!in->spec.each_sender)
        status = list_senders(call, given, in, error);
    else if (in->spec.each_receiver)
        status =
            pb_path_senders_all(in->ends.into.engine, &in->senders, &in->spec.n_outputs, error);
    in->spec.outputs = in->senders;
    return pb_place_argument(call, "sender", status, error);
}

static pb_status take_receivers(pb_call *call, path_arguments *in, pb_error **error)
{
    const char *const *names = NULL;
    size_t count = 0;
    if (in->spec.each_receiver) {
        pb_status all =
            pb_receivers_all(in->ends.into.engine, &in->receivers, &in->spec.n_receivers, error);
        in->spec.receivers = in->receivers;
        return all;
    }
    pb_status status = pb_argument_texts(call, "receivers", &names, &count, error);
    if (!status && count == 0)
        status =
            pb_fail_argument(call, "receivers", error, PB_VALUE, "the list of receivers is empty");
    in->receivers = status ? NULL : pb_malloc(count, sizeof *in->receivers);
    if (!status && !in->receivers)
        status = pb_fail_memory(error);
    for (size_t i = 0; i < count && !status; i++) {
        status = pb_place_argument(
            call, "receivers",
            pb_receiver_parse(in->ends.into.engine, names[i], &in->receivers[i], error), error);
        if (!status && in->receivers[i].input == PB_PATH_LOGITS && count > 1)
            status = not_alone(call, error);
        if (!status)
            status = check_reached(call, in, names[i], &in->receivers[i], error);
    }
    free((void *)names);
    in->spec.receivers = in->receivers;
    in->spec.n_receivers = count;
    return status;
}

static pb_status pair_up(path_arguments *in, pb_error **error)
{
    const pb_prompts *into = &in->ends.into, *from = &in->ends.from;
    size_t n = pb_ends_count(&in->ends);
    in->into_pairs = pb_malloc(n, sizeof *in->into_pairs);
    in->from_pairs = pb_malloc(n, sizeof *in->from_pairs);
    if (!in->into_pairs || !in->from_pairs)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++) {
        in->into_pairs[i] = into->runs[into->count > 1 ? i : 0];
        in->from_pairs[i] = from->runs[from->count > 1 ? i : 0];
    }
    in->spec.into = in->into_pairs;
    in->spec.from = in->from_pairs;
    in->spec.n_pairs = n;
    return PB_OK;
}

static pb_status walks_no_positions(pb_call *call, pb_error **error)
{
    pb_status status = pb_fail_argument(call, "pos", error, PB_VALUE,
                                        "a path takes its positions together, and each is for "
                                        "what is walked one by one");
    if (error)
        pb_error_hint(*error, "write pos=all, or stack([path(..., pos=i) for i in range(8)], "
                              "axis=\"pos\")");
    return status;
}

static pb_status take_path(pb_call *call, path_arguments *in, pb_error **error)
{
    *in = (path_arguments){0};
    pb_status status = pb_ends_take(call, "path patching", &in->ends, error);
    if (!status)
        status = pair_up(in, error);
    if (!status)
        status = pb_metric_take(call, "metric", pb_ends_prompts(&in->ends), &in->metric, error);
    in->spec.each_receiver =
        pb_select_walks(pb_value_get_selector(pb_argument_value(call, "receivers")));
    if (!status)
        status = take_senders(call, in, error);
    if (!status)
        status = take_receivers(call, in, error);
    if (!status)
        status = pb_places_take(call, "pos", "pos", &in->positions, error);
    if (!status && pb_select_walks(in->positions))
        status = walks_no_positions(call, error);
    in->spec.mode = (pb_path_mode)pb_argument_choice(call, "mode");
    in->spec.prompts = in->ends.axis;
    in->spec.positions = in->positions;
    in->spec.metric = &in->metric.metric;
    in->spec.normalize = pb_argument_bool(call, "normalize");
    return status;
}

/* "Output of L3H2, position 2 (\xC2\xB7love), on its way to L4H0.q (ioi)" */
static void path_words(const pb_call *call, const path_arguments *in, pb_buffer *out)
{
    const char *const *names = NULL;
    size_t count = 0;
    pb_buffer_text(out, "Output of ");
    for (size_t i = 0; !in->spec.each_sender && i < in->spec.n_outputs; i++) {
        char name[48];
        pb_path_sender_name(&in->senders[i], name, sizeof name);
        pb_buffer_format(out, "%s%s", i ? ", " : "", name);
    }
    if (in->spec.each_sender)
        pb_buffer_text(out, in->spec.each_receiver ? "each sender" : "each head");
    pb_places_phrase("position", in->positions, pb_argument_value(call, "pos"),
                     in->ends.into.many ? NULL : in->ends.into.runs[0], out);
    pb_buffer_text(out, ", on its way to ");
    if (in->spec.each_receiver)
        pb_buffer_text(out, "each receiver");
    else if (pb_argument_texts(call, "receivers", &names, &count, NULL))
        out->failed = true;
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, "%s%s", i ? ", " : "", names[i]);
    pb_buffer_format(out, " (%s)", pb_argument_text(call, "mode"));
    free((void *)names);
}

static pb_status path_value(pb_call *call, const path_arguments *in, pb_path_result *found,
                            pb_value **result, pb_error **error)
{
    pb_context context = pb_call_context(call);
    pb_found_sweep sweep = {.values = &found->values,
                            .mean = &found->mean,
                            .into = found->into,
                            .from = found->from,
                            .normalized = in->spec.normalize,
                            .partial = found->partial};
    pb_buffer what = PB_BUFFER_EMPTY;
    path_words(call, in, &what);
    pb_status status = pb_place_argument(
        call, "normalize", pb_sweep_check_gap(&in->ends, &in->metric, &context, &sweep, error),
        error);
    if (!status)
        status = pb_sweep_value(&what, &in->ends, &in->metric, &sweep, 0, NULL, result, error);
    pb_buffer_free(&what);
    return status;
}

static pb_status call_path(pb_call *call, pb_value **result, pb_error **error)
{
    path_arguments in;
    pb_path_result found = {0};
    pb_context context = pb_call_context(call);
    pb_status status = take_path(call, &in, error);
    if (!status)
        status = pb_path_patch(&in.spec, &context, &found, error);
    /* What is about no place is the metric, or ends that are equal. */
    pb_place_answer(call, status == PB_VALUE && in.spec.normalize ? "normalize" : "metric",
                    &in.ends.into, status, error);
    if (!status && found.partial)
        status = pb_interp_halt(call->interp, error, "the sweep was stopped after %zu of %zu paths",
                                found.paths_done, found.paths);
    if (!status)
        status = path_value(call, &in, &found, result, error);
    pb_path_result_release(&found);
    path_free(&in);
    return status;
}

/* ---- the word ---- */

const pb_builtin pb_builtins_path[] = {
    {.name = "path",
     .category = "Patching",
     .summary = "Path patching: what a head sends to given receivers.",
     .doc =
         "Pass 1 runs `into` with the sender's output taken from `from` and records the "
         "receivers' inputs: `\"ioi\"` freezes the other heads and recomputes MLPs, `\"direct\"` "
         "freezes MLPs too and recomputes norms, `\"linear\"` also freezes the layer norm's "
         "scale. Pass 2 sets all receivers together and recomputes everything after them.\n\n"
         "Senders are `\"L5H5\"`, `\"L3_mlp\"` and `\"embed\"`, the embedding of the tokens; "
         "receivers are `\"L9H9.q\"`, `\"L9H9.k\"`, `\"L9H9.v\"`, `\"L8_mlp\"` or `\"logits\"`. "
         "`sender=each` tries every head; with `receivers=each` every sender is tried with every "
         "receiver, one at a time, and pairs without a path are empty. Pass 1 is shared by all "
         "receivers. Where heads share keys and values, `.k` and `.v` are of the kv_head of that "
         "number; of an MLP with a gate both inputs are set. Positions are taken together: "
         "`stack([path(..., pos=i) for i in range(8)], axis=\"pos\")` walks them.\n\n"
         "`normalize=True` gives (patched - into) / (from - into); over several pairs it is the "
         "ratio of the means, and `.each` has the ratio of each pair.",
     .result = "a number, or with sender=each a tensor [layer, head], and with receivers=each too "
               "[sender, receiver]; .into and .from",
     .example = "path(into=\"I love this movie because it is\", from=\"I hate this movie because "
                "it is\", sender=\"L2H3\", metric=logit(\" great\"))",
     .needs_model = true,
     .see = "patch",
     .parameters = {{.name = "into",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .what = "a prompt or a list of prompts",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "from",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .what = "a prompt or a list of prompts",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "sender",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .what = "a sender such as \"L5H5\", a list of senders, or each",
                     .fallback = "each",
                     .objects = {&pb_ranking_type}},
                    {.name = "receivers",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .what = "receivers such as \"L9H9.q\" or \"logits\", or each",
                     .fallback = "\"logits\""},
                    {.name = "metric",
                     .types = PB_TAKES_ANY,
                     .what = "a metric such as logit(\" great\"), or a function of a run",
                     .objects = {&pb_metric_type}},
                    {.name = "mode",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"ioi\"",
                     .choices = "ioi direct linear"},
                    {.name = "pos",
                     .types =
                         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "where the sender's output is taken: a place, a list, a slice or all",
                     .fallback = "None"},
                    {.name = "normalize",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .also = {pb_prompt_group},
     .function = call_path},
    {0}};
