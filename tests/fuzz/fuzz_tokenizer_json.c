/*
 * libFuzzer: a tokenizer.json. What loads must encode, and decode to what was encoded.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const pb_tokenizer *t)
{
    static const char text[] = "the abcabc aaaaaaa \xC3\xA9 <|endoftext|>";
    int32_t *ids = NULL;
    size_t count = 0, length = 0;
    char *back = NULL;
    if (pb_tokenizer_encode(t, text, strlen(text), PB_SPECIAL_ALLOWED, NULL, &ids, &count, NULL) ||
        pb_tokenizer_decode(t, ids, count, &back, &length, NULL) || strcmp(text, back) != 0)
        abort();
    free(ids);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    if (!pb_tokenizer_parse_json("tokenizer.json", (const char *)data, size, &tokenizer, &error))
        check(tokenizer);
    else if (!error)
        abort();
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_tokenizer_destroy(&tokenizer);
    return 0;
}
