/* libFuzzer: JSON of any bytes. What is accepted can be walked, shown and read to its last value.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "io/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(pb_json value)
{
    char shown[PB_JSON_SHOWN];
    pb_json key, each;
    int64_t integer;
    double number;
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(value, &text);
    if (!text.failed && pb_utf8_valid_prefix(text.data, text.length) != text.length)
        abort();
    if (strlen(pb_json_show(value, shown)) >= PB_JSON_SHOWN)
        abort();
    bool whole = pb_json_as_integer(value, &integer);
    if (whole && (!pb_json_as_number(value, &number) || number != (double)integer))
        abort();
    size_t n = 0;
    for (pb_json_items items = pb_json_each(value); pb_json_next(&items, &key, &each); n++) {
        pb_buffer name = PB_BUFFER_EMPTY;
        pb_json_append(key, &name);
        if (key.at && !name.failed && strlen(name.data) == name.length &&
            !pb_json_get(value, name.data).at)
            abort();
        pb_buffer_free(&name);
        walk(each);
    }
    if (n != pb_json_count(value))
        abort();
    pb_buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_json root;
    pb_error *error = NULL;
    char *copy = malloc(size ? size : 1); /* so that a step past the end is seen */
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (!pb_json_object("x.json", copy, size, &root, &error))
        walk(root);
    else if (!error)
        abort();
    pb_error_destroy(&error);
    free(copy);
    return 0;
}
