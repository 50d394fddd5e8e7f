/* The keys and values at the start of a GGUF file; see io/gguf.h. */
#include "io/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "gguf_header.h"
#include "io/file.h"

/* Bytes; the last is what GGUF allows for a key. */
enum { HEADER_LIMIT = 100000000, FIRST_STEP = 1 << 20, LONGEST_KEY = 65535 };
enum { MOST_KEYS = 1 << 16, LONGEST_SHOWN = 40 };

/* By the numbers that a file has for them. */
typedef enum gguf_type {
    GGUF_U8,
    GGUF_I8,
    GGUF_U16,
    GGUF_I16,
    GGUF_U32,
    GGUF_I32,
    GGUF_F32,
    GGUF_BOOL,
    GGUF_TEXT,
    GGUF_LIST,
    GGUF_U64,
    GGUF_I64,
    GGUF_F64,
    GGUF_N_TYPES
} gguf_type;

static const struct {
    size_t size; /* bytes; 0 where that depends on the value */
    pb_gguf_kind kind;
} types[GGUF_N_TYPES] = {
    [GGUF_U8] = {1, PB_GGUF_INTEGER},  [GGUF_I8] = {1, PB_GGUF_INTEGER},
    [GGUF_U16] = {2, PB_GGUF_INTEGER}, [GGUF_I16] = {2, PB_GGUF_INTEGER},
    [GGUF_U32] = {4, PB_GGUF_INTEGER}, [GGUF_I32] = {4, PB_GGUF_INTEGER},
    [GGUF_F32] = {4, PB_GGUF_NUMBER},  [GGUF_BOOL] = {1, PB_GGUF_BOOL},
    [GGUF_TEXT] = {0, PB_GGUF_TEXT},   [GGUF_LIST] = {0, PB_GGUF_LIST},
    [GGUF_U64] = {8, PB_GGUF_INTEGER}, [GGUF_I64] = {8, PB_GGUF_INTEGER},
    [GGUF_F64] = {8, PB_GGUF_NUMBER},
};

/* Where a value lies in the header. */
typedef struct gguf_entry {
    const char *key; /* in the map's keeping */
    pb_gguf_kind kind;
    uint32_t type;
    size_t at, count;
} gguf_entry;

/* ---- the bytes ---- */

static pb_status fail_cut(const gguf_cursor *c)
{
    return pb_fail(c->error, PB_FORMAT,
                   "'%s' is cut off: its header goes on at byte %zu, and the file has %llu bytes",
                   c->path, c->at, (unsigned long long)c->size);
}

/* Has the next `length` bytes there. */
static pb_status want(gguf_cursor *c, uint64_t length)
{
    if (length <= c->loaded - c->at)
        return PB_OK;
    if (length > c->size - c->at)
        return fail_cut(c);
    if (length > HEADER_LIMIT - c->at)
        return pb_fail(c->error, PB_LIMIT, "the header of '%s' is larger than %d bytes", c->path,
                       HEADER_LIMIT);
    size_t most = c->size < HEADER_LIMIT ? (size_t)c->size : HEADER_LIMIT;
    size_t needed = c->at + (size_t)length, step = 2 * c->loaded + FIRST_STEP;
    size_t loaded = needed > step ? needed : step < most ? step : most;
    unsigned char *grown = pb_realloc(c->bytes, loaded, 1);
    if (!grown)
        return pb_fail_memory(c->error);
    c->bytes = grown;
    pb_status status = pb_file_read_at(c->descriptor, c->path, c->loaded, c->bytes + c->loaded,
                                       loaded - c->loaded, c->error);
    if (!status)
        c->loaded = loaded;
    return status;
}

static uint64_t number_at(const unsigned char *bytes, size_t size)
{
    uint64_t number = 0;
    for (size_t i = size; i-- > 0;)
        number = number << 8 | bytes[i];
    return number;
}

pb_status gguf_next_u64(gguf_cursor *c, uint64_t *number)
{
    pb_status status = want(c, 8);
    if (status)
        return status;
    *number = number_at(c->bytes + c->at, 8);
    c->at += 8;
    return PB_OK;
}

pb_status gguf_next_u32(gguf_cursor *c, uint32_t *number)
{
    pb_status status = want(c, 4);
    if (status)
        return status;
    *number = (uint32_t)number_at(c->bytes + c->at, 4);
    c->at += 4;
    return PB_OK;
}

