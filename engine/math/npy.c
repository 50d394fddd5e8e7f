/* NumPy's .npy: a magic string, a version, the length of a header, the header (a Python dict), the
 * values. Files come from outside, so every step doubts them. */
#include "math/npy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "tensor_internal.h"

static const char magic[] = "\x93NUMPY";
enum { MAGIC_SIZE = 6, MOST_HEADER = 65536, HEADER_ALIGNMENT = 64 };

/* ---- writing ---- */

static const char *const type_names[] = {
    [PB_NPY_FLOAT32] = "<f4", [PB_NPY_FLOAT64] = "<f8", [PB_NPY_INT32] = "<i4",
    [PB_NPY_INT64] = "<i8",   [PB_NPY_BOOL] = "|b1",
};

static const size_t type_sizes[] = {
    [PB_NPY_FLOAT32] = 4, [PB_NPY_FLOAT64] = 8, [PB_NPY_INT32] = 4,
    [PB_NPY_INT64] = 8,   [PB_NPY_BOOL] = 1,
};

/* Appends the low `size` bytes of bits, little endian. */
static void append_bits(pb_buffer *out, uint64_t bits, size_t size)
{
    char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(bits >> (8 * i) & 0xff);
    pb_buffer_append(out, bytes, size);
}

/* Version 1.0: magic, version, header padded with spaces so that the values are aligned. */
static void write_header(pb_buffer *out, const pb_tensor *tensor, pb_npy_type type)
{
    pb_buffer header = PB_BUFFER_EMPTY;
    pb_buffer_format(&header, "{'descr': '%s', 'fortran_order': False, 'shape': (",
                     type_names[type]);
    for (size_t i = 0; i < tensor->rank; i++)
        pb_buffer_format(&header, i + 1 < tensor->rank ? "%zu, " : "%zu", tensor->axes[i]->length);
    pb_buffer_text(&header, tensor->rank == 1 ? ",), }" : "), }");
    size_t before = MAGIC_SIZE + 2 + 2;
    size_t whole = before + header.length + 1; /* the newline */
    pb_buffer_repeat(&header, ' ',
                     (HEADER_ALIGNMENT - whole % HEADER_ALIGNMENT) % HEADER_ALIGNMENT);
    pb_buffer_byte(&header, '\n');

    pb_buffer_append(out, magic, MAGIC_SIZE);
    pb_buffer_append(out, "\x01\x00", 2);
    append_bits(out, header.length, 2);
    pb_buffer_append(out, header.data, header.length);
    out->failed = out->failed || header.failed;
    pb_buffer_free(&header);
}

static uint64_t bits_of(float value, pb_npy_type type)
{
    uint32_t single;
    uint64_t bits;
    double wide = (double)value;
    switch (type) {
    case PB_NPY_FLOAT32: memcpy(&single, &value, sizeof single); return single;
    case PB_NPY_FLOAT64: memcpy(&bits, &wide, sizeof bits); return bits;
    default: return (uint64_t)(int64_t)value;
    }
}

static pb_status check_integers(const pb_tensor *tensor, double limit, pb_poll *poll,
                                pb_error **error)
{
    for (size_t i = 0; i < tensor->size && pb_poll_step(poll, 1); i++) {
        double value = (double)tensor->data[i];
        if (value == nearbyint(value) && value >= -limit && value < limit)
            continue;
        pb_status status = pb_fail(
            error, PB_VALUE, "value %zu is %.9g, which is not an integer of this type", i, value);
        pb_hint(error, "write it as float32, or round it first");
        return status;
    }
    return pb_poll_status(poll, error);
}

static pb_status check_writable(const pb_tensor *tensor, pb_npy_type type, pb_poll *poll,
                                pb_error **error)
{
    if (type == PB_NPY_INT32)
        return check_integers(tensor, 0x1p31, poll, error);
    if (type == PB_NPY_INT64)
        return check_integers(tensor, 0x1p63, poll, error);
    if (type == PB_NPY_BOOL && !tensor->boolean)
        return pb_fail(error, PB_VALUE, "only a comparison can be written as booleans");
    return PB_OK;
}

