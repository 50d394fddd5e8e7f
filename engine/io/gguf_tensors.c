/*
 * The tensors of a GGUF file, put into the table that safetensors fills, too. A file lists their
 * sizes from the innermost axis outwards, which is turned round here, and their bytes from the end
 * of the header on, rounded up to the alignment.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "gguf_header.h"

/* The first as in GGUF; the second is past any model. */
enum { MOST_AXES = 4, MOST_TENSORS = 1 << 18, LONGEST_NAME = 255, ALIGNMENT = 32 };

/* How the types of values are numbered in a file; PB_DTYPE_OTHER is not read. */
static const struct {
    uint32_t number;
    pb_dtype dtype;
    const char *name;
} value_types[] = {
    {0, PB_DTYPE_F32, "F32"},        {1, PB_DTYPE_F16, "F16"},
    {2, PB_DTYPE_Q4_0, "Q4_0"},      {3, PB_DTYPE_Q4_1, "Q4_1"},
    {6, PB_DTYPE_OTHER, "Q5_0"},     {7, PB_DTYPE_OTHER, "Q5_1"},
    {8, PB_DTYPE_Q8_0, "Q8_0"},      {9, PB_DTYPE_OTHER, "Q8_1"},
    {10, PB_DTYPE_OTHER, "Q2_K"},    {11, PB_DTYPE_OTHER, "Q3_K"},
    {12, PB_DTYPE_OTHER, "Q4_K"},    {13, PB_DTYPE_OTHER, "Q5_K"},
    {14, PB_DTYPE_OTHER, "Q6_K"},    {15, PB_DTYPE_OTHER, "Q8_K"},
    {16, PB_DTYPE_OTHER, "IQ2_XXS"}, {17, PB_DTYPE_OTHER, "IQ2_XS"},
    {18, PB_DTYPE_OTHER, "IQ3_XXS"}, {19, PB_DTYPE_OTHER, "IQ1_S"},
    {20, PB_DTYPE_OTHER, "IQ4_NL"},  {21, PB_DTYPE_OTHER, "IQ3_S"},
    {22, PB_DTYPE_OTHER, "IQ2_S"},   {23, PB_DTYPE_OTHER, "IQ4_XS"},
    {24, PB_DTYPE_OTHER, "I8"},      {25, PB_DTYPE_OTHER, "I16"},
    {26, PB_DTYPE_OTHER, "I32"},     {27, PB_DTYPE_OTHER, "I64"},
    {28, PB_DTYPE_F64, "F64"},       {29, PB_DTYPE_OTHER, "IQ1_M"},
    {30, PB_DTYPE_BF16, "BF16"},     {34, PB_DTYPE_OTHER, "TQ1_0"},
    {35, PB_DTYPE_OTHER, "TQ2_0"},   {39, PB_DTYPE_OTHER, "MXFP4"},
};

/* What is known while the list of one file's tensors is read. */
typedef struct list_reading {
    pb_weights *weights;
    gguf_cursor *cursor;
    size_t shard;
    uint64_t alignment;
    pb_error **error;
} list_reading;

/* ---- one tensor ---- */

static pb_status read_name(const list_reading *l, stored *tensor)
{
    const char *text;
    size_t length;
    pb_status status = gguf_next_text(l->cursor, &text, &length);
    if (status)
        return status;
    if (length == 0 || length > LONGEST_NAME || memchr(text, '\0', length) ||
        pb_utf8_valid_prefix(text, length) != length)
        return pb_fail(l->error, PB_FORMAT,
                       "'%s': the name of a tensor at byte %zu is not a text of 1 to %d bytes",
                       l->cursor->path, l->cursor->at - length, LONGEST_NAME);
    tensor->key_length = length;
    tensor->weight.name = tensor->key = pb_arena_text(l->weights->arena, text, length);
    if (!tensor->key)
        return pb_fail_memory(l->error);
    if (pb_map_get(l->weights->by_name, tensor->key, length, NULL))
        return pb_fail(l->error, PB_FORMAT, "'%s' has the tensor '%s' twice", l->cursor->path,
                       tensor->key);
    return PB_OK;
}

