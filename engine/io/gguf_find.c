/* Which GGUF file a path means. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "io/file.h"
#include "io/gguf.h"

static bool has_ending(const char *name)
{
    static const char ending[] = ".gguf";
    size_t length = strlen(name), n = sizeof ending - 1;
    return length > n && strcmp(name + length - n, ending) == 0;
}

/* A file that is named otherwise may be one, as those in a cache are. */
static bool starts_like_one(const char *path)
{
    char start[4];
    int descriptor;
    uint64_t size;
    if (pb_file_open(path, &descriptor, &size, NULL))
        return false;
    bool read =
        size >= sizeof start && !pb_file_read_at(descriptor, path, 0, start, sizeof start, NULL);
    close(descriptor);
    return read && memcmp(start, "GGUF", sizeof start) == 0;
}

static bool has_safetensors(const char *folder)
{
    static const char *const names[] = {"model.safetensors", "model.safetensors.index.json"};
    bool there = false;
    for (size_t i = 0; i < 2 && !there; i++) {
        char *path = pb_file_join(folder, names[i]);
        there = path && pb_file_exists(path);
        free(path);
    }
    return there;
}

static pb_status refuse_several(const char *folder, const char *one, const char *other,
                                pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_VALUE, "'%s' holds several GGUF files, '%s' and '%s' among them", folder,
                one, other);
    if (error)
        pb_error_hint(*error, "load the one that is meant by its path");
    return status;
}

/* The one file of a folder that ends like one. */
static pb_status find_in_folder(const char *folder, char **name, pb_error **error)
{
    DIR *open = opendir(folder);
    pb_status status = PB_OK;
    const struct dirent *entry;
    while (open && !status && (entry = readdir(open))) {
        if (!has_ending(entry->d_name))
            continue;
        if (*name)
            status = refuse_several(folder, *name, entry->d_name, error);
        else if (!(*name = strdup(entry->d_name)))
            status = pb_fail_memory(error);
    }
    if (open)
        closedir(open);
    return status;
}

pb_status pb_gguf_find(const char *path, char **file, pb_error **error)
{
    char *name = NULL;
    pb_status status = PB_OK;
    *file = NULL;
    if (!pb_file_is_folder(path)) {
        if (pb_file_exists(path) && (has_ending(path) || starts_like_one(path)) &&
            !(*file = strdup(path)))
            status = pb_fail_memory(error);
        return status;
    }
    if (has_safetensors(path))
        return PB_OK;
    status = find_in_folder(path, &name, error);
    if (!status && name && !(*file = pb_file_join(path, name)))
        status = pb_fail_memory(error);
    free(name);
    return status;
}
