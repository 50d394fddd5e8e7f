/* Work buffers that grow to need and stay. */
#include "scratch.h"

#include <stdlib.h>

#include "base/memory.h"

typedef struct buffer {
    void *data;
    size_t bytes;
} buffer;

struct pb_scratch {
    buffer buffers[PB_N_BUFFERS];
};

/* Whole cache lines, so that rows start on one where their length allows. */
enum { ALIGNMENT = 64 };

pb_scratch *pb_scratch_create(void)
{
    return pb_calloc(1, sizeof(pb_scratch));
}

size_t pb_scratch_bytes(const pb_scratch *scratch)
{
    size_t bytes = 0;
    for (size_t i = 0; i < PB_N_BUFFERS; i++)
        bytes += scratch->buffers[i].bytes;
    return bytes;
}

void pb_scratch_destroy(pb_scratch **scratch)
{
    if (!scratch || !*scratch)
        return;
    for (size_t i = 0; i < PB_N_BUFFERS; i++)
        free((*scratch)->buffers[i].data);
    free(*scratch);
    *scratch = NULL;
}

/* `bytes` rounded up to whole alignments; false if it would overflow. */
static bool round_up(size_t bytes, size_t *rounded)
{
    if (!pb_size_add(bytes, ALIGNMENT - 1, rounded))
        return false;
    *rounded -= *rounded % ALIGNMENT;
    if (*rounded == 0)
        *rounded = ALIGNMENT;
    return true;
}

pb_status pb_scratch_need(pb_scratch *scratch, pb_buffer_name name, size_t count, size_t size,
                          void **data, pb_error **error)
{
    buffer *kept = &scratch->buffers[name];
    size_t bytes;
    if (!pb_size_mul(count, size, &bytes) || !round_up(bytes, &bytes))
        return pb_fail_memory(error);
    if (bytes > kept->bytes) {
        free(kept->data); /* first, so that old and new need not both fit */
        *kept = (buffer){pb_malloc_aligned(ALIGNMENT, bytes), bytes};
        if (!kept->data) {
            kept->bytes = 0;
            return pb_fail_memory(error);
        }
    }
    *data = kept->data;
    return PB_OK;
}

pb_status pb_scratch_floats(pb_scratch *scratch, pb_buffer_name name, size_t rows, size_t width,
                            float **data, pb_error **error)
{
    size_t count;
    void *raw = NULL;
    if (!pb_size_mul(rows, width, &count))
        return pb_fail_memory(error);
    pb_status status = pb_scratch_need(scratch, name, count, sizeof(float), &raw, error);
    if (!status)
        *data = raw;
    return status;
}
