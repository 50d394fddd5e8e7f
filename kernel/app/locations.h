/* Where the program and what belongs to it lie. Everything returned is the caller's to free. */
#ifndef PB_APP_LOCATIONS_H
#define PB_APP_LOCATIONS_H

#include "base/error.h"

/* The program's own file, with links resolved. */
pb_status pb_location_program(char **path, pb_error **error);

/*
 * The folder that holds models/ and kernelspec/: share/patchbay beside an installed program's bin,
 * or the source tree of one that was built and not installed. NULL in *path where there is neither.
 */
pb_status pb_location_data(char **path, pb_error **error);

/* The first program of that name on the PATH, its links resolved; NULL if there is none. */
char *pb_location_on_path(const char *name);

/* How a terminal calls this program, as a shell reads it: "patchbay" where PATH leads to it, else
 * its path. Of what a program inherits it is all that can be known of a terminal's PATH. */
pb_status pb_location_call(char **call, pb_error **error);

/* An environment variable's value, or NULL where it is missing or empty. */
const char *pb_setting(const char *name);

/* A formatted path; NULL when memory is out. */
char *pb_path(const char *format, ...) PB_PRINTF(1, 2);

#endif
