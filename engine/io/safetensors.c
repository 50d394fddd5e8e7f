/*
 * The header of a safetensors file, checked against the file it stands in.
 *
 * https://github.com/huggingface/safetensors#format: the ranges of the tensors cover the data
 * without overlap, without holes, and to its end.
 */
#include <string.h>

#include "base/memory.h"
#include "io/file.h"
#include "io/json.h"
#include "weights.h"

/* Bytes. The largest models' headers take some megabytes; parsed JSON takes tens of times its text.
 */
enum { PREFIX = 8, HEADER_LIMIT = 32 << 20 };

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [PB_DTYPE_F64] = {"F64", 8},         [PB_DTYPE_F32] = {"F32", 4},
    [PB_DTYPE_F16] = {"F16", 2},         [PB_DTYPE_BF16] = {"BF16", 2},
    [PB_DTYPE_I64] = {"I64", 8},         [PB_DTYPE_I32] = {"I32", 4},
    [PB_DTYPE_I16] = {"I16", 2},         [PB_DTYPE_I8] = {"I8", 1},
    [PB_DTYPE_U64] = {"U64", 8},         [PB_DTYPE_U32] = {"U32", 4},
    [PB_DTYPE_U16] = {"U16", 2},         [PB_DTYPE_U8] = {"U8", 1},
    [PB_DTYPE_BOOL] = {"BOOL", 1},       [PB_DTYPE_F8_E4M3] = {"F8_E4M3", 1},
    [PB_DTYPE_F8_E5M2] = {"F8_E5M2", 1},
};

const char *pb_dtype_name(pb_dtype dtype)
{
    return dtypes[dtype].name;
}

size_t pb_dtype_size(pb_dtype dtype)
{
    return dtypes[dtype].size;
}

/* What is known while one header is read. */
typedef struct header {
    pb_weights *weights;
    size_t shard;
    const char *path;
    uint64_t data_start, data_size; /* of the file's data, as far as it is there */
    stored *tensors;                /* found so far */
    size_t n_tensors;
    pb_error **error;
} header;

/* ---- the fields of one tensor ---- */

static pb_status fail_field(const header *h, const char *name, const char *key, const json_t *value,
                            const char *expected)
{
    char shown[PB_JSON_SHOWN];
    if (!value)
        return pb_fail(h->error, PB_FORMAT, "'%s': tensor '%s' has no %s, and %s was expected",
                       h->path, name, key, expected);
    return pb_fail(h->error, PB_FORMAT, "'%s': the %s of tensor '%s' is %s, and %s was expected",
                   h->path, key, name, pb_json_show(value, shown), expected);
}

static pb_status read_dtype(const header *h, const char *name, const json_t *info, pb_dtype *dtype)
{
    const json_t *value = json_object_get(info, "dtype");
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < sizeof dtypes / sizeof dtypes[0]; i++) {
        if (strcmp(dtypes[i].name, text) == 0) {
            *dtype = (pb_dtype)i;
            return PB_OK;
        }
    }
    return fail_field(h, name, "dtype", value, "a type such as F32, F16 or BF16");
}

/* Also the count of values, and their bytes, neither of which may overflow. */
static pb_status read_shape(const header *h, const char *name, const json_t *info,
                            pb_weight *weight, size_t *bytes)
{
    const json_t *value = json_object_get(info, "shape");
    if (!json_is_array(value))
        return fail_field(h, name, "shape", value, "an array of sizes");
    weight->rank = json_array_size(value);
    if (weight->rank > PB_WEIGHTS_MAX_RANK)
        return pb_fail(h->error, PB_FORMAT,
                       "'%s': tensor '%s' has %zu axes, and at most %d were expected", h->path,
                       name, weight->rank, PB_WEIGHTS_MAX_RANK);
    weight->count = 1;
    for (size_t i = 0; i < weight->rank; i++) {
        const json_t *length = json_array_get(value, i);
        json_int_t number = json_integer_value(length);
        if (!json_is_integer(length) || number < 0 || (uint64_t)number > SIZE_MAX)
            return fail_field(h, name, "shape", value, "an array of sizes");
        weight->shape[i] = (size_t)number;
        if (!pb_size_mul(weight->count, weight->shape[i], &weight->count))
            return fail_field(h, name, "shape", value, "a size that fits into memory");
    }
    if (!pb_size_mul(weight->count, pb_dtype_size(weight->dtype), bytes))
        return fail_field(h, name, "shape", value, "a size that fits into memory");
    return PB_OK;
}

