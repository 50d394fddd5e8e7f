/* Suggestions that words of several layers make. */
#include "eval/suggest.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_FILES 1000

/* Adds what lies in `folder` and begins as what is typed does; `typed` names the folder too. */
static void add_files(const char *folder, const char *typed, pb_names *names)
{
    const char *slash = strrchr(typed, '/'), *begins = slash ? slash + 1 : typed;
    int before = slash ? (int)(slash + 1 - typed) : 0;
    DIR *directory = opendir(folder);
    struct stat found;
    size_t seen = 0;
    pb_names *there = pb_names_create();
    for (struct dirent *entry;
         there && directory && (entry = readdir(directory)) && seen < MOST_FILES;) {
        bool hidden = entry->d_name[0] == '.' && begins[0] != '.';
        if (hidden || strncmp(entry->d_name, begins, strlen(begins)) != 0 ||
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        pb_buffer name = PB_BUFFER_EMPTY;
        bool deeper =
            !fstatat(dirfd(directory), entry->d_name, &found, 0) && S_ISDIR(found.st_mode);
        pb_buffer_format(&name, "%.*s%s%s", before, typed, entry->d_name, deeper ? "/" : "");
        if (name.data && !name.failed)
            pb_names_add(there, name.data, deeper ? "folder" : "file", "");
        pb_buffer_free(&name);
        seen++;
    }
    if (directory)
        closedir(directory);
    if (there)
        pb_names_sort(there);
    for (size_t i = 0; there && i < pb_names_count(there); i++)
        pb_names_add(names, pb_names_item(there, i)->text, pb_names_item(there, i)->type, "");
    pb_names_destroy(&there);
}

void pb_suggest_files(const pb_asked *asked, pb_names *names)
{
    const char *slash = strrchr(asked->typed, '/'), *home = getenv("HOME");
    bool tilde = asked->typed[0] == '~' && asked->typed[1] == '/' && home;
    pb_buffer folder = PB_BUFFER_EMPTY;
    if (tilde)
        pb_buffer_text(&folder, home);
    if (slash)
        pb_buffer_append(&folder, asked->typed + (tilde ? 1 : 0),
                         (size_t)(slash + 1 - asked->typed) - (tilde ? 1 : 0));
    else
        pb_buffer_text(&folder, ".");
    if (folder.data && !folder.failed)
        add_files(folder.data, asked->typed, names);
    pb_buffer_free(&folder);
}
