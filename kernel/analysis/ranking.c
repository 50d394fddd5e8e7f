/* top(): the likeliest next tokens of prompts, the largest values of a tensor, the rows of a table.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/sort.h"
#include "domain.h"
#include "eval/members.h"
#include "ranking.h"
#include "show/show.h"
#include "show/views.h"
#include "sweep.h"
#include "value/text.h"
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
    /* "Top 10 of 36, by magnitude", without what it is of */
    const char *caption = pb_table_caption(data_of(self)->table);
    pb_buffer_append(out, caption ? caption : "a ranking", caption ? strcspn(caption, ":") : 9);
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
static void take_place(pb_list_builder *out, const pb_axis *axis, size_t offset)
{
    const char *name = pb_axis_name(axis);
    bool numbered = strcmp(name, "layer") == 0 || strcmp(name, "head") == 0;
    if (pb_axis_has_labels(axis) && !numbered)
        pb_list_take_text(out, pb_axis_label(axis, offset));
    else
        pb_list_take_number(out, (double)pb_axis_coordinate(axis, offset), PB_INTEGER);
}

/* Units that one word names by their layer and number: L9H6 a head, L3N120 a neuron. */
typedef struct unit_kind {
    const char *axis, *column;
    char letter;
} unit_kind;

static const unit_kind unit_kinds[] = {{"head", "head", 'H'}, {"d_mlp", "neuron", 'N'}};

/* Which axes of a tensor are the layer and the number of such units; kind is NULL if it has none.
 */
typedef struct named_units {
    const unit_kind *kind;
    size_t layer, unit;
} named_units;

static named_units units_of(const pb_tensor *tensor)
{
    int layer = pb_tensor_find_axis(tensor, "layer");
    for (size_t i = 0; layer >= 0 && i < sizeof unit_kinds / sizeof *unit_kinds; i++) {
        int unit = pb_tensor_find_axis(tensor, unit_kinds[i].axis);
        if (unit >= 0)
            return (named_units){&unit_kinds[i], (size_t)layer, (size_t)unit};
    }
    return (named_units){NULL, 0, 0};
}

static void take_unit_name(pb_list_builder *out, const pb_tensor *tensor, named_units named,
                           const size_t *at)
{
    char text[64];
    snprintf(text, sizeof text, "L%lld%c%lld",
             (long long)pb_axis_coordinate(pb_tensor_axis(tensor, named.layer), at[named.layer]),
             named.kind->letter,
             (long long)pb_axis_coordinate(pb_tensor_axis(tensor, named.unit), at[named.unit]));
    pb_list_take_text(out, text);
}

typedef struct ranking_columns {
    pb_list_builder names, keys[PB_MAX_RANK], positions[PB_MAX_RANK], values, changes;
} ranking_columns;

static void columns_discard(ranking_columns *columns)
{
    pb_list_discard(&columns->names);
    pb_list_discard(&columns->values);
    pb_list_discard(&columns->changes);
    for (size_t i = 0; i < PB_MAX_RANK; i++) {
        pb_list_discard(&columns->keys[i]);
        pb_list_discard(&columns->positions[i]);
    }
}

/* Adds a row for the value at one flat offset. `change` is NULL unless the tensor is a sweep. */
static void rank_row(const pb_tensor *tensor, const pb_tensor *change, size_t flat,
                     named_units named, ranking_columns *out)
{
    size_t at[PB_MAX_RANK];
    pb_tensor_unravel(tensor, flat, at);
    if (named.kind)
        take_unit_name(&out->names, tensor, named, at);
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        take_place(&out->keys[i], axis, at[i]);
        pb_list_take_number(&out->positions[i], (double)pb_axis_coordinate(axis, at[i]),
                            PB_INTEGER);
    }
    pb_list_take_number(&out->values, pb_tensor_data(tensor)[flat], PB_SINGLE);
    if (change)
        pb_list_take_number(&out->changes, pb_tensor_data(change)[flat], PB_SINGLE);
}

/* How a column of values is shown: signed ones shaded around zero, weights and probabilities as
 * plain numbers. */
static pb_cells_look value_look(const pb_tensor *tensor)
{
    for (size_t i = 0; i < pb_tensor_size(tensor); i++)
        if (pb_tensor_data(tensor)[i] < 0)
            return PB_CELLS_SHADED;
    return PB_CELLS_PLAIN;
}

/* The heads of a ranking, each once, in its order: a ranking over prompts may name one several
 * times. */
static pb_status each_once(const pb_value *names, pb_value **heads, pb_error **error)
{
    pb_list_builder list = {0};
    for (size_t i = 0; i < pb_list_count(names); i++) {
        bool known = false;
        for (size_t k = 0; k < list.count && !known; k++)
            known = pb_value_equal(list.items[k], pb_list_item(names, i));
        if (!known)
            pb_list_take(&list, pb_value_retain(pb_list_item(names, i)));
    }
    return pb_list_finish(&list, false, heads, error);
}

