/* top(): the likeliest next tokens of prompts, the largest values of a tensor, the rows of a table.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "study/top.h"
#include "views.h"
#include "words.h"

/* ---- the ranking of a tensor ---- */

typedef struct ranking_data {
    pb_value *table;
    pb_value *heads; /* a list of "L9H6"; NULL if it is not of heads */
} ranking_data;

static void ranking_destroy(void *data)
{
    ranking_data *ranking = data;
    if (!ranking)
        return;
    pb_value_release(&ranking->table);
    pb_value_release(&ranking->heads);
    free(ranking);
}

static ranking_data *data_of(const pb_value *value)
{
    return pb_value_object(value, &pb_ranking_type);
}

pb_value *pb_ranking_heads(const pb_value *ranking)
{
    return data_of(ranking)->heads;
}

static void ranking_repr(const pb_value *self, pb_buffer *out)
{
    pb_value_str(data_of(self)->table, out);
}

static pb_status ranking_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                              pb_error **error)
{
    pb_bundle *table = NULL;
    pb_status status = pb_interp_bundle(interp, data_of(self)->table, &table, error);
    return status ? status : pb_bundle_absorb(bundle, &table, error);
}

static pb_status get_table(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(data_of(self)->table);
    return PB_OK;
}

static pb_status ranking_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                   pb_value **result, pb_error **error)
{
    (void)interp;
    (void)error;
    if (strcmp(name, "heads") == 0) {
        *result = pb_value_retain(data_of(self)->heads);
        return PB_OK;
    }
    const pb_table_cells *column = pb_table_find(data_of(self)->table, name);
    if (column)
        *result = pb_value_retain(column->cells);
    return PB_OK;
}

static void ranking_names(const pb_value *self, pb_names *names)
{
    const pb_value *table = data_of(self)->table;
    if (data_of(self)->heads)
        pb_names_add(names, "heads", "list", "");
    for (size_t i = 0; i < pb_table_columns(table); i++)
        pb_names_add(names, pb_table_column(table, i)->name, "column", "");
}

static pb_status ranking_index(pb_interp *interp, const pb_value *self, size_t count,
                               const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    return pb_interp_index(interp, data_of(self)->table, count, entries, result, error);
}

static bool ranking_equal(const pb_value *a, const pb_value *b)
{
    return pb_value_equal(data_of(a)->table, data_of(b)->table);
}

static const pb_member ranking_members[] = {{"table", "The ranking as a table.", get_table},
                                            {NULL, NULL, NULL}};

const pb_object_type pb_ranking_type = {
    .name = "ranking",
    .article = "a ranking",
    .summary = "The largest values of a tensor; .heads names the heads, for heads=.",
    .destroy = ranking_destroy,
    .repr = ranking_repr,
    .show = ranking_show,
    .members = ranking_members,
    .attribute = ranking_attribute,
    .names = ranking_names,
    .index = ranking_index,
    .equal = ranking_equal};

/* One cell of a key column: the label of a place, or its coordinate. */
static pb_status place_value(const pb_axis *axis, size_t offset, pb_value **result,
                             pb_error **error)
{
    const char *name = pb_axis_name(axis);
    bool numbered = strcmp(name, "layer") == 0 || strcmp(name, "head") == 0;
    if (pb_axis_has_labels(axis) && !numbered)
        return pb_value_text(pb_axis_label(axis, offset), result, error);
    return pb_value_integer(pb_axis_coordinate(axis, offset), result, error);
}

static pb_status head_name(const pb_tensor *tensor, int layer, int head, const size_t *at,
                           pb_value **result, pb_error **error)
{
    char text[64];
    snprintf(text, sizeof text, "L%lldH%lld",
             (long long)pb_axis_coordinate(pb_tensor_axis(tensor, (size_t)layer), at[layer]),
             (long long)pb_axis_coordinate(pb_tensor_axis(tensor, (size_t)head), at[head]));
    return pb_value_text(text, result, error);
}

typedef struct ranking_columns {
    pb_list_builder heads, keys[PB_MAX_RANK], positions[PB_MAX_RANK], values;
} ranking_columns;

