/* Weights that are open: their files, their tensors, and reading them as float32. */
#include "io/safetensors.h"

#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "gguf_header.h"
#include "io/file.h"
#include "io/json.h"
#include "safetensors_header.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors holds little-endian values; reading them here needs a little-endian machine"
#endif

enum { INDEX_LIMIT = 100 << 20, MOST_SHARDS = 4096 };

static const char one_file[] = "model.safetensors";
static const char index_file[] = "model.safetensors.index.json";

/* ---- opening ---- */

static pb_weights *create_weights(void)
{
    pb_weights *weights = pb_calloc(1, sizeof *weights);
    if (!weights)
        return NULL;
    weights->arena = pb_arena_create();
    weights->by_name = pb_map_create(256);
    if (!weights->arena || !weights->by_name)
        pb_weights_close(&weights);
    return weights;
}

void pb_weights_close(pb_weights **weights)
{
    if (!weights || !*weights)
        return;
    pb_weights *closed = *weights;
    *weights = NULL;
    for (size_t i = 0; i < closed->n_shards; i++)
        close(closed->shards[i].descriptor);
    free(closed->shards);
    free(closed->tensors);
    pb_map_destroy(&closed->by_name);
    pb_arena_destroy(&closed->arena);
    free(closed);
}

typedef pb_status header_reader(pb_weights *weights, size_t shard, pb_error **error);

