/* Words that write values and read them back: csv, save, read. */
#include <stdlib.h>
#include <string.h>

#include "display/document.h"
#include "io/file.h"
#include "math/npy.h"
#include "session/cell.h"
#include "show/show.h"
#include "words.h"

#define PB_MAX_FILE (1u << 30)

static pb_status call_csv(pb_call *call, pb_value **result, pb_error **error)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    (void)result;
    pb_status status = pb_place_argument(
        call, "x", pb_write_csv(call->interp, pb_argument_value(call, "x"), &out, error), error);
    if (!status)
        pb_interp_text(call->interp, 1, out.data, out.length);
    pb_buffer_free(&out);
    return status;
}

/* ---- save ---- */

static const char *extension(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    return dot && (!slash || dot > slash) ? dot : "";
}

static pb_status npy_bytes(const pb_call *call, const pb_value *value, pb_buffer *out,
                           pb_error **error)
{
    char what[160];
    const pb_tensor *tensor = pb_value_get_tensor(value);
    if (!tensor)
        return pb_fail(error, PB_TYPE, "an .npy file holds a tensor, not %s",
                       pb_value_describe(value, what, sizeof what));
    if (pb_tensor_has_gaps(tensor)) {
        static const char note[] = "note: .npy has no form for cells that are not there; they are "
                                   "written as NaN\n";
        pb_interp_text(call->interp, 2, note, sizeof note - 1);
    }
    return pb_npy_write(out, tensor, pb_tensor_is_boolean(tensor) ? PB_NPY_BOOL : PB_NPY_FLOAT32,
                        pb_call_watch(call), error);
}

static pb_status svg_bytes(const pb_bundle *bundle, pb_buffer *out, pb_error **error)
{
    const char *svg = pb_bundle_find(bundle, "image/svg+xml");
    if (!svg)
        return pb_fail(error, PB_TYPE, "this value is no picture, so there is no .svg of it");
    pb_buffer_text(out, svg);
    return PB_OK;
}

static pb_status html_bytes(const pb_bundle *bundle, pb_buffer *out, pb_error **error)
{
    char *page = NULL;
    pb_status status = pb_html_page("Patchbay", bundle, &page, error);
    if (!status)
        pb_buffer_text(out, page);
    free(page);
    return status;
}

static pb_status file_bytes(pb_call *call, const char *kind, pb_buffer *out, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "x");
    pb_bundle *bundle = NULL;
    if (strcmp(kind, ".csv") == 0)
        return pb_write_csv(call->interp, value, out, error);
    if (strcmp(kind, ".json") == 0) {
        pb_value *table = NULL;
        bool rows = pb_object_table(call->interp, value, &table);
        pb_status status = pb_write_json(call->interp, rows ? table : value, out, error);
        pb_value_release(&table);
        return status;
    }
    if (strcmp(kind, ".npy") == 0)
        return npy_bytes(call, value, out, error);
    if (strcmp(kind, ".txt") == 0 && pb_value_kind(value) == PB_STRING) {
        pb_value_str(value, out);
        return PB_OK;
    }
    pb_status status = pb_interp_bundle(call->interp, value, &bundle, error);
    if (!status) {
        const char *plain = pb_bundle_find(bundle, "text/plain");
        if (strcmp(kind, ".svg") == 0)
            status = svg_bytes(bundle, out, error);
        else if (strcmp(kind, ".html") == 0)
            status = html_bytes(bundle, out, error);
        else
            pb_buffer_text(out, plain ? plain : "");
    }
    pb_bundle_destroy(&bundle);
    return status;
}

static pb_status unknown_kind(pb_call *call, const char *known, pb_error **error)
{
    return pb_fail_argument(call, "path", error, PB_VALUE,
                            "the file's name must end in %s, so that its format is known", known);
}

static pb_status call_save(pb_call *call, pb_value **result, pb_error **error)
{
    static const char *const kinds[] = {".csv", ".npy", ".svg", ".html", ".json", ".txt"};
    const char *path = pb_argument_text(call, "path"), *kind = extension(path);
    pb_buffer out = PB_BUFFER_EMPTY;
    bool known = false;
    (void)result;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        known = known || strcmp(kinds[i], kind) == 0;
    if (!known)
        return unknown_kind(call, ".csv, .npy, .svg, .html, .json or .txt", error);
    pb_status status = pb_place_argument(call, "x", file_bytes(call, kind, &out, error), error);
    if (!status)
        status = pb_buffer_status(&out, error);
    if (!status)
        status = pb_place_argument(
            call, "path",
            pb_file_write(path, out.data ? out.data : "", out.length, pb_call_watch(call), error),
            error);
    pb_buffer_free(&out);
    return status;
}