pb_status gguf_next_text(gguf_cursor *c, const char **text, size_t *length)
{
    uint64_t announced = 0;
    pb_status status = gguf_next_u64(c, &announced);
    if (!status)
        status = want(c, announced);
    if (status)
        return status;
    *length = (size_t)announced;
    *text = (const char *)c->bytes + c->at;
    c->at += *length;
    return PB_OK;
}

/* ---- one key and its value ---- */

static pb_status next_key(gguf_cursor *c, const char **key, size_t *length)
{
    pb_status status = gguf_next_text(c, key, length);
    if (status)
        return status;
    if (*length > 0 && *length <= LONGEST_KEY && !memchr(*key, '\0', *length) &&
        pb_utf8_valid_prefix(*key, *length) == *length)
        return PB_OK;
    return pb_fail(c->error, PB_FORMAT, "'%s': a key at byte %zu is not a text of 1 to %d bytes",
                   c->path, c->at - *length, LONGEST_KEY);
}

static pb_status check_type(const gguf_cursor *c, const char *key, uint32_t type)
{
    if (type < GGUF_N_TYPES)
        return PB_OK;
    return pb_fail(c->error, PB_FORMAT,
                   "'%s': the value of '%s' is of type %lu, and GGUF has the types 0 to %d",
                   c->path, key, (unsigned long)type, GGUF_N_TYPES - 1);
}

/* Goes past `count` values of a type; of texts each announces its own length. */
static pb_status pass(gguf_cursor *c, uint32_t type, uint64_t count)
{
    size_t size = types[type].size;
    if (size > 0) {
        if (count > UINT64_MAX / size)
            return fail_cut(c);
        pb_status status = want(c, count * size);
        if (!status)
            c->at += (size_t)count * size;
        return status;
    }
    const char *text;
    size_t length;
    pb_status status = PB_OK;
    while (count-- > 0 && !status)
        status = gguf_next_text(c, &text, &length);
    return status;
}

static pb_status next_value(gguf_cursor *c, const char *key, gguf_entry *entry)
{
    uint64_t count = 1;
    pb_status status = gguf_next_u32(c, &entry->type);
    if (!status)
        status = check_type(c, key, entry->type);
    if (status)
        return status;
    entry->kind = types[entry->type].kind;
    if (entry->kind == PB_GGUF_LIST) {
        status = gguf_next_u32(c, &entry->type);
        if (!status)
            status = check_type(c, key, entry->type);
        if (!status && entry->type == GGUF_LIST)
            status = pb_fail(c->error, PB_UNSUPPORTED,
                             "'%s': the value of '%s' is a list of lists, which is not read here",
                             c->path, key);
        if (!status)
            status = gguf_next_u64(c, &count);
    }
    entry->at = c->at;
    if (!status)
        status = pass(c, entry->type, count);
    entry->count = (size_t)count;
    return status;
}

static pb_status keep_entry(pb_gguf *gguf, const char *key, size_t length, const gguf_entry *entry)
{
    pb_error **error = gguf->header.error;
    if (gguf->n_values == gguf->capacity) {
        size_t capacity = gguf->capacity ? 2 * gguf->capacity : 64;
        gguf_entry *grown = pb_realloc(gguf->values, capacity, sizeof *grown);
        if (!grown)
            return pb_fail_memory(error);
        gguf->values = grown;
        gguf->capacity = capacity;
    }
    if (pb_map_get(gguf->keys, key, length, NULL))
        return pb_fail(error, PB_FORMAT, "'%s' has the key '%s' twice", gguf->path, key);
    if (!pb_map_put(gguf->keys, key, length, gguf->n_values))
        return pb_fail_memory(error);
    gguf->values[gguf->n_values++] = *entry;
    return PB_OK;
}

/* A text of its own. No NUL ends the bytes of a file, which strndup may look for. */
static char *copy_of(const char *bytes, size_t length)
{
    char *text = pb_malloc(length + 1, 1);
    if (text) {
        memcpy(text, bytes, length);
        text[length] = '\0';
    }
    return text;
}

static pb_status read_entry(pb_gguf *gguf)
{
    gguf_cursor *c = &gguf->header;
    gguf_entry entry;
    const char *text;
    size_t length;
    pb_status status = next_key(c, &text, &length);
    char *key = status ? NULL : copy_of(text, length); /* reading on may move the bytes */
    if (!status)
        status = key ? next_value(c, key, &entry) : pb_fail_memory(c->error);
    if (!status)
        status = keep_entry(gguf, key, length, &entry);
    free(key);
    return status;
}

/* ---- all of them ---- */

