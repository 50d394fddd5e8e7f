/* libFuzzer: a safetensors file of any bytes. What opens must be readable to its last value. */
#define _GNU_SOURCE /* memfd_create() */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const pb_weights *weights)
{
    for (size_t i = 0; i < pb_weights_count(weights); i++) {
        const pb_weight *weight = pb_weights_at(weights, i);
        if (pb_weights_find(weights, weight->name) != weight)
            abort();
        float *values = malloc((weight->count ? weight->count : 1) * sizeof *values);
        if (!values)
            abort(); /* the count was checked against the file, which is small */
        pb_status status = pb_weights_read(weights, weight, values, NULL);
        if (status && status != PB_UNSUPPORTED)
            abort();
        free(values);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int memory = memfd_create("fuzz", 0);
    if (memory < 0 || write(memory, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory);
    pb_weights *weights = NULL;
    pb_error *error = NULL;
    if (!pb_weights_open_file(path, &weights, &error))
        read_all(weights);
    else if (!error)
        abort();
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_weights_close(&weights);
    close(memory);
    return 0;
}