/* Opens a file, checks its header and adds its tensors. */
static pb_status add_file(pb_weights *weights, const char *path, header_reader *read,
                          pb_error **error)
{
    if (weights->n_shards == weights->shard_capacity) {
        size_t capacity = weights->shard_capacity ? 2 * weights->shard_capacity : 4;
        shard *grown = pb_realloc(weights->shards, capacity, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        weights->shards = grown;
        weights->shard_capacity = capacity;
    }
    shard added = {.path = pb_arena_text(weights->arena, path, strlen(path))};
    if (!added.path)
        return pb_fail_memory(error);
    pb_status status = pb_file_open(path, &added.descriptor, &added.size, error);
    if (status)
        return status;
    weights->shards[weights->n_shards++] = added;
    return read(weights, weights->n_shards - 1, error);
}

static pb_status add_shard(pb_weights *weights, const char *path, pb_error **error)
{
    return add_file(weights, path, safetensors_read_header, error);
}

/* ---- several files behind an index ---- */

/* What an index says: a tensor and the file that holds it, as it is walked. */
typedef struct shard_entry {
    pb_buffer tensor, file;
} shard_entry;

static pb_status read_entry(const char *index, pb_json key, pb_json value, shard_entry *entry,
                            pb_error **error)
{
    pb_buffer_clear(&entry->tensor);
    pb_buffer_clear(&entry->file);
    pb_json_append(key, &entry->tensor);
    pb_json_append(value, &entry->file);
    pb_status status = pb_buffer_status(&entry->tensor, error);
    if (!status)
        status = pb_buffer_status(&entry->file, error);
    if (status)
        return status;
    const char *name = entry->file.data;
    if (name[0] && !memchr(name, '\0', entry->file.length) && !strchr(name, '/') &&
        !strchr(name, '\\') && !strstr(name, ".."))
        return PB_OK;
    char shown[PB_JSON_SHOWN];
    return pb_fail(error, PB_FORMAT,
                   "'%s' puts tensor '%s' into %s, and the name of a file beside it was expected",
                   index, entry->tensor.data, pb_json_show(value, shown));
}

/* Opens a file that an index names, if it is not open already. */
static pb_status open_shard(pb_weights *weights, const char *folder, const char *index,
                            const pb_buffer *name, pb_map *seen, pb_error **error)
{
    if (pb_map_get(seen, name->data, name->length, NULL))
        return PB_OK;
    if (pb_map_count(seen) == MOST_SHARDS)
        return pb_fail(error, PB_LIMIT, "'%s' names more than %d files", index, MOST_SHARDS);
    if (!pb_map_put(seen, name->data, name->length, pb_map_count(seen)))
        return pb_fail_memory(error);
    char *path = pb_file_join(folder, name->data);
    pb_status status = path ? add_shard(weights, path, error) : pb_fail_memory(error);
    free(path);
    return status;
}

/* The tensor must be in the file that the index says. */
static pb_status check_entry(const pb_weights *weights, const char *index, const shard_entry *entry,
                             const pb_map *seen, pb_error **error)
{
    uint64_t shard_index = 0, at = 0;
    pb_map_get(seen, entry->file.data, entry->file.length, &shard_index);
    if (pb_map_get(weights->by_name, entry->tensor.data, entry->tensor.length, &at) &&
        weights->tensors[at].shard == shard_index)
        return PB_OK;
    return pb_fail(error, PB_FORMAT, "'%s' puts tensor '%s' into '%s', which has none", index,
                   entry->tensor.data, entry->file.data);
}

/* Opens each file that the index names, once, in the order it names them; then looks whether they
 * hold what it says. */
static pb_status open_all(pb_weights *weights, const char *folder, const char *index, pb_json map,
                          pb_map *seen, pb_error **error)
{
    shard_entry entry = {PB_BUFFER_EMPTY, PB_BUFFER_EMPTY};
    pb_status status = PB_OK;
    for (int turn = 0; turn < 2 && !status; turn++) {
        pb_json key, value;
        for (pb_json_items items = pb_json_each(map);
             !status && pb_json_next(&items, &key, &value);) {
            status = read_entry(index, key, value, &entry, error);
            if (!status && turn == 0)
                status = open_shard(weights, folder, index, &entry.file, seen, error);
            else if (!status)
                status = check_entry(weights, index, &entry, seen, error);
        }
    }
    pb_buffer_free(&entry.tensor);
    pb_buffer_free(&entry.file);
    return status;
}

static pb_status open_index(pb_weights *weights, const char *folder, const char *index,
                            pb_error **error)
{
    char *bytes = NULL;
    pb_json root;
    pb_status status = pb_json_read_file(index, INDEX_LIMIT, &bytes, &root, error);
    if (status)
        return status;
    pb_json map = pb_json_get(root, "weight_map");
    pb_map *seen = pb_map_create(16);
    if (pb_json_kind_of(map) != PB_JSON_OBJECT || !pb_json_each(map).at)
        status = pb_fail(error, PB_FORMAT,
                         "'%s' has no weight_map, and an object from tensors to files was expected",
                         index);
    else if (!seen)
        status = pb_fail_memory(error);
    else
        status = open_all(weights, folder, index, map, seen, error);
    pb_map_destroy(&seen);
    free(bytes);
    return status;
}

/* ---- the two ways in ---- */

static pb_status refuse_empty(const char *folder, pb_error **error)
{
    pb_status status = pb_fail(
        error, PB_IO, "there are no weights in '%s': neither %s nor %s nor a GGUF file is there",
        folder, one_file, index_file);
    char *torch = pb_file_join(folder, "pytorch_model.bin");
    if (error && torch && pb_file_exists(torch))
        pb_error_hint(*error, "pytorch_model.bin is there: save the model again with "
                              "save_pretrained(folder, safe_serialization=True)");
    free(torch);
    return status;
}

static pb_status open_gguf(pb_weights *weights, const char *path, pb_error **error)
{
    char *file = NULL;
    pb_status status = pb_gguf_find(path, &file, error);
    if (!status)
        status =
            file ? add_file(weights, file, gguf_read_header, error) : refuse_empty(path, error);
    free(file);
    return status;
}

static pb_status open_folder(pb_weights *weights, const char *folder, pb_error **error)
{
    char *one = pb_file_join(folder, one_file), *index = pb_file_join(folder, index_file);
    pb_status status;
    if (!one || !index) {
        status = pb_fail_memory(error);
    } else if (pb_file_exists(one)) {
        status = add_shard(weights, one, error);
    } else if (pb_file_exists(index)) {
        status = open_index(weights, folder, index, error);
    } else {
        status = open_gguf(weights, folder, error);
    }
    free(one);
    free(index);
    return status;
}

static pb_status open_with(pb_status (*open)(pb_weights *, const char *, pb_error **),
                           const char *path, pb_weights **weights, pb_error **error)
{
    pb_weights *opened = create_weights();
    pb_status status = opened ? open(opened, path, error) : pb_fail_memory(error);
    if (status) {
        pb_weights_close(&opened);
        return status;
    }
    *weights = opened;
    return PB_OK;
}

pb_status pb_weights_open(const char *path, pb_weights **weights, pb_error **error)
{
    return open_with(open_folder, path, weights, error);
}

pb_status pb_weights_open_file(const char *path, pb_weights **weights, pb_error **error)
{
    return open_with(add_shard, path, weights, error);
}

/* ---- the list ---- */

size_t pb_weights_count(const pb_weights *weights)
{
    return weights->n_tensors;
}

const pb_weight *pb_weights_at(const pb_weights *weights, size_t index)
{
    return &weights->tensors[index].weight;
}

const pb_weight *pb_weights_find(const pb_weights *weights, const char *name)
{
    uint64_t index;
    return pb_map_get(weights->by_name, name, strlen(name), &index)
               ? &weights->tensors[index].weight
               : NULL;
}

static const char *nearest_tensor(const pb_weights *weights, const char *name)
{
    const char **names = pb_malloc(weights->n_tensors, sizeof *names);
    if (!names)
        return NULL;
    for (size_t i = 0; i < weights->n_tensors; i++)
        names[i] = weights->tensors[i].weight.name;
    const char *nearest = pb_nearest(name, names, weights->n_tensors);
    free(names);
    return nearest;
}

pb_status pb_weights_need(const pb_weights *weights, const char *name, const pb_weight **weight,
                          pb_error **error)
{
    *weight = pb_weights_find(weights, name);
    if (*weight)
        return PB_OK;
    pb_status status = pb_fail(error, PB_NAME, "'%s' has no tensor '%s'",
                               weights->n_shards ? weights->shards[0].path : "the model", name);
    const char *nearest = nearest_tensor(weights, name);
    if (error && nearest)
        pb_error_hint(*error, "the nearest name there is '%s'", nearest);
    return status;
}

/* ---- reading ---- */

/* Half precision widened: the exponent is moved by a product, which also makes subnormals normal;
 * only infinities and NaN, whose exponent is all ones, need it set. */
static float float_from_half(uint16_t half)
{
    uint32_t bits = (uint32_t)(half & 0x7FFF) << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    value *= 0x1p112f; /* 127 - 15, the difference of the exponents' biases */
    memcpy(&bits, &value, sizeof bits);
    if ((half & 0x7C00) == 0x7C00)
        bits |= 0x7F800000;
    bits |= (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float half_at(const unsigned char *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return float_from_half(half);
}

static void convert_f16(const unsigned char *bytes, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = half_at(bytes + 2 * i);
}

static void convert_bf16(const unsigned char *bytes, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t upper; /* of the float's two halves */
        memcpy(&upper, bytes + 2 * i, sizeof upper);
        uint32_t bits = (uint32_t)upper << 16;
        memcpy(&values[i], &bits, sizeof bits);
    }
}

static void convert_f64(const unsigned char *bytes, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++) {
        double wide;
        memcpy(&wide, bytes + 8 * i, sizeof wide);
        values[i] = (float)wide;
    }
}

/* ggml's blocks of 32: scale and whole numbers, value = scale * number (+ the least one). Those of
 * four bits lie with the first sixteen in the lower halves of the bytes. */
static void convert_q8_0(const unsigned char *bytes, size_t count, float *values)
{
    for (; count > 0; count -= 32, values += 32, bytes += 34) {
        float scale = half_at(bytes);
        for (size_t i = 0; i < 32; i++)
            values[i] = scale * (float)(int8_t)bytes[2 + i];
    }
}

static void convert_q4_0(const unsigned char *bytes, size_t count, float *values)
{
    for (; count > 0; count -= 32, values += 32, bytes += 18) {
        float scale = half_at(bytes);
        for (size_t i = 0; i < 16; i++) {
            values[i] = scale * (float)((bytes[2 + i] & 15) - 8);
            values[i + 16] = scale * (float)((bytes[2 + i] >> 4) - 8);
        }
    }
}

static void convert_q4_1(const unsigned char *bytes, size_t count, float *values)
{
    for (; count > 0; count -= 32, values += 32, bytes += 20) {
        float scale = half_at(bytes), least = half_at(bytes + 2);
        for (size_t i = 0; i < 16; i++) {
            values[i] = scale * (float)(bytes[4 + i] & 15) + least;
            values[i + 16] = scale * (float)(bytes[4 + i] >> 4) + least;
        }
    }
}

typedef void convert_values(const unsigned char *bytes, size_t count, float *values);

static convert_values *const converters[PB_DTYPE_OTHER] = {
    [PB_DTYPE_F64] = convert_f64,   [PB_DTYPE_F16] = convert_f16,   [PB_DTYPE_BF16] = convert_bf16,
    [PB_DTYPE_Q8_0] = convert_q8_0, [PB_DTYPE_Q4_0] = convert_q4_0, [PB_DTYPE_Q4_1] = convert_q4_1,
};

/* `count` values from value `first` on, both by whole blocks. F32 needs no conversion and no second
 * buffer. */
static pb_status read_values(const pb_weights *weights, const pb_weight *weight, size_t first,
                             size_t count, float *values, pb_error **error)
{
    const stored *tensor = (const stored *)weight;
    const shard *file = &weights->shards[tensor->shard];
    if (weight->dtype == PB_DTYPE_OTHER)
        return pb_fail(error, PB_UNSUPPORTED,
                       "'%s': tensor '%s' holds %s, and F32, F16, BF16 or F64 was expected",
                       file->path, weight->name, weight->dtype_name);
    const dtype_layout *layout = weight_layout(weight->dtype);
    uint64_t offset = tensor->offset + (uint64_t)(first / layout->values) * layout->bytes;
    if (weight->dtype == PB_DTYPE_F32)
        return pb_file_read_at(file->descriptor, file->path, offset, values, count * sizeof *values,
                               error);
    unsigned char bytes[1 << 15];
    while (count > 0) {
        size_t blocks = sizeof bytes / layout->bytes, left = count / layout->values;
        blocks = blocks < left ? blocks : left;
        pb_status status = pb_file_read_at(file->descriptor, file->path, offset, bytes,
                                           blocks * layout->bytes, error);
        if (status)
            return status;
        converters[weight->dtype](bytes, blocks * layout->values, values);
        values += blocks * layout->values;
        count -= blocks * layout->values;
        offset += blocks * layout->bytes;
    }
    return PB_OK;
}

pb_status pb_weights_read(const pb_weights *weights, const pb_weight *weight, float *values,
                          pb_error **error)
{
    return read_values(weights, weight, 0, weight->count, values, error);
}

pb_status pb_weights_read_rows(const pb_weights *weights, const pb_weight *weight, size_t first,
                               size_t n, float *values, pb_error **error)
{
    size_t rows = weight->rank > 0 ? weight->shape[0] : 0;
    if (first > rows || n > rows - first)
        return pb_fail(error, PB_RANGE,
                       "rows %zu to %zu of tensor '%s' were wanted, and it has %zu", first,
                       first + n, weight->name, rows);
    size_t row = rows > 0 ? weight->count / rows : 0;
    return read_values(weights, weight, first * row, n * row, values, error);
}