/* Adds the row of one flat offset. */
static pb_status rank_row(const pb_tensor *tensor, size_t flat, int layer, int head,
                          ranking_columns *out, pb_error **error)
{
    size_t at[PB_MAX_RANK];
    pb_value *value = NULL;
    pb_status status = PB_OK;
    pb_tensor_unravel(tensor, flat, at);
    if (layer >= 0 && head >= 0) {
        status = head_name(tensor, layer, head, at, &value, error);
        if (!status)
            status = pb_list_take(&out->heads, value, error);
    }
    for (size_t i = 0; i < pb_tensor_rank(tensor) && !status; i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        status = place_value(axis, at[i], &value, error);
        if (!status)
            status = pb_list_take(&out->keys[i], value, error);
        if (!status)
            status = pb_value_integer(pb_axis_coordinate(axis, at[i]), &value, error);
        if (!status)
            status = pb_list_take(&out->positions[i], value, error);
    }
    if (!status)
        status = pb_value_number(pb_tensor_data(tensor)[flat], PB_SINGLE, &value, error);
    return status ? status : pb_list_take(&out->values, value, error);
}

static pb_status add_column(pb_list_builder *cells, const char *name, pb_cells_look look,
                            const char *units, pb_table_cells *columns, size_t *n, pb_error **error)
{
    pb_value *list = NULL;
    pb_status status = pb_list_finish(cells, true, &list, error);
    if (!status)
        columns[(*n)++] = (pb_table_cells){name, list, look, units};
    return status;
}

static pb_status ranking_table(const pb_value *value, int layer, int head, ranking_columns *in,
                               size_t rows, const char *caption, pb_value **heads, pb_value **table,
                               pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_meta *meta = pb_value_meta(value);
    pb_table_cells columns[2 * PB_MAX_RANK + 2];
    size_t n = 0;
    pb_status status = PB_OK;
    if (layer >= 0 && head >= 0) {
        status = add_column(&in->heads, "head", PB_CELLS_KEY, NULL, columns, &n, error);
        if (!status)
            *heads = pb_value_retain(columns[0].cells);
    }
    for (size_t i = 0; i < pb_tensor_rank(tensor) && !status; i++) {
        const char *name = pb_axis_name(pb_tensor_axis(tensor, i));
        bool tokens = pb_axis_is_tokens(name) && pb_axis_has_labels(pb_tensor_axis(tensor, i));
        if (*heads && ((int)i == layer || (int)i == head))
            continue;
        if (tokens && strcmp(name, "token") != 0) {
            static const struct {
                const char *axis, *label;
            } second[] = {{"pos", "token"}, {"query", "query token"}, {"key", "key token"}};
            status = add_column(&in->positions[i], name, PB_CELLS_KEY, NULL, columns, &n, error);
            for (size_t s = 0; s < 3 && !status; s++)
                if (strcmp(second[s].axis, name) == 0)
                    status = add_column(&in->keys[i], second[s].label, PB_CELLS_TOKEN, NULL,
                                        columns, &n, error);
        } else {
            status = add_column(&in->keys[i], name, tokens ? PB_CELLS_TOKEN : PB_CELLS_KEY, NULL,
                                columns, &n, error);
        }
    }
    if (!status)
        status = add_column(&in->values, "value", PB_CELLS_SHADED, meta->units, columns, &n, error);
    if (!status)
        status = pb_value_table(columns, n, rows, caption, meta->model, table, error);
    for (size_t i = 0; i < n; i++)
        pb_value_release(&columns[i].cells);
    return status;
}

