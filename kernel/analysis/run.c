/* Runs and prompts of ids as values: run(), prompt(), random_tokens(), and run.pattern and so on.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "display/tokens.h"
#include "domain.h"
#include "runs.h"
#include "study/attribute.h"
#include "value/text.h"
#include "words.h"

/* ---- runs ---- */

typedef struct run_data {
    pb_run *run;
    pb_value *model;
    char *text;
    char *edits; /* in words; NULL if there are none */
} run_data;

static void run_destroy(void *data)
{
    run_data *run = data;
    if (!run)
        return;
    pb_run_release(&run->run);
    pb_value_release(&run->model);
    free(run->text);
    free(run->edits);
    free(run);
}

pb_status pb_run_value(pb_run **run, pb_value *model, const char *text, const char *edits,
                       pb_value **result, pb_error **error)
{
    run_data *data = pb_calloc(1, sizeof *data);
    char *copy = strdup(text), *edits_copy = edits ? strdup(edits) : NULL;
    if (!data || !copy || (edits && !edits_copy)) {
        free(data);
        free(copy);
        free(edits_copy);
        pb_run_release(run);
        return pb_fail_memory(error);
    }
    *data = (run_data){*run, pb_value_retain(model), copy, edits_copy};
    *run = NULL;
    return pb_value_take_object(&pb_run_type, data, result, error);
}

static run_data *data_of(const pb_value *value)
{
    return pb_value_object(value, &pb_run_type);
}

pb_run *pb_run_of(const pb_value *value)
{
    run_data *data = data_of(value);
    return data ? data->run : NULL;
}

const char *pb_run_text(const pb_value *value)
{
    return data_of(value)->text;
}

const char *pb_run_edits_text(const pb_value *value)
{
    return data_of(value)->edits;
}

pb_value *pb_run_model_value(const pb_value *run)
{
    return data_of(run)->model;
}

static void run_repr(const pb_value *self, pb_buffer *out)
{
    const run_data *run = data_of(self);
    pb_buffer_text(out, "run(");
    char *title = pb_prompt_title(run->text, 60);
    pb_buffer_text(out, title ? title : "...");
    free(title);
    pb_buffer_text(out, run->edits ? ", edit=...)" : ")");
}

/* A run shows its tokens, and the edits it was made with. */
static pb_status run_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                          pb_error **error)
{
    (void)interp;
    const run_data *run = data_of(self);
    size_t count = pb_run_length(run->run);
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(run->run));
    const char **tokens = pb_malloc(count, sizeof *tokens);
    if (!tokens)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        tokens[i] = pb_tokenizer_label(tokenizer, pb_run_tokens(run->run)[i]);
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_buffer_format(&caption,
                     "A run of %zu token%s on %s; .logits, .pattern, .resid_post and so "
                     "on are its activations.",
                     count, count == 1 ? "" : "s", pb_model_value_name(run->model));
    if (run->edits)
        pb_buffer_format(&caption, " Edited: %s.", run->edits);
    pb_token_row row = {.count = count, .tokens = tokens};
    pb_tokens_view view = {.words = {.caption = caption.data}, .rows = &row, .n_rows = 1};
    pb_bundle *shown = NULL;
    pb_status status = caption.failed ? pb_fail_memory(error) : PB_OK;
    if (!status)
        status = pb_show_tokens(&view, &shown, error);
    pb_buffer_free(&caption);
    free(tokens);
    return status ? status : pb_bundle_absorb(bundle, &shown, error);
}

static pb_context run_context(pb_interp *interp)
{
    return (pb_context){.watch = pb_interp_watch(interp), .caller = interp};
}

/* The whole logits, or their log softmax. */
static pb_status run_logits(pb_interp *interp, const pb_value *self, bool logarithm,
                            pb_value **result, pb_error **error)
{
    run_data *run = data_of(self);
    pb_context context = run_context(interp);
    pb_tensor *logits = NULL;
    pb_status status = pb_run_logits(run->run, &context, &logits, error);
    if (!status && logarithm) {
        pb_tensor *normal = NULL;
        status = pb_tensor_softmax(logits, "token", true, context.watch, &normal, error);
        pb_tensor_release(&logits);
        logits = normal;
    }
    if (status)
        return status;
    return pb_result_tensor(&logits, run->model, NULL, logarithm ? "nats" : "logits",
                            logarithm ? "Log probabilities of the next token"
                                      : "Logits of the next token",
                            0, NULL, result, error);
}

