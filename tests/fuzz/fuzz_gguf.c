/* libFuzzer: a GGUF file of any bytes. What opens must be readable to its last value, and every
 * key in it to its last item; what it says of a model must be JSON; a tokenizer in it must encode a
 * text, or say why not. */
#define _GNU_SOURCE /* memfd_create() */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io/gguf.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_tensor(const pb_weights *weights, const pb_weight *weight)
{
    float *values = malloc((weight->count ? weight->count : 1) * sizeof *values);
    if (!values || pb_weights_find(weights, weight->name) != weight)
        abort(); /* the count was checked against the file, which is small */
    if (pb_weights_read(weights, weight, values, NULL))
        abort();
    free(values);
}

static void read_keys(const char *path)
{
    pb_gguf *gguf = NULL;
    pb_buffer shown = PB_BUFFER_EMPTY;
    size_t cursor = 0;
    const char *key, *text;
    pb_gguf_value value, item;
    if (pb_gguf_read(path, &gguf, NULL))
        abort();
    while (pb_gguf_next_key(gguf, &cursor, &key, &value)) {
        size_t length, n = value.count;
        double number;
        pb_gguf_show(value, &shown);
        for (; pb_gguf_next(&value, &item); n--) {
            if (pb_gguf_as_text(item, &text, &length))
                pb_buffer_append(&shown, text, length);
            else
                (void)pb_gguf_as_number(item, &number);
        }
        if (value.kind == PB_GGUF_LIST && n != 0)
            abort();
        pb_buffer_clear(&shown);
    }
    pb_buffer_free(&shown);
    pb_gguf_destroy(&gguf);
}

static void read_config(const char *path)
{
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_json root;
    pb_error *error = NULL;
    if (pb_gguf_config(path, &json, &error)
            ? !error
            : pb_json_object("x", json.data, json.length, &root, NULL))
        abort();
    pb_error_destroy(&error);
    pb_buffer_free(&json);
}

static void read_tokenizer(const char *path)
{
    static const char text[] = "ab abc  <s>12 1\xC3\xA9";
    pb_tokenizer *tokenizer = NULL;
    int32_t *ids = NULL;
    size_t count = 0, length = 0;
    char *back = NULL;
    pb_error *error = NULL;
    if (!pb_tokenizer_open(path, &tokenizer, &error) &&
        !pb_tokenizer_encode(tokenizer, text, strlen(text), PB_SPECIAL_ALLOWED, NULL, &ids, &count,
                             &error)) {
        if (pb_tokenizer_decode(tokenizer, ids, count, &back, &length, NULL))
            abort();
    } else if (!error) {
        abort();
    }
    free(back);
    free(ids);
    pb_error_destroy(&error);
    pb_tokenizer_destroy(&tokenizer);
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
    if (!pb_weights_open(path, &weights, &error)) {
        for (size_t i = 0; i < pb_weights_count(weights); i++)
            read_tensor(weights, pb_weights_at(weights, i));
        read_keys(path);
        read_config(path);
        read_tokenizer(path);
    } else if (!error) {
        abort();
    }
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_weights_close(&weights);
    close(memory);
    return 0;
}