static pb_status rank_tensor(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "x");
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *by = pb_argument_text(call, "by");
    pb_order order = PB_BY_MAGNITUDE;
    if (by && strcmp(by, "value") == 0)
        order = PB_BY_VALUE;
    else if (by && strcmp(by, "smallest") == 0)
        order = PB_BY_SMALLEST;
    else if (by && strcmp(by, "magnitude") != 0)
        return pb_fail_argument(call, "by", error, PB_VALUE,
                                "a tensor is ranked by=\"magnitude\", \"value\" or \"smallest\", "
                                "not \"%s\"",
                                by);
    size_t k = 0, count = 0;
    size_t *offsets = NULL;
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status)
        status = pb_tensor_top(tensor, k, order, &offsets, &count, error);
    if (status)
        return status;
    int layer = pb_tensor_find_axis(tensor, "layer"), head = pb_tensor_find_axis(tensor, "head");
    ranking_columns columns = {0};
    for (size_t i = 0; i < count && !status; i++)
        status = rank_row(tensor, offsets[i], layer, head, &columns, error);
    free(offsets);
    static const char *const words[] = {[PB_BY_MAGNITUDE] = "by magnitude",
                                        [PB_BY_VALUE] = "largest first",
                                        [PB_BY_SMALLEST] = "smallest first"};
    char caption[128];
    snprintf(caption, sizeof caption, "Top %zu of %zu, %s", count, pb_tensor_size(tensor),
             words[order]);
    ranking_data *data = pb_calloc(1, sizeof *data);
    if (!status && !data)
        status = pb_fail_memory(error);
    if (!status)
        status = ranking_table(value, layer, head, &columns, count, caption, &data->heads,
                               &data->table, error);
    pb_list_discard(&columns.heads);
    pb_list_discard(&columns.values);
    for (size_t i = 0; i < PB_MAX_RANK; i++) {
        pb_list_discard(&columns.keys[i]);
        pb_list_discard(&columns.positions[i]);
    }
    if (!status)
        return pb_value_take_object(&pb_ranking_type, data, result, error);
    ranking_destroy(data);
    return status;
}

/* ---- the largest rows of a table ---- */

typedef struct table_key {
    double magnitude;
    size_t row;
} table_key;

/* Larger first, absent last, ties in the table's order. */
static int compare_keys(const void *a, const void *b)
{
    const table_key *x = a, *y = b;
    bool gone_x = isnan(x->magnitude), gone_y = isnan(y->magnitude);
    if (gone_x != gone_y)
        return gone_x ? 1 : -1;
    if (!gone_x && x->magnitude != y->magnitude)
        return x->magnitude > y->magnitude ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static bool numeric(const pb_table_cells *column)
{
    bool some = false;
    for (size_t i = 0; i < pb_list_count(column->cells); i++) {
        pb_kind kind = pb_value_kind(pb_list_item(column->cells, i));
        if (kind != PB_NUMBER && kind != PB_NONE)
            return false;
        some = some || kind == PB_NUMBER;
    }
    return some;
}

/* The column to rank by: by=, or the last that holds numbers. */
static pb_status ranked_column(pb_call *call, const pb_value *table, const pb_table_cells **column,
                               pb_error **error)
{
    const char *by = pb_argument_text(call, "by");
    *column = NULL;
    if (by) {
        *column = pb_table_find(table, by);
        if (!*column)
            return pb_fail_argument(call, "by", error, PB_NAME, "there is no column '%s' here", by);
        if (!numeric(*column))
            return pb_fail_argument(call, "by", error, PB_TYPE, "column '%s' does not hold numbers",
                                    by);
        return PB_OK;
    }
    for (size_t i = pb_table_columns(table); i-- > 0 && !*column;)
        if (numeric(pb_table_column(table, i)) && pb_table_column(table, i)->look != PB_CELLS_KEY)
            *column = pb_table_column(table, i);
    if (!*column)
        return pb_fail_argument(call, "x", error, PB_TYPE, "this table has no column of numbers");
    return PB_OK;
}

static pb_status rank_table(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *table = pb_argument_value(call, "x");
    const pb_table_cells *column = NULL;
    size_t k = 0, rows = pb_table_rows(table);
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status)
        status = ranked_column(call, table, &column, error);
    if (status)
        return status;
    table_key *keys = pb_malloc(rows, sizeof *keys);
    size_t *order = pb_malloc(rows, sizeof *order);
    if (!keys || !order) {
        status = pb_fail_memory(error);
    } else {
        for (size_t i = 0; i < rows; i++)
            keys[i] = (table_key){fabs(pb_value_get_number(pb_list_item(column->cells, i))), i};
        qsort(keys, rows, sizeof *keys, compare_keys);
        for (size_t i = 0; i < rows; i++)
            order[i] = keys[i].row;
        status = pb_table_pick(table, order, k < rows ? k : rows, result, error);
    }
    free(keys);
    free(order);
    return status;
}

