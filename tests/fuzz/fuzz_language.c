/* Cells of any bytes: run with a bound on steps, completed, inspected and asked for completeness.
 */
#include <stdlib.h>
#include <string.h>

#include "dictionary/dictionary.h"
#include "session_private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words that reach outside are left alone. */
static bool reaches_outside(const char *code, size_t size)
{
    static const char *const words[] = {"save", "load", "read", "models"};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t i = 0; i + strlen(words[w]) <= size; i++)
            if (memcmp(code + i, words[w], strlen(words[w])) == 0)
                return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *code = (const char *)data;
    pb_session_options options = {.default_model = "none", .memory = 1500u << 20};
    options.words = pb_dictionary(&options.n_words);
    pb_session *session = NULL;
    pb_bundle *bundle = NULL;
    pb_matches *matches = NULL;
    pb_error *error = NULL;
    char *indent = NULL;
    if (reaches_outside(code, size) || pb_session_create(&options, &session, NULL))
        return 0;
    pb_status status =
        pb_session_run_bounded(session, "cell 1", code, size, NULL, 20000, &bundle, &error);
    if ((!status) != (error == NULL))
        abort();
    char *message = error ? pb_error_render(error) : NULL;
    free(message);
    pb_error_destroy(&error);
    pb_bundle_destroy(&bundle);
    pb_session_is_complete(code, size, &indent);
    free(indent);
    size_t at = size ? data[size - 1] % (size + 1) : 0;
    if (!pb_session_complete(session, code, size, at, &matches, NULL) && matches->end > size)
        abort();
    pb_matches_destroy(&matches);
    pb_session_inspect(session, code, size, at, 1, &bundle, NULL);
    pb_bundle_destroy(&bundle);
    pb_session_destroy(&session);
    return 0;
}