static pb_status get_logits(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    return run_logits(interp, self, false, result, error);
}

static pb_status get_logprobs(pb_interp *interp, const pb_value *self, pb_value **result,
                              pb_error **error)
{
    return run_logits(interp, self, true, result, error);
}

static pb_status get_tokens(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    (void)interp;
    const pb_run *run = ((const run_data *)data_of(self))->run;
    pb_list_builder list = {0};
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_run_model(run));
    for (size_t i = 0; i < pb_run_length(run); i++)
        pb_list_take_text(&list, pb_tokenizer_label(tokenizer, pb_run_tokens(run)[i]));
    return pb_list_finish(&list, false, result, error);
}

static pb_status ids_list(const int32_t *ids, size_t count, pb_value **result, pb_error **error)
{
    pb_list_builder list = {0};
    for (size_t i = 0; i < count; i++)
        pb_list_take_number(&list, ids[i], PB_INTEGER);
    return pb_list_finish(&list, false, result, error);
}

static pb_status get_ids(pb_interp *interp, const pb_value *self, pb_value **result,
                         pb_error **error)
{
    (void)interp;
    pb_run *run = pb_run_of(self);
    return ids_list(pb_run_tokens(run), pb_run_length(run), result, error);
}

static pb_status get_model(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(data_of(self)->model);
    return PB_OK;
}

static pb_status get_prompt(pb_interp *interp, const pb_value *self, pb_value **result,
                            pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    (void)interp;
    pb_status status = pb_prompt_bytes(data_of(self)->run, data_of(self)->text, &text, error);
    if (!status)
        return pb_value_take_buffer(&text, result, error);
    pb_buffer_free(&text);
    return status;
}

static const pb_member run_members[] = {
    {"logits", "Logits of the next token at every position: [pos, token].", get_logits},
    {"logprobs", "Log probabilities of the next token, nats: [pos, token].", get_logprobs},
    {"tokens", "The prompt's tokens, the start token included.", get_tokens},
    {"ids", "The tokens' numbers.", get_ids},
    {"prompt", "The prompt's text.", get_prompt},
    {"model", "The model it ran on.", get_model},
    {NULL, NULL, NULL}};

/* Names that people try for an activation, and what it is called. */
static const struct {
    const char *tried, *name;
} other_names[] = {{"pre", "mlp_pre"},
                   {"post", "mlp_post"},
                   {"attn", "pattern"},
                   {"attention", "pattern"},
                   {"attentions", "pattern"},
                   {"attention_pattern", "pattern"},
                   {"attn_pattern", "pattern"},
                   {"scores", "attn_scores"},
                   {"mlp", "mlp_out"},
                   {"residual", "resid_post"},
                   {"resid", "resid_post"},
                   {"hidden_states", "resid_post"},
                   {"queries", "q"},
                   {"keys", "k"},
                   {"values", "v"},
                   {"str_tokens", "tokens"},
                   {"input_ids", "ids"},
                   {"text", "prompt"}};

pb_status pb_run_called_otherwise(const char *tried, pb_error **error)
{
    pb_site site;
    const char *name = NULL;
    if (strncmp(tried, "hook_", 5) == 0 && !pb_site_find(tried + 5, &site, NULL))
        name = tried + 5;
    for (size_t i = 0; i < sizeof other_names / sizeof *other_names && !name; i++)
        if (strcmp(other_names[i].tried, tried) == 0)
            name = other_names[i].name;
    if (!name)
        return PB_OK;
    pb_status status = pb_fail(error, PB_NAME, "a run has no .%s", tried);
    if (error)
        pb_error_hint(*error, "here it is .%s", name);
    return status;
}

