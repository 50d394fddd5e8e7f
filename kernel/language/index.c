/* x[...]: of lists, strings, records, tables and tensors. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"
#include "base/visible.h"
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
    if (status != PB_OK)
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
    pb_selector slice = {.kind = PB_SELECTOR_SLICE, .step = 1};
    bool has_step = false;
    pb_status status =
        slice_bound(interp, place, node->items[0], &slice.has_first, &slice.first, error);
    if (status == PB_OK)
        status = slice_bound(interp, place, node->items[1], &slice.has_last, &slice.last, error);
    if (status == PB_OK)
        status = slice_bound(interp, place, node->items[2], &has_step, &slice.step, error);
    if (status == PB_OK && slice.step == 0)
        status = pb_fail(error, PB_VALUE, "the step of a slice cannot be 0");
    if (status != PB_OK)
        return pb_place_error(place, node->span, status, error);
    return pb_value_selector(&slice, result, error);
}

/* Python's slice of a sequence of n items: where it starts, and how many it takes. */
static size_t slice_items(const pb_selector *s, size_t n, int64_t *first)
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

/* The places a mask, a list of integers or a slice picks from n. malloc'ed, the caller's. */
static pb_status picked_places(pb_interp *interp, const pb_value *index, size_t n, const char *what,
                               size_t **places, size_t *count, pb_error **error)
{
    const pb_selector *slice = pb_value_get_selector(index);
    pb_value *list = NULL;
    pb_status status = PB_OK;
    int64_t first = 0;
    char said[160];
    *count = 0;
    *places = NULL;
    if (slice && (slice->kind == PB_SELECTOR_SLICE || slice->kind == PB_SELECTOR_ALL)) {
        pb_selector whole = {.step = 1};
        slice = slice->kind == PB_SELECTOR_ALL ? &whole : slice;
        size_t taken = slice_items(slice, n, &first);
        *places = pb_malloc(taken, sizeof **places);
        for (size_t i = 0; *places && i < taken; i++)
            (*places)[(*count)++] = (size_t)(first + (int64_t)i * slice->step);
        return *places ? PB_OK : pb_fail_memory(error);
    }
    if (pb_value_kind(index) != PB_LIST && pb_value_kind(index) != PB_TENSOR)
        return pb_fail(error, PB_TYPE, "%s is indexed by an integer, a slice or a mask, not %s",
                       what, pb_value_describe(index, said, sizeof said));
    status = pb_value_as_column(interp, index, n, &list, error);
    size_t items = pb_list_count(list);
    bool mask = items > 0 && pb_list_of(list, PB_BOOL);
    if (status == PB_OK && mask && items != n)
        status = pb_fail(error, PB_VALUE, "a mask of %zu values does not fit %s, which has %zu",
                         items, what, n);
    *places = status == PB_OK ? pb_malloc(items, sizeof **places) : NULL;
    if (status == PB_OK && !*places)
        status = pb_fail_memory(error);
    for (size_t i = 0; status == PB_OK && i < items; i++) {
        const pb_value *item = pb_list_item(list, i);
        if (!mask)
            status = sequence_index(item, n, what, &(*places)[(*count)++], error);
        else if (pb_value_get_bool(item))
            (*places)[(*count)++] = i;
    }
    pb_value_release(&list);
    if (status != PB_OK) {
        free(*places);
        *places = NULL;
    }
    return status;
}

