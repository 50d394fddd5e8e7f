/*
 * libFuzzer: text of any bytes. What is valid UTF-8 must encode, and decode to itself; the rest
 * must be refused. Run in the source root: the vocabulary is models/reviews-4m.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pb_tokenizer *shared_tokenizer(void)
{
    static pb_tokenizer *tokenizer; /* libFuzzer has one thread and no set-up with a tear-down */
    if (!tokenizer && pb_tokenizer_open("models/reviews-4m", &tokenizer, NULL))
        abort();
    return tokenizer;
}

static void check(const pb_tokenizer *t, const char *text, size_t size, pb_special special)
{
    int32_t *ids = NULL;
    size_t count = 0, length = 0;
    pb_status status = pb_tokenizer_encode(t, text, size, special, NULL, &ids, &count, NULL);
    if ((!status) != (pb_utf8_valid_prefix(text, size) == size))
        abort();
    if (status)
        return;
    char *back = NULL;
    if (pb_tokenizer_decode(t, ids, count, &back, &length, NULL))
        abort();
    if (length != size || (size > 0 && memcmp(back, text, size) != 0))
        abort();
    free(back);
    free(ids);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const pb_tokenizer *t = shared_tokenizer();
    const char *text = (const char *)data;
    check(t, text, size, PB_SPECIAL_ALLOWED);
    check(t, text, size, PB_SPECIAL_AS_TEXT);

    int32_t id;
    pb_error *error = NULL;
    if (size < 64 && pb_tokenizer_need_one(t, text, size, &id, &error) && !error)
        abort();
    pb_error_destroy(&error);
    return 0;
}
