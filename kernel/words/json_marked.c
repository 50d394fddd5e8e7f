/* Values read from objects that are marked as what they stand for; json_private.h has the form. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "json_private.h"

/* ---- numbers that JSON has no form for ---- */

/* The numbers a mark names, one after another in the order of the values. */
typedef struct json_marks {
    const char *at;
    bool any; /* a number is at column and row */
    size_t column, row;
    double number;
} json_marks;

static void next_mark(json_marks *marks)
{
    static const char *const texts[] = {"nan", "inf", "-inf"};
    static const double numbers[] = {NAN, INFINITY, -INFINITY};
    const char *at = marks->at + (*marks->at == ' ');
    char *end = NULL;
    marks->any = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && !marks->any; i++) {
        size_t length = strlen(texts[i]);
        if (strncmp(at, texts[i], length) != 0 || at[length] != '@')
            continue;
        marks->number = numbers[i];
        marks->column = strtoull(at + length + 1, &end, 10);
        marks->any = *end == ':';
    }
    if (!marks->any)
        return;
    marks->row = strtoull(end + 1, &end, 10);
    marks->at = end;
}

static json_marks marks_of(const char *mark)
{
    json_marks marks = {.at = mark + strcspn(mark, " ")};
    next_mark(&marks);
    return marks;
}

/* Whether the mark has a number for this place; it is the next one then. */
static bool is_marked(const json_marks *marks, size_t column, size_t row)
{
    return marks->any && marks->column == column && marks->row == row;
}

static pb_status not_what_it_says(const char *mark, pb_error **error)
{
    return pb_fail(error, PB_FORMAT,
                   "this file says that it holds a %.*s, but what is in it is "
                   "none",
                   (int)strcspn(mark, " "), mark);
}

/* ---- reading tensors and tables ---- */

static bool is_marked_as(const json_t *json, const char *word)
{
    const char *mark = json_string_value(json_object_get(json, MARK_NAME));
    return mark && strcmp(mark, word) == 0;
}

/* Appends a string's bytes; false if this is none. */
static bool text_of(const json_t *json, pb_buffer *out)
{
    const json_t *latin1 = json_object_get(json, "latin1");
    if (json_is_string(json)) {
        pb_buffer_append(out, json_string_value(json), json_string_length(json));
        return true;
    }
    const char *text = json_string_value(latin1);
    if (!is_marked_as(json, "bytes") || !text)
        return false;
    for (size_t at = 0, length = json_string_length(latin1); at < length;) {
        uint32_t code = pb_utf8_next(text, length, &at);
        if (code > 0xff)
            return false;
        pb_buffer_byte(out, (char)code);
    }
    return true;
}

/* Names, all in one block that texts[i] point into. */
typedef struct json_texts {
    pb_buffer block;
    const char **texts;
    size_t count;
} json_texts;

static void free_texts(json_texts *texts)
{
    pb_buffer_free(&texts->block);
    free(texts->texts);
}

/* PB_FORMAT, without an error, where something is no name. */
static pb_status read_texts(const json_t *array, json_texts *read, pb_error **error)
{
    size_t count = json_array_size(array), at = 0;
    *read = (json_texts){.block = PB_BUFFER_EMPTY, .count = count};
    read->texts = pb_calloc(count, sizeof *read->texts);
    if (!read->texts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        size_t start = read->block.length;
        bool text = text_of(json_array_get(array, i), &read->block);
        pb_buffer_byte(&read->block, '\0');
        if (read->block.failed)
            return pb_fail_memory(error);
        if (!text || strlen(read->block.data + start) + 1 != read->block.length - start)
            return PB_FORMAT;
    }
    for (size_t i = 0; i < count; at += strlen(read->texts[i]) + 1, i++)
        read->texts[i] = read->block.data + at;
    return PB_OK;
}

