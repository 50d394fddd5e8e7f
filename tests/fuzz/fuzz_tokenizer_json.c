/*
 * libFuzzer: a folder's tokenizer.json, up to the first NUL, and its tokenizer_config.json behind
 * that. What loads must encode, and decode what it encoded: to the same text, unless normalisers,
 * or tokens that strip, or bytes without tokens are in it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(pb_tokenizer *t)
{
    static const char *const texts[] = {"the abcabc aaaaaaa \xC3\xA9 <|endoftext|>", "", " ",
                                        "a  b", "<s> a<s>\n<s>aa"};
    (void)pb_tokenizer_fit(t, pb_tokenizer_count(t) + 3, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int32_t *ids = NULL;
        size_t count = 0, length = 0;
        char *back = NULL;
        pb_error *error = NULL;
        if (pb_tokenizer_encode(t, texts[i], strlen(texts[i]), PB_SPECIAL_ALLOWED, NULL, &ids,
                                &count, &error)) {
            if (!error)
                abort();
        } else if (pb_tokenizer_decode(t, ids, count, &back, &length, NULL)) {
            abort();
        }
        pb_error_destroy(&error);
        free(ids);
        free(back);
    }
    pb_buffer notes = PB_BUFFER_EMPTY;
    pb_tokenizer_notes(t, &notes);
    pb_buffer_free(&notes);
}

/* The folder that all inputs share, for the time of the process. */
static const char *folder(void)
{
    static char path[] = "/tmp/patchbay-fuzz-XXXXXX";
    static bool made;
    if (!made && !mkdtemp(path))
        abort();
    made = true;
    return path;
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
    char *path = pb_file_join(folder(), name);
    FILE *file = path ? fopen(path, "wb") : NULL;
    if (!file || (size > 0 && fwrite(data, 1, size, file) != size) || fclose(file))
        abort();
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t first = nul ? (size_t)(nul - data) : size;
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    write_file("tokenizer.json", data, first);
    write_file("tokenizer_config.json", nul ? nul + 1 : (const uint8_t *)"{}",
               nul ? size - first - 1 : 2);
    if (!pb_tokenizer_open(folder(), &tokenizer, &error))
        check(tokenizer);
    else if (!error)
        abort();
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_tokenizer_destroy(&tokenizer);
    return 0;
}