/* The columns of one axis of the tensor: its places, or where those are tokens, their positions and
 * their texts. */
static void take_axis(const pb_tensor *tensor, size_t which, ranking_columns *in,
                      pb_table_builder *out)
{
    const char *name = pb_axis_name(pb_tensor_axis(tensor, which));
    bool tokens = pb_axis_is_tokens(name) && pb_axis_has_labels(pb_tensor_axis(tensor, which));
    const struct {
        const char *axis, *label;
    } second[] = {{"pos", pb_tensor_find_axis(tensor, "token") >= 0 ? "pos token" : "token"},
                  {"query", "query token"},
                  {"key", "key token"}};
    if (!tokens || strcmp(name, "token") == 0) {
        pb_table_take_list(
            out, &in->keys[which],
            (pb_table_cells){.name = name, .look = tokens ? PB_CELLS_TOKEN : PB_CELLS_KEY});
        return;
    }
    pb_table_take_list(out, &in->positions[which],
                       (pb_table_cells){.name = name, .look = PB_CELLS_KEY});
    for (size_t s = 0; s < 3; s++)
        if (strcmp(second[s].axis, name) == 0)
            pb_table_take_list(out, &in->keys[which],
                               (pb_table_cells){.name = second[s].label, .look = PB_CELLS_TOKEN});
}

static pb_status ranking_table(pb_interp *interp, const pb_value *value, named_units named,
                               ranking_columns *in, const char *caption, ranking_data *out,
                               pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_meta *meta = pb_value_meta(value);
    pb_table_builder made = {
        .keeper = pb_interp_keeper(interp), .caption = caption, .model = meta->model};
    if (named.kind)
        pb_table_take_list(&made, &in->names,
                           (pb_table_cells){.name = named.kind->column, .look = PB_CELLS_KEY});
    if (!made.status && named.kind && named.kind->letter == 'H')
        made.status = each_once(made.columns[0].cells, &out->heads, &made.error);
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++)
        if (!named.kind || (i != named.layer && i != named.unit))
            take_axis(tensor, i, in, &made);
    pb_table_take_list(
        &made, &in->values,
        (pb_table_cells){.name = "value", .look = value_look(tensor), .units = meta->units});
    if (pb_sweep_changes(value))
        pb_table_take_list(
            &made, &in->changes,
            (pb_table_cells){.name = "change", .look = PB_CELLS_SHADED, .units = meta->units});
    return pb_table_finish(&made, &out->table, error);
}

/* How a tensor's values are ranked: what by= says, and what the caption does. */
typedef struct ranking_order {
    const char *by, *words;
    pb_order order;
    bool by_change; /* for sweeps, by the change from the unpatched value, which most values are
                       close to */
} ranking_order;

enum { BY_CHANGE, BY_MAGNITUDE, BY_VALUE, BY_SMALLEST };

static const ranking_order orders[] = {
    [BY_CHANGE] = {"change", "by what patching changed", PB_BY_MAGNITUDE, true},
    [BY_MAGNITUDE] = {"magnitude", "by magnitude", PB_BY_MAGNITUDE, false},
    [BY_VALUE] = {"value", "largest first", PB_BY_VALUE, false},
    [BY_SMALLEST] = {"smallest", "smallest first", PB_BY_SMALLEST, false},
};

/* For log probabilities: the largest by magnitude would be the least likely ones. */
static const ranking_order likeliest_first = {"value", "likeliest first", PB_BY_VALUE, false};

static bool are_log_probabilities(const pb_value *value)
{
    const char *units = pb_value_meta(value)->units;
    return units && strcmp(units, "nats") == 0 &&
           pb_tensor_find_axis(pb_value_get_tensor(value), "token") >= 0;
}

static pb_status take_order(pb_call *call, const pb_value *value, const ranking_order **order,
                            pb_error **error)
{
    const char *by = pb_argument_text(call, "by");
    bool has_change = pb_sweep_changes(value) != NULL;
    size_t first = has_change ? BY_CHANGE : BY_MAGNITUDE;
    *order = are_log_probabilities(value) ? &likeliest_first : &orders[first];
    if (!by)
        return PB_OK;
    for (size_t i = first; i < sizeof orders / sizeof *orders; i++) {
        *order = &orders[i];
        if (strcmp(by, orders[i].by) == 0)
            return PB_OK;
    }
    return pb_fail_argument(call, "by", error, PB_VALUE,
                            "a %s is ranked by=%s\"magnitude\", \"value\" or \"smallest\", not "
                            "\"%s\"",
                            has_change ? "sweep" : "tensor", has_change ? "\"change\", " : "", by);
}