static pb_status axis_from_json(const json_t *json, const char *mark, pb_axis **axis,
                                pb_error **error)
{
    const json_t *places = json_object_get(json, "coordinates");
    const json_t *names = json_object_get(json, "labels");
    size_t count = json_array_size(places);
    pb_buffer name = PB_BUFFER_EMPTY;
    json_texts labels = {.texts = NULL};
    int64_t *coordinates = pb_calloc(count, sizeof *coordinates);
    pb_status status = coordinates ? PB_OK : pb_fail_memory(error);
    if (!status && (!text_of(json_object_get(json, "name"), &name) || !json_is_array(places) ||
                    (names && json_array_size(names) != count)))
        status = PB_FORMAT;
    if (!status && name.data && strlen(name.data) != name.length)
        status = PB_FORMAT;
    if (!status && names)
        status = read_texts(names, &labels, error);
    for (size_t i = 0; !status && i < count; i++) {
        coordinates[i] = json_integer_value(json_array_get(places, i));
        if (!json_is_integer(json_array_get(places, i)))
            status = PB_FORMAT;
    }
    if (status == PB_FORMAT)
        status = not_what_it_says(mark, error);
    if (!status)
        status = pb_axis_create(name.data ? name.data : "", count, coordinates,
                                names ? labels.texts : NULL, axis, error);
    free(coordinates);
    free_texts(&labels);
    pb_buffer_free(&name);
    return status;
}

static pb_status fill_from_json(const json_t *values, const char *mark, float *data,
                                pb_error **error)
{
    json_marks marks = marks_of(mark);
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (!json_is_number(value) && !json_is_null(value))
            return not_what_it_says(mark, error);
        data[i] = json_is_null(value) ? pb_gap() : (float)json_number_value(value);
        if (!is_marked(&marks, 0, i))
            continue;
        data[i] = (float)marks.number;
        next_mark(&marks);
    }
    return PB_OK;
}

static pb_status tensor_from_json(const json_t *json, const char *mark, pb_value **result,
                                  pb_error **error)
{
    const json_t *sides = json_object_get(json, "axes"), *values = json_object_get(json, "values");
    size_t rank = json_array_size(sides), made = 0;
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    pb_tensor *tensor = NULL;
    float *data = NULL;
    if (!json_is_array(sides) || !json_is_array(values) || rank > PB_MAX_RANK)
        return not_what_it_says(mark, error);
    pb_status status = PB_OK;
    for (; !status && made < rank; made++)
        status = axis_from_json(json_array_get(sides, made), mark, &axes[made], error);
    if (!status)
        status = pb_tensor_create(rank, axes, &tensor, &data, error);
    if (!status && pb_tensor_size(tensor) != json_array_size(values))
        status = not_what_it_says(mark, error);
    if (!status)
        status = fill_from_json(values, mark, data, error);
    for (size_t i = 0; i < made; i++)
        pb_axis_release(&axes[i]);
    if (!status && strncmp(mark, "mask", 4) == 0)
        pb_tensor_mark_boolean(tensor);
    else if (!status)
        pb_tensor_mark_gaps(tensor);
    pb_buffer units = PB_BUFFER_EMPTY, caption = PB_BUFFER_EMPTY;
    pb_meta meta = {.units = text_of(json_object_get(json, "units"), &units) ? units.data : NULL,
                    .caption =
                        text_of(json_object_get(json, "caption"), &caption) ? caption.data : NULL};
    if (!status)
        status = pb_value_take_tensor(&tensor, &meta, result, error);
    pb_tensor_release(&tensor);
    pb_buffer_free(&units);
    pb_buffer_free(&caption);
    return status;
}

static pb_status column_from_json(pb_interp *interp, const json_t *array, size_t which,
                                  json_marks *marks, pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = pb_interp_keeper(interp)};
    for (size_t i = 0; !out.status && i < json_array_size(array); i++) {
        pb_value *cell = NULL;
        if (is_marked(marks, which, i)) {
            pb_list_take_number(&out, marks->number, PB_DOUBLE);
            next_mark(marks);
            continue;
        }
        out.status = pb_value_from_json(interp, json_array_get(array, i), &cell, &out.error);
        pb_list_take(&out, cell);
    }
    return pb_list_finish(&out, true, result, error);
}

/* A column that was read; truths show as ticks. */
static void take_read(pb_table_builder *table, pb_table_cells column)
{
    column.look = pb_list_of(column.cells, PB_BOOL) ? PB_CELLS_CHECK : PB_CELLS_PLAIN;
    pb_table_take(table, column);
}

static pb_status table_from_json(pb_interp *interp, const json_t *json, const char *mark,
                                 pb_value **result, pb_error **error)
{
    json_marks marks = marks_of(mark);
    const char *name;
    json_t *held;
    pb_table_builder made = {.keeper = pb_interp_keeper(interp)};
    json_object_foreach((json_t *)json, name, held)
    {
        pb_table_cells column = {.name = name};
        if (strcmp(name, MARK_NAME) == 0)
            continue;
        made.rows = made.count ? made.rows : json_array_size(held);
        if (!made.status)
            made.status = json_is_array(held) ? column_from_json(interp, held, made.count, &marks,
                                                                 &column.cells, &made.error)
                                              : not_what_it_says(mark, &made.error);
        take_read(&made, column);
        if (made.status)
            break;
    }
    return pb_table_finish(&made, result, error);
}