/* ---- read ---- */

/* The axes of a file, which has no names for them, under those of axes=. */
static pb_status name_axes(pb_call *call, pb_tensor **tensor, pb_error **error)
{
    const char *const *names = NULL;
    size_t count = 0, rank = pb_tensor_rank(*tensor);
    pb_status status = pb_argument_texts(call, "axes", &names, &count, error);
    if (!status && count != rank)
        status = pb_fail_argument(call, "axes", error, PB_VALUE,
                                  "the array in this file has %zu ax%ss, axes= names %zu", rank,
                                  rank == 1 ? "i" : "e", count);
    for (size_t i = 0; !status && i < rank; i++) {
        pb_axis *axis = NULL;
        pb_tensor *named = NULL;
        status = pb_axis_rename(pb_tensor_axis(*tensor, i), names[i], &axis, error);
        if (!status)
            status = pb_tensor_replace_axis(*tensor, i, axis, &named, error);
        pb_axis_release(&axis);
        if (status)
            break;
        pb_tensor_release(tensor);
        *tensor = named;
    }
    free((void *)names);
    return pb_place_argument(call, "axes", status, error);
}

static pb_status read_npy(pb_call *call, const char *bytes, size_t length, pb_value **result,
                          pb_error **error)
{
    pb_tensor *tensor = NULL;
    pb_meta meta = {0};
    pb_status status = pb_npy_read(bytes, length, pb_call_watch(call), &tensor, error);
    if (!status && pb_given(call, "axes"))
        status = name_axes(call, &tensor, error);
    else if (!status && pb_tensor_rank(tensor) > 0)
        meta.caption = "Its axes have no names in the file: axes=[...] of read(), or rename(), "
                       "gives them some.";
    if (!status)
        return pb_value_take_tensor(&tensor, &meta, result, error);
    pb_tensor_release(&tensor);
    return status;
}

/* ---- corpora ---- */

/* The next line of a text, without its end; false behind the last. */
static bool next_line(const char *text, size_t length, size_t *at, size_t *start, size_t *end)
{
    if (*at >= length)
        return false;
    const char *stop = memchr(text + *at, '\n', length - *at);
    *start = *at;
    *end = stop ? (size_t)(stop - text) : length;
    *at = *end + 1;
    if (*end > *start && text[*end - 1] == '\r')
        --*end;
    return true;
}

static bool is_blank(const char *text, size_t start, size_t end)
{
    while (start < end && (text[start] == ' ' || text[start] == '\t'))
        start++;
    return start == end;
}

/* The lines of a text that hold anything, as a set of prompts. */
static pb_status read_lines(pb_call *call, const char *text, size_t length, pb_value **result,
                            pb_error **error)
{
    pb_list_builder lines = {.keeper = call->keeper};
    pb_value *column = NULL;
    size_t at = 0, start, end;
    while (!lines.status && next_line(text, length, &at, &start, &end)) {
        pb_value *line = NULL;
        if (is_blank(text, start, end))
            continue;
        lines.status = pb_value_string(text + start, end - start, &line, &lines.error);
        if (!lines.status)
            pb_list_take(&lines, line);
    }
    pb_status status = pb_list_finish(&lines, true, &column, error);
    pb_table_builder table = {.keeper = call->keeper, .rows = status ? 0 : pb_list_count(column)};
    if (status)
        return status;
    pb_table_take(&table, (pb_table_cells){.name = "prompt", .cells = column});
    return pb_table_finish(&table, result, error);
}

/* JSON lines: a record a line, as the rows of a table. */
static pb_status read_json_lines(pb_call *call, const char *text, size_t length, pb_value **result,
                                 pb_error **error)
{
    pb_list_builder rows = {.keeper = call->keeper};
    pb_value *list = NULL, *word = NULL;
    size_t at = 0, start, end, number = 0;
    while (!rows.status && next_line(text, length, &at, &start, &end)) {
        pb_value *row = NULL;
        number++;
        if (is_blank(text, start, end))
            continue;
        rows.status = pb_read_json(call->interp, text + start, end - start, &row, &rows.error);
        if (!rows.status && pb_value_kind(row) != PB_RECORD)
            rows.status = pb_fail(&rows.error, PB_FORMAT,
                                  "a line of a .jsonl file is an object, {\"prompt\": ...}");
        if (rows.status)
            pb_error_precede(rows.error, "line %zu: ", number);
        if (!rows.status)
            pb_list_take(&rows, row);
        else
            pb_value_release(&row);
    }
    pb_status status = pb_list_finish(&rows, false, &list, error);
    if (!status)
        status = pb_call_word(call, "table", &word, error);
    if (!status)
        status = pb_interp_call(call->interp, word, 1, &list, result, error);
    pb_value_release(&word);
    pb_interp_bury(call->interp, &list);
    return status;
}