pb_status pb_npy_write(pb_buffer *out, const pb_tensor *tensor, pb_npy_type type,
                       const pb_watch *watch, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    pb_status status = check_writable(tensor, type, &poll, error);
    if (status)
        return status;
    write_header(out, tensor, type);
    for (size_t i = 0; i < tensor->size && !out->failed && pb_poll_step(&poll, 1); i++)
        append_bits(out, bits_of(pb_is_gap(tensor->data[i]) ? NAN : tensor->data[i], type),
                    type_sizes[type]);
    status = pb_poll_status(&poll, error);
    return status ? status : pb_buffer_status(out, error);
}

/* ---- reading the header ---- */

typedef struct npy_header {
    char kind;   /* 'b', 'i', 'u' or 'f' */
    size_t size; /* of one value, in bytes */
    bool big_endian, fortran;
    size_t rank;
    size_t shape[PB_MAX_RANK];
    bool has_type, has_order, has_shape;
} npy_header;

/* What is left of the header's text. */
typedef struct cursor {
    const char *at, *end;
} cursor;

static pb_status fail_header(pb_error **error, const char *what)
{
    return pb_fail(error, PB_FORMAT, "the header of the .npy file is broken: %s", what);
}

static void skip_spaces(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n' || *c->at == '\t'))
        c->at++;
}

/* Takes `byte` if it comes next. */
static bool take(cursor *c, char byte)
{
    skip_spaces(c);
    if (c->at == c->end || *c->at != byte)
        return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    skip_spaces(c);
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A string in single or double quotes, without escapes: the dict of this format has none. */
static bool take_string(cursor *c, char out[32])
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"'))
        return false;
    char quote = *c->at++;
    size_t length = 0;
    while (c->at < c->end && *c->at != quote) {
        if (length == 31 || *c->at == '\\' || *c->at == '\0')
            return false;
        out[length++] = *c->at++;
    }
    out[length] = '\0';
    return take(c, quote);
}

static bool take_size(cursor *c, size_t *value)
{
    skip_spaces(c);
    const char *start = c->at;
    *value = 0;
    while (c->at < c->end && *c->at >= '0' && *c->at <= '9') {
        size_t digit = (size_t)(*c->at - '0');
        if (!pb_size_mul(*value, 10, value) || !pb_size_add(*value, digit, value))
            return false;
        c->at++;
    }
    (void)take(c, 'L'); /* Python 2 wrote long integers so */
    return c->at > start;
}

static bool is_known_type(char kind, size_t size)
{
    switch (kind) {
    case 'b': return size == 1;
    case 'i':
    case 'u': return size == 1 || size == 2 || size == 4 || size == 8;
    case 'f': return size == 2 || size == 4 || size == 8;
    default: return false;
    }
}

/* "<f4": order, kind, bytes. */
static pb_status read_type(cursor *c, npy_header *h, pb_error **error)
{
    char name[32];
    if (!take_string(c, name))
        return pb_fail(error, PB_UNSUPPORTED,
                       "the .npy file has values of a structured type; expected plain numbers");
    size_t length = strlen(name);
    bool ordered = length == 3 && strchr("<>|=", name[0]) && name[2] >= '1' && name[2] <= '9';
    if (!ordered || !is_known_type(name[1], (size_t)(name[2] - '0')))
        return pb_fail(error, PB_UNSUPPORTED,
                       "the .npy file has values of type '%s'; expected booleans, integers or "
                       "floats of up to 8 bytes",
                       name);
    h->kind = name[1];
    h->size = (size_t)(name[2] - '0');
    h->big_endian = name[0] == '>';
    h->has_type = true;
    return PB_OK;
}

static pb_status read_order(cursor *c, npy_header *h, pb_error **error)
{
    h->fortran = take_word(c, "True");
    h->has_order = h->fortran || take_word(c, "False");
    return h->has_order ? PB_OK : fail_header(error, "fortran_order is neither True nor False");
}

static pb_status read_shape(cursor *c, npy_header *h, pb_error **error)
{
    h->rank = 0;
    if (!take(c, '('))
        return fail_header(error, "its shape is not a tuple");
    while (!take(c, ')')) {
        if (h->rank == PB_MAX_RANK)
            return pb_fail(error, PB_LIMIT, "the .npy file has more than %d axes", PB_MAX_RANK);
        if (!take_size(c, &h->shape[h->rank++]))
            return fail_header(error, "its shape holds something that is no length");
        if (!take(c, ',') && (c->at == c->end || *c->at != ')'))
            return fail_header(error, "its shape does not end");
    }
    h->has_shape = true;
    return PB_OK;
}

