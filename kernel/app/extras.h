/* What install brings along for editors and exports: the extension that colours the language in
 * JupyterLab and Notebook, and the Python package in which Pygments finds the lexer, nbconvert the
 * form of scripts, and papermill the form of parameters. */
#ifndef PB_APP_EXTRAS_H
#define PB_APP_EXTRAS_H

#include "base/error.h"

/* Copies them from the program's data: beside the kernels folder that `kernelspec` lies in, and
 * into each Python's site-packages below `prefix`. */
pb_status pb_extras_install(const char *data, const char *kernelspec, const char *prefix,
                            pb_error **error);
/* Removes what was copied. */
pb_status pb_extras_remove(const char *kernelspec, const char *prefix, pb_error **error);

#endif
