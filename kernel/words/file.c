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

static pb_status call_read(pb_call *call, pb_value **result, pb_error **error)
{
    const char *path = pb_argument_text(call, "path"), *kind = extension(path);
    char *bytes = NULL;
    size_t length = 0;
    if (pb_given(call, "axes") && strcmp(kind, ".npy") != 0)
        return pb_fail_argument(call, "axes", error, PB_TYPE,
                                "axes= names the axes of an .npy file; other files have no axes, "
                                "or name them");
    pb_status status = pb_file_read(path, PB_MAX_FILE, pb_call_watch(call), &bytes, &length, error);
    if (status)
        return pb_place_argument(call, "path", status, error);
    if (strcmp(kind, ".csv") == 0)
        status = pb_read_csv(call->interp, bytes, length, result, error);
    else if (strcmp(kind, ".json") == 0)
        status = pb_read_json(call->interp, bytes, length, result, error);
    else if (strcmp(kind, ".txt") == 0)
        status = pb_value_string(bytes, length, result, error);
    else if (strcmp(kind, ".npy") == 0)
        status = read_npy(call, bytes, length, result, error);
    else
        status = unknown_kind(call, ".csv, .npy, .json or .txt", error);
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
     .summary = "Reads a .csv, .npy, .json or .txt file.",
     .doc = "An `.npy` file has numbers alone: `read(\"r.npy\", axes=[\"layer\", \"d_model\"])` "
            "names its axes, which are dim0, dim1, ... otherwise. Tensors and tables that save() "
            "wrote as `.json` come back as tensors, with axes and labels, and as tables.",
     .result = "a table, a tensor, a value or a string",
     .see = "save",
     .parameters = {{.name = "path", .types = PB_TAKES_STRING, .what = "the name of a file"},
                    {.name = "axes",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "the name of an axis, or a list of names",
                     .fallback = "None"}},
     .function = call_read},
    {0}};
