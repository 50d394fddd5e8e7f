/* attention(): the patterns of a layer's heads, or of chosen heads, with their tokens. */
#include "display/attention.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "math/kernels.h"
#include "session/cell.h"
#include "show/show.h"
#include "value/text.h"
#include "words.h"

/* The patterns to draw, [n, T, T], and what each is called. */
typedef struct pattern_set {
    size_t n, length;
    float *values;
    char **names;
    const pb_run *run; /* borrowed */
    size_t enlarged;
} pattern_set;

static void patterns_free(pattern_set *patterns)
{
    for (size_t i = 0; patterns->names && i < patterns->n; i++)
        free(patterns->names[i]);
    free(patterns->names);
    free(patterns->values);
}

static pb_status reserve(pattern_set *patterns, size_t n, pb_error **error)
{
    size_t square, total;
    size_t length = pb_run_length(patterns->run);
    patterns->length = length;
    patterns->n = n;
    if (!pb_size_mul(length, length, &square) || !pb_size_mul(square, n, &total) ||
        !(patterns->values = pb_malloc(total, sizeof *patterns->values)) ||
        !(patterns->names = pb_calloc(n, sizeof *patterns->names)))
        return pb_fail_memory(error);
    return PB_OK;
}

static pb_status name_head(pattern_set *patterns, size_t which, size_t layer, size_t head,
                           pb_error **error)
{
    char name[48];
    snprintf(name, sizeof name, "L%zuH%zu", layer, head);
    patterns->names[which] = strdup(name);
    return patterns->names[which] ? PB_OK : pb_fail_memory(error);
}

/* pattern [T, T] times the length of each key's value vector, as a share of the head's longest.
 * `v` is the layer's, [T, n_kv_head, d_head]. */
static void weight_by_values(const pb_shape *shape, size_t head, const float *v, size_t length,
                             double *norms, float *pattern)
{
    double longest = 0;
    for (size_t key = 0; key < length; key++) {
        size_t of = head / (shape->n_head / shape->n_kv_head);
        const float *x = v + key * shape->d_kv + of * shape->d_head;
        norms[key] = sqrt(pb_dot(shape->d_head, x, x));
        longest = fmax(longest, norms[key]);
    }
    for (size_t i = 0; longest > 0 && i < length * length; i++)
        pattern[i] = (float)(pattern[i] * (norms[i % length] / longest));
}

/* Copies the pattern of `heads`, reading each layer once. */
static pb_status read_patterns(const pb_head *heads, size_t n, bool weighted,
                               const pb_context *context, pattern_set *out, pb_error **error)
{
    const pb_shape *shape = pb_model_shape(pb_run_model(out->run));
    size_t square = out->length * out->length;
    float *layer = pb_malloc(pb_run_activation_size(out->run, PB_SITE_PATTERN), sizeof *layer);
    size_t v_size = weighted ? pb_run_activation_size(out->run, PB_SITE_V) : 0;
    float *v = pb_malloc(v_size, sizeof *v);
    double *norms = pb_malloc(out->length, sizeof *norms);
    pb_status status = layer && v && norms ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < n && !status; i++) {
        bool next = i == 0 || heads[i].layer != heads[i - 1].layer;
        if (next)
            status = pb_run_activation_into(out->run, PB_SITE_PATTERN, heads[i].layer, context,
                                            layer, error);
        if (next && weighted && !status)
            status = pb_run_activation_into(out->run, PB_SITE_V, heads[i].layer, context, v, error);
        if (status)
            break;
        float *pattern = out->values + i * square;
        memcpy(pattern, layer + heads[i].head * square, square * sizeof *layer);
        if (weighted)
            weight_by_values(shape, heads[i].head, v, out->length, norms, pattern);
        status = name_head(out, i, heads[i].layer, heads[i].head, error);
    }
    free(norms);
    free(v);
    free(layer);
    return status;
}

