/*
 * The folders of the Hugging Face cache: models--ORG--NAME holds refs/main, a file with a commit,
 * and snapshots/COMMIT, whose files are links into blobs.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/locate.h"
#include "places.h"

enum { REF_LIMIT = 256, COMMIT = 40 }; /* bytes; hexadecimal digits */

char *pb_locate_hub_folder(const char *hub, const char *hub_id)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    pb_buffer_text(&path, hub);
    if (path.length > 0 && path.data[path.length - 1] != '/')
        pb_buffer_byte(&path, '/');
    pb_buffer_text(&path, "models--");
    for (const char *c = hub_id; *c; c++)
        pb_buffer_text(&path, *c == '/' ? "--" : (const char[]){*c, '\0'});
    return pb_buffer_take(&path);
}

static bool has_file(const char *folder, const char *name)
{
    char *path = pb_file_join(folder, name);
    bool there = path && pb_file_exists(path);
    free(path);
    return there;
}

static bool has_safetensors(const char *folder)
{
    return has_file(folder, "model.safetensors") ||
           has_file(folder, "model.safetensors.index.json");
}

bool places_has_only_torch(const char *folder)
{
    return !has_safetensors(folder) && (has_file(folder, "pytorch_model.bin") ||
                                        has_file(folder, "pytorch_model.bin.index.json"));
}

const char *places_lacks(const char *folder)
{
    char *gguf = NULL;
    pb_status status = pb_gguf_find(folder, &gguf, NULL);
    bool there = gguf != NULL;
    free(gguf);
    if (there)
        return NULL;
    if (status == PB_VALUE)
        return "several GGUF files in it, of which one is to be named";
    if (!pb_file_is_folder(folder))
        return pb_file_exists(folder) ? "a file, and a folder was expected" : "no such folder";
    if (!has_file(folder, "config.json"))
        return "no config.json in it";
    if (has_safetensors(folder))
        return NULL;
    if (places_has_only_torch(folder))
        return "no model.safetensors in it, only pytorch_model.bin";
    return "no model.safetensors in it";
}

/* ---- listing ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void places_free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(names);
}

bool places_list(const char *folder, char ***names, size_t *count)
{
    *names = NULL;
    *count = 0;
    DIR *opened = opendir(folder);
    if (!opened)
        return errno != ENOMEM;
    bool complete = true;
    for (struct dirent *each; complete && (each = readdir(opened));) {
        if (each->d_name[0] == '.')
            continue;
        char **grown = pb_realloc(*names, *count + 1, sizeof *grown);
        if (grown)
            *names = grown;
        char *name = grown ? strdup(each->d_name) : NULL;
        if (name)
            (*names)[(*count)++] = name;
        else
            complete = false;
    }
    closedir(opened);
    if (!complete) {
        places_free_names(*names, *count);
        return false;
    }
    if (*count > 0)
        qsort(*names, *count, sizeof **names, by_name);
    return true;
}

/* ---- snapshots ---- */

/* The commit in refs/REVISION. False when memory is out; NULL where the file is missing or holds
 * something that is no name of a snapshot. */
static bool read_ref(const char *model_folder, const char *revision, char **commit)
{
    char *refs = pb_file_join(model_folder, "refs"), *text = NULL;
    char *path = refs ? pb_file_join(refs, revision) : NULL;
    size_t length = 0;
    *commit = NULL;
    pb_status status = path ? pb_file_read(path, REF_LIMIT, NULL, &text, &length, NULL) : PB_MEMORY;
    free(path);
    free(refs);
    if (status)
        return status != PB_MEMORY;
    text[strcspn(text, " \t\r\n")] = '\0';
    if (text[0] && text[0] != '.' && !strchr(text, '/'))
        *commit = text;
    else
        free(text);
    return true;
}

static bool is_commit(const char *revision)
{
    return strlen(revision) == COMMIT && strspn(revision, "0123456789abcdef") == COMMIT;
}

bool places_snapshot(const char *model_folder, const char *revision, char **snapshot)
{
    char *commit = NULL, **names = NULL;
    size_t count = 0;
    *snapshot = NULL;
    char *snapshots = pb_file_join(model_folder, "snapshots");
    bool complete = snapshots && read_ref(model_folder, revision ? revision : "main", &commit) &&
                    (commit || revision || places_list(snapshots, &names, &count));
    const char *chosen = commit                            ? commit
                         : revision && is_commit(revision) ? revision
                         : count == 1                      ? names[0]
                                                           : NULL;
    if (complete && chosen) {
        *snapshot = pb_file_join(snapshots, chosen);
        complete = *snapshot != NULL;
    }
    places_free_names(names, count);
    free(commit);
    free(snapshots);
    return complete;
}

bool places_is_unfinished(const char *model_folder)
{
    static const char ending[] = ".incomplete";
    char *blobs = pb_file_join(model_folder, "blobs"), **names = NULL;
    size_t count = 0;
    bool found = false;
    if (blobs && places_list(blobs, &names, &count)) {
        for (size_t i = 0; i < count && !found; i++) {
            size_t length = strlen(names[i]), tail = sizeof ending - 1;
            found = length > tail && strcmp(names[i] + length - tail, ending) == 0;
        }
        places_free_names(names, count);
    }
    free(blobs);
    return found;
}