/* ---- the likeliest next tokens ---- */

typedef struct predictions_data {
    pb_value *model;
    size_t count, k;
    char **texts;
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

static pb_status predictions_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                                  pb_error **error)
{
    (void)interp;
    const predictions_data *top = predictions_of(self);
    prediction_columns *parts = pb_calloc(top->count, sizeof *parts);
    pb_column *columns = pb_calloc(1 + 3 * top->count, sizeof *columns);
    double *ranks = pb_malloc(top->k, sizeof *ranks);
    pb_status status = parts && columns && ranks ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < top->k && !status; i++)
        ranks[i] = (double)i;
    for (size_t i = 0; i < top->count && !status; i++) {
        status = prediction_columns_of(top, i, &parts[i], error);
        memcpy(columns + 1 + 3 * i, parts[i].columns, 3 * sizeof *columns);
    }
    if (!status) {
        columns[0] = (pb_column){.name = "rank",
                                 .kind = PB_COLUMN_NUMBER,
                                 .numbers = ranks,
                                 .format = {.style = PB_NUMBER_FIXED}};
        char caption[160];
        snprintf(caption, sizeof caption,
                 "The %zu likeliest next tokens, rank 0 first, on %s. Logits are from centred "
                 "weights: their differences count.",
                 top->k, pb_model_value_name(top->model));
        pb_table_view view = {.words = {.caption = caption},
                              .n_rows = top->k,
                              .n_columns = 1 + 3 * top->count,
                              .columns = columns};
        pb_bundle *table = NULL;
        status = pb_show_table(&view, &table, error);
        if (!status)
            status = pb_bundle_absorb(bundle, &table, error);
    }
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

/* One row a prompt and rank: what a person computes with and saves. */
static pb_status predictions_table(pb_interp *interp, const pb_value *self, pb_value **result,
                                   pb_error **error)
{
    (void)interp;
    const predictions_data *top = predictions_of(self);
    const pb_tokenizer *tokenizer = pb_model_tokenizer(pb_model_of(top->model));
    enum { COLUMNS = 6 };
    static const struct {
        const char *name;
        pb_cells_look look;
    } heads[COLUMNS] = {{"prompt", PB_CELLS_KEY},       {"rank", PB_CELLS_KEY},
                        {"token", PB_CELLS_TOKEN},      {"id", PB_CELLS_PLAIN},
                        {"probability", PB_CELLS_PART}, {"logit", PB_CELLS_PLAIN}};
    pb_list_builder lists[COLUMNS] = {{0}};
    pb_status status = PB_OK;
    for (size_t i = 0; i < top->count * top->k && !status; i++) {
        const pb_prediction *found = &top->found[i];
        pb_value *cells[COLUMNS] = {NULL};
        status = pb_value_text(top->texts[i / top->k], &cells[0], error);
        if (!status)
            status = pb_value_integer((int64_t)found->rank, &cells[1], error);
        if (!status)
            status = pb_value_text(pb_tokenizer_label(tokenizer, found->token), &cells[2], error);
        if (!status)
            status = pb_value_integer(found->token, &cells[3], error);
        if (!status)
            status = pb_value_number(found->probability, PB_SINGLE, &cells[4], error);
        if (!status)
            status = pb_value_number(found->logit, PB_SINGLE, &cells[5], error);
        for (size_t c = 0; c < COLUMNS; c++) {
            pb_status taken = cells[c] ? pb_list_take(&lists[c], cells[c], error) : PB_OK;
            status = status ? status : taken;
        }
    }
    pb_table_cells columns[COLUMNS];
    size_t n = 0;
    for (size_t c = 0; c < COLUMNS && !status; c++)
        status = add_column(&lists[c], heads[c].name, heads[c].look, NULL, columns, &n, error);
    if (!status)
        status = pb_value_table(columns, n, top->count * top->k, NULL, top->model, result, error);
    for (size_t c = 0; c < n; c++)
        pb_value_release(&columns[c].cells);
    for (size_t c = 0; c < COLUMNS; c++)
        pb_list_discard(&lists[c]);
    return status;
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
    .names = predictions_names};

