/*
 * The header of a safetensors file, checked against the file it stands in.
 *
 * https://github.com/huggingface/safetensors#format: the ranges of the tensors cover the data
 * without overlap, without holes, and to its end.
 */
#include <string.h>

#include "base/memory.h"
#include "base/visible.h"
#include "io/file.h"
#include "io/json.h"
#include "safetensors_header.h"

/* Bytes; the second as safetensors itself has it. */
enum { PREFIX = 8, HEADER_LIMIT = 100000000 };

/* What is known while one header is read. */
typedef struct header_reading {
    pb_weights *weights;
    size_t shard;
    const char *path;
    uint64_t data_start, data_size; /* of the file's data, as far as it is there */
    pb_buffer name;                 /* of the tensor that is being read */
    pb_error **error;
} header_reading;

/* ---- the fields of one tensor ---- */

static pb_status fail_field(const header_reading *h, const char *key, pb_json value,
                            const char *expected)
{
    char shown[PB_JSON_SHOWN];
    if (!value.at)
        return pb_fail(h->error, PB_FORMAT, "'%s': tensor '%s' has no %s, and %s was expected",
                       h->path, h->name.data, key, expected);
    return pb_fail(h->error, PB_FORMAT, "'%s': the %s of tensor '%s' is %s, and %s was expected",
                   h->path, key, h->name.data, pb_json_show(value, shown), expected);
}

/* Any name may be one; those of plain numbers that can be read are told apart. */
static pb_status read_dtype(const header_reading *h, pb_json value, pb_weight *weight)
{
    if (pb_json_kind_of(value) != PB_JSON_TEXT)
        return fail_field(h, "dtype", value, "a type such as F32, F16 or BF16");
    weight->dtype = PB_DTYPE_OTHER;
    for (size_t i = 0; i < PB_DTYPE_OTHER; i++) {
        const dtype_layout *layout = weight_layout((pb_dtype)i);
        if (layout->values == 1 && pb_json_says(value, layout->name)) {
            weight->dtype = (pb_dtype)i;
            weight->dtype_name = layout->name;
            return PB_OK;
        }
    }
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_json_append(value, &text);
    if (!text.failed)
        weight->dtype_name = pb_arena_text(h->weights->arena, text.data, text.length);
    pb_buffer_free(&text);
    return weight->dtype_name ? PB_OK : pb_fail_memory(h->error);
}

/* Also the count of values, and their bytes, neither of which may overflow. */
static pb_status read_shape(const header_reading *h, pb_json value, pb_weight *weight,
                            size_t *bytes)
{
    if (pb_json_kind_of(value) != PB_JSON_LIST)
        return fail_field(h, "shape", value, "an array of sizes");
    pb_json each;
    bool fits = true;
    weight->count = 1;
    for (pb_json_items sizes = pb_json_each(value); pb_json_next(&sizes, NULL, &each);) {
        int64_t number;
        if (!pb_json_as_integer(each, &number) || number < 0 || (uint64_t)number > SIZE_MAX)
            return fail_field(h, "shape", value, "an array of sizes");
        if (weight->rank < PB_WEIGHTS_MAX_RANK)
            weight->shape[weight->rank] = (size_t)number;
        weight->rank++;
        fits = fits && pb_size_mul(weight->count, (size_t)number, &weight->count);
    }
    if (weight->dtype == PB_DTYPE_OTHER)
        weight->count = 0;
    else if (!fits || !pb_size_mul(weight->count, weight_layout(weight->dtype)->bytes, bytes))
        return fail_field(h, "shape", value, "a size that fits into memory");
    return PB_OK;
}

