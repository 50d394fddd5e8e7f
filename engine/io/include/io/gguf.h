/*
 * The metadata of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions
 * 2 and 3: keys with values, read where they lie in the file's header. Its tensors are read as any
 * weights are, see io/safetensors.h.
 *
 * Nobody vouches for such a file: every length and count in it is checked against the file before
 * it is followed, and the header may not be larger than 100 MB.
 */
#ifndef PB_IO_GGUF_H
#define PB_IO_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

typedef struct pb_gguf pb_gguf;

/*
 * The GGUF file that `path` means, malloc'ed, the caller's: the file itself; of a folder without
 * safetensors, the one in it. NULL where it means none. PB_VALUE where a folder holds several.
 */
pb_status pb_gguf_find(const char *path, char **file, pb_error **error);

/* Reads the header of a file. PB_FORMAT names the file and what is wrong in it; PB_UNSUPPORTED for
 * other versions, for big-endian files and for one part of several. */
pb_status pb_gguf_read(const char *path, pb_gguf **gguf, pb_error **error);
void pb_gguf_destroy(pb_gguf **gguf);
const char *pb_gguf_path(const pb_gguf *gguf);

typedef enum pb_gguf_kind {
    PB_GGUF_ABSENT,
    PB_GGUF_BOOL,
    PB_GGUF_INTEGER,
    PB_GGUF_NUMBER,
    PB_GGUF_TEXT,
    PB_GGUF_LIST
} pb_gguf_kind;

/* A value within a header that is still there. Zeroed: there is none. */
typedef struct pb_gguf_value {
    pb_gguf_kind kind;
    uint32_t type; /* as the file numbers them; of a list, that of what is in it */
    const unsigned char *at;
    size_t count; /* of a list */
} pb_gguf_value;

pb_gguf_value pb_gguf_get(const pb_gguf *gguf, const char *key);
/* The same for "{general.architecture}.rest". */
pb_gguf_value pb_gguf_get_of_architecture(const pb_gguf *gguf, const char *rest);
/* Walks over the keys, in their order; start with *cursor = 0. Texts are borrowed. */
bool pb_gguf_next_key(const pb_gguf *gguf, size_t *cursor, const char **key, pb_gguf_value *value);

bool pb_gguf_is_true(pb_gguf_value value);
/* Whether it is a whole number that fits. */
bool pb_gguf_as_integer(pb_gguf_value value, int64_t *number);
/* Whether it is a number, whole or not. */
bool pb_gguf_as_number(pb_gguf_value value, double *number);
/* Whether it is a text; borrowed, without a NUL behind it, any bytes. */
bool pb_gguf_as_text(pb_gguf_value value, const char **text, size_t *length);
bool pb_gguf_says(pb_gguf_value value, const char *text);

/* Takes the first item of a list off it; false at the end, and of what is no list. */
bool pb_gguf_next(pb_gguf_value *list, pb_gguf_value *item);

/* What the file says of a model as the text of a config.json, model_type being the architecture;
 * appended. */
pb_status pb_gguf_config(const char *path, pb_buffer *json, pb_error **error);

/* A value as short text for a message: "llama", 12, a list of 49152. */
void pb_gguf_show(pb_gguf_value value, pb_buffer *out);

#endif