/* Refuses run["pattern", 4], as it is written of a cache, and hints at the line that works. */
static pb_status run_index(pb_interp *interp, const pb_value *self, size_t count,
                           const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    (void)interp;
    (void)self;
    (void)result;
    pb_status status = pb_fail(error, PB_TYPE,
                               "a run is not indexed; its activations are answered "
                               "by their names");
    if (error)
        pb_hint_activation(count, entries, *error);
    return status;
}

/* Any activation by TransformerLens' name, all layers. */
static pb_status run_attribute(pb_interp *interp, const pb_value *self, const char *name,
                               pb_value **result, pb_error **error)
{
    pb_site site;
    if (pb_site_find(name, &site, NULL))
        return pb_run_called_otherwise(name, error);
    run_data *run = data_of(self);
    pb_context context = run_context(interp);
    pb_tensor *tensor = NULL;
    pb_status status = pb_run_activation(run->run, site, PB_ALL_LAYERS, &context, &tensor, error);
    if (status)
        return status;
    char caption[160];
    snprintf(caption, sizeof caption, "%s: %s", name, pb_site_info(site)->summary);
    return pb_result_tensor(&tensor, run->model, NULL, NULL, caption, 0, NULL, result, error);
}

static void run_names(const pb_value *self, pb_names *names)
{
    const pb_model *model = self ? pb_run_model(pb_run_of(self)) : NULL;
    for (int site = 0; site < PB_N_SITES; site++)
        if (!model || pb_site_is_in(model, (pb_site)site))
            pb_names_add(names, pb_site_info((pb_site)site)->name, "tensor", "");
}

static bool run_foresee(const pb_value *self, const char *name, pb_prospect *prospect)
{
    pb_site site;
    const pb_model *model = self ? pb_run_model(pb_run_of(self)) : NULL;
    *prospect = (pb_prospect){0};
    for (const pb_member *m = run_members; m->name; m++)
        if (strcmp(m->name, name) == 0 && (m->get == get_logits || m->get == get_logprobs))
            *prospect = (pb_prospect){.summary = m->summary, .n_axes = 2, .axes = {"pos", "token"}};
    if (prospect->summary || pb_site_find(name, &site, NULL))
        return prospect->summary != NULL;
    const pb_site_row *row = pb_site_info(site);
    *prospect = (pb_prospect){.summary = row->summary, .also = row->hook};
    if (row->layers)
        prospect->axes[prospect->n_axes++] = "layer";
    prospect->n_axes += pb_site_axes(model, site, prospect->axes + prospect->n_axes);
    return true;
}

static void run_labels(const pb_value *self, const char *axis, const char *typed, pb_names *names)
{
    if (strcmp(axis, "pos") == 0 || strcmp(axis, "query") == 0 || strcmp(axis, "key") == 0)
        pb_suggest_run_tokens(pb_run_of(self), names);
    else if (strcmp(axis, "token") == 0)
        pb_suggest_vocabulary(pb_model_of(pb_run_model_value(self)), typed, names);
}

/* Runs are equal whose activations must be: of the same tokens through the same model without
 * edits, or the very same run. */
static bool run_equal(const pb_value *a, const pb_value *b)
{
    const run_data *x = data_of(a), *y = data_of(b);
    size_t n = pb_run_length(x->run);
    if (x->run == y->run)
        return true;
    return !x->edits && !y->edits && pb_run_model(x->run) == pb_run_model(y->run) &&
           n == pb_run_length(y->run) &&
           memcmp(pb_run_tokens(x->run), pb_run_tokens(y->run), n * sizeof(int32_t)) == 0;
}

const pb_object_type pb_run_type = {
    .name = "run",
    .article = "a run",
    .summary = "One prompt through the model; answers every activation: run.pattern, run.z, ...",
    .destroy = run_destroy,
    .repr = run_repr,
    .show = run_show,
    .named_in_lists = true,
    .members = run_members,
    .attribute = run_attribute,
    .names = run_names,
    .equal = run_equal,
    .foresee = run_foresee,
    .labels = run_labels,
    .part = pb_part_of_run,
    .index = run_index};

