/* Where the program and what belongs to it lie. */
#include "locations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"

const char *pb_setting(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *pb_path(const char *format, ...)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&path, format, arguments);
    va_end(arguments);
    return pb_buffer_take(&path);
}

pb_status pb_location_program(char **path, pb_error **error)
{
    *path = realpath("/proc/self/exe", NULL);
    return *path ? PB_OK : pb_fail_errno(error, errno, "the program cannot find its own file");
}

/* ---- how it is called ---- */

static bool is_plain(const char *path)
{
    return path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                             "_./+-@%:,=")] == '\0';
}

/* A word of a shell's line. */
static char *quoted(const char *path)
{
    if (is_plain(path))
        return strdup(path);
    pb_buffer word = PB_BUFFER_EMPTY;
    pb_buffer_byte(&word, '\'');
    for (const char *c = path; *c; c++) {
        if (*c == '\'')
            pb_buffer_text(&word, "'\\'");
        pb_buffer_byte(&word, *c);
    }
    pb_buffer_byte(&word, '\'');
    return pb_buffer_take(&word);
}

char *pb_location_on_path(const char *name)
{
    for (const char *at = pb_setting("PATH"); at;) {
        size_t length = strcspn(at, ":");
        char *path = length > 0 ? pb_path("%.*s/%s", (int)length, at, name) : pb_path("./%s", name);
        char *found = path && access(path, X_OK) == 0 ? realpath(path, NULL) : NULL;
        free(path);
        if (found)
            return found;
        at = at[length] ? at + length + 1 : NULL;
    }
    return NULL;
}

pb_status pb_location_call(char **call, pb_error **error)
{
    char *program;
    pb_status status = pb_location_program(&program, error);
    if (status)
        return status;
    char *found = pb_location_on_path("patchbay");
    *call = found && strcmp(found, program) == 0 ? strdup("patchbay") : quoted(program);
    free(found);
    free(program);
    return *call ? PB_OK : pb_fail_memory(error);
}

/* ---- what belongs to it ---- */

/* Whether a folder holds both models/ and kernelspec/. */
static bool is_data(const char *folder)
{
    char *spec = pb_path("%s/kernelspec/patchbay/kernel.json.in", folder);
    char *models = pb_path("%s/models", folder);
    bool found = spec && models && access(spec, R_OK) == 0 && access(models, R_OK) == 0;
    free(spec);
    free(models);
    return found;
}

/* The data folder that belongs to one of the folders above the program, if any. */
static char *data_above(const char *folder)
{
    char *installed = pb_path("%s/share/patchbay", folder);
    if (installed && is_data(installed))
        return installed;
    free(installed);
    return is_data(folder) ? pb_path("%s", folder) : NULL;
}

pb_status pb_location_data(char **path, pb_error **error)
{
    char *folder;
    *path = NULL;
    pb_status status = pb_location_program(&folder, error);
    if (status)
        return status;
    for (char *slash = strrchr(folder, '/'); slash && !*path; slash = strrchr(folder, '/')) {
        *slash = '\0';
        *path = data_above(folder);
    }
    free(folder);
    return PB_OK;
}
