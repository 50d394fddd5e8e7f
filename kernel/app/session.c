/* The session a command works with. */
#include "session.h"

#include <stdlib.h>

#include "dictionary/dictionary.h"
#include "locations.h"

#define DEFAULT_MODEL "reviews-4m"

pb_status pb_app_session(const pb_log *log, bool load_default, pb_session **session,
                         pb_error **error)
{
    char *data, *models = NULL;
    pb_status status = pb_location_data(&data, error);
    if (!status && data && !(models = pb_path("%s/models", data)))
        status = pb_fail_memory(error);
    free(data);
    if (status)
        return status;
    const char *const folders[] = {models};
    size_t n_words;
    const pb_word_table *const *words = pb_dictionary(&n_words);
    const pb_session_options options = {
        .words = words,
        .n_words = n_words,
        .model_paths = folders,
        .n_model_paths = models ? 1 : 0,
        .default_model = DEFAULT_MODEL,
        .load_default = load_default,
        .log = log,
    };
    status = pb_session_create(&options, session, error);
    free(models);
    return status;
}
