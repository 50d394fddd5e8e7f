/* The extension for JupyterLab and the Python package: where they go, and away again. */
#include "extras.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "files.h"
#include "locations.h"

/* Whose places these are: a row below Jupyter's data folder, or below every site-packages. */
typedef struct {
    const char *from; /* below the program's data */
    const char *to;
    bool python;
} extra;

static const extra extras[] = {
    {"kernelspec/labextension/built", "labextensions/patchbay-labextension", false},
    {"kernelspec/python/patchbay_jupyter", "patchbay_jupyter", true},
    {"kernelspec/python/patchbay_jupyter-1.0.dist-info", "patchbay_jupyter-1.0.dist-info", true},
};

/* Copies a row into a folder; without data, removes it. */
static pb_status settle(const extra *row, const char *data, const char *folder, pb_error **error)
{
    char *from = data ? pb_path("%s/%s", data, row->from) : NULL;
    char *to = pb_path("%s/%s", folder, row->to);
    pb_status status = PB_OK;
    if (!to || (data && !from))
        status = pb_fail_memory(error);
    else
        status = data ? pb_file_copy(from, to, error) : pb_file_remove(to, error);
    free(from);
    free(to);
    return status;
}

/* Jupyter's data folder, above kernels/patchbay. */
static char *jupyter_folder(const char *kernelspec)
{
    static const char below[] = "/kernels/patchbay";
    return pb_path("%.*s", (int)(strlen(kernelspec) - strlen(below)), kernelspec);
}

/* The characters a pattern would take for more than themselves stand behind a backslash. */
static char *python_pattern(const char *prefix)
{
    pb_buffer pattern = PB_BUFFER_EMPTY;
    for (const char *c = prefix; *c; c++) {
        if (strchr("*?[]\\", *c))
            pb_buffer_byte(&pattern, '\\');
        pb_buffer_byte(&pattern, *c);
    }
    pb_buffer_text(&pattern, "/lib/python3*/site-packages");
    return pb_buffer_take(&pattern);
}

static pb_status settle_all(const char *data, const char *kernelspec, const char *prefix,
                            pb_error **error)
{
    glob_t found = {0};
    char *jupyter = jupyter_folder(kernelspec), *pattern = python_pattern(prefix);
    pb_status status = jupyter && pattern ? PB_OK : pb_fail_memory(error);
    if (!status && glob(pattern, GLOB_NOSORT, NULL, &found) == GLOB_NOSPACE)
        status = pb_fail_memory(error);
    for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
        if (!extras[i].python && !status)
            status = settle(&extras[i], data, jupyter, error);
        for (size_t j = 0; j < found.gl_pathc && extras[i].python && !status; j++)
            status = settle(&extras[i], data, found.gl_pathv[j], error);
    }
    globfree(&found);
    free(jupyter);
    free(pattern);
    return status;
}

pb_status pb_extras_install(const char *data, const char *kernelspec, const char *prefix,
                            pb_error **error)
{
    return settle_all(data, kernelspec, prefix, error);
}

pb_status pb_extras_remove(const char *kernelspec, const char *prefix, pb_error **error)
{
    return settle_all(NULL, kernelspec, prefix, error);
}
