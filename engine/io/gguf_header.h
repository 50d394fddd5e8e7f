/* The header of a GGUF file from inside: a cursor over it, and where its tensors are listed. */
#ifndef PB_IO_GGUF_HEADER_H
#define PB_IO_GGUF_HEADER_H

#include "base/map.h"
#include "io/gguf.h"
#include "weight_table.h"

/* Reads a header from its start on, as much of the file as is asked for. */
typedef struct gguf_cursor {
    const char *path; /* of the file, for messages */
    int descriptor;
    uint64_t size;        /* of the file */
    unsigned char *bytes; /* [loaded], the first ones of the file */
    size_t loaded, at;
    pb_error **error;
} gguf_cursor;

struct pb_gguf {
    char *path;
    gguf_cursor header; /* when it is read, its cursor is where the tensors are listed */
    pb_map *keys;       /* -> index in `values` */
    struct gguf_entry *values;
    size_t n_values, capacity;
    uint64_t n_tensors;
};

/* Reads the version, the counts and the metadata of an open file. */
pb_status gguf_read_metadata(const char *path, int descriptor, uint64_t size, pb_gguf **gguf,
                             pb_error **error);

/* The next number, or text (borrowed until the next call), of a header. PB_FORMAT where the file
 * ends before it does. */
pb_status gguf_next_u32(gguf_cursor *c, uint32_t *number);
pb_status gguf_next_u64(gguf_cursor *c, uint64_t *number);
pb_status gguf_next_text(gguf_cursor *c, const char **text, size_t *length);

/* Checks the header of an open file, and adds its tensors. */
pb_status gguf_read_header(pb_weights *weights, size_t shard, pb_error **error);

#endif
