/* A temporary folder for a test, and hostile files in it. */
#ifndef PB_TESTS_SCRATCH_H
#define PB_TESTS_SCRATCH_H

#include <stddef.h>

#include "base/error.h"

/* For a cmocka set-up and tear-down: *state is the folder's path. */
int scratch_set_up(void **state);
int scratch_tear_down(void **state);

/* "folder/name", in a buffer that the next call but three overwrites. */
const char *scratch_path(const char *folder, const char *name);

/* Writes folder/name, making the folders in between; returns its path as above. */
const char *scratch_write(const char *folder, const char *name, const void *bytes, size_t length);
const char *scratch_text(const char *folder, const char *name, const char *text);

/* Asserts the status and that the message holds `part`; ends the error. */
void assert_error(pb_status status, pb_error **error, pb_status expected, const char *part);
/* Asserts PB_OK, printing the message if it is another; ends the error. */
void assert_ok(pb_status status, pb_error **error);

#endif
