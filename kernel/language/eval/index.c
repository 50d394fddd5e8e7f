/* x[...]: of lists, strings, records and tables; tensors are in index_tensor.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "interp_private.h"

/* ---- slices ---- */

static pb_status slice_bound(pb_interp *interp, const pb_place *place, const pb_node *node,
                             bool *has, int64_t *bound, pb_error **error)
{
    pb_value *value = NULL;
    char what[160];
    if (!node)
        return PB_OK;
    pb_status status = pb_evaluate(interp, place, node, &value, error);
    if (status)
        return status;
    double number = pb_value_get_number(value);
    bool whole = number == floor(number) && fabs(number) <= 9007199254740992.0;
    if (!pb_value_is_none(value) && !whole)
        status =
            pb_place_error(place, node->span,
                           pb_fail(error, PB_TYPE, "a slice goes from integer to integer, not %s",
                                   pb_value_describe(value, what, sizeof what)),
                           error);
    else if (whole) {
        *has = true;
        *bound = (int64_t)number;
    }
    pb_value_release(&value);
    return status;
}

pb_status pb_evaluate_slice(pb_interp *interp, const pb_place *place, const pb_node *node,
                            pb_value **result, pb_error **error)
{
    pb_select slice = {.kind = PB_SELECT_SLICE, .step = 1};
    bool has_step = false;
    pb_status status =
        slice_bound(interp, place, node->items[0], &slice.has_first, &slice.first, error);
    if (!status)
        status = slice_bound(interp, place, node->items[1], &slice.has_last, &slice.last, error);
    if (!status)
        status = slice_bound(interp, place, node->items[2], &has_step, &slice.step, error);
    if (!status && slice.step == 0)
        status = pb_fail(error, PB_VALUE, "the step of a slice cannot be 0");
    if (status)
        return pb_place_error(place, node->span, status, error);
    return pb_value_selector(&slice, result, error);
}

size_t pb_slice_items(const pb_select *s, size_t n, int64_t *first)
{
    int64_t length = (int64_t)n, step = s->step;
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? length : length - 1;
    int64_t from = s->has_first ? s->first : step > 0 ? 0 : length - 1;
    int64_t to = s->has_last ? s->last : step > 0 ? length : -1;
    if (s->has_first && from < 0)
        from += length;
    if (s->has_last && to < 0)
        to += length;
    from = from < low ? low : from > high ? high : from;
    to = to < low ? low : to > high ? high : to;
    *first = from;
    if (step > 0)
        return to > from ? (size_t)((to - from - 1) / step + 1) : 0;
    return from > to ? (size_t)((from - to - 1) / -step + 1) : 0;
}

/* ---- places in a sequence ---- */

static pb_status sequence_index(const pb_value *index, size_t n, const char *what, size_t *at,
                                pb_error **error)
{
    double number = pb_value_get_number(index);
    if (number != floor(number))
        return pb_fail(error, PB_TYPE, "%s is indexed by an integer", what);
    double place = number < 0 ? number + (double)n : number;
    if (place < 0 || place >= (double)n) {
        if (n == 0)
            return pb_fail(error, PB_RANGE, "there is no item %.0f: %s is empty", number, what);
        return pb_fail(error, PB_RANGE, "there is no item %.0f: %s has %zu, from 0 to %zu", number,
                       what, n, n - 1);
    }
    *at = (size_t)place;
    return PB_OK;
}

/* The places of a slice, or of all. */
static pb_status sliced_places(const pb_select *slice, size_t n, size_t **places, size_t *count,
                               pb_error **error)
{
    const pb_select whole = {.step = 1};
    int64_t first = 0;
    slice = slice->kind == PB_SELECT_ALL ? &whole : slice;
    size_t taken = pb_slice_items(slice, n, &first);
    *places = pb_malloc(taken, sizeof **places);
    if (!*places)
        return pb_fail_memory(error);
    for (size_t i = 0; i < taken; i++)
        (*places)[i] = (size_t)(first + (int64_t)i * slice->step);
    *count = taken;
    return PB_OK;
}

/* The places of a list of integers, or those where a mask is True. */
static pb_status listed_places(const pb_value *list, size_t n, const char *what, size_t **places,
                               size_t *count, pb_error **error)
{
    size_t items = pb_list_count(list);
    bool mask = items > 0 && pb_list_of(list, PB_BOOL);
    pb_status status = PB_OK;
    if (mask && items != n)
        return pb_fail(error, PB_VALUE, "a mask of %zu values does not fit %s, which has %zu",
                       items, what, n);
    *places = pb_malloc(items, sizeof **places);
    if (!*places)
        return pb_fail_memory(error);
    for (size_t i = 0; !status && i < items; i++) {
        const pb_value *item = pb_list_item(list, i);
        if (!mask)
            status = sequence_index(item, n, what, &(*places)[(*count)++], error);
        else if (pb_value_get_bool(item))
            (*places)[(*count)++] = i;
    }
    if (status) {
        free(*places);
        *places = NULL;
    }
    return status;
}

