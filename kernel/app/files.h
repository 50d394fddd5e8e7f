/* Files and folders, as the commands need them. */
#ifndef PB_APP_FILES_H
#define PB_APP_FILES_H

#include <stddef.h>

#include "base/error.h"

/* Reads a whole file, "-" being standard input. *text is malloc'ed, the caller's, with a NUL after
 * it. */
pb_status pb_app_file_read(const char *path, char **text, size_t *length, pb_error **error);

/* Writes a file anew, its folders too, so that it is there whole or not at all. */
pb_status pb_app_file_write(const char *path, const void *bytes, size_t length, unsigned mode,
                            pb_error **error);

/* Copies a file with its mode, or a folder with all in it but for what Python caches there. */
pb_status pb_file_copy(const char *from, const char *to, pb_error **error);

/* Removes a file, or a folder with all in it. What is gone already is fine. */
pb_status pb_file_remove(const char *path, pb_error **error);

/* Removes a folder if nothing is in it. */
void pb_folder_remove_if_empty(const char *path);

#endif
