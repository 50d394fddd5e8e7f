/* The cells of a file that `patchbay run` runs: a script's or a notebook's. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "files.h"
#include "io/json.h"
#include "locations.h"

#define CELL_MARK "# %%"
#define LANGUAGE  "patchbay"

static pb_status add_cell(pb_script *script, size_t at, size_t length, pb_error **error)
{
    if (script->count == script->capacity) {
        size_t capacity = script->capacity > 0 ? 2 * script->capacity : 16;
        pb_script_cell *grown = pb_realloc(script->cells, capacity, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        script->cells = grown;
        script->capacity = capacity;
    }
    script->cells[script->count++] = (pb_script_cell){at, length};
    return PB_OK;
}

pb_status pb_script_of_code(pb_script *script, const char *code, pb_error **error)
{
    *script = (pb_script){.code = PB_BUFFER_EMPTY};
    pb_buffer_text(&script->code, code);
    pb_status status = pb_buffer_status(&script->code, error);
    return status ? status : add_cell(script, 0, script->code.length, error);
}

/* ---- scripts ---- */

/* The length of the cell at the start of the text: up to the next line that begins with the mark.
 */
static size_t cell_length(const char *text, size_t length)
{
    size_t at = 0;
    while (at < length) {
        const char *newline = memchr(text + at, '\n', length - at);
        if (!newline)
            return length;
        at = (size_t)(newline - text) + 1;
        if (length - at >= strlen(CELL_MARK) &&
            memcmp(text + at, CELL_MARK, strlen(CELL_MARK)) == 0)
            return at;
    }
    return length;
}

static pb_status cut_at_marks(pb_script *script, pb_error **error)
{
    const pb_buffer *code = &script->code;
    pb_status status = PB_OK;
    for (size_t at = 0; at < code->length && !status;) {
        size_t size = cell_length(code->data + at, code->length - at);
        status = add_cell(script, at, size, error);
        at += size;
    }
    return status;
}

/* ---- notebooks ---- */

/* Whether a notebook says that it is written in another language, which goes into `language`. */
static bool is_foreign(pb_json notebook, pb_buffer *language)
{
    pb_json metadata = pb_json_get(notebook, "metadata");
    pb_json name = pb_json_get(pb_json_get(metadata, "language_info"), "name");
    if (pb_json_kind_of(name) != PB_JSON_TEXT)
        name = pb_json_get(pb_json_get(metadata, "kernelspec"), "language");
    pb_json_append(name, language);
    return language->length > 0 && !pb_json_says(name, LANGUAGE);
}

static pb_status check_notebook(const char *path, pb_json notebook, pb_error **error)
{
    int64_t format = 0;
    bool numbered = pb_json_as_integer(pb_json_get(notebook, "nbformat"), &format);
    if (!numbered || format != 4 ||
        pb_json_kind_of(pb_json_get(notebook, "cells")) != PB_JSON_LIST) {
        pb_status status = pb_fail(error, PB_FORMAT, "'%s' is no notebook of format 4", path);
        if (error && *error && numbered && format < 4)
            pb_error_hint(*error, "jupyter nbconvert --to notebook writes an older one afresh");
        return status;
    }
    pb_buffer language = PB_BUFFER_EMPTY;
    pb_status status = PB_OK;
    if (is_foreign(notebook, &language))
        status = pb_fail(error, PB_VALUE, "'%s' is written in %s, not in Patchbay's language", path,
                         language.data);
    pb_buffer_free(&language);
    return status;
}

/* A cell's source is a text, or a list of lines that end in their newlines. */
static void append_source(pb_json source, pb_buffer *code)
{
    pb_json_append(source, code);
    pb_json_items lines = pb_json_each(source);
    pb_json line;
    if (pb_json_kind_of(source) == PB_JSON_LIST)
        while (pb_json_next(&lines, NULL, &line))
            pb_json_append(line, code);
}

/* Cells with nothing in them are left out, as front ends do not send them: the others have the
 * numbers they would have there. */
static pb_status add_code_cell(pb_script *script, pb_json cell, pb_error **error)
{
    size_t at = script->code.length;
    append_source(pb_json_get(cell, "source"), &script->code);
    pb_status status = pb_buffer_status(&script->code, error);
    if (status)
        return status;
    size_t length = script->code.length - at;
    bool empty = strspn(script->code.data + at, " \t\r\n") == length;
    return empty ? PB_OK : add_cell(script, at, length, error);
}

static pb_status read_cells(pb_script *script, const char *path, const pb_buffer *text,
                            pb_error **error)
{
    pb_json notebook, cell;
    pb_status status = pb_json_object(path, text->data, text->length, &notebook, error);
    if (!status)
        status = check_notebook(path, notebook, error);
    if (status)
        return status;
    pb_json_items cells = pb_json_each(pb_json_get(notebook, "cells"));
    while (!status && pb_json_next(&cells, NULL, &cell))
        if (pb_json_says(pb_json_get(cell, "cell_type"), "code"))
            status = add_code_cell(script, cell, error);
    return status;
}

/* What was read becomes the cells that are in it. */
static pb_status open_notebook(pb_script *script, const char *path, pb_error **error)
{
    const char *slash = strrchr(path, '/');
    pb_buffer text = script->code;
    script->code = (pb_buffer)PB_BUFFER_EMPTY;
    script->folder = slash ? pb_path("%.*s/", (int)(slash - path), path) : pb_path(".");
    pb_status status =
        script->folder ? read_cells(script, path, &text, error) : pb_fail_memory(error);
    pb_buffer_free(&text);
    return status;
}

static bool is_notebook(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcmp(dot, ".ipynb") == 0;
}

pb_status pb_script_read(pb_script *script, const char *path, pb_error **error)
{
    *script = (pb_script){.code = PB_BUFFER_EMPTY};
    char *text;
    size_t length;
    pb_status status = pb_app_file_read(path, &text, &length, error);
    if (status)
        return status;
    pb_buffer_append(&script->code, text, length);
    free(text);
    status = pb_buffer_status(&script->code, error);
    if (!status)
        status =
            is_notebook(path) ? open_notebook(script, path, error) : cut_at_marks(script, error);
    return status;
}

void pb_script_free(pb_script *script)
{
    pb_buffer_free(&script->code);
    free(script->cells);
    free(script->folder);
    *script = (pb_script){.code = PB_BUFFER_EMPTY};
}