/* The places a mask, a list of integers or a slice picks from n. malloc'ed, the caller's. */
static pb_status picked_places(pb_interp *interp, const pb_value *index, size_t n, const char *what,
                               size_t **places, size_t *count, pb_error **error)
{
    const pb_select *slice = pb_value_get_selector(index);
    pb_value *list = NULL;
    char said[160];
    *count = 0;
    *places = NULL;
    if (slice && (slice->kind == PB_SELECT_SLICE || slice->kind == PB_SELECT_ALL))
        return sliced_places(slice, n, places, count, error);
    if (pb_value_kind(index) != PB_LIST && pb_value_kind(index) != PB_TENSOR)
        return pb_fail(error, PB_TYPE, "%s is indexed by an integer, a slice or a mask, not %s",
                       what, pb_value_describe(index, said, sizeof said));
    pb_status status = pb_value_as_column(pb_interp_keeper(interp), index, n, &list, error);
    if (!status)
        status = listed_places(list, n, what, places, count, error);
    pb_value_release(&list);
    return status;
}

static pb_status index_list(pb_interp *interp, const pb_value *list, const pb_value *index,
                            pb_value **result, pb_error **error)
{
    const char *what = pb_list_is_column(list) ? "this column" : "this list";
    size_t n = pb_list_count(list), at, count, *places;
    if (pb_value_kind(index) == PB_NUMBER || pb_value_kind(index) == PB_BOOL) {
        pb_status status = sequence_index(index, n, what, &at, error);
        if (!status)
            *result = pb_value_retain(pb_list_item(list, at));
        return status;
    }
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    out.status = picked_places(interp, index, n, what, &places, &count, &out.error);
    for (size_t i = 0; !out.status && i < count; i++)
        pb_list_take(&out, pb_value_retain(pb_list_item(list, places[i])));
    free(places);
    return pb_list_finish(&out, pb_list_is_column(list), result, error);
}

static pb_status index_text(pb_interp *interp, const pb_value *text, const pb_value *index,
                            pb_value **result, pb_error **error)
{
    size_t length, at, count, *places;
    const char *bytes = pb_value_get_text(text, &length);
    size_t n = pb_utf8_count(bytes, length);
    if (pb_value_kind(index) == PB_NUMBER || pb_value_kind(index) == PB_BOOL) {
        pb_status status = sequence_index(index, n, "this string", &at, error);
        if (status)
            return status;
        size_t start = pb_utf8_offset(bytes, length, at), end = start;
        pb_utf8_next(bytes, length, &end);
        return pb_value_string(bytes + start, end - start, result, error);
    }
    pb_status status = picked_places(interp, index, n, "this string", &places, &count, error);
    if (status)
        return status;
    size_t *starts = pb_malloc(n, sizeof *starts);
    pb_buffer out = PB_BUFFER_EMPTY;
    for (size_t i = 0, offset = 0; starts && offset < length; i++) {
        starts[i] = offset;
        pb_utf8_next(bytes, length, &offset);
    }
    for (size_t i = 0; starts && i < count; i++) {
        size_t end = starts[places[i]];
        pb_utf8_next(bytes, length, &end);
        pb_buffer_append(&out, bytes + starts[places[i]], end - starts[places[i]]);
    }
    status = starts ? pb_value_take_buffer(&out, result, error) : pb_fail_memory(error);
    free(starts);
    free(places);
    return status;
}

static pb_status index_record(const pb_value *record, const pb_value *index, pb_value **result,
                              pb_error **error)
{
    const char *name = pb_value_get_text(index, NULL), *names[64];
    char what[160];
    size_t count = 0;
    if (!name)
        return pb_fail(error, PB_TYPE, "a record is indexed by a name, not %s",
                       pb_value_describe(index, what, sizeof what));
    pb_value *found = pb_record_find(record, name);
    if (found) {
        *result = pb_value_retain(found);
        return PB_OK;
    }
    for (; count < 64 && count < pb_record_count(record); count++)
        names[count] = pb_record_entry(record, count).name;
    pb_status status = pb_fail(error, PB_NAME, "this record has no '%s'", name);
    const char *near = pb_nearest(name, names, count);
    if (near && error && *error)
        pb_error_hint(*error, "did you mean '%s'?", near);
    return status;
}