static pb_status read_axes(const list_reading *l, pb_weight *weight)
{
    uint32_t rank = 0;
    pb_status status = gguf_next_u32(l->cursor, &rank);
    if (!status && rank > MOST_AXES)
        return pb_fail(l->error, PB_FORMAT,
                       "'%s': tensor '%s' has %lu axes, and at most %d were expected",
                       l->cursor->path, weight->name, (unsigned long)rank, MOST_AXES);
    weight->rank = rank;
    weight->count = 1;
    bool fits = true;
    for (size_t i = rank; i-- > 0 && !status;) {
        uint64_t side = 0;
        status = gguf_next_u64(l->cursor, &side);
        fits = fits && side <= SIZE_MAX && pb_size_mul(weight->count, (size_t)side, &weight->count);
        weight->shape[i] = (size_t)side;
    }
    if (status || fits)
        return status;
    return pb_fail(l->error, PB_FORMAT,
                   "'%s': the shape of tensor '%s' is too large, and a size that fits into memory "
                   "was expected",
                   l->cursor->path, weight->name);
}

static pb_status refuse_type(const list_reading *l, const pb_weight *weight, uint32_t number)
{
    for (size_t i = 0; i < sizeof value_types / sizeof *value_types; i++)
        if (value_types[i].number == number)
            return pb_fail(l->error, PB_UNSUPPORTED,
                           "'%s': tensor '%s' holds %s, and F32, F16, BF16, F64, Q8_0, Q4_0 or "
                           "Q4_1 was expected",
                           l->cursor->path, weight->name, value_types[i].name);
    return pb_fail(l->error, PB_UNSUPPORTED,
                   "'%s': tensor '%s' holds values of type %lu, and F32, F16, BF16, F64, Q8_0, "
                   "Q4_0 or Q4_1 was expected",
                   l->cursor->path, weight->name, (unsigned long)number);
}

static pb_status read_type(const list_reading *l, pb_weight *weight)
{
    uint32_t number = 0;
    pb_status status = gguf_next_u32(l->cursor, &number);
    weight->dtype = PB_DTYPE_OTHER;
    for (size_t i = 0; i < sizeof value_types / sizeof *value_types; i++)
        if (value_types[i].number == number)
            weight->dtype = value_types[i].dtype;
    if (status || weight->dtype == PB_DTYPE_OTHER)
        return status ? status : refuse_type(l, weight, number);
    const dtype_layout *layout = weight_layout(weight->dtype);
    size_t row = weight->rank > 0 ? weight->shape[weight->rank - 1] : 1;
    weight->dtype_name = layout->name;
    if (row % layout->values == 0)
        return PB_OK;
    return pb_fail(l->error, PB_FORMAT,
                   "'%s': the rows of tensor '%s' have %zu values, and %s has them by %zu",
                   l->cursor->path, weight->name, row, layout->name, layout->values);
}

/* Where it starts, from the start of the data on. */
static pb_status read_place(const list_reading *l, stored *tensor)
{
    pb_status status = gguf_next_u64(l->cursor, &tensor->offset);
    if (status || tensor->offset % l->alignment == 0)
        return status;
    return pb_fail(l->error, PB_FORMAT,
                   "'%s': tensor '%s' starts at byte %llu of the data, and a multiple of %llu was "
                   "expected",
                   l->cursor->path, tensor->weight.name, (unsigned long long)tensor->offset,
                   (unsigned long long)l->alignment);
}

static pb_status read_tensor(const list_reading *l)
{
    stored tensor = {.shard = l->shard};
    tensor.weight.file = l->weights->shards[l->shard].path;
    pb_status status = read_name(l, &tensor);
    if (!status)
        status = read_axes(l, &tensor.weight);
    if (!status)
        status = read_type(l, &tensor.weight);
    if (!status)
        status = read_place(l, &tensor);
    return status ? status : weight_table_add(l->weights, &tensor, l->error);
}