static pb_status index_list(pb_interp *interp, const pb_value *list, const pb_value *index,
                            pb_value **result, pb_error **error)
{
    const char *what = pb_list_is_column(list) ? "this column" : "this list";
    size_t n = pb_list_count(list), at, count, *places;
    if (pb_value_kind(index) == PB_NUMBER || pb_value_kind(index) == PB_BOOL) {
        pb_status status = sequence_index(index, n, what, &at, error);
        if (status == PB_OK)
            *result = pb_value_retain(pb_list_item(list, at));
        return status;
    }
    pb_status status = picked_places(interp, index, n, what, &places, &count, error);
    pb_list_builder out = {.interp = interp};
    for (size_t i = 0; status == PB_OK && i < count; i++)
        status = pb_list_take(&out, pb_value_retain(pb_list_item(list, places[i])), error);
    free(places);
    if (status != PB_OK) {
        pb_list_discard(&out);
        return status;
    }
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
        if (status != PB_OK)
            return status;
        size_t start = pb_utf8_offset(bytes, length, at), end = start;
        pb_utf8_next(bytes, length, &end);
        return pb_value_string(bytes + start, end - start, result, error);
    }
    pb_status status = picked_places(interp, index, n, "this string", &places, &count, error);
    if (status != PB_OK)
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
    size_t count = pb_table_columns(table);
    pb_entry *entries = pb_calloc(count, sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        const pb_table_cells *column = pb_table_column(table, i);
        entries[i] = (pb_entry){column->name, pb_list_item(column->cells, at)};
    }
    pb_status status = pb_value_record(entries, count, NULL, result, error);
    free(entries);
    return status;
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
    pb_comparison comparison = {.interp = interp, .error = error};
    for (size_t i = 0; comparison.status == PB_OK && i < n; i++)
        if (equals_or_holds(&comparison, entry->value, pb_list_item(column->cells, i)))
            rows[count++] = i;
    pb_status status = comparison.status;
    if (status == PB_OK)
        status = pb_table_pick(interp, table, rows, count, result, error);
    free(rows);
    return status;
}

/* t[["a", "b"]]: some of the columns. */
static pb_status some_columns(const pb_value *table, const pb_value *names, pb_value **result,
                              pb_error **error)
{
    size_t count = pb_list_count(names);
    pb_status status = PB_OK;
    pb_table_cells *columns = pb_calloc(count, sizeof *columns);
    if (!columns)
        return pb_fail_memory(error);
    for (size_t i = 0; status == PB_OK && i < count; i++) {
        const char *name = pb_value_get_text(pb_list_item(names, i), NULL);
        const pb_table_cells *found = pb_table_find(table, name);
        if (found)
            columns[i] = *found;
        else
            status = unknown_column(table, name, error);
    }
    if (status == PB_OK)
        status = pb_value_table(columns, count, pb_table_rows(table), pb_table_caption(table), NULL,
                                result, error);
    free(columns);
    return status;
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
        return status == PB_OK ? table_row(table, at, result, error) : status;
    }
    pb_status status = picked_places(interp, entry->value, n, "this table", &rows, &count, error);
    if (status == PB_OK)
        status = pb_table_pick(interp, table, rows, count, result, error);
    free(rows);
    return status;
}

/* ---- tensors ---- */

/* "4" or "\" love\"" as it would be written in an index; "..." for what is longer. */
static void index_text_of(const pb_value *value, pb_buffer *out)
{
    const char *text = pb_value_get_text(value, NULL);
    if (pb_value_is_integer(value))
        pb_buffer_format(out, "%.0f", pb_value_get_number(value));
    else if (text && strlen(text) < 24)
        pb_quoted_text(out, text, strlen(text));
    else
        pb_buffer_text(out, "...");
}

/* h["L4H0"]: a head by its name, where layer and head are two axes. */
static bool names_a_head(const pb_tensor *tensor, const pb_value *value, unsigned *layer,
                         unsigned *head)
{
    int length = -1;
    const char *text = pb_value_get_text(value, NULL);
    return text && pb_tensor_find_axis(tensor, "layer") >= 0 &&
           pb_tensor_find_axis(tensor, "head") >= 0 &&
           sscanf(text, "L%uH%u%n", layer, head, &length) == 2 && length >= 0 && !text[length];
}

/* t[4, 0] on axes layer and head: the corrected index. */
static pb_status unnamed_index(const pb_tensor *tensor, size_t count, const pb_index_entry *entries,
                               pb_error **error)
{
    unsigned layer, head;
    pb_buffer hint = PB_BUFFER_EMPTY;
    pb_status status = pb_fail(error, PB_TYPE, "a tensor of %zu axes is indexed by their names",
                               pb_tensor_rank(tensor));
    if (!error || !*error)
        return status;
    if (count == 1 && names_a_head(tensor, entries[0].value, &layer, &head)) {
        pb_buffer_format(&hint, "layer=%u, head=%u", layer, head);
    } else {
        for (size_t i = 0; i < count && i < pb_tensor_rank(tensor); i++) {
            const pb_selector *selector = pb_value_get_selector(entries[i].value);
            bool whole = selector && selector->kind == PB_SELECTOR_SLICE && !selector->has_first &&
                         !selector->has_last;
            if (whole)
                continue;
            pb_buffer_format(&hint, "%s%s=", hint.length ? ", " : "",
                             entries[i].name ? entries[i].name
                                             : pb_axis_name(pb_tensor_axis(tensor, i)));
            index_text_of(entries[i].value, &hint);
        }
    }
    if (hint.length && !hint.failed)
        pb_error_hint(*error, "write [%s]", hint.data);
    pb_buffer_free(&hint);
    return status;
}