static pb_status read_range(const header_reading *h, pb_json value, size_t bytes, stored *tensor)
{
    int64_t ends[2] = {0, 0};
    bool good = pb_json_count(value) == 2 && pb_json_kind_of(value) == PB_JSON_LIST;
    pb_json each;
    size_t n = 0;
    for (pb_json_items items = pb_json_each(value); good && pb_json_next(&items, NULL, &each);)
        good = pb_json_as_integer(each, &ends[n++]);
    if (!good || ends[0] < 0 || ends[1] < ends[0])
        return fail_field(h, "data_offsets", value, "an array of a start and an end");
    uint64_t from = (uint64_t)ends[0], to = (uint64_t)ends[1];
    if (to > h->data_size)
        return pb_fail(h->error, PB_FORMAT,
                       "'%s' is cut off: tensor '%s' ends at byte %llu, and the file has %llu "
                       "bytes",
                       h->path, h->name.data, (unsigned long long)(to + h->data_start),
                       (unsigned long long)(h->data_start + h->data_size));
    if (tensor->weight.dtype != PB_DTYPE_OTHER && to - from != bytes)
        return pb_fail(h->error, PB_FORMAT,
                       "'%s': tensor '%s' takes %zu bytes by its dtype and shape, and its "
                       "data_offsets hold %llu",
                       h->path, h->name.data, bytes, (unsigned long long)(to - from));
    tensor->offset = h->data_start + from;
    tensor->end = h->data_start + to;
    return PB_OK;
}

/* The name as it is, and for messages, where a NUL would end it. */
static pb_status keep_name(const header_reading *h, stored *tensor)
{
    pb_buffer shown = PB_BUFFER_EMPTY;
    tensor->key_length = h->name.length;
    tensor->key = pb_arena_text(h->weights->arena, h->name.data, h->name.length);
    tensor->weight.name = tensor->key;
    if (memchr(h->name.data, '\0', h->name.length)) {
        pb_visible_text(&shown, h->name.data, h->name.length);
        tensor->weight.name =
            shown.failed ? NULL : pb_arena_text(h->weights->arena, shown.data, shown.length);
        pb_buffer_free(&shown);
    }
    return tensor->key && tensor->weight.name ? PB_OK : pb_fail_memory(h->error);
}

static pb_status read_tensor(header_reading *h, pb_json name, pb_json info)
{
    stored tensor = {.shard = h->shard};
    size_t bytes = 0;
    pb_buffer_clear(&h->name);
    pb_json_append(name, &h->name);
    pb_status status = pb_buffer_status(&h->name, h->error);
    if (status)
        return status;
    if (pb_json_kind_of(info) != PB_JSON_OBJECT)
        return pb_fail(h->error, PB_FORMAT, "'%s': the entry of tensor '%s' is not an object",
                       h->path, h->name.data);
    tensor.weight.file = h->path;
    status = keep_name(h, &tensor);
    if (!status)
        status = read_dtype(h, pb_json_get(info, "dtype"), &tensor.weight);
    if (!status)
        status = read_shape(h, pb_json_get(info, "shape"), &tensor.weight, &bytes);
    if (!status)
        status = read_range(h, pb_json_get(info, "data_offsets"), bytes, &tensor);
    return status ? status : weight_table_add(h->weights, &tensor, h->error);
}

/* ---- all of them together ---- */

/* The ranges must follow each other from the start of the data to the end of the file. */
static pb_status check_cover(const header_reading *h, const stored *tensors, size_t n)
{
    uint64_t at = h->data_start, size = h->data_start + h->data_size;
    for (size_t i = 0; i < n; i++) {
        const stored *tensor = &tensors[i];
        if (tensor->offset < at)
            return pb_fail(h->error, PB_FORMAT,
                           "'%s': tensors '%s' and '%s' overlap, and each byte was expected to "
                           "belong to one",
                           h->path, tensors[i - 1].weight.name, tensor->weight.name);
        if (tensor->offset > at)
            return pb_fail(h->error, PB_FORMAT,
                           "'%s': %llu bytes before tensor '%s' belong to no tensor", h->path,
                           (unsigned long long)(tensor->offset - at), tensor->weight.name);
        at = tensor->end;
    }
    if (at != size)
        return pb_fail(h->error, PB_FORMAT, "'%s' has %llu bytes, and its tensors end at byte %llu",
                       h->path, (unsigned long long)size, (unsigned long long)at);
    return PB_OK;
}