/* ---- reading what has names that an object cannot have ---- */

static pb_status record_of_names(const json_texts *names, pb_value *const *values,
                                 pb_value **result, pb_error **error)
{
    pb_record_builder out = {0};
    for (size_t i = 0; i < names->count; i++)
        pb_record_take(&out, names->texts[i], pb_value_retain(values[i]));
    return pb_record_finish(&out, result, error);
}

static pb_status table_of_names(pb_interp *interp, const json_texts *names, pb_value *const *values,
                                pb_value **result, pb_error **error)
{
    pb_table_builder made = {.keeper = pb_interp_keeper(interp),
                             .rows = names->count ? pb_list_count(values[0]) : 0};
    for (size_t i = 0; i < names->count; i++)
        take_read(&made,
                  (pb_table_cells){.name = names->texts[i], .cells = pb_value_retain(values[i])});
    return pb_table_finish(&made, result, error);
}

static pb_status named_from_json(pb_interp *interp, const json_t *json, const char *mark,
                                 pb_value **result, pb_error **error)
{
    bool table = strcmp(mark, "columns") == 0;
    const json_t *held = json_object_get(json, table ? "columns" : "values");
    const json_t *names = json_object_get(json, "names");
    json_texts texts = {.texts = NULL};
    pb_list_builder values = {.keeper = pb_interp_keeper(interp)};
    values.status = json_is_array(names) && json_is_array(held) &&
                            json_array_size(names) == json_array_size(held)
                        ? read_texts(names, &texts, &values.error)
                        : PB_FORMAT;
    for (size_t i = 0; !values.status && i < texts.count; i++) {
        pb_value *value = NULL;
        const json_t *item = json_array_get(held, i);
        json_marks none = {.any = false};
        values.status = !table ? pb_value_from_json(interp, item, &value, &values.error)
                        : json_is_array(item)
                            ? column_from_json(interp, item, i, &none, &value, &values.error)
                            : PB_FORMAT;
        pb_list_take(&values, value);
    }
    pb_status status = values.status;
    if (status == PB_FORMAT)
        status = not_what_it_says(table ? "table" : mark, &values.error);
    pb_error_move(&values.error, error);
    if (!status)
        status = table ? table_of_names(interp, &texts, values.items, result, error)
                       : record_of_names(&texts, values.items, result, error);
    pb_list_discard(&values);
    free_texts(&texts);
    return status;
}

/* ---- any of them ---- */

static pb_status bytes_from_json(const json_t *json, pb_value **result, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    if (text_of(json, &text))
        return pb_value_take_buffer(&text, result, error);
    pb_buffer_free(&text);
    return not_what_it_says("string", error);
}

/* "nan", alone in its object. */
static bool is_unusual_number(const json_t *json, const char *mark)
{
    return json_object_size(json) == 1 &&
           (strcmp(mark, "nan") == 0 || strcmp(mark, "inf") == 0 || strcmp(mark, "-inf") == 0);
}

pb_status pb_marked_from_json(pb_interp *interp, const json_t *json, pb_value **result,
                              pb_error **error)
{
    const char *mark = json_string_value(json_object_get(json, MARK_NAME));
    size_t length = mark ? strcspn(mark, " ") : 0;
    *result = NULL;
    if (!mark)
        return PB_OK;
    if (is_unusual_number(json, mark))
        return pb_value_number(strtod(mark, NULL), PB_DOUBLE, result, error);
    if (strcmp(mark, "bytes") == 0)
        return bytes_from_json(json, result, error);
    if (strcmp(mark, "record") == 0 || strcmp(mark, "columns") == 0)
        return named_from_json(interp, json, mark, result, error);
    if (length == 6 && strncmp(mark, "tensor", length) == 0)
        return tensor_from_json(json, mark, result, error);
    if (length == 4 && strncmp(mark, "mask", length) == 0)
        return tensor_from_json(json, mark, result, error);
    if (length == 5 && strncmp(mark, "table", length) == 0)
        return table_from_json(interp, json, mark, result, error);
    return PB_OK;
}
