/* The likeliest next tokens of prompts, side by side: what top() gives for prompts. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "display/table.h"
#include "domain.h"
#include "ranking.h"
#include "study/top.h"

typedef struct predictions_data {
    pb_value *model;
    size_t count, k;
    char **texts;         /* what was read, up to the position asked for */
    char *edits;          /* NULL if there are none */
    pb_prediction *found; /* [count, k] */
} predictions_data;

static const pb_object_type predictions_type;

static void predictions_destroy(void *data)
{
    predictions_data *predictions = data;
    if (!predictions)
        return;
    for (size_t i = 0; predictions->texts && i < predictions->count; i++)
        free(predictions->texts[i]);
    free(predictions->texts);
    free(predictions->edits);
    free(predictions->found);
    pb_value_release(&predictions->model);
    free(predictions);
}

static predictions_data *predictions_of(const pb_value *value)
{
    return pb_value_object(value, &predictions_type);
}

static void predictions_repr(const pb_value *self, pb_buffer *out)
{
    const predictions_data *top = predictions_of(self);
    pb_buffer_format(out, "the %zu likeliest next tokens of %zu prompt%s", top->k, top->count,
                     top->count == 1 ? "" : "s");
}

typedef struct prediction_columns {
    pb_column columns[4];
    const char **tokens;
    double *probabilities, *logits;
} prediction_columns;

/* Token, probability and logit of one prompt, under its text. */
static pb_status prediction_columns_of(const predictions_data *top, size_t prompt,
                                       prediction_columns *out, pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(top->model));
    out->tokens = pb_malloc(top->k, sizeof *out->tokens);
    out->probabilities = pb_malloc(top->k, sizeof *out->probabilities);
    out->logits = pb_malloc(top->k, sizeof *out->logits);
    if (!out->tokens || !out->probabilities || !out->logits)
        return pb_fail_memory(error);
    for (size_t i = 0; i < top->k; i++) {
        const pb_prediction *found = &top->found[prompt * top->k + i];
        out->tokens[i] = pb_tokenizer_label(tokenizer, found->token);
        out->probabilities[i] = found->probability;
        out->logits[i] = found->logit;
    }
    const char *group = top->texts[prompt];
    pb_column columns[] = {
        {.name = "token", .group = group, .kind = PB_COLUMN_TOKEN, .texts = out->tokens},
        {.name = "probability",
         .group = group,
         .kind = PB_COLUMN_BAR,
         .numbers = out->probabilities,
         .format = {.style = PB_NUMBER_FIXED, .digits = 3},
         .range = {.fixed = true, .low = 0, .high = 1}},
        {.name = "logit",
         .group = group,
         .kind = PB_COLUMN_NUMBER,
         .numbers = out->logits,
         .format = {.style = PB_NUMBER_FIXED, .digits = 2}}};
    memcpy(out->columns, columns, sizeof columns);
    return PB_OK;
}

static void predictions_caption(const predictions_data *top, pb_buffer *caption)
{
    if (top->k == 1)
        pb_buffer_text(caption, "The likeliest next token");
    else
        pb_buffer_format(caption, "The %zu likeliest next tokens, rank 0 first", top->k);
    pb_buffer_format(caption, ", on %s.", pb_model_value_name(top->model));
    if (!pb_model_is_raw(pb_model_of(top->model)))
        pb_buffer_text(caption, " Logits are from centred weights: their differences count.");
    if (top->edits)
        pb_buffer_format(caption, " Edited: %s.", top->edits);
}

/* Column 0 has the ranks, and each prompt three more; their arrays are kept in `parts`. */
static pb_status fill_columns(const predictions_data *top, double *ranks, prediction_columns *parts,
                              pb_column *columns, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < top->k; i++)
        ranks[i] = (double)i;
    columns[0] = (pb_column){.name = "rank",
                             .kind = PB_COLUMN_NUMBER,
                             .numbers = ranks,
                             .format = {.style = PB_NUMBER_FIXED}};
    for (size_t i = 0; i < top->count && !status; i++) {
        status = prediction_columns_of(top, i, &parts[i], error);
        memcpy(columns + 1 + 3 * i, parts[i].columns, 3 * sizeof *columns);
    }
    return status;
}