static pb_status read_entries(header_reading *h, pb_json root)
{
    pb_json name, info;
    size_t first = h->weights->n_tensors;
    for (pb_json_items items = pb_json_each(root); pb_json_next(&items, &name, &info);) {
        if (pb_json_says(name, "__metadata__"))
            continue;
        pb_status status = read_tensor(h, name, info);
        if (status)
            return status;
    }
    size_t n = h->weights->n_tensors - first;
    weight_table_sort(h->weights, first);
    pb_status status = check_cover(h, h->weights->tensors + first, n);
    return status ? status : weight_table_index(h->weights, first, h->error);
}

/* What often stands where a safetensors file should, by its first bytes. */
static const struct {
    const char *start, *hint;
} impostors[] = {
    {"version ", "this is Git LFS' pointer to the file: run git lfs pull where it lies"},
    {"<!DOCTYP", "this is a web page: the download went wrong"},
    {"<!doctyp", "this is a web page: the download went wrong"},
    {"PK\003\004", "this is PyTorch's format: save the model anew with safe_serialization=True"},
};

static pb_status refuse_length(const shard *file, const unsigned char *prefix, uint64_t announced,
                               pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_FORMAT,
                "'%s' announces a header of %llu bytes, and at most %d were expected; it may not "
                "be a safetensors file",
                file->path, (unsigned long long)announced, HEADER_LIMIT);
    for (size_t i = 0; error && i < sizeof impostors / sizeof *impostors; i++) {
        if (memcmp(prefix, impostors[i].start, strlen(impostors[i].start)) == 0)
            pb_error_hint(*error, "%s", impostors[i].hint);
    }
    return status;
}

/* The length in the first bytes, and the JSON behind it: malloc'ed, the caller's. */
static pb_status read_json(const shard *file, char **json, size_t *length, pb_error **error)
{
    unsigned char prefix[PREFIX];
    if (file->size < PREFIX)
        return pb_fail(error, PB_FORMAT,
                       "'%s' has %llu bytes, and a safetensors file has at least %d", file->path,
                       (unsigned long long)file->size, PREFIX);
    pb_status status = pb_file_read_at(file->descriptor, file->path, 0, prefix, PREFIX, error);
    if (status)
        return status;
    uint64_t announced = 0;
    for (size_t i = PREFIX; i-- > 0;)
        announced = announced << 8 | prefix[i];
    if (announced > HEADER_LIMIT)
        return refuse_length(file, prefix, announced, error);
    if (announced > file->size - PREFIX)
        return pb_fail(error, PB_FORMAT,
                       "'%s' is cut off: its header ends at byte %llu, and the file has %llu bytes",
                       file->path, (unsigned long long)announced + PREFIX,
                       (unsigned long long)file->size);
    *length = (size_t)announced;
    *json = pb_malloc(*length, 1);
    if (!*json)
        return pb_fail_memory(error);
    return pb_file_read_at(file->descriptor, file->path, PREFIX, *json, *length, error);
}

pb_status safetensors_read_header(pb_weights *weights, size_t which, pb_error **error)
{
    const shard *file = &weights->shards[which];
    char *json = NULL;
    size_t length = 0;
    pb_json root;
    pb_status status = read_json(file, &json, &length, error);
    if (!status)
        status = pb_json_object(file->path, json, length, &root, error);
    if (!status) {
        header_reading h = {.weights = weights,
                            .shard = which,
                            .path = file->path,
                            .data_start = PREFIX + length,
                            .data_size = file->size - PREFIX - length,
                            .name = PB_BUFFER_EMPTY,
                            .error = error};
        status = read_entries(&h, root);
        pb_buffer_free(&h.name);
    }
    free(json);
    return status;
}