/* A field along an axis, such as layer and part along component, by its name. */
static const pb_field *field_along_axis(const pb_value *tensor, const char *name)
{
    const pb_meta *meta = pb_value_meta(tensor);
    for (size_t i = 0; i < meta->n_fields; i++)
        if (meta->fields[i].axis && strcmp(meta->fields[i].name, name) == 0 &&
            pb_value_kind(meta->fields[i].value) == PB_LIST)
            return &meta->fields[i];
    return NULL;
}

static pb_status nothing_there(const pb_field *field, const pb_value *wanted, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_value_repr(wanted, false, &text);
    pb_status status = pb_fail(error, PB_NAME, "nothing along %s has %s=%s", field->axis,
                               field->name, text.data ? text.data : "...");
    pb_buffer_free(&text);
    return status;
}

/* a[layer=4] where layer is no axis but a field: the places where it is that, as a list of
 * coordinates. */
static pb_status places_of_field(pb_interp *interp, const pb_tensor *tensor, const pb_field *field,
                                 const pb_value *wanted, pb_value **places, pb_error **error)
{
    size_t which;
    pb_list_builder list = {.interp = interp};
    pb_comparison comparison = {.interp = interp, .error = error};
    pb_status status = pb_tensor_need_axis(tensor, field->axis, &which, error);
    size_t n = pb_list_count(field->value);
    for (size_t i = 0; status == PB_OK && i < n; i++) {
        pb_value *place = NULL;
        bool match = equals_or_holds(&comparison, wanted, pb_list_item(field->value, i));
        status = comparison.status;
        if (status != PB_OK || !match)
            continue;
        status =
            pb_value_integer(pb_axis_coordinate(pb_tensor_axis(tensor, which), i), &place, error);
        if (status == PB_OK)
            status = pb_list_take(&list, place, error);
    }
    if (status == PB_OK && list.count == 0)
        status = nothing_there(field, wanted, error);
    if (status == PB_OK)
        status = pb_list_finish(&list, false, places, error);
    pb_list_discard(&list);
    return status;
}

/* position= for pos, layers= for layer: a name that goes on where an axis' name ends. */
static void hint_shorter_axis(const pb_tensor *tensor, const char *name, pb_error **error)
{
    for (size_t i = 0; error && !pb_error_hint_text(*error) && i < pb_tensor_rank(tensor); i++) {
        const char *axis = pb_axis_name(pb_tensor_axis(tensor, i));
        if (strncmp(name, axis, strlen(axis)) == 0)
            pb_error_hint(*error, "did you mean %s?", axis);
    }
}

/* One entry of t[...] as an axis and its selector; *held keeps what the selector points into. */
static pb_status index_entry(pb_interp *interp, const pb_value *value, const pb_index_entry *entry,
                             const char **name, pb_select *select, pb_select_storage *storage,
                             pb_value **held, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_value *wanted = entry->value;
    size_t axis;
    *name = entry->name ? entry->name : pb_axis_name(pb_tensor_axis(tensor, 0));
    const pb_field *field =
        pb_tensor_find_axis(tensor, *name) < 0 ? field_along_axis(value, *name) : NULL;
    pb_status status = PB_OK;
    if (field) {
        *name = field->axis;
        status = places_of_field(interp, tensor, field, wanted, held, error);
        wanted = *held;
    } else {
        status = pb_tensor_need_axis(tensor, *name, &axis, error);
        if (status != PB_OK)
            hint_shorter_axis(tensor, *name, error);
    }
    return status == PB_OK ? pb_value_to_select(interp, wanted, *name, select, storage, error)
                           : status;
}