pb_status pb_runs_list(const pb_prompts *prompts, pb_value **result, pb_error **error)
{
    pb_list_builder list = {0};
    for (size_t i = 0; !list.status && i < prompts->count; i++) {
        pb_value *run = NULL;
        pb_run *taken = pb_run_retain(prompts->runs[i]);
        list.status = pb_run_value(&taken, prompts->model, prompts->texts[i], prompts->edits, &run,
                                   &list.error);
        pb_list_take(&list, run);
    }
    return pb_list_finish(&list, false, result, error);
}

static pb_status run_given(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts = {0};
    pb_value *runs = NULL;
    pb_status status = pb_prompts_take(call, "prompt", 0, NULL, &prompts, error);
    if (!status)
        status = pb_runs_list(&prompts, &runs, error);
    if (!status && prompts.many)
        status = pb_runs_of_list(prompts.model, runs, result, error);
    else if (!status)
        *result = pb_value_retain(pb_list_item(runs, 0));
    pb_value_release(&runs);
    pb_prompts_free(&prompts);
    return status;
}

/* A set without edits is run when something asks for it, and then no more of it than that. */
static pb_status call_run(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *given = NULL;
    pb_token_lists lists = {0};
    pb_status status = pb_place_argument(
        call, "prompt", pb_prompt_column(call, pb_argument_value(call, "prompt"), &given, error),
        error);
    bool runs = pb_runs_of(pb_argument_value(call, "prompt")) != NULL;
    for (size_t i = 0; !status && i < pb_list_count(given) && !runs; i++)
        runs = pb_run_of(pb_list_item(given, i)) != NULL;
    if (status || pb_value_kind(given) != PB_LIST || runs || !pb_argument_is_none(call, "edit"))
        return status ? status : run_given(call, result, error);
    status = pb_runnable_lists_take(call, "prompt", &lists, error);
    if (!status)
        status = pb_runs_value(&lists, result, error);
    pb_token_lists_free(&lists);
    return status;
}

/* ---- prompts of ids ---- */

typedef struct prompt_data {
    int32_t *ids;
    size_t count;
} prompt_data;

static void prompt_destroy(void *data)
{
    prompt_data *prompt = data;
    if (!prompt)
        return;
    free(prompt->ids);
    free(prompt);
}

const int32_t *pb_prompt_value_ids(const pb_value *value, size_t *count)
{
    const prompt_data *prompt = pb_value_object(value, &pb_prompt_type);
    if (!prompt)
        return NULL;
    *count = prompt->count;
    return prompt->ids;
}

static void prompt_repr(const pb_value *self, pb_buffer *out)
{
    size_t count = 0;
    const int32_t *ids = pb_prompt_value_ids(self, &count);
    pb_buffer_text(out, "prompt([");
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, "%s%d", i ? ", " : "", (int)ids[i]);
    pb_buffer_text(out, "])");
}

static pb_status get_prompt_ids(pb_interp *interp, const pb_value *self, pb_value **result,
                                pb_error **error)
{
    (void)interp;
    size_t count = 0;
    const int32_t *ids = pb_prompt_value_ids(self, &count);
    return ids_list(ids, count, result, error);
}

static bool prompt_equal(const pb_value *a, const pb_value *b)
{
    size_t n = 0, m = 0;
    const int32_t *x = pb_prompt_value_ids(a, &n), *y = pb_prompt_value_ids(b, &m);
    return n == m && memcmp(x, y, n * sizeof *x) == 0;
}

static const pb_member prompt_members[] = {{"ids", "The tokens' numbers.", get_prompt_ids},
                                           {NULL, NULL, NULL}};

const pb_object_type pb_prompt_type = {
    .name = "prompt",
    .article = "a prompt",
    .summary = "A prompt given as token numbers; it is taken as it is, without a start token.",
    .destroy = prompt_destroy,
    .repr = prompt_repr,
    .members = prompt_members,
    .equal = prompt_equal};

