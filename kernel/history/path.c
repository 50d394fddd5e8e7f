/* Where the history lies. */
#include <stdlib.h>

#include "base/buffer.h"
#include "history/history.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

char *pb_history_default_path(void)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    const char *file = variable("PATCHBAY_HISTORY");
    const char *data = variable("XDG_DATA_HOME");
    const char *home = variable("HOME");
    if (file)
        pb_buffer_text(&path, file);
    else if (data)
        pb_buffer_format(&path, "%s/patchbay/history.sqlite", data);
    else if (home)
        pb_buffer_format(&path, "%s/.local/share/patchbay/history.sqlite", home);
    else
        return NULL;
    return pb_buffer_take(&path);
}