static pb_status index_tensor(pb_interp *interp, const pb_value *value, size_t count,
                              const pb_index_entry *entries, pb_value **result, pb_error **error);

static bool is_field(const pb_value *value, const pb_index_entry *entry)
{
    return entry->name && pb_tensor_find_axis(pb_value_get_tensor(value), entry->name) < 0 &&
           field_along_axis(value, entry->name);
}

/* a[layer=4, part="mlp"]: two fields choose along one axis, one after the other. */
static pb_status index_in_turn(pb_interp *interp, const pb_value *value, size_t count,
                               const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_value *first = NULL;
    pb_status status = index_tensor(interp, value, 1, entries, &first, error);
    if (status == PB_OK)
        status = index_tensor(interp, first, count - 1, entries + 1, result, error);
    pb_value_release(&first);
    return status;
}

static pb_status index_tensor(pb_interp *interp, const pb_value *value, size_t count,
                              const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *names[PB_MAX_RANK];
    pb_select selects[PB_MAX_RANK];
    pb_select_storage storage[PB_MAX_RANK] = {{0}};
    pb_value *held[PB_MAX_RANK] = {NULL};
    pb_tensor *selected = NULL;
    pb_status status = PB_OK;
    size_t made = 0;
    if (count > PB_MAX_RANK)
        return pb_fail(error, PB_TYPE, "this tensor has %zu axes, not %zu", pb_tensor_rank(tensor),
                       count);
    for (size_t i = 0; i < count; i++)
        if (!entries[i].name && pb_tensor_rank(tensor) != 1)
            return unnamed_index(tensor, count, entries, error);
    if (count > 1 && is_field(value, &entries[0]))
        return index_in_turn(interp, value, count, entries, result, error);
    for (; status == PB_OK && made < count; made++)
        status = index_entry(interp, value, &entries[made], &names[made], &selects[made],
                             &storage[made], &held[made], error);
    if (status == PB_OK)
        status = pb_tensor_select(tensor, count, names, selects, pb_interp_watch(interp), &selected,
                                  error);
    for (size_t i = 0; i < made; i++) {
        pb_select_free(&storage[i]);
        pb_value_release(&held[i]);
    }
    return status == PB_OK ? pb_value_retag(value, &selected, result, error) : status;
}

/* Which of several entries is at fault: the first that fails alone; all of them otherwise. */
static pb_span faulty_entry(pb_interp *interp, const pb_value *subject, size_t count,
                            const pb_index_entry *entries)
{
    for (size_t i = 0; i < count && pb_value_kind(subject) == PB_TENSOR; i++) {
        pb_value *part = NULL;
        if (entries[i].name && pb_interp_index(interp, subject, 1, &entries[i], &part, NULL))
            return entries[i].span;
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
    if (type && type->index)
        return type->index(interp, self, count, entries, result, error);
    if (pb_value_kind(self) == PB_TENSOR)
        return index_tensor(interp, self, count, entries, result, error);
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

pb_status pb_evaluate_index(pb_interp *interp, const pb_place *place, const pb_node *node,
                            pb_value **result, pb_error **error)
{
    pb_value *subject = NULL;
    size_t made = 0;
    pb_index_entry *entries = pb_calloc(node->n_arguments, sizeof *entries);
    if (!entries)
        return pb_fail_memory(error);
    pb_status status = pb_evaluate(interp, place, node->items[0], &subject, error);
    for (; status == PB_OK && made < node->n_arguments; made++) {
        const pb_node_argument *argument = &node->arguments[made];
        entries[made] = (pb_index_entry){argument->name, NULL, argument->span};
        status = pb_evaluate(interp, place, argument->value, &entries[made].value, error);
    }
    if (status == PB_OK) {
        status = pb_interp_index(interp, subject, node->n_arguments, entries, result, error);
        if (status != PB_OK)
            pb_place_error(place, faulty_entry(interp, subject, node->n_arguments, entries), status,
                           error);
    }
    for (size_t i = 0; i < made; i++)
        pb_value_release(&entries[i].value);
    pb_value_release(&subject);
    free(entries);
    return status;
}