/* Takes `ids`, also on failure. */
static pb_status prompt_value(int32_t *ids, size_t count, pb_value **result, pb_error **error)
{
    prompt_data *data = pb_calloc(1, sizeof *data);
    if (!data) {
        free(ids);
        return pb_fail_memory(error);
    }
    *data = (prompt_data){ids, count};
    return pb_value_take_object(&pb_prompt_type, data, result, error);
}

static pb_status call_prompt(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *list = pb_argument_value(call, "ids");
    size_t count = pb_list_count(list);
    if (count == 0)
        return pb_fail_argument(call, "ids", error, PB_VALUE,
                                "the prompt is empty; it needs at least one token");
    int32_t *ids = pb_malloc(count, sizeof *ids);
    if (!ids)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const pb_value *item = pb_list_item(list, i);
        double number = pb_value_get_number(item);
        if (!pb_value_is_integer(item) || number < 0 || number > INT32_MAX) {
            char text[96];
            free(ids);
            return pb_fail_argument(call, "ids", error, PB_TYPE,
                                    "prompt() takes a list of token numbers, not one with %s in it",
                                    pb_value_describe(item, text, sizeof text));
        }
        ids[i] = (int32_t)number;
    }
    return prompt_value(ids, count, result, error);
}

/* xorshift64*: the same tokens for the same seed on every machine. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

/* n random tokens, none of them the start token, over and over up to `length`. */
static void draw_tokens(uint64_t seed, size_t words, int32_t start, size_t n, size_t length,
                        int32_t *ids)
{
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15);
    state = state ? state : UINT64_C(0x9E3779B97F4A7C15);
    for (size_t i = 0; i < n; i++) {
        do
            ids[i] = (int32_t)(next_random(&state) % words);
        while (ids[i] == start && words > 1);
    }
    for (size_t i = n; i < length; i++)
        ids[i] = ids[i - n];
}

/* How many tokens n, repeat times, are: refused where the model cannot read them. */
static pb_status random_length(pb_call *call, const pb_value *model, size_t bos, size_t n,
                               size_t repeat, size_t *length, pb_error **error)
{
    size_t total = 0, most = pb_model_shape(pb_model_of(model))->n_positions;
    if (n == 0 || repeat == 0)
        return pb_fail_argument(call, n == 0 ? "n" : "repeat", error, PB_VALUE,
                                "%s must be at least 1", n == 0 ? "n" : "repeat");
    if (!pb_size_mul(n, repeat, length) || !pb_size_add(*length, bos, &total) || total > most)
        return pb_fail_argument(call, "n", error, PB_RANGE,
                                "%zu tokens %zu times are more than the %zu that %s reads", n,
                                repeat, most, pb_model_value_name(model));
    return PB_OK;
}

/* What random_tokens() was asked for. */
typedef struct random_spec {
    pb_value *model; /* owned */
    size_t n, length, bos;
    int32_t start;
} random_spec;

static pb_status take_random(pb_call *call, random_spec *spec, pb_error **error)
{
    size_t repeat = 0;
    pb_status status = pb_argument_count(call, "n", &spec->n, error);
    if (!status)
        status = pb_argument_count(call, "repeat", &repeat, error);
    if (!status)
        status = pb_call_model(call, &spec->model, error);
    if (status)
        return status;
    spec->start = pb_tokenizer_start(pb_model_tokenizer(pb_model_of(spec->model)));
    spec->bos = spec->start != PB_NO_TOKEN && pb_model_adds_bos(spec->model) ? 1 : 0;
    return random_length(call, spec->model, spec->bos, spec->n, repeat, &spec->length, error);
}

static pb_status random_prompt(const random_spec *spec, const pb_value *seed, pb_value **result,
                               pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(spec->model));
    double number = pb_value_get_number(seed);
    char what[96];
    if (!pb_value_is_integer(seed))
        return pb_fail(error, PB_TYPE, "a seed is an integer, or a list of them, not %s",
                       pb_value_describe(seed, what, sizeof what));
    int32_t *ids = pb_malloc(spec->bos + spec->length, sizeof *ids);
    if (!ids)
        return pb_fail_memory(error);
    if (spec->bos)
        ids[0] = spec->start;
    draw_tokens((uint64_t)(int64_t)number, pb_tokenizer_words(tokenizer), spec->start, spec->n,
                spec->length, ids + spec->bos);
    return prompt_value(ids, spec->bos + spec->length, result, error);
}

