/* Files and folders, as the commands need them. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "locations.h"

/* ---- one file ---- */

static pb_status read_all(int file, const char *path, pb_buffer *text, pb_error **error)
{
    char piece[65536];
    ssize_t got;
    while ((got = read(file, piece, sizeof piece)) != 0) {
        if (got < 0 && errno != EINTR)
            return pb_fail_errno(error, errno, "cannot read '%s'", path);
        if (got > 0)
            pb_buffer_append(text, piece, (size_t)got);
    }
    return pb_buffer_status(text, error);
}

pb_status pb_app_file_read(const char *path, char **text, size_t *length, pb_error **error)
{
    pb_buffer buffer = PB_BUFFER_EMPTY;
    bool standard = strcmp(path, "-") == 0;
    *text = NULL;
    int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return pb_fail_errno(error, errno, "cannot open '%s'", path);
    pb_status status = read_all(file, path, &buffer, error);
    if (!standard)
        close(file);
    if (!status) {
        *length = buffer.length;
        *text = pb_buffer_take(&buffer);
        if (!*text)
            status = pb_fail_memory(error);
    }
    pb_buffer_free(&buffer);
    return status;
}

static pb_status make_folders(const char *path, pb_error **error)
{
    char *folder = pb_path("%s", path);
    if (!folder)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (char *slash = strchr(folder + 1, '/'); slash && !status; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0777) != 0 && errno != EEXIST)
            status = pb_fail_errno(error, errno, "cannot make the folder '%s'", folder);
        *slash = '/';
    }
    free(folder);
    return status;
}

/* Writes all bytes; 0, or the errno. */
static int write_all(int file, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = write(file, bytes, length);
        if (written < 0 && errno != EINTR)
            return errno;
        bytes += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int write_temporary(const char *path, const void *bytes, size_t length, unsigned mode)
{
    unlink(path); /* left by a process of this number, or put there to be followed */
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (file < 0)
        return errno;
    int failure = write_all(file, bytes, length);
    if (close(file) != 0 && failure == 0)
        failure = errno;
    return failure;
}

pb_status pb_app_file_write(const char *path, const void *bytes, size_t length, unsigned mode,
                            pb_error **error)
{
    pb_status status = make_folders(path, error);
    if (status)
        return status;
    char *temporary = pb_path("%s.%ld.part", path, (long)getpid());
    if (!temporary)
        return pb_fail_memory(error);
    int failure = write_temporary(temporary, bytes, length, mode);
    if (failure == 0 && rename(temporary, path) != 0)
        failure = errno;
    if (failure != 0) {
        unlink(temporary);
        status = pb_fail_errno(error, failure, "cannot write '%s'", path);
    }
    free(temporary);
    return status;
}

/* ---- folders ---- */

/* What is done with each entry of a folder, and with its namesake in another one. */
typedef pb_status act_on_entry(const char *from, const char *to, pb_error **error);

/* Stops at the first failure. */
static pb_status for_each(const char *from, const char *to, act_on_entry *act, pb_error **error)
{
    DIR *folder = opendir(from);
    if (!folder)
        return pb_fail_errno(error, errno, "cannot open the folder '%s'", from);
    pb_status status = PB_OK;
    for (struct dirent *entry = readdir(folder); entry && !status; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *source = pb_path("%s/%s", from, entry->d_name);
        char *target = pb_path("%s/%s", to, entry->d_name);
        status = source && target ? act(source, target, error) : pb_fail_memory(error);
        free(source);
        free(target);
    }
    closedir(folder);
    return status;
}

static bool same_file(const char *from, const char *to)
{
    struct stat one, two;
    return stat(from, &one) == 0 && stat(to, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

/* What Python keeps of a module it has run, in a source tree. */
static bool is_python_cache(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, "__pycache__") == 0;
}

pb_status pb_file_copy(const char *from, const char *to, pb_error **error)
{
    struct stat facts;
    if (stat(from, &facts) != 0)
        return pb_fail_errno(error, errno, "cannot read '%s'", from);
    if (same_file(from, to) || is_python_cache(from))
        return PB_OK;
    if (S_ISDIR(facts.st_mode))
        return for_each(from, to, pb_file_copy, error);
    char *bytes;
    size_t length;
    pb_status status = pb_app_file_read(from, &bytes, &length, error);
    if (!status)
        status = pb_app_file_write(to, bytes, length, facts.st_mode & 0777, error);
    free(bytes);
    return status;
}

static pb_status remove_entry(const char *path, const char *unused, pb_error **error)
{
    (void)unused;
    return pb_file_remove(path, error);
}

pb_status pb_file_remove(const char *path, pb_error **error)
{
    struct stat facts;
    pb_status status = PB_OK;
    if (lstat(path, &facts) != 0)
        return errno == ENOENT ? PB_OK : pb_fail_errno(error, errno, "cannot remove '%s'", path);
    bool folder = S_ISDIR(facts.st_mode);
    if (folder)
        status = for_each(path, path, remove_entry, error);
    if (!status && (folder ? rmdir(path) : unlink(path)) != 0)
        status = pb_fail_errno(error, errno, "cannot remove '%s'", path);
    return status;
}

void pb_folder_remove_if_empty(const char *path)
{
    rmdir(path); /* fails where something is in it, as it should */
}