static pb_status read_entry(cursor *c, npy_header *h, pb_error **error)
{
    char key[32];
    if (!take_string(c, key) || !take(c, ':'))
        return fail_header(error, "expected a key and a colon");
    if (strcmp(key, "descr") == 0 && !h->has_type)
        return read_type(c, h, error);
    if (strcmp(key, "fortran_order") == 0 && !h->has_order)
        return read_order(c, h, error);
    if (strcmp(key, "shape") == 0 && !h->has_shape)
        return read_shape(c, h, error);
    return fail_header(error, "a key is unknown or there twice");
}

static pb_status read_dict(cursor *c, npy_header *h, pb_error **error)
{
    if (!take(c, '{'))
        return fail_header(error, "it is not a dict");
    while (!take(c, '}')) {
        pb_status status = read_entry(c, h, error);
        if (status)
            return status;
        if (!take(c, ',') && (c->at == c->end || *c->at != '}'))
            return fail_header(error, "the dict does not end");
    }
    skip_spaces(c);
    if (c->at != c->end)
        return fail_header(error, "something follows the dict");
    if (!h->has_type || !h->has_order || !h->has_shape)
        return fail_header(error, "descr, fortran_order or shape is missing");
    return PB_OK;
}

/* Finds the header's text; *values starts where the values do. */
static pb_status find_header(const unsigned char *bytes, size_t length, cursor *c, size_t *values,
                             pb_error **error)
{
    if (length < MAGIC_SIZE + 4 || memcmp(bytes, magic, MAGIC_SIZE) != 0)
        return pb_fail(error, PB_FORMAT,
                       "this is not a .npy file: it does not start with \\x93NUMPY");
    unsigned major = bytes[6];
    if (major < 1 || major > 3)
        return pb_fail(error, PB_UNSUPPORTED, "the .npy file has version %u.%u; expected 1, 2 or 3",
                       major, bytes[7]);
    size_t start = major == 1 ? 10 : 12;
    if (length < start)
        return pb_fail(error, PB_FORMAT, "the .npy file ends inside its header");
    size_t size = bytes[8] | (size_t)bytes[9] << 8;
    if (major > 1)
        size |= (size_t)bytes[10] << 16 | (size_t)bytes[11] << 24;
    if (size > MOST_HEADER)
        return pb_fail(error, PB_LIMIT, "the .npy file has a header of %zu bytes; the most is %d",
                       size, MOST_HEADER);
    if (size > length - start)
        return pb_fail(error, PB_FORMAT, "the .npy file ends inside its header");
    c->at = (const char *)bytes + start;
    c->end = c->at + size;
    *values = start + size;
    return PB_OK;
}

/* ---- reading the values ---- */

static uint64_t read_bits(const unsigned char *bytes, const npy_header *h)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < h->size; i++)
        bits = bits << 8 | bytes[h->big_endian ? i : h->size - 1 - i];
    return bits;
}

/* IEEE half precision: 1 sign, 5 exponent, 10 mantissa bits. */
static double half_to_double(uint64_t bits)
{
    int exponent = (int)(bits >> 10 & 0x1f);
    double mantissa = (double)(bits & 0x3ff);
    double magnitude = exponent == 0    ? ldexp(mantissa, -24)
                       : exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                                        : ldexp(mantissa + 1024, exponent - 25);
    return bits >> 15 ? -magnitude : magnitude;
}