static pb_status call_read(pb_call *call, pb_value **result, pb_error **error)
{
    const char *path = pb_argument_text(call, "path"), *kind = extension(path);
    char *bytes = NULL;
    size_t length = 0;
    if (pb_given(call, "axes") && strcmp(kind, ".npy") != 0)
        return pb_fail_argument(call, "axes", error, PB_TYPE,
                                "axes= names the axes of an .npy file; other files have no axes, "
                                "or name them");
    bool lines = pb_argument_bool(call, "lines");
    if (lines && strcmp(kind, ".txt") != 0)
        return pb_fail_argument(call, "lines", error, PB_TYPE,
                                "lines=True reads a .txt file line by line; a .csv or .jsonl file "
                                "has rows already");
    pb_status status = pb_file_read(path, PB_MAX_FILE, pb_call_watch(call), &bytes, &length, error);
    if (status)
        return pb_place_argument(call, "path", status, error);
    if (strcmp(kind, ".csv") == 0)
        status = pb_read_csv(call->interp, bytes, length, result, error);
    else if (strcmp(kind, ".json") == 0)
        status = pb_read_json(call->interp, bytes, length, result, error);
    else if (strcmp(kind, ".jsonl") == 0)
        status = read_json_lines(call, bytes, length, result, error);
    else if (lines)
        status = read_lines(call, bytes, length, result, error);
    else if (strcmp(kind, ".txt") == 0)
        status = pb_value_string(bytes, length, result, error);
    else if (strcmp(kind, ".npy") == 0)
        status = read_npy(call, bytes, length, result, error);
    else
        status = unknown_kind(call, ".csv, .npy, .json, .jsonl or .txt", error);
    free(bytes);
    return pb_place_argument(call, "path", status, error);
}

const pb_builtin pb_builtins_file[] = {
    {.name = "csv",
     .category = "Files",
     .summary = "Prints a value as CSV, numbers with nine significant digits.",
     .doc = "A tensor is laid out with one row for each value, before it its places and what else "
            "the result says of them: a sweep's change, the likeliest token of a lens.",
     .result = "None",
     .example = "csv(table(word=[\" great\", \"bad\"], logit=[1.5, 2]))",
     .expected = "word,logit\n\" great\",1.5\nbad,2\n",
     .see = "save read",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY}},
     .function = call_csv},
    {.name = "save",
     .category = "Files",
     .summary = "Writes a value to a file, in the format its name ends in.",
     .doc =
         "`.csv` for tables, tensors and lists, `.npy` for tensors, `.svg` for pictures, `.html` "
         "for anything that shows, `.json` for numbers, strings, lists, records, tables and "
         "tensors, `.txt` for the plain text, of a string its characters. Of a tensor `.npy` keeps "
         "the numbers alone, `.json` also axes and labels. Numbers in `.json` have the digits that "
         "read back the same; what JSON has no form for, such as NaN, says what it is under the "
         "name `patchbay`. The file is replaced whole, or not at all.",
     .result = "None",
     .see = "read csv",
     .parameters = {{.name = "x", .types = PB_TAKES_ANY},
                    {.name = "path", .types = PB_TAKES_STRING, .what = "the name of a file"}},
     .function = call_save},
    {.name = "read",
     .category = "Files",
     .summary = "Reads a .csv, .npy, .json, .jsonl or .txt file.",
     .doc = "An `.npy` file has numbers alone: `read(\"r.npy\", axes=[\"layer\", \"d_model\"])` "
            "names its axes, which are dim0, dim1, ... otherwise. Tensors and tables that save() "
            "wrote as `.json` come back as tensors, with axes and labels, and as tables.\n\n"
            "Corpora: of a `.txt` file `lines=True` gives a table whose column `prompt` has its "
            "lines, without blank ones, which is a set of prompts; so are a `.csv` and a `.jsonl` "
            "file (an object a line) with such a column, and others with `t.prompt = t.text`.",
     .result = "a table, a tensor, a value or a string",
     .see = "save",
     .parameters = {{.name = "path", .types = PB_TAKES_STRING, .what = "the name of a file"},
                    {.name = "axes",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "the name of an axis, or a list of names",
                     .fallback = "None"},
                    {.name = "lines",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"}},
     .function = call_read},
    {0}};