static pb_status read_range(const header *h, const char *name, const json_t *info, size_t bytes,
                            uint64_t *start)
{
    const json_t *value = json_object_get(info, "data_offsets");
    const json_t *first = json_array_get(value, 0), *last = json_array_get(value, 1);
    json_int_t from = json_integer_value(first), to = json_integer_value(last);
    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        from < 0 || to < from)
        return fail_field(h, name, "data_offsets", value, "an array of a start and an end");
    if ((uint64_t)to > h->data_size)
        return pb_fail(h->error, PB_FORMAT,
                       "'%s' is cut off: tensor '%s' ends at byte %llu, and the file has %llu "
                       "bytes",
                       h->path, name, (unsigned long long)to + h->data_start,
                       (unsigned long long)(h->data_start + h->data_size));
    if ((uint64_t)(to - from) != bytes)
        return pb_fail(h->error, PB_FORMAT,
                       "'%s': tensor '%s' takes %zu bytes by its dtype and shape, and its "
                       "data_offsets hold %llu",
                       h->path, name, bytes, (unsigned long long)(to - from));
    *start = h->data_start + (uint64_t)from;
    return PB_OK;
}

static pb_status read_tensor(header *h, const char *name, const json_t *info)
{
    stored tensor = {.shard = h->shard};
    size_t bytes = 0;
    if (!json_is_object(info))
        return pb_fail(h->error, PB_FORMAT, "'%s': the entry of tensor '%s' is not an object",
                       h->path, name);
    pb_status status = read_dtype(h, name, info, &tensor.weight.dtype);
    if (!status)
        status = read_shape(h, name, info, &tensor.weight, &bytes);
    if (!status)
        status = read_range(h, name, info, bytes, &tensor.offset);
    if (status)
        return status;
    tensor.weight.name = pb_arena_text(h->weights->arena, name, strlen(name));
    tensor.weight.file = h->path;
    if (!tensor.weight.name)
        return pb_fail_memory(h->error);
    h->tensors[h->n_tensors++] = tensor;
    return PB_OK;
}

/* ---- all of them together ---- */

static uint64_t end_of(const stored *tensor)
{
    return tensor->offset + tensor->weight.count * pb_dtype_size(tensor->weight.dtype);
}

static int by_offset(const void *a, const void *b)
{
    const stored *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (end_of(x) != end_of(y)) /* an empty tensor lies before the one that starts there */
        return end_of(x) < end_of(y) ? -1 : 1;
    return strcmp(x->weight.name, y->weight.name);
}

/* The ranges must follow each other from the start of the data to the end of the file. */
static pb_status check_cover(const header *h)
{
    uint64_t at = h->data_start, size = h->data_start + h->data_size;
    for (size_t i = 0; i < h->n_tensors; i++) {
        const stored *tensor = &h->tensors[i];
        if (tensor->offset < at)
            return pb_fail(h->error, PB_FORMAT,
                           "'%s': tensors '%s' and '%s' overlap, and each byte was expected to "
                           "belong to one",
                           h->path, h->tensors[i - 1].weight.name, tensor->weight.name);
        if (tensor->offset > at)
            return pb_fail(h->error, PB_FORMAT,
                           "'%s': %llu bytes before tensor '%s' belong to no tensor", h->path,
                           (unsigned long long)(tensor->offset - at), tensor->weight.name);
        at = end_of(tensor);
    }
    if (at != size)
        return pb_fail(h->error, PB_FORMAT, "'%s' has %llu bytes, and its tensors end at byte %llu",
                       h->path, (unsigned long long)size, (unsigned long long)at);
    return PB_OK;
}

static pb_status read_entries(header *h, json_t *root)
{
    const char *name;
    json_t *info;
    h->tensors = pb_malloc(json_object_size(root), sizeof *h->tensors);
    if (!h->tensors)
        return pb_fail_memory(h->error);
    pb_status status = PB_OK;
    json_object_foreach(root, name, info)
    {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        if ((status = read_tensor(h, name, info)))
            return status;
    }
    qsort(h->tensors, h->n_tensors, sizeof *h->tensors, by_offset);
    status = check_cover(h);
    for (size_t i = 0; !status && i < h->n_tensors; i++)
        status = weights_add_tensor(h->weights, &h->tensors[i], h->error);
    return status;
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
    json_t *root = NULL;
    pb_status status = read_json(file, &json, &length, error);
    if (!status)
        status = pb_json_read_object(file->path, json, length, &root, error);
    free(json);
    if (status)
        return status;
    header h = {.weights = weights,
                .shard = which,
                .path = file->path,
                .data_start = PREFIX + length,
                .data_size = file->size - PREFIX - length,
                .error = error};
    status = read_entries(&h, root);
    free(h.tensors);
    json_decref(root);
    return status;
}