static double float_to_double(uint64_t bits, size_t size)
{
    uint32_t single = (uint32_t)bits;
    float value;
    double wide;
    if (size == 2)
        return half_to_double(bits);
    if (size == 4) {
        memcpy(&value, &single, sizeof value);
        return (double)value;
    }
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

/* Sign-extends a two's complement number of `size` bytes. */
static int64_t to_signed(uint64_t bits, size_t size)
{
    uint64_t sign = (uint64_t)1 << (8 * size - 1);
    return (int64_t)((bits ^ sign) - sign);
}

/* The value as a float, and whether float32 can hold it. */
static bool decode(uint64_t bits, const npy_header *h, float *out)
{
    double wide;
    switch (h->kind) {
    case 'b': *out = (float)bits; return bits <= 1;
    case 'u': *out = (float)bits; return (double)*out < 0x1p64 && (uint64_t)*out == bits;
    case 'i': {
        int64_t whole = to_signed(bits, h->size);
        *out = (float)whole;
        return (double)*out < 0x1p63 && (int64_t)*out == whole;
    }
    default:
        wide = float_to_double(bits, h->size);
        *out = (float)wide;
        return isfinite(*out) || !isfinite(wide);
    }
}

static pb_status read_values(const unsigned char *bytes, const npy_header *h, size_t count,
                             float *out, const pb_watch *watch, pb_error **error)
{
    pb_poll poll = {.watch = watch};
    for (size_t i = 0; i < count && pb_poll_step(&poll, 1); i++) {
        uint64_t bits = read_bits(bytes + i * h->size, h);
        if (!decode(bits, h, &out[i]))
            return pb_fail(error, PB_VALUE,
                           "value %zu of the .npy file (%c%zu) cannot be held by float32", i,
                           h->kind, h->size);
    }
    return pb_poll_status(&poll, error);
}

/* The axes dim0, dim1, ... in the file's order of memory. */
static pb_status make_axes(const npy_header *h, pb_axis *axes[PB_MAX_RANK], pb_error **error)
{
    for (size_t i = 0; i < h->rank; i++) {
        char name[] = "dim0";
        size_t which = h->fortran ? h->rank - 1 - i : i;
        name[3] = (char)('0' + which);
        pb_status status = pb_axis_create(name, h->shape[which], NULL, NULL, &axes[i], error);
        if (status)
            return status;
    }
    return PB_OK;
}

/* Fortran order was read as the transpose; this turns it around. */
static pb_status turn_around(pb_tensor **tensor, const pb_watch *watch, pb_error **error)
{
    const char *names[PB_MAX_RANK];
    pb_tensor *turned = NULL;
    size_t rank = (*tensor)->rank;
    for (size_t i = 0; i < rank; i++)
        names[i] = (*tensor)->axes[rank - 1 - i]->name;
    pb_status status = pb_tensor_transpose(*tensor, names, watch, &turned, error);
    pb_tensor_release(tensor);
    *tensor = turned;
    return status;
}

static pb_status check_size(const npy_header *h, size_t available, size_t *count, pb_error **error)
{
    size_t bytes = h->size;
    *count = 1;
    for (size_t i = 0; i < h->rank; i++) {
        if (!pb_size_mul(bytes, h->shape[i], &bytes))
            return pb_fail(error, PB_LIMIT, "the .npy file claims more values than memory has");
        *count *= h->shape[i];
    }
    if (bytes != available)
        return pb_fail(error, PB_FORMAT,
                       "the .npy file should hold %zu bytes of values and holds %zu", bytes,
                       available);
    return PB_OK;
}

static pb_status build(const unsigned char *values, const npy_header *h, size_t count,
                       const pb_watch *watch, pb_tensor **tensor, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    pb_tensor *made = NULL;
    float *data = NULL;
    pb_status status = make_axes(h, axes, error);
    if (!status)
        status = pb_tensor_blank(h->rank, axes, &made, &data, error);
    for (size_t i = 0; i < h->rank; i++)
        pb_axis_release(&axes[i]);
    if (!status)
        status = read_values(values, h, count, data, watch, error);
    if (!status) {
        made->boolean = h->kind == 'b';
        if (h->fortran)
            status = turn_around(&made, watch, error);
    }
    return pb_tensor_finish(status, made, tensor);
}

pb_status pb_npy_read(const void *bytes, size_t length, const pb_watch *watch, pb_tensor **tensor,
                      pb_error **error)
{
    npy_header h = {0};
    cursor text = {NULL, NULL};
    size_t start = 0, count = 0;
    pb_status status = find_header(bytes, length, &text, &start, error);
    if (!status)
        status = read_dict(&text, &h, error);
    if (!status)
        status = check_size(&h, length - start, &count, error);
    if (status)
        return status;
    return build((const unsigned char *)bytes + start, &h, count, watch, tensor, error);
}
