/* The cells of a file that `patchbay run` runs. */
#ifndef PB_APP_SCRIPT_H
#define PB_APP_SCRIPT_H

#include "base/buffer.h"
#include "base/error.h"

typedef struct pb_script_cell {
    size_t at, length; /* in the code */
} pb_script_cell;

typedef struct pb_script {
    pb_buffer code; /* all cells, one after another */
    pb_script_cell *cells;
    size_t count, capacity;
    char *folder; /* that of a notebook, whose cells name files from there; else NULL */
} pb_script;

/* One cell, with this code. */
pb_status pb_script_of_code(pb_script *script, const char *code, pb_error **error);

/*
 * The cells of a file, "-" being standard input: the code cells of a notebook, known by its suffix
 * .ipynb, or what stands between lines that begin with "# %%". Fails for a notebook that is written
 * in another language.
 */
pb_status pb_script_read(pb_script *script, const char *path, pb_error **error);

/* Frees what a script holds; after a failure too. */
void pb_script_free(pb_script *script);

#endif
