/* lens(): what the model would say if it stopped at each layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "display/table.h"
#include "domain.h"
#include "show/show.h"
#include "show/values.h"
#include "show/views.h"
#include "study/attribute.h"
#include "vectors.h"
#include "words.h"

/* One state after another, in a table: the likeliest token and its probability. */
static pb_status column_of_tops(const pb_value *self, const char *const *texts, pb_bundle **bundle,
                                pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    double *numbers = pb_doubles_of(tensor);
    if (!numbers)
        return pb_fail_memory(error);
    pb_column columns[] = {{.name = "likeliest next", .kind = PB_COLUMN_TOKEN, .texts = texts},
                           {.name = "probability", .kind = PB_COLUMN_BAR, .numbers = numbers}};
    pb_words words = {.caption = pb_value_meta(self)->caption};
    pb_status status = pb_table_of(pb_tensor_axis(tensor, 0), columns, 2, &words, bundle, error);
    free(numbers);
    return status;
}

/* A tensor [layer, pos] with the top token in each cell. */
static pb_status map_of_tops(const pb_value *self, const char *const *texts, pb_bundle **shown,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    pb_axis_labels rows = {0}, columns = {0};
    pb_status status = pb_axis_labels_of(pb_tensor_axis(tensor, 0), &rows, error);
    if (!status)
        status = pb_axis_labels_of(pb_tensor_axis(tensor, 1), &columns, error);
    if (!status) {
        pb_heatmap_view view = {.words = {.caption = pb_value_meta(self)->caption},
                                .rows = rows.view,
                                .columns = columns.view,
                                .values = pb_tensor_data(tensor),
                                .cell_texts = texts,
                                .cell_kind = PB_TEXT_TOKEN,
                                .value_name = "probability",
                                .shade = PB_SHADE_SEQUENTIAL,
                                .range = {.fixed = true, .low = 0, .high = 1}};
        status = pb_show_heatmap(&view, shown, error);
    }
    pb_axis_labels_free(&rows);
    pb_axis_labels_free(&columns);
    return status;
}

static pb_status lens_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                           pb_error **error)
{
    (void)interp;
    const pb_tensor *tensor = pb_value_get_tensor(self);
    const pb_meta *meta = pb_value_meta(self);
    const pb_value *ids = pb_meta_field(meta, "token");
    size_t rank = pb_tensor_rank(tensor);
    if (rank == 0 || rank > 2 || !ids || !pb_value_get_tensor(ids) || !meta->model) {
        pb_words words = {.caption = meta->caption};
        return pb_show_values(self, &words, meta->units ? meta->units : "value", bundle, error);
    }
    size_t count = pb_tensor_size(tensor);
    const float *id = pb_tensor_data(pb_value_get_tensor(ids));
    const char **texts = pb_malloc(count, sizeof *texts);
    pb_bundle *shown = NULL;
    if (!texts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        texts[i] =
            pb_is_gap(id[i])
                ? ""
                : pb_tokenizer_label(pb_model_tokenizer(pb_model_of(meta->model)), (int32_t)id[i]);
    pb_status status = rank == 1 ? column_of_tops(self, texts, &shown, error)
                                 : map_of_tops(self, texts, &shown, error);
    free(texts);
    return status ? status : pb_bundle_absorb(bundle, &shown, error);
}

/* The text of a token for its id. */
static pb_status token_cell(const pb_value *self, float number, pb_value **result, pb_error **error)
{
    const pb_value *model = pb_value_meta(self)->model;
    const char *text =
        model && number == floorf(number) && number >= 0
            ? pb_tokenizer_label(pb_model_tokenizer(pb_model_of(model)), (int32_t)number)
            : NULL;
    return text ? pb_value_text(text, result, error)
                : pb_value_number(number, PB_SINGLE, result, error);
}

/* Along one axis the tokens themselves; of more the grid of ids. */
static pb_status tokens_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(self);
    if (pb_tensor_rank(tensor) != 1)
        return pb_show_values(self, &(pb_words){0}, "token", bundle, error);
    pb_value *table = NULL;
    pb_bundle *shown = NULL;
    pb_status status =
        pb_table_from_tensor(pb_interp_keeper(interp), self, "next token", &table, error);
    if (!status)
        status = pb_interp_bundle(interp, table, &shown, error);
    pb_value_release(&table);
    return status ? status : pb_bundle_absorb(bundle, &shown, error);
}

static const pb_look token_look = {.name = "next_token",
                                   .article = "ids of tokens",
                                   .summary = "The likeliest next token of each state.",
                                   .show = tokens_show,
                                   .cell = token_cell};

static const pb_look lens_look = {.name = "lens",
                                  .article = "a logit lens",
                                  .summary = "The top token of every layer and position.",
                                  .show = lens_show};