/* ---- tables ---- */

static pb_status unknown_column(const pb_value *table, const char *name, pb_error **error)
{
    const char *names[64];
    pb_buffer listed = PB_BUFFER_EMPTY;
    size_t count = 0;
    for (; count < 64 && count < pb_table_columns(table); count++) {
        names[count] = pb_table_column(table, count)->name;
        pb_buffer_format(&listed, "%s%s", count ? ", " : "", names[count]);
    }
    pb_status status = pb_fail(error, PB_NAME, "this table has no column %s; it has %s", name,
                               listed.data ? listed.data : "none");
    pb_buffer_free(&listed);
    const char *near = pb_nearest(name, names, count);
    if (near && error && *error)
        pb_error_hint(*error, "did you mean %s?", near);
    return status;
}

/* Row `at` as a record of its cells. */
static pb_status table_row(const pb_value *table, size_t at, pb_value **result, pb_error **error)
{
    pb_record_builder row = {0};
    for (size_t i = 0; !row.status && i < pb_table_columns(table); i++) {
        const pb_table_cells *column = pb_table_column(table, i);
        pb_record_take(&row, column->name, pb_value_retain(pb_list_item(column->cells, at)));
    }
    return pb_record_finish(&row, result, error);
}

static bool equals_or_holds(pb_comparison *comparison, const pb_value *wanted, const pb_value *cell)
{
    bool match = pb_comparison_equal(comparison, cell, wanted);
    for (size_t i = 0; !match && i < pb_list_count(wanted); i++)
        match = pb_comparison_equal(comparison, cell, pb_list_item(wanted, i));
    return match;
}

/* t[part="mlp"]: the rows whose cell is equal, or in a list. */
static pb_status matching_rows(pb_interp *interp, const pb_value *table,
                               const pb_index_entry *entry, pb_value **result, pb_error **error)
{
    const pb_table_cells *column = pb_table_find(table, entry->name);
    size_t n = pb_table_rows(table), count = 0;
    if (!column)
        return unknown_column(table, entry->name, error);
    size_t *rows = pb_malloc(n, sizeof *rows);
    if (!rows)
        return pb_fail_memory(error);
    pb_comparison comparison = {.keeper = pb_interp_keeper(interp), .error = error};
    for (size_t i = 0; !comparison.status && i < n; i++)
        if (equals_or_holds(&comparison, entry->value, pb_list_item(column->cells, i)))
            rows[count++] = i;
    pb_status status = comparison.status;
    if (!status)
        status = pb_table_pick(pb_interp_keeper(interp), table, rows, count, result, error);
    free(rows);
    return status;
}

/* t[["a", "b"]]: some of the columns. */
static pb_status some_columns(const pb_value *table, const pb_value *names, pb_value **result,
                              pb_error **error)
{
    pb_table_builder made = {.rows = pb_table_rows(table), .caption = pb_table_caption(table)};
    for (size_t i = 0; !made.status && i < pb_list_count(names); i++) {
        const char *name = pb_value_get_text(pb_list_item(names, i), NULL);
        const pb_table_cells *found = pb_table_find(table, name);
        pb_table_cells column = found ? *found : (pb_table_cells){0};
        if (!found)
            made.status = unknown_column(table, name, &made.error);
        pb_value_retain(column.cells);
        pb_table_take(&made, column);
    }
    return pb_table_finish(&made, result, error);
}

static pb_status index_table(pb_interp *interp, const pb_value *table, const pb_index_entry *entry,
                             pb_value **result, pb_error **error)
{
    const char *name = pb_value_get_text(entry->value, NULL);
    size_t n = pb_table_rows(table), at, count, *rows;
    if (entry->name)
        return matching_rows(interp, table, entry, result, error);
    if (name) {
        const pb_table_cells *column = pb_table_find(table, name);
        if (!column)
            return unknown_column(table, name, error);
        *result = pb_value_retain(column->cells);
        return PB_OK;
    }
    if (pb_list_count(entry->value) > 0 && pb_list_of(entry->value, PB_STRING))
        return some_columns(table, entry->value, result, error);
    if (pb_value_kind(entry->value) == PB_NUMBER) {
        pb_status status = sequence_index(entry->value, n, "this table", &at, error);
        return status ? status : table_row(table, at, result, error);
    }
    pb_status status = picked_places(interp, entry->value, n, "this table", &rows, &count, error);
    if (!status)
        status = pb_table_pick(pb_interp_keeper(interp), table, rows, count, result, error);
    free(rows);
    return status;
}

/* Where the caret goes if an index of several entries fails: the first entry that fails by itself,
 * or all of them. */