static pb_status show_columns(const predictions_data *top, const pb_column *columns,
                              pb_bundle *bundle, pb_error **error)
{
    pb_buffer caption = PB_BUFFER_EMPTY;
    predictions_caption(top, &caption);
    pb_table_view view = {.words = {.caption = caption.data},
                          .n_rows = top->k,
                          .n_columns = 1 + 3 * top->count,
                          .columns = columns};
    pb_bundle *table = NULL;
    pb_status status = pb_show_table(&view, &table, error);
    pb_buffer_free(&caption);
    return status ? status : pb_bundle_absorb(bundle, &table, error);
}

static pb_status predictions_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                                  pb_error **error)
{
    (void)interp;
    const predictions_data *top = predictions_of(self);
    prediction_columns *parts = pb_calloc(top->count, sizeof *parts);
    pb_column *columns = pb_calloc(1 + 3 * top->count, sizeof *columns);
    double *ranks = pb_malloc(top->k, sizeof *ranks);
    pb_status status = parts && columns && ranks ? fill_columns(top, ranks, parts, columns, error)
                                                 : pb_fail_memory(error);
    if (!status)
        status = show_columns(top, columns, bundle, error);
    for (size_t i = 0; parts && i < top->count; i++) {
        free(parts[i].tokens);
        free(parts[i].probabilities);
        free(parts[i].logits);
    }
    free(parts);
    free(columns);
    free(ranks);
    return status;
}

enum { TABLE_COLUMNS = 6 };

static void add_prediction(const predictions_data *top, size_t which,
                           pb_list_builder columns[TABLE_COLUMNS])
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(top->model));
    const pb_prediction *found = &top->found[which];
    pb_list_take_text(&columns[0], top->texts[which / top->k]);
    pb_list_take_number(&columns[1], (double)found->rank, PB_INTEGER);
    pb_list_take_text(&columns[2], pb_tokenizer_label(tokenizer, found->token));
    pb_list_take_number(&columns[3], found->token, PB_INTEGER);
    pb_list_take_number(&columns[4], found->probability, PB_SINGLE);
    pb_list_take_number(&columns[5], found->logit, PB_SINGLE);
}

/* One row a prompt and rank: what a person computes with and saves. */
static pb_status predictions_table(pb_interp *interp, const pb_value *self, pb_value **result,
                                   pb_error **error)
{
    const predictions_data *top = predictions_of(self);
    static const struct {
        const char *name;
        pb_cells_look look;
    } heads[TABLE_COLUMNS] = {{"prompt", PB_CELLS_KEY},       {"rank", PB_CELLS_KEY},
                              {"token", PB_CELLS_TOKEN},      {"id", PB_CELLS_PLAIN},
                              {"probability", PB_CELLS_PART}, {"logit", PB_CELLS_PLAIN}};
    pb_list_builder lists[TABLE_COLUMNS] = {{0}};
    pb_table_builder made = {.keeper = pb_interp_keeper(interp), .model = top->model};
    for (size_t i = 0; i < top->count * top->k; i++)
        add_prediction(top, i, lists);
    for (size_t c = 0; c < TABLE_COLUMNS; c++)
        pb_table_take_list(&made, &lists[c],
                           (pb_table_cells){.name = heads[c].name, .look = heads[c].look});
    return pb_table_finish(&made, result, error);
}

static pb_status predictions_column(pb_interp *interp, const pb_value *self, const char *name,
                                    pb_value **result, pb_error **error)
{
    pb_value *table = NULL;
    pb_status status = predictions_table(interp, self, &table, error);
    if (status)
        return status;
    const pb_table_cells *column = pb_table_find(table, name);
    if (column)
        *result = pb_value_retain(column->cells);
    pb_value_release(&table);
    return PB_OK;
}

