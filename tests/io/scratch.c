/* See scratch.h. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

int scratch_set_up(void **state)
{
    const char *temporary = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/patchbay-test-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(path))
        return -1;
    *state = strdup(path);
    return *state ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

int scratch_tear_down(void **state)
{
    int failed = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return failed;
}

const char *scratch_path(const char *folder, const char *name)
{
    static char paths[4][1024];
    static size_t next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

const char *scratch_write(const char *folder, const char *name, const void *bytes, size_t length)
{
    const char *path = scratch_path(folder, name);
    char between[1024];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(between, sizeof between, "%.*s", (int)(slash - path), path);
        mkdir(between, 0777);
    }
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *scratch_text(const char *folder, const char *name, const char *text)
{
    return scratch_write(folder, name, text, strlen(text));
}

void assert_error(pb_status status, pb_error **error, pb_status expected, const char *part)
{
    char *message = pb_error_render(*error);
    assert_non_null(message);
    if (status != expected || pb_error_code(*error) != expected || !strstr(message, part))
        fail_msg("status %s; expected %s and '%s' in:\n%s", pb_status_name(status),
                 pb_status_name(expected), part, message);
    free(message);
    pb_error_destroy(error);
}

void assert_ok(pb_status status, pb_error **error)
{
    char *message = pb_error_render(*error);
    if (status || *error)
        fail_msg("status %s: %s", pb_status_name(status), message ? message : "(no memory)");
    free(message);
}
