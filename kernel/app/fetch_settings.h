/* What `patchbay fetch` is told by the environment: the variables of Hugging Face's own library. */
#ifndef PB_APP_FETCH_SETTINGS_H
#define PB_APP_FETCH_SETTINGS_H

#include "fetch/fetch.h"
#include "io/locate.h"

/* What the options point into. */
typedef struct pb_fetch_settings {
    pb_locate_paths paths;
    char *token, *token_path;
} pb_fetch_settings;

/* Sets the options. PB_VALUE for a setting that makes no sense, and where nothing may be
 * downloaded; the settings are the caller's to free in any case. */
pb_status pb_fetch_settings_read(pb_fetch_settings *settings, pb_fetch_options *options,
                                 pb_error **error);
void pb_fetch_settings_free(pb_fetch_settings *settings);

/* A whole number from 1 to `most`. False if the text is none. */
bool pb_read_number(const char *text, long most, long *number);

#endif