/* Rows and columns of its table. */
static pb_status predictions_index(pb_interp *interp, const pb_value *self, size_t count,
                                   const pb_index_entry *entries, pb_value **result,
                                   pb_error **error)
{
    pb_value *table = NULL;
    pb_status status = predictions_table(interp, self, &table, error);
    if (!status)
        status = pb_interp_index(interp, table, count, entries, result, error);
    pb_value_release(&table);
    return status;
}

static void predictions_names(const pb_value *self, pb_names *names)
{
    (void)self;
    static const char *const columns[] = {"prompt", "rank", "token", "id", "probability", "logit"};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        pb_names_add(names, columns[i], "column", "");
}

static const pb_member predictions_members[] = {
    {"table", "One row for each prompt and rank.", predictions_table}, {NULL, NULL, NULL}};

static const pb_object_type predictions_type = {
    .name = "predictions",
    .article = "predictions",
    .summary = "The likeliest next tokens of prompts, side by side; .table has a row for each.",
    .destroy = predictions_destroy,
    .repr = predictions_repr,
    .show = predictions_show,
    .members = predictions_members,
    .attribute = predictions_column,
    .names = predictions_names,
    .index = predictions_index};

/* Fills the predictions of each prompt. */
static pb_status find_predictions(pb_call *call, const pb_prompts *prompts,
                                  const pb_select *position, predictions_data *data,
                                  pb_error **error)
{
    size_t k = data->k, cells;
    data->texts = pb_calloc(prompts->count, sizeof *data->texts);
    data->found =
        pb_size_mul(prompts->count, k, &cells) ? pb_calloc(cells, sizeof *data->found) : NULL;
    data->edits = prompts->edits ? strdup(prompts->edits) : NULL;
    if (!data->texts || !data->found || (prompts->edits && !data->edits))
        return pb_fail_memory(error);
    data->count = prompts->count;
    pb_status status = PB_OK;
    for (size_t i = 0; i < prompts->count && !status; i++) {
        pb_prediction *found = NULL;
        size_t count = 0;
        const pb_select *select = pb_select_for(position, i);
        data->texts[i] = pb_prompts_text(prompts, i, position);
        status = data->texts[i] ? PB_OK : pb_fail_memory(error);
        if (!status)
            status = pb_top_tokens(prompts->runs[i], select, k, &found, &count, error);
        if (status && error)
            pb_error_of_prompt(*error, i);
        pb_place_answer(call, "pos", prompts, status, error);
        if (!status)
            memcpy(data->found + i * k, found, count * sizeof *found);
        free(found);
    }
    return status;
}

pb_status pb_predict(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts = {0};
    pb_select *position = NULL;
    size_t k = 0;
    if (!pb_argument_is_none(call, "by"))
        return pb_fail_argument(call, "by", error, PB_TYPE,
                                "by= ranks tensors and tables; the next tokens of a prompt are "
                                "ranked by their logits");
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status && k == 0)
        status = pb_fail_argument(call, "k", error, PB_VALUE, "k must be at least 1");
    if (!status)
        status = pb_prompts_take(call, "x", 0, NULL, &prompts, error);
    if (!status)
        status = pb_positions_take(call, "pos", PB_ONE_POSITION, &position, error);
    predictions_data *data = status ? NULL : pb_calloc(1, sizeof *data);
    if (!status && !data)
        status = pb_fail_memory(error);
    if (!status) {
        size_t n_vocab = pb_model_shape(prompts.engine)->n_vocab;
        data->model = pb_value_retain(prompts.model);
        data->k = k < n_vocab ? k : n_vocab;
        status = find_predictions(call, &prompts, position, data, error);
    }
    pb_select_destroy(&position);
    pb_prompts_free(&prompts);
    if (!status)
        return pb_value_take_object(&predictions_type, data, result, error);
    predictions_destroy(data);
    return status;
}
