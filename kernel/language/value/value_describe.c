/* Values in the words of an error message: "a list of 2 strings", "a tensor [layer 8, head 8]". */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "value/object.h"
#include "value_private.h"

typedef struct pb_noun {
    const char *one, *many;
} pb_noun;

static pb_noun noun_of(pb_kind kind)
{
    switch (kind) {
    case PB_NUMBER: return (pb_noun){"number", "numbers"};
    case PB_STRING: return (pb_noun){"string", "strings"};
    case PB_LIST: return (pb_noun){"list", "lists"};
    case PB_TENSOR: return (pb_noun){"tensor", "tensors"};
    case PB_TABLE: return (pb_noun){"table", "tables"};
    case PB_RECORD: return (pb_noun){"record", "records"};
    default: return (pb_noun){"value", "values"};
    }
}

static void describe_list(const pb_value *list, pb_buffer *out)
{
    size_t count = pb_list_count(list);
    const char *what = pb_list_is_column(list) ? "column" : "list";
    if (count == 0) {
        pb_buffer_format(out, "an empty %s", what);
        return;
    }
    pb_kind kind = pb_value_kind(pb_list_item(list, 0));
    pb_noun noun = pb_list_of(list, kind) ? noun_of(kind) : (pb_noun){"value", "values"};
    pb_buffer_format(out, "a %s of %zu %s", what, count, count == 1 ? noun.one : noun.many);
}

static void describe_tensor(const pb_value *value, pb_buffer *out)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const pb_look *look = pb_value_meta(value)->look;
    pb_buffer_format(out, "%s [", look ? look->article : "a tensor");
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        pb_buffer_format(out, "%s%s %zu", i ? ", " : "", pb_axis_name(axis), pb_axis_length(axis));
    }
    pb_buffer_byte(out, ']');
}

#define SHOWN_BYTES 32

/* A number, string or other short value is better shown than named, and of a long string its
 * beginning. */
static void describe_short(const char *article, const pb_value *value, pb_buffer *out)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_value_repr(value, false, &text);
    pb_buffer_text(out, article);
    if (text.data && text.length <= SHOWN_BYTES)
        pb_buffer_format(out, " %s", text.data);
    else if (text.data && pb_value_kind(value) == PB_STRING) {
        size_t end = pb_utf8_valid_prefix(text.data, SHOWN_BYTES - 2);
        pb_buffer_format(out, " %.*s\xE2\x80\xA6%c", (int)end, text.data, text.data[0]);
    }
    pb_buffer_free(&text);
}

const char *pb_value_describe(const pb_value *value, char *buffer, size_t size)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    switch (pb_value_kind(value)) {
    case PB_NONE: pb_buffer_text(&out, "None"); break;
    case PB_BOOL: pb_buffer_text(&out, pb_value_get_bool(value) ? "True" : "False"); break;
    case PB_NUMBER: describe_short("the number", value, &out); break;
    case PB_STRING: describe_short("the string", value, &out); break;
    case PB_LIST: describe_list(value, &out); break;
    case PB_TENSOR: describe_tensor(value, &out); break;
    case PB_TABLE:
        pb_buffer_format(&out, "a table of %zu row%s and %zu column%s", pb_table_rows(value),
                         pb_table_rows(value) == 1 ? "" : "s", pb_table_columns(value),
                         pb_table_columns(value) == 1 ? "" : "s");
        break;
    case PB_RECORD: pb_buffer_text(&out, "a record"); break;
    case PB_SELECTOR: describe_short("the selector", value, &out); break;
    case PB_FUNCTION: pb_buffer_format(&out, "the function %s", pb_function_name(value)); break;
    case PB_BUILTIN: pb_buffer_format(&out, "the built-in %s", value->as.builtin.name); break;
    case PB_OBJECT: pb_buffer_text(&out, pb_value_object_type(value)->article); break;
    }
    snprintf(buffer, size, "%s", out.data ? out.data : "a value");
    pb_buffer_free(&out);
    return buffer;
}