/* What is read: which prompts, which stream, where. */
typedef struct lens_arguments {
    pb_prompts prompts;
    pb_site site;
    pb_select *layers, *positions;
    pb_targets words;
    bool pairs; /* a word for each prompt */
} lens_arguments;

static void lens_free(lens_arguments *in)
{
    pb_select_destroy(&in->layers);
    pb_select_destroy(&in->positions);
    pb_targets_free(&in->words);
    pb_prompts_free(&in->prompts);
}

/* words=: one, a list for one prompt, one for each of several prompts; [[...]] crosses. */
static pb_status take_words(pb_call *call, lens_arguments *in, pb_error **error)
{
    const pb_value *words = pb_argument_value(call, "words"), *inner = words;
    bool crosses = pb_list_count(words) == 1 && pb_value_kind(pb_list_item(words, 0)) == PB_LIST;
    size_t n = in->prompts.count;
    if (pb_value_is_none(words))
        return PB_OK;
    if (crosses)
        inner = pb_list_item(words, 0);
    pb_status status = pb_place_argument(
        call, "words", pb_targets_of(in->prompts.engine, inner, &in->words, error), error);
    if (status)
        return status;
    pb_note_missing_space(call->interp, in->prompts.engine, inner);
    in->pairs = in->prompts.many && in->words.many && !crosses;
    if (!in->pairs || in->words.count == n)
        return PB_OK;
    status = pb_fail_argument(call, "words", error, PB_VALUE,
                              "there are %zu prompts and %zu words; give one for each", n,
                              in->words.count);
    if (error)
        pb_error_hint(*error, "words=[[...]], in two brackets, reads all of them in every prompt");
    return status;
}

static pb_status take_lens(pb_call *call, lens_arguments *in, pb_error **error)
{
    *in = (lens_arguments){0};
    pb_status status = pb_site_take(call, "site", &in->site, error);
    if (!status)
        status = pb_prompts_take(call, "prompt", 0, NULL, &in->prompts, error);
    if (!status)
        status = pb_place_argument(call, "site",
                                   pb_logit_lens_check(in->prompts.engine, in->site, error), error);
    if (!status)
        status = pb_places_take(call, "layer", "layer", &in->layers, error);
    if (!status)
        status = pb_positions_take(call, "pos", PB_SOME_POSITIONS, &in->positions, error);
    return status ? status : take_words(call, in, error);
}

/* "Logit lens of "I love this": ..." */
static void lens_caption(const lens_arguments *in, pb_buffer *caption)
{
    const pb_targets *words = &in->words;
    char *title = in->prompts.many ? NULL : pb_prompts_title(&in->prompts, 0, in->positions, 70);
    if (in->prompts.many)
        pb_buffer_format(caption, "Logit lens of %zu prompts", in->prompts.count);
    else
        pb_buffer_format(caption, "Logit lens of %s", title ? title : "the prompt");
    pb_buffer_format(caption, ", read at %s: ", pb_site_info(in->site)->name);
    if (words->count == 0)
        pb_buffer_text(caption, "the likeliest next token of each state, shaded by its "
                                "probability");
    else if (in->pairs)
        pb_buffer_text(caption, "logit of each prompt's word");
    for (size_t i = 0; !in->pairs && i < words->count && i < 6; i++) {
        char *token = pb_token_text(in->prompts.engine, words->ids[i]);
        pb_buffer_format(caption, "%s%s", i ? ", " : "logit of ", token ? token : "?");
        free(token);
    }
    if (!in->pairs && words->count > 6)
        pb_buffer_format(caption, " and %zu more", words->count - 6);
    if (in->prompts.edits)
        pb_buffer_byte(caption, '.');
    pb_prompts_edits(&in->prompts, caption);
    free(title);
}

static pb_status lens_of_words(pb_call *call, const lens_arguments *in, pb_value **result,
                               pb_error **error)
{
    pb_context context = pb_call_context(call);
    pb_tensor *lens = NULL, **parts = pb_calloc(in->prompts.count, sizeof *parts);
    bool drops = in->pairs || !in->words.many;
    pb_status status = parts ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < in->prompts.count && !status; i++) {
        status = pb_logit_lens(in->prompts.runs[i], in->site, pb_places_chosen(in->layers),
                               pb_select_for(in->positions, i), in->words.ids + (in->pairs ? i : 0),
                               in->pairs ? 1 : in->words.count, &context, &parts[i], error);
        if (status && error)
            pb_error_of_prompt(*error, i);
        status = pb_place_answer(call, "prompt", &in->prompts, status, error);
        if (!status)
            status = pb_drop_single_axis(&parts[i], "token", drops, error);
    }
    status = pb_prompts_join(&in->prompts, parts, context.watch, status, &lens, error);
    if (status)
        return status;
    pb_buffer caption = PB_BUFFER_EMPTY;
    bool number = pb_tensor_rank(lens) == 0;
    lens_caption(in, &caption);
    return pb_result_captioned(&lens, in->prompts.model, number ? NULL : &lens_look, "logits",
                               &caption, 0, NULL, result, error);
}