/* The k first values of a tensor in an order. `note`, if any, ends the caption. */
static pb_status rank(pb_interp *interp, const pb_value *value, const ranking_order *order,
                      size_t k, const char *note, pb_value **result, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value), *change = pb_sweep_changes(value);
    size_t count = 0, *offsets = NULL;
    pb_status status = pb_tensor_top(order->by_change ? change : tensor, k, order->order,
                                     pb_interp_watch(interp), &offsets, &count, error);
    if (status)
        return status;
    named_units named = units_of(tensor);
    ranking_columns columns = {0};
    for (size_t i = 0; i < count && !status; i++) {
        status = pb_interp_check(interp, error);
        if (!status)
            rank_row(tensor, change, offsets[i], named, &columns);
    }
    free(offsets);
    const char *what = pb_value_meta(value)->caption;
    pb_buffer caption = PB_BUFFER_EMPTY;
    pb_buffer_format(&caption, "Top %zu of %zu, %s%s%s%s%s", count, pb_tensor_size(tensor),
                     order->words, what ? ": " : "", what ? what : "", note ? ". " : "",
                     note ? note : "");
    status = status ? status : pb_buffer_status(&caption, error);
    ranking_data *data = pb_calloc(1, sizeof *data);
    if (!status && !data)
        status = pb_fail_memory(error);
    if (!status)
        status = ranking_table(interp, value, named, &columns, caption.data, data, error);
    pb_buffer_free(&caption);
    columns_discard(&columns);
    if (!status)
        return pb_value_take_object(&pb_ranking_type, data, result, error);
    ranking_destroy(data);
    return status;
}

pb_status pb_rank_by_value(pb_interp *interp, const pb_value *tensor, size_t k, pb_value **ranking,
                           pb_error **error)
{
    return rank(interp, tensor, &orders[BY_VALUE], k, NULL, ranking, error);
}

pb_status pb_show_largest(pb_interp *interp, const pb_value *tensor, size_t k, const char *note,
                          pb_bundle *bundle, pb_error **error)
{
    pb_value *ranking = NULL;
    pb_status status = rank(interp, tensor, &orders[BY_MAGNITUDE], k, note, &ranking, error);
    if (!status)
        status = ranking_show(interp, ranking, bundle, error);
    pb_value_release(&ranking);
    return status;
}

static pb_status rank_tensor(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "x");
    const ranking_order *order;
    size_t k = 0;
    pb_status status = take_order(call, value, &order, error);
    if (!status)
        status = pb_argument_count(call, "k", &k, error);
    return status ? status : rank(call->interp, value, order, k, NULL, result, error);
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
            return pb_place_argument(call, "by", pb_fail_column(table, "by", by, error), error);
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
        status = pb_sort(keys, rows, sizeof *keys, compare_keys, pb_call_watch(call), error);
    }
    if (!status) {
        for (size_t i = 0; i < rows; i++)
            order[i] = keys[i].row;
        status = pb_table_pick(call->keeper, table, order, k < rows ? k : rows, result, error);
    }
    free(keys);
    free(order);
    return status;
}

static pb_status call_top(pb_call *call, pb_value **result, pb_error **error)
{
    switch (pb_value_kind(pb_argument_value(call, "x"))) {
    case PB_TENSOR: return rank_tensor(call, result, error);
    case PB_TABLE:
        if (!pb_is_prompt_table(pb_argument_value(call, "x")) || pb_given(call, "by"))
            return rank_table(call, result, error);
        return pb_predict(call, result, error);
    default: return pb_predict(call, result, error);
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
            "`by=\"smallest\"`); over layer and head, `.heads` names each of them once, for "
            "`heads=`. A sweep that is not normalised, or a mean, a difference or a multiple of "
            "sweeps, is ranked by what patching changed, log probabilities over tokens by "
            "their value, the likeliest first, unless `by` says otherwise.\n\nFor "
            "a table: the rows whose column `by` is largest by magnitude. A set of prompts is "
            "ranked so with `by=`; without it, its next tokens are told.",
     .result = "predictions, a ranking, or a table",
     .example = "top(\"The capital of France is\", k=1).token[0]",
     .expected = "' Paris'",
     .needs_model = true,
     .see = "logits logit generate",
     .parameters = {{.name = "x",
                     .types = PB_TAKES_TEXT | PB_TAKES_LIST | PB_TAKES_TENSOR | PB_TAKES_TABLE,
                     .what = "prompts, a tensor or a table",
                     .objects = {&pb_run_type, &pb_runs_type, &pb_prompt_type}},
                    {.name = "k", .types = PB_TAKES_INTEGER, .fallback = "10"},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "None"},
                    {.name = "pos",
                     .types = PB_TAKES_ANY_NAME,
                     .what = "a position: -1, 2, \" love\", at(...), per([...])",
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "-1"}},
     .also = {pb_prompt_group},
     .function = call_top},
    {0}};