static pb_span faulty_entry(pb_interp *interp, const pb_value *subject, const pb_node *node,
                            const pb_index_entry *entries, const pb_error *error)
{
    size_t count = node->n_arguments;
    for (size_t i = 0; i < count && pb_value_kind(subject) == PB_TENSOR; i++) {
        pb_value *part = NULL;
        if (entries[i].name && pb_interp_index(interp, subject, 1, &entries[i], &part, NULL))
            return pb_item_span(node->arguments[i].value, entries[i].value, entries[i].span, error);
        pb_value_release(&part);
    }
    return (pb_span){entries[0].span.start, entries[count - 1].span.end};
}

/* ---- dispatch ---- */

pb_status pb_interp_index(pb_interp *interp, const pb_value *self, size_t count,
                          const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(self);
    char what[160];
    *result = NULL;
    for (size_t i = 0; i < count; i++) { /* of a table, t[column=x] compares with content */
        bool content = pb_value_kind(self) == PB_TABLE && entries[i].name;
        pb_status status = content ? PB_OK : pb_value_check_names(entries[i].value, error);
        if (status)
            return status;
    }
    if (type && type->index)
        return type->index(interp, self, count, entries, result, error);
    if (pb_value_kind(self) == PB_TENSOR)
        return pb_index_tensor(interp, self, count, entries, result, error);
    if (pb_value_kind(self) == PB_TABLE && count > 1)
        return pb_index_table_in_turn(interp, self, count, entries, result, error);
    bool single = count == 1 && (!entries[0].name || pb_value_kind(self) == PB_TABLE);
    if (single) {
        switch (pb_value_kind(self)) {
        case PB_LIST: return index_list(interp, self, entries[0].value, result, error);
        case PB_STRING: return index_text(interp, self, entries[0].value, result, error);
        case PB_RECORD: return index_record(self, entries[0].value, result, error);
        case PB_TABLE: return index_table(interp, self, &entries[0], result, error);
        default: break;
        }
    }
    pb_value_describe(self, what, sizeof what);
    if (pb_value_kind(self) == PB_LIST || pb_value_kind(self) == PB_STRING ||
        pb_value_kind(self) == PB_RECORD || pb_value_kind(self) == PB_TABLE)
        return pb_fail(error, PB_TYPE, "%s takes one index, without a name", what);
    return pb_fail(error, PB_TYPE, "%s cannot be indexed", what);
}

/* Of owner.name[...] the answer itself, in *result, or else what is to be indexed. */
static pb_status part_or_whole(pb_interp *interp, const pb_place *place, const pb_node *node,
                               const pb_value *owner, size_t count, const pb_index_entry *entries,
                               pb_value **subject, pb_value **result, pb_error **error)
{
    const pb_object_type *type = pb_value_object_type(owner);
    pb_status status = type && type->part
                           ? type->part(interp, owner, node->name, count, entries, result, error)
                           : PB_OK;
    if (status || *result)
        return pb_place_error(place, node->span, status, error);
    return pb_place_error(place, node->word,
                          pb_interp_attribute(interp, owner, node->name, subject, error), error);
}

pb_status pb_evaluate_index(pb_interp *interp, const pb_place *place, const pb_node *node,
                            pb_value **result, pb_error **error)
{
    pb_value *subject = NULL, *owner = NULL;
    size_t made = 0;
    const pb_node *what = node->items[0];
    bool of_owner = what->kind == PB_NODE_ATTRIBUTE;
    pb_index_entry *entries = pb_calloc(node->n_arguments, sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    *result = NULL;
    pb_status status = of_owner ? pb_evaluate(interp, place, what->items[0], &owner, error)
                                : pb_evaluate_unsettled(interp, place, what, &subject, error);
    for (; !status && made < node->n_arguments; made++) {
        const pb_node_argument *argument = &node->arguments[made];
        entries[made] = (pb_index_entry){argument->name, NULL, argument->span};
        status = pb_evaluate(interp, place, argument->value, &entries[made].value, error);
    }
    if (!status && of_owner)
        status = part_or_whole(interp, place, what, owner, node->n_arguments, entries, &subject,
                               result, error);
    if (!status && !*result) {
        status = pb_interp_index(interp, subject, node->n_arguments, entries, result, error);
        if (status)
            pb_hint_index(place, node, subject, entries, error);
        if (status)
            pb_place_error(place,
                           faulty_entry(interp, subject, node, entries, error ? *error : NULL),
                           status, error);
    }
    for (size_t i = 0; i < made; i++)
        pb_value_release(&entries[i].value);
    pb_value_release(&subject);
    pb_value_release(&owner);
    free(entries);
    return status;
}