/* Every head of one layer as a list of heads; malloc'ed. */
static pb_status layer_heads(pb_call *call, const pb_model *model, pb_head **heads, size_t *n,
                             pb_error **error)
{
    const pb_shape *shape = pb_model_shape(model);
    if (pb_argument_is_none(call, "layer")) {
        pb_status status = pb_fail_argument(call, NULL, error, PB_TYPE,
                                            "attention() needs a layer, or heads=[\"L4H0\"]");
        if (error)
            pb_error_hint(*error, "the layers are 0 to %zu: attention(prompt, layer=%zu)",
                          shape->n_layer - 1, shape->n_layer / 2);
        return status;
    }
    int64_t layer = pb_argument_integer(call, "layer"), count = (int64_t)shape->n_layer;
    if (layer < -count || layer >= count)
        return pb_fail_argument(call, "layer", error, PB_RANGE,
                                "there is no layer %lld; %s has the layers 0 to %lld",
                                (long long)layer, pb_model_name(model), (long long)count - 1);
    *n = shape->n_head;
    *heads = pb_malloc(*n, sizeof **heads);
    if (!*heads)
        return pb_fail_memory(error);
    for (size_t i = 0; i < *n; i++)
        (*heads)[i] = (pb_head){(size_t)(layer < 0 ? layer + count : layer), i};
    return PB_OK;
}

/* head=: the number of a head of the layer, or among heads= the place in the list. */
static pb_status enlarged_head(pb_call *call, const pattern_set *patterns, size_t *which,
                               pb_error **error)
{
    int64_t head = pb_argument_integer(call, "head"), count = (int64_t)patterns->n;
    if (head < -count || head >= count)
        return pb_fail_argument(call, "head", error, PB_RANGE,
                                "there is no head %lld; the heads shown are 0 to %lld",
                                (long long)head, (long long)count - 1);
    *which = (size_t)(head < 0 ? head + count : head);
    return PB_OK;
}

static void draw_caption(const pb_prompts *prompts, size_t which, const pb_head *heads, size_t n,
                         bool weighted, pb_buffer *caption)
{
    bool one_layer = true;
    for (size_t i = 1; i < n; i++)
        one_layer = one_layer && heads[i].layer == heads[0].layer;
    char *title = pb_prompt_title(prompts->texts[which], 80);
    pb_buffer_text(caption, weighted ? "Value-weighted attention patterns" : "Attention patterns");
    if (one_layer)
        pb_buffer_format(caption, " of layer %zu", heads[0].layer);
    pb_buffer_format(caption, " for %s. Each row is a query token; ", title ? title : "the prompt");
    pb_buffer_text(caption, weighted ? "each weight is multiplied by the length of the key token's "
                                       "value vector, as a share of the head's longest."
                                     : "its weights over the key tokens sum to 1.");
    pb_prompts_edits(prompts, caption);
    free(title);
}

static pb_status draw(const pattern_set *patterns, const char *caption, pb_bundle **bundle,
                      pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(patterns->run));
    const char **tokens = pb_malloc(patterns->length, sizeof *tokens);
    if (!tokens)
        return pb_fail_memory(error);
    for (size_t i = 0; i < patterns->length; i++)
        tokens[i] = pb_tokenizer_label(tokenizer, pb_run_tokens(patterns->run)[i]);
    pb_attention_view view = {.words = {.caption = caption},
                              .n_heads = patterns->n,
                              .head_names = (const char *const *)patterns->names,
                              .n_tokens = patterns->length,
                              .tokens = tokens,
                              .pattern = patterns->values,
                              .enlarged = patterns->enlarged};
    pb_status status = pb_show_attention(&view, bundle, error);
    free(tokens);
    return status;
}

/* What is drawn of each prompt. */
typedef struct attention_arguments {
    pb_prompts prompts;
    pb_head *heads;
    size_t n;
    bool weighted;
} attention_arguments;

/* Drawings for a set come one below the other. */
enum { MOST_DRAWN = 12 };