static pb_status read_version(gguf_cursor *c)
{
    static const char big_endian[] = {0, 0, 0};
    uint32_t magic = 0, version = 0;
    pb_status status = gguf_next_u32(c, &magic);
    if (!status && memcmp(c->bytes, "GGUF", 4) != 0)
        return pb_fail(c->error, PB_FORMAT, "'%s' is no GGUF file: it does not start with \"GGUF\"",
                       c->path);
    if (!status)
        status = gguf_next_u32(c, &version);
    if (status || version == 2 || version == 3)
        return status;
    if (version != 0 && memcmp(c->bytes + 4, big_endian, sizeof big_endian) == 0)
        return pb_fail(c->error, PB_UNSUPPORTED,
                       "'%s' is a big-endian GGUF file, and a little-endian one was expected",
                       c->path);
    return pb_fail(c->error, PB_UNSUPPORTED,
                   "'%s' is GGUF version %lu, and version 2 or 3 was expected", c->path,
                   (unsigned long)version);
}

static pb_status refuse_part(const pb_gguf *gguf)
{
    int64_t count = 0, number = 0;
    if (!pb_gguf_as_integer(pb_gguf_get(gguf, "split.count"), &count) || count < 2)
        return PB_OK;
    (void)pb_gguf_as_integer(pb_gguf_get(gguf, "split.no"), &number);
    pb_error **error = gguf->header.error;
    pb_status status =
        pb_fail(error, PB_UNSUPPORTED,
                "'%s' is part %lld of a model in %lld files, and a model in one file was expected",
                gguf->path, (long long)number + 1, (long long)count);
    if (error)
        pb_error_hint(*error, "llama.cpp's gguf-split --merge makes one file of them");
    return status;
}

static pb_status read_entries(pb_gguf *gguf)
{
    gguf_cursor *c = &gguf->header;
    uint64_t n_entries = 0;
    pb_status status = read_version(c);
    if (!status)
        status = gguf_next_u64(c, &gguf->n_tensors);
    if (!status)
        status = gguf_next_u64(c, &n_entries);
    if (!status && n_entries > MOST_KEYS)
        status =
            pb_fail(c->error, PB_LIMIT, "'%s' announces %llu keys, and at most %d were expected",
                    c->path, (unsigned long long)n_entries, MOST_KEYS);
    for (uint64_t i = 0; i < n_entries && !status; i++)
        status = read_entry(gguf);
    return status ? status : refuse_part(gguf);
}

/* The map keeps a copy of each key, with a NUL behind it; those are lent out. */
static void lend_keys(pb_gguf *gguf)
{
    size_t cursor = 0, length;
    const char *key;
    uint64_t index;
    while (pb_map_next(gguf->keys, &cursor, &key, &length, &index))
        gguf->values[index].key = key;
}

pb_status gguf_read_metadata(const char *path, int descriptor, uint64_t size, pb_gguf **gguf,
                             pb_error **error)
{
    pb_gguf *made = pb_calloc(1, sizeof *made);
    if (!made)
        return pb_fail_memory(error);
    made->path = strdup(path);
    made->keys = pb_map_create(64);
    made->header =
        (gguf_cursor){.path = made->path, .descriptor = descriptor, .size = size, .error = error};
    pb_status status = made->path && made->keys ? read_entries(made) : pb_fail_memory(error);
    if (status) {
        pb_gguf_destroy(&made);
        return status;
    }
    lend_keys(made);
    made->header.descriptor = -1; /* which the caller closes */
    made->header.error = NULL;
    *gguf = made;
    return PB_OK;
}

pb_status pb_gguf_read(const char *path, pb_gguf **gguf, pb_error **error)
{
    int descriptor;
    uint64_t size;
    pb_status status = pb_file_open(path, &descriptor, &size, error);
    if (status)
        return status;
    status = gguf_read_metadata(path, descriptor, size, gguf, error);
    close(descriptor);
    return status;
}

void pb_gguf_destroy(pb_gguf **gguf)
{
    if (!gguf || !*gguf)
        return;
    pb_map_destroy(&(*gguf)->keys);
    free((*gguf)->values);
    free((*gguf)->header.bytes);
    free((*gguf)->path);
    free(*gguf);
    *gguf = NULL;
}

const char *pb_gguf_path(const pb_gguf *gguf)
{
    return gguf->path;
}

/* ---- values ---- */

