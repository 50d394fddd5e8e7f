/* The session a command works with. */
#include "session.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "dictionary/dictionary.h"
#include "locations.h"

#define DEFAULT_MODEL "reviews-4m"

/* "2000000000", "500M", "8G", "1.5g": bytes, in the units that memory comes in. */
static bool read_size(const char *text, size_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    double number = isdigit((unsigned char)*text) ? strtod(text, &end) : 0;
    if (number <= 0 || errno)
        return false;
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (*end && (!unit || end[1]))
        return false;
    for (const char *each = units; unit && each <= unit; each++)
        number *= 1024;
    if (number < 1 || number >= (double)(SIZE_MAX / 2))
        return false;
    *bytes = (size_t)number;
    return true;
}

/* What values may hold in all, as it is set; 0 where it is not. */
static pb_status read_budget(size_t *bytes, pb_error **error)
{
    const char *said = pb_setting("PATCHBAY_MEMORY");
    *bytes = 0;
    if (!said || read_size(said, bytes))
        return PB_OK;
    pb_status status = pb_fail(error, PB_VALUE, "PATCHBAY_MEMORY is %s, which is no size", said);
    if (error && *error)
        pb_error_hint(*error, "it is a number of bytes, or one with K, M or G: 800M, 8G");
    return status;
}

static pb_status create(const pb_log *log, bool load_default, const char *models,
                        const char *program, pb_session **session, pb_error **error)
{
    const char *const folders[] = {models};
    size_t n_words, memory;
    pb_status status = read_budget(&memory, error);
    const pb_word_table *const *words = pb_dictionary(&n_words);
    const pb_session_options options = {
        .words = words,
        .n_words = n_words,
        .model_paths = folders,
        .n_model_paths = models ? 1 : 0,
        .program = program,
        .default_model = DEFAULT_MODEL,
        .load_default = load_default,
        .log = log,
        .memory = memory,
    };
    return status ? status : pb_session_create(&options, session, error);
}

pb_status pb_app_session(const pb_log *log, bool load_default, pb_session **session,
                         pb_error **error)
{
    char *data = NULL, *models = NULL, *program = NULL;
    pb_status status = pb_location_data(&data, error);
    if (!status && data && !(models = pb_path("%s/models", data)))
        status = pb_fail_memory(error);
    if (!status)
        status = pb_location_call(&program, error);
    if (!status)
        status = create(log, load_default, models, program, session, error);
    free(data);
    free(models);
    free(program);
    return status;
}
