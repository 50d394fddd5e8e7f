/*
 * libFuzzer: a vocabulary of all bytes and what the input adds to it, up to its first NUL; behind
 * that, merges.txt. What loads must encode, and decode what it encoded; to the same text only where
 * no two keys have one id, which fuzz_tokenizer looks at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* {"!":33, ..., "\u0143":173 and then `more`. */
static void write_vocabulary(pb_buffer *json, const char *more, size_t n_more)
{
    unsigned next = 0x100;
    pb_buffer_byte(json, '{');
    for (unsigned byte = 0; byte < 256; byte++) {
        bool itself = (byte > 0x20 && byte < 0x7F) || (byte > 0xA0 && byte != 0xAD);
        pb_buffer_format(json, "%s\"\\u%04x\":%u", byte ? "," : "", itself ? byte : next++, byte);
    }
    pb_buffer_append(json, more, n_more);
    pb_buffer_byte(json, '}');
}

static void check(const pb_tokenizer *t)
{
    static const char text[] = "the abcabc aaaaaaa \xC3\xA9 <|endoftext|>";
    int32_t *ids = NULL;
    size_t count = 0, length = 0;
    char *back = NULL;
    if (pb_tokenizer_encode(t, text, strlen(text), PB_SPECIAL_ALLOWED, NULL, &ids, &count, NULL) ||
        pb_tokenizer_decode(t, ids, count, &back, &length, NULL))
        abort();
    free(ids);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    const char *nul = size > 0 ? memchr(bytes, '\0', size) : NULL;
    size_t n_more = nul ? (size_t)(nul - bytes) : size;
    const char *merges = nul ? nul + 1 : "";
    size_t n_merges = nul ? size - n_more - 1 : 0;
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_tokenizer *tokenizer = NULL;
    pb_error *error = NULL;
    write_vocabulary(&json, bytes, n_more);
    if (!pb_tokenizer_parse("vocab.json", json.data, json.length, "merges.txt", merges, n_merges,
                            &tokenizer, &error))
        check(tokenizer);
    else if (!error)
        abort();
    free(pb_error_render(error));
    pb_error_destroy(&error);
    pb_tokenizer_destroy(&tokenizer);
    pb_buffer_free(&json);
    return 0;
}