/* ---- all of them together ---- */

/* Places are of the file from here on, and must lie in it. */
static pb_status settle_places(const list_reading *l, size_t first)
{
    const gguf_cursor *c = l->cursor;
    uint64_t start = (c->at + l->alignment - 1) / l->alignment * l->alignment;
    for (size_t i = first; i < l->weights->n_tensors; i++) {
        stored *tensor = &l->weights->tensors[i];
        const dtype_layout *layout = weight_layout(tensor->weight.dtype);
        size_t bytes;
        bool fits = pb_size_mul(tensor->weight.count / layout->values, layout->bytes, &bytes);
        if (!fits || start > c->size || tensor->offset > c->size - start ||
            bytes > c->size - start - tensor->offset)
            return pb_fail(l->error, PB_FORMAT,
                           "'%s' is cut off: tensor '%s' starts at byte %llu and has %zu values, "
                           "and the file has %llu bytes",
                           c->path, tensor->weight.name,
                           (unsigned long long)(start + tensor->offset), tensor->weight.count,
                           (unsigned long long)c->size);
        tensor->offset += start;
        tensor->end = tensor->offset + bytes;
    }
    return PB_OK;
}

static pb_status check_apart(const list_reading *l, size_t first)
{
    const stored *tensors = l->weights->tensors;
    for (size_t i = first + 1; i < l->weights->n_tensors; i++)
        if (tensors[i].offset < tensors[i - 1].end)
            return pb_fail(l->error, PB_FORMAT,
                           "'%s': tensors '%s' and '%s' overlap, and each byte was expected to "
                           "belong to one",
                           l->cursor->path, tensors[i - 1].weight.name, tensors[i].weight.name);
    return PB_OK;
}

static pb_status read_list(list_reading *l, const pb_gguf *gguf)
{
    size_t first = l->weights->n_tensors;
    pb_status status = PB_OK;
    if (gguf->n_tensors > MOST_TENSORS)
        return pb_fail(l->error, PB_LIMIT,
                       "'%s' announces %llu tensors, and at most %d were expected", gguf->path,
                       (unsigned long long)gguf->n_tensors, MOST_TENSORS);
    for (uint64_t i = 0; i < gguf->n_tensors && !status; i++)
        status = read_tensor(l);
    if (!status)
        status = settle_places(l, first);
    if (!status)
        weight_table_sort(l->weights, first);
    if (!status)
        status = check_apart(l, first);
    return status ? status : weight_table_index(l->weights, first, l->error);
}

static pb_status read_alignment(const pb_gguf *gguf, uint64_t *alignment, pb_error **error)
{
    int64_t given = ALIGNMENT;
    pb_gguf_value value = pb_gguf_get(gguf, "general.alignment");
    bool good = value.kind == PB_GGUF_ABSENT || pb_gguf_as_integer(value, &given);
    *alignment = (uint64_t)given;
    if (good && given > 0 && given <= 1 << 30 && (given & (given - 1)) == 0)
        return PB_OK;
    pb_buffer shown = PB_BUFFER_EMPTY;
    pb_gguf_show(value, &shown);
    pb_status status =
        shown.failed ? pb_fail_memory(error)
                     : pb_fail(error, PB_FORMAT,
                               "'%s': general.alignment is %s, and a power of two was expected",
                               gguf->path, shown.data);
    pb_buffer_free(&shown);
    return status;
}

pb_status gguf_read_header(pb_weights *weights, size_t which, pb_error **error)
{
    const shard *file = &weights->shards[which];
    pb_gguf *gguf = NULL;
    list_reading l = {.weights = weights, .shard = which, .error = error};
    pb_status status = gguf_read_metadata(file->path, file->descriptor, file->size, &gguf, error);
    if (!status)
        status = read_alignment(gguf, &l.alignment, error);
    if (!status) {
        l.cursor = &gguf->header;
        l.cursor->descriptor = file->descriptor;
        l.cursor->error = error;
        status = read_list(&l, gguf);
    }
    pb_gguf_destroy(&gguf);
    return status;
}