static pb_gguf_value value_of(const pb_gguf *gguf, size_t index)
{
    const gguf_entry *entry = &gguf->values[index];
    return (pb_gguf_value){.kind = entry->kind,
                           .type = entry->type,
                           .at = gguf->header.bytes + entry->at,
                           .count = entry->count};
}

pb_gguf_value pb_gguf_get(const pb_gguf *gguf, const char *key)
{
    uint64_t index;
    return pb_map_get(gguf->keys, key, strlen(key), &index)
               ? value_of(gguf, index)
               : (pb_gguf_value){.kind = PB_GGUF_ABSENT};
}

pb_gguf_value pb_gguf_get_of_architecture(const pb_gguf *gguf, const char *rest)
{
    char key[256];
    const char *architecture = "";
    size_t length = 0;
    (void)pb_gguf_as_text(pb_gguf_get(gguf, "general.architecture"), &architecture, &length);
    int used = length < sizeof key
                   ? snprintf(key, sizeof key, "%.*s.%s", (int)length, architecture, rest)
                   : -1;
    return used > 0 && (size_t)used < sizeof key ? pb_gguf_get(gguf, key)
                                                 : (pb_gguf_value){.kind = PB_GGUF_ABSENT};
}

bool pb_gguf_next_key(const pb_gguf *gguf, size_t *cursor, const char **key, pb_gguf_value *value)
{
    if (*cursor >= gguf->n_values)
        return false;
    *key = gguf->values[*cursor].key;
    *value = value_of(gguf, (*cursor)++);
    return true;
}

bool pb_gguf_is_true(pb_gguf_value value)
{
    return value.kind == PB_GGUF_BOOL && *value.at != 0;
}

bool pb_gguf_as_integer(pb_gguf_value value, int64_t *number)
{
    if (value.kind != PB_GGUF_INTEGER)
        return false;
    uint64_t read = number_at(value.at, types[value.type].size);
    switch ((gguf_type)value.type) {
    case GGUF_I8: *number = (int8_t)read; break;
    case GGUF_I16: *number = (int16_t)read; break;
    case GGUF_I32: *number = (int32_t)read; break;
    case GGUF_U64: *number = (int64_t)read; return read <= INT64_MAX;
    default: *number = (int64_t)read; break;
    }
    return true;
}

bool pb_gguf_as_number(pb_gguf_value value, double *number)
{
    int64_t whole;
    float single;
    if (pb_gguf_as_integer(value, &whole)) {
        *number = (double)whole;
        return true;
    }
    if (value.kind != PB_GGUF_NUMBER)
        return false;
    if (value.type == GGUF_F64) {
        memcpy(number, value.at, sizeof *number);
        return true;
    }
    memcpy(&single, value.at, sizeof single);
    *number = single;
    return true;
}

bool pb_gguf_as_text(pb_gguf_value value, const char **text, size_t *length)
{
    if (value.kind != PB_GGUF_TEXT)
        return false;
    *length = (size_t)number_at(value.at, 8);
    *text = (const char *)value.at + 8;
    return true;
}

bool pb_gguf_says(pb_gguf_value value, const char *text)
{
    const char *said;
    size_t length;
    return pb_gguf_as_text(value, &said, &length) && length == strlen(text) &&
           memcmp(said, text, length) == 0;
}

bool pb_gguf_next(pb_gguf_value *list, pb_gguf_value *item)
{
    if (list->kind != PB_GGUF_LIST || list->count == 0)
        return false;
    *item = (pb_gguf_value){.kind = types[list->type].kind, .type = list->type, .at = list->at};
    const char *text;
    size_t length, size = types[list->type].size;
    if (pb_gguf_as_text(*item, &text, &length))
        size = 8 + length;
    list->at += size;
    list->count--;
    return true;
}

void pb_gguf_show(pb_gguf_value value, pb_buffer *out)
{
    const char *text;
    size_t length;
    double number;
    if (pb_gguf_as_text(value, &text, &length))
        pb_buffer_format(out, "\"%.*s\"%s", (int)(length < LONGEST_SHOWN ? length : LONGEST_SHOWN),
                         text, length < LONGEST_SHOWN ? "" : "...");
    else if (pb_gguf_as_number(value, &number))
        pb_buffer_format(out, "%.10g", number);
    else if (value.kind == PB_GGUF_LIST)
        pb_buffer_format(out, "a list of %zu", value.count);
    else
        pb_buffer_text(out, value.kind == PB_GGUF_ABSENT ? "missing"
                            : pb_gguf_is_true(value)     ? "true"
                                                         : "false");
}