static pb_status call_random_tokens(pb_call *call, pb_value **result, pb_error **error)
{
    random_spec spec = {0};
    const pb_value *seeds = pb_argument_value(call, "seed");
    pb_status status = take_random(call, &spec, error);
    if (!status && pb_value_kind(seeds) != PB_LIST)
        status = pb_place_argument(call, "seed", random_prompt(&spec, seeds, result, error), error);
    else if (!status) {
        pb_list_builder prompts = {.keeper = call->keeper};
        for (size_t i = 0; i < pb_list_count(seeds) && !prompts.status; i++) {
            pb_value *prompt = NULL;
            prompts.status = random_prompt(&spec, pb_list_item(seeds, i), &prompt, &prompts.error);
            if (!prompts.status)
                pb_list_take(&prompts, prompt);
        }
        status =
            pb_place_argument(call, "seed", pb_list_finish(&prompts, false, result, error), error);
    }
    pb_value_release(&spec.model);
    return status;
}

static void list_activations(pb_buffer *out)
{
    pb_buffer_text(out, "\nThe activations are `");
    for (int site = 0; site < PB_N_SITES; site++)
        pb_buffer_format(out, "%s%s", site ? " " : "", pb_site_info((pb_site)site)->name);
    pb_buffer_text(out, "`.\n");
}

const pb_builtin pb_builtins_run[] = {
    {.name = "run",
     .category = "Prompts and runs",
     .summary = "Runs a prompt, and answers every activation as an attribute.",
     .doc = "Activations carry the names of TransformerLens' hooks; `logits`, `logprobs` and "
            "`tokens` are there too. Only the residual stream is kept; the rest is computed when "
            "it is asked for.\n\n"
            "Of a list or a set of prompts each activation is a tensor over `prompt`, and places "
            "that are counted from the end, and tokens, are found in each prompt. Where lengths "
            "differ, what a shorter prompt lacks are gaps: blank, and left out by reductions and "
            "rankings. `run(set).mlp_post.max(\"pos\")` in one line computes in batches and "
            "stores the maxima alone.",
     .more = list_activations,
     .result =
         "a run; for several prompts a set of runs, whose activations are tensors over prompt",
     .gives_object = &pb_run_type,
     .example = "run(\"I love this movie\").pattern[layer=4, head=0]",
     .needs_model = true,
     .see = "tokens prompt attention",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}}},
     .also = {pb_prompt_group},
     .function = call_run},
    {.name = "prompt",
     .category = "Prompts and runs",
     .summary = "A prompt of token numbers, taken as they are.",
     .result = "a prompt",
     .example = "prompt([8191, 40]).ids",
     .expected = "[8191, 40]",
     .see = "run tokens",
     .parameters = {{.name = "ids", .types = PB_TAKES_LIST, .what = "a list of token numbers"}},
     .function = call_prompt},
    {.name = "random_tokens",
     .category = "Prompts and runs",
     .summary = "A prompt of n random tokens, repeated: what induction heads are looked for with.",
     .doc = "The start token comes first. The same seed gives the same tokens; a list of seeds "
            "gives a prompt for each.",
     .result = "a prompt, or a list of them",
     .example = "len(random_tokens(5, seed=1).ids)",
     .expected = "11",
     .needs_model = true,
     .see = "prompt",
     .parameters = {{.name = "n", .types = PB_TAKES_INTEGER},
                    {.name = "seed",
                     .types = PB_TAKES_INTEGER | PB_TAKES_LIST,
                     .what = "an integer, or a list of them",
                     .fallback = "0"},
                    {.name = "repeat", .types = PB_TAKES_INTEGER, .fallback = "2"}},
     .also = {pb_model_group},
     .function = call_random_tokens},
    {0}};
