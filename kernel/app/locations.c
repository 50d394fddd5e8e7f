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