/* Ids, logits and probabilities of the likeliest tokens, of all prompts. */
static pb_status find_tops(pb_call *call, const lens_arguments *in, pb_tensor *found[3],
                           pb_error **error)
{
    pb_context context = pb_call_context(call);
    size_t count = in->prompts.count;
    pb_tensor **parts[3] = {NULL};
    pb_status status = PB_OK;
    for (size_t k = 0; k < 3 && !status; k++) {
        parts[k] = pb_calloc(count, sizeof *parts[k]);
        status = parts[k] ? PB_OK : pb_fail_memory(error);
    }
    for (size_t i = 0; i < count && !status; i++) {
        status = pb_logit_lens_top(in->prompts.runs[i], in->site, pb_places_chosen(in->layers),
                                   pb_select_for(in->positions, i), &context, &parts[0][i],
                                   &parts[1][i], &parts[2][i], error);
        if (status && error)
            pb_error_of_prompt(*error, i);
        status = pb_place_answer(call, "prompt", &in->prompts, status, error);
    }
    for (size_t k = 0; k < 3; k++) {
        if (parts[k])
            status =
                pb_prompts_join(&in->prompts, parts[k], context.watch, status, &found[k], error);
    }
    return status;
}

static pb_status lens_of_top(pb_call *call, const lens_arguments *in, pb_value **result,
                             pb_error **error)
{
    pb_tensor *found[3] = {NULL}; /* ids, logits, probabilities */
    pb_value *fields[2] = {NULL}, *model = in->prompts.model;
    pb_status status = find_tops(call, in, found, error);
    for (size_t i = 0; i < 2 && !status; i++)
        status = pb_result_tensor(&found[i], model, i ? NULL : &token_look, i ? "logits" : NULL,
                                  NULL, 0, NULL, &fields[i], error);
    if (!status) {
        pb_buffer caption = PB_BUFFER_EMPTY;
        pb_field named[] = {{.name = "token", .value = fields[0]},
                            {.name = "logit", .value = fields[1], .kind = PB_FIELD_APART}};
        lens_caption(in, &caption);
        status = pb_result_captioned(&found[2], model, &lens_look, "probability", &caption, 2,
                                     named, result, error);
    }
    for (size_t i = 0; i < 3; i++)
        pb_tensor_release(&found[i]);
    pb_value_release(&fields[0]);
    pb_value_release(&fields[1]);
    return status;
}

static pb_status call_lens(pb_call *call, pb_value **result, pb_error **error)
{
    lens_arguments in;
    if (pb_is_of_vectors(pb_argument_value(call, "prompt")))
        return pb_lens_of_vectors(call, result, error);
    pb_status status = take_lens(call, &in, error);
    if (!status)
        status = in.words.count == 0 ? lens_of_top(call, &in, result, error)
                                     : lens_of_words(call, &in, result, error);
    lens_free(&in);
    return status;
}

static void suggest_streams(const pb_asked *asked, pb_names *names)
{
    (void)asked;
    for (int site = 0; site < PB_N_SITES; site++)
        if (pb_site_info((pb_site)site)->stream)
            pb_names_add(names, pb_site_info((pb_site)site)->name, "site", "");
}

const pb_builtin pb_builtins_lens[] = {
    {.name = "lens",
     .category = "Attribution",
     .summary = "The logit lens: what the model would say if it stopped at each layer.",
     .doc =
         "Unembeds the residual stream at every layer and position, each state with its own "
         "scale and b_U included. `.token` has ids, which show as tokens and are text in a "
         "table.\n\n"
         "Of several prompts everything is over `prompt` too; a list of words is then one for "
         "each prompt, and `[[...]]` reads all of them in every prompt. Of a tensor over d_model, "
         "wherever its vectors come from, each is unembedded so: [..., token].",
     .result = "a tensor [layer, pos] of the top token's probability with .token and .logit; with "
               "words= a tensor [layer, pos, token] of logits",
     .example = "lens(\"The capital of France is\")",
     .needs_model = true,
     .see = "attribute top",
     .parameters = {{.name = "prompt",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_TENSOR,
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "words",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_INTEGER,
                     .what = "words that are one token each",
                     .fallback = "None"},
                    {.name = "layer",
                     .types = PB_TAKES_INTEGER | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a layer, a list, a slice or all",
                     .fallback = "None"},
                    {.name = "pos",
                     .types =
                         PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_LIST | PB_TAKES_SELECTOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "a position: -1, 2, \" love\", a list, a slice or all",
                     .fallback = "None"},
                    {.name = "site",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"resid_post\"",
                     .suggest = suggest_streams}},
     .also = {pb_prompt_group},
     .function = call_lens},
    {0}};