static pb_status take_attention(pb_call *call, attention_arguments *in, pb_error **error)
{
    in->weighted = pb_argument_bool(call, "weighted");
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &in->prompts, error);
    if (!status && in->prompts.count > MOST_DRAWN) {
        status = pb_fail_argument(call, "prompt", error, PB_LIMIT,
                                  "attention() draws %d prompts at most, these are %zu", MOST_DRAWN,
                                  in->prompts.count);
        if (error)
            pb_error_hint(*error, "heatmap(run(set).pattern[layer=4, head=0].mean(\"prompt\")) is "
                                  "one picture of all");
    }
    if (!status)
        status = pb_heads_take(call, "heads", in->prompts.engine, &in->heads, &in->n, error);
    if (!status && in->heads && !pb_argument_is_none(call, "layer"))
        status = pb_fail_argument(call, "heads", error, PB_TYPE, "give layer= or heads=, not both");
    if (!status && !in->heads)
        status = layer_heads(call, in->prompts.engine, &in->heads, &in->n, error);
    return status;
}

static pb_status draw_prompt(pb_call *call, const attention_arguments *in, size_t which,
                             pb_value **result, pb_error **error)
{
    pattern_set patterns = {.run = in->prompts.runs[which]};
    pb_bundle *bundle = NULL;
    pb_context context = pb_call_context(call);
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_status status = reserve(&patterns, in->n, error);
    if (!status)
        status = enlarged_head(call, &patterns, &patterns.enlarged, error);
    if (!status)
        status = read_patterns(in->heads, in->n, in->weighted, &context, &patterns, error);
    if (!status)
        draw_caption(&in->prompts, which, in->heads, in->n, in->weighted, &caption);
    if (!status)
        status = pb_buffer_status(&caption, error);
    if (!status)
        status = draw(&patterns, caption.data, &bundle, error);
    pb_buffer_free(&caption);
    patterns_free(&patterns);
    return status ? status : pb_value_take_drawing(bundle, "attention", result, error);
}

static pb_status call_attention(pb_call *call, pb_value **result, pb_error **error)
{
    attention_arguments in = {0};
    pb_value *drawn = NULL;
    pb_status status = take_attention(call, &in, error);
    for (size_t i = 0; i < in.prompts.count && !status; i++) {
        if (drawn)
            status = pb_interp_show(call->interp, drawn, error);
        pb_value_release(&drawn);
        if (!status)
            status = draw_prompt(call, &in, i, &drawn, error);
    }
    if (!status)
        *result = pb_value_retain(drawn);
    pb_value_release(&drawn);
    free(in.heads);
    pb_prompts_free(&in.prompts);
    return status;
}

const pb_builtin pb_builtins_attention[] = {
    {.name = "attention",
     .category = "Plots",
     .summary = "The attention patterns of a layer's heads, or of chosen heads.",
     .doc =
         "Thumbnails of every head, one enlarged (`head=`); hover a token to see where it "
         "attends. The same numbers are run(prompt).pattern. Of a set of prompts, at most 12, the "
         "drawings come one below the other.\n\n"
         "A head may attend to a token and copy next to nothing from it. `weighted=True` shows "
         "`A[q, k] |v_k| / max_j |v_j|`: each weight times the length of its key's value vector "
         "(`run(prompt).v`), as a share of the head's longest.",
     .result = "a drawing",
     .example = "attention(\"I love this movie\", layer=4)",
     .needs_model = true,
     .see = "run heatmap detect_heads",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "layer",
                     .types = PB_TAKES_INTEGER,
                     .what = "the number of a layer",
                     .fallback = "None"},
                    {.name = "head",
                     .types = PB_TAKES_INTEGER,
                     .what = "the number of the head to enlarge",
                     .fallback = "0"},
                    {.name = "heads",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "heads such as \"L4H0\"",
                     .fallback = "None",
                     .objects = {&pb_ranking_type}},
                    {.name = "weighted",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .also = {pb_prompt_group},
     .function = call_attention},
    {0}};
