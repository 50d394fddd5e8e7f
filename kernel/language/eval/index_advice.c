/* Indices as they are written for numpy and pandas: some mean the same here, the others get a hint.
 */
#include <string.h>

#include "interp_private.h"

static void append(const pb_place *place, pb_span span, pb_buffer *out)
{
    pb_buffer_append(out, pb_source_text(place->program->source) + span.start,
                     span.end - span.start);
}

/* The hint for h[h > 0.3] is where(h > 0.3, h, 0). */
static void hint_mask(const pb_place *place, const pb_node *node, pb_error *error)
{
    pb_buffer hint = PB_BUFFER_EMPTY;
    pb_buffer_text(&hint, "where(");
    append(place, node->arguments[0].span, &hint);
    pb_buffer_text(&hint, ", ");
    append(place, node->items[0]->span, &hint);
    pb_buffer_text(&hint, ", 0)");
    if (hint.data && !hint.failed && hint.length < 160)
        pb_error_hint(error, "%s keeps what the mask marks", hint.data);
    pb_buffer_free(&hint);
}

/* A hint of what stands in the brackets, or of a run's answer, as the whole line. */
static void hint_subject(const pb_place *place, const pb_node *node, pb_error *error)
{
    static const char brackets[] = "write [", run[] = "run(prompt).";
    const char *hint = pb_error_hint_text(error);
    const char *rest = NULL;
    if (hint && strncmp(hint, brackets, sizeof brackets - 1) == 0)
        rest = hint + sizeof brackets - 2;
    else if (hint && strncmp(hint, run, sizeof run - 1) == 0)
        rest = hint + sizeof run - 2;
    pb_buffer line = PB_BUFFER_EMPTY;
    if (rest)
        append(place, node->items[0]->span, &line);
    const char *unwritten = rest ? strstr(rest, "=...") : NULL;
    if (unwritten && node->n_arguments == 1) {
        pb_buffer_append(&line, rest, (size_t)(unwritten + 1 - rest));
        append(place, node->arguments[0].value->span, &line);
        pb_buffer_text(&line, unwritten + 4);
    } else if (rest) {
        pb_buffer_text(&line, rest);
    }
    if (line.data && !line.failed && line.length < 400 && !strchr(line.data, '\n'))
        pb_error_hint(error, "%s", line.data);
    pb_buffer_free(&line);
}

/* x.shape[0]: the name that has this place in the record. */
static void hint_record(const pb_place *place, const pb_node *node, const pb_value *record,
                        const pb_value *index, pb_error *error)
{
    double number = pb_value_get_number(index), count = (double)pb_record_count(record);
    number += number < 0 ? count : 0;
    if (!pb_value_is_integer(index) || number < 0 || number >= count)
        return;
    pb_buffer line = PB_BUFFER_EMPTY;
    append(place, node->items[0]->span, &line);
    pb_buffer_format(&line, ".%s", pb_record_entry(record, (size_t)number).name);
    if (!line.failed && line.length < 400)
        pb_error_hint(error, "%s", line.data);
    pb_buffer_free(&line);
}

void pb_hint_index(const pb_place *place, const pb_node *node, const pb_value *subject,
                   const pb_index_entry *entries, pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(subject);
    if (!error || !*error)
        return;
    if (pb_value_kind(subject) == PB_RECORD && node->n_arguments == 1)
        hint_record(place, node, subject, entries[0].value, *error);
    hint_subject(place, node, *error);
    if (!tensor)
        return;
    const pb_tensor *mask = pb_value_get_tensor(entries[0].value);
    for (size_t i = 0; i < node->n_arguments; i++) {
        const char *name = entries[i].name;
        if (!name && pb_value_is_none(entries[i].value))
            pb_error_hint(*error, "axes line up by their names, so none has to be added");
        else if (name && strcmp(name, "pos") == 0 && pb_tensor_find_axis(tensor, "pos") < 0 &&
                 pb_tensor_find_axis(tensor, "query") >= 0)
            pb_error_hint(*error, "query attends to key: did you mean query or key?");
    }
    if (!entries[0].name && node->n_arguments == 1 && mask && pb_tensor_rank(mask) > 1)
        hint_mask(place, node, *error);
}

/* t["w", "n"] means t[["w", "n"]]. */
static pb_status several_columns(const pb_value *table, size_t count, const pb_index_entry *entries,
                                 pb_error **error)
{
    pb_buffer names = PB_BUFFER_EMPTY;
    bool texts = true;
    char what[160];
    for (size_t i = 0; i < count; i++) {
        texts = texts && pb_value_kind(entries[i].value) == PB_STRING && !entries[i].name;
        if (i > 0)
            pb_buffer_text(&names, ", ");
        pb_value_repr(entries[i].value, false, &names);
    }
    pb_status status =
        pb_fail(error, PB_TYPE, "%s takes one index, or values of its columns by name",
                pb_value_describe(table, what, sizeof what));
    if (error && *error && texts && names.data && names.length < 160)
        pb_error_hint(*error, "write [[%s]]", names.data);
    pb_buffer_free(&names);
    return status;
}

pb_status pb_index_table_in_turn(pb_interp *interp, const pb_value *table, size_t count,
                                 const pb_index_entry *entries, pb_value **result, pb_error **error)
{
    pb_value *rows = pb_value_retain(table);
    pb_status status = PB_OK;
    for (size_t i = 0; i < count; i++)
        if (!entries[i].name)
            status = status ? status : several_columns(table, count, entries, error);
    for (size_t i = 0; i < count && !status; i++) {
        pb_value *fewer = NULL;
        status = pb_interp_index(interp, rows, 1, &entries[i], &fewer, error);
        pb_value_release(&rows);
        rows = fewer;
    }
    if (!status)
        *result = rows;
    else
        pb_value_release(&rows);
    return status;
}