static pb_status predict(pb_call *call, pb_value **result, pb_error **error)
{
    pb_prompts prompts = {0};
    pb_places position = {0};
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
        status = pb_places_take(call, "pos", "pos", &position, error);
    predictions_data *data = status ? NULL : pb_calloc(1, sizeof *data);
    if (!status && k > pb_model_shape(prompts.engine)->n_vocab)
        k = pb_model_shape(prompts.engine)->n_vocab;
    if (!status && data) {
        data->model = pb_value_retain(prompts.model);
        data->count = prompts.count;
        data->k = k;
        data->texts = pb_calloc(prompts.count, sizeof *data->texts);
        size_t cells;
        data->found =
            pb_size_mul(prompts.count, k, &cells) ? pb_calloc(cells, sizeof *data->found) : NULL;
    }
    if (!status && (!data || !data->texts || !data->found))
        status = pb_fail_memory(error);
    for (size_t i = 0; i < prompts.count && !status; i++) {
        pb_prediction *found = NULL;
        size_t count = 0;
        const pb_select *select =
            position.count ? &position.selects[position.count > 1 ? i : 0] : NULL;
        data->texts[i] = strdup(prompts.texts[i]);
        if (!data->texts[i])
            status = pb_fail_memory(error);
        else
            status = pb_place_argument(
                call, "pos", pb_top_tokens(prompts.runs[i], select, k, &found, &count, error),
                error);
        if (!status)
            memcpy(data->found + i * k, found, count * sizeof *found);
        free(found);
    }
    pb_places_free(&position);
    pb_prompts_free(&prompts);
    if (!status)
        return pb_value_take_object(&predictions_type, data, result, error);
    predictions_destroy(data);
    return status;
}

static pb_status call_top(pb_call *call, pb_value **result, pb_error **error)
{
    switch (pb_value_kind(pb_argument_value(call, "x"))) {
    case PB_TENSOR: return rank_tensor(call, result, error);
    case PB_TABLE: return rank_table(call, result, error);
    default: return predict(call, result, error);
    }
}

const pb_builtin pb_builtins_ranking[] = {
    {.name = "top",
     .category = "Predictions",
     .summary = "The likeliest next tokens of prompts, or the largest values of a tensor or table.",
     .signature = "(prompts, k=10, pos=-1) or (tensor, k=10, by=\"magnitude\") or (table, k=10, "
                  "by=\"column\")",
     .doc = "For prompts: rank, token, probability and logit, side by side; `.table` has them as "
            "rows.\n\nFor a tensor: its largest values by magnitude (`by=\"value\"` for signed, "
            "`by=\"smallest\"`); over layer and head, `.heads` names them for `heads=`.\n\nFor a "
            "table: the rows whose column `by` is largest by magnitude.",
     .result = "predictions, a ranking, or a table",
     .example = "top(\"The capital of France is\", k=1).token[0]",
     .expected = "' Paris'",
     .needs_model = true,
     .see = "logits logit generate",
     .parameters = {{.name = "x",
                     .types = PB_PROMPT_TYPES | PB_TAKES_TENSOR | PB_TAKES_TABLE,
                     .what = "prompts, a tensor or a table",
                     .objects = PB_PROMPT_OBJECTS},
                    {.name = "k", .types = PB_TAKES_INTEGER, .fallback = "10"},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None"},
                    {.name = "pos",
                     .types = PB_TAKES_INTEGER | PB_TAKES_STRING | PB_TAKES_SELECTOR,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"},
                    PB_PROMPT_PARAMETERS},
     .function = call_top},
    {0}};
