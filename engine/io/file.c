/* Files by plain POSIX calls. EINTR is retried, and a short read is a fault, never half a result.
 */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

/* Bytes asked of one read or write, between which the stop flag is looked at: some ms at the speed
 * of memory, tens at a disk's. */
enum { LARGEST_STEP = 1 << 22 };

pb_status pb_file_open(const char *path, int *descriptor, uint64_t *size, pb_error **error)
{
    /* O_NONBLOCK: opening a pipe must not wait for somebody to write to it. */
    int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0)
        return pb_fail_errno(error, errno, "cannot open '%s'", path);
    struct stat about;
    pb_status status = PB_OK;
    if (fstat(opened, &about) != 0)
        status = pb_fail_errno(error, errno, "cannot look at '%s'", path);
    else if (S_ISDIR(about.st_mode))
        status = pb_fail(error, PB_IO, "'%s' is a folder, and a file was expected", path);
    else if (!S_ISREG(about.st_mode))
        status = pb_fail(error, PB_IO, "'%s' is not a regular file", path);
    if (status) {
        close(opened);
        return status;
    }
    *descriptor = opened;
    *size = (uint64_t)about.st_size;
    return PB_OK;
}

pb_status pb_file_read_at(int descriptor, const char *path, uint64_t offset, void *bytes,
                          size_t length, pb_error **error)
{
    char *at = bytes;
    size_t left = length;
    if (offset > INT64_MAX || length > INT64_MAX - offset)
        return pb_fail(error, PB_IO, "'%s' cannot be read past the largest file offset", path);
    while (left > 0) {
        size_t step = left < LARGEST_STEP ? left : LARGEST_STEP;
        ssize_t got = pread(descriptor, at, step, (off_t)(offset + (length - left)));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pb_fail_errno(error, errno, "cannot read '%s'", path);
        if (got == 0)
            return pb_fail(error, PB_IO,
                           "'%s' ends too early: %zu bytes were expected at offset %llu, and %zu "
                           "are there",
                           path, length, (unsigned long long)offset, length - left);
        at += got;
        left -= (size_t)got;
    }
    return PB_OK;
}

static pb_status read_all(int descriptor, const char *path, char *bytes, size_t length,
                          const pb_watch *watch, pb_error **error)
{
    pb_status status = pb_watch_check(watch, error);
    for (size_t at = 0; !status && at < length; at += LARGEST_STEP) {
        size_t step = length - at < LARGEST_STEP ? length - at : LARGEST_STEP;
        status = pb_file_read_at(descriptor, path, at, bytes + at, step, error);
        if (!status)
            status = pb_watch_check(watch, error);
    }
    return status;
}

pb_status pb_file_read(const char *path, size_t limit, const pb_watch *watch, char **bytes,
                       size_t *length, pb_error **error)
{
    int descriptor = -1;
    uint64_t size = 0;
    pb_status status = pb_file_open(path, &descriptor, &size, error);
    if (status)
        return status;
    char *read = NULL;
    if (size > limit || size > SIZE_MAX - 1)
        status = pb_fail(error, PB_LIMIT, "'%s' has %llu bytes, and at most %zu were expected",
                         path, (unsigned long long)size, limit);
    else if (!(read = pb_malloc((size_t)size + 1, 1)))
        status = pb_fail_memory(error);
    else
        status = read_all(descriptor, path, read, (size_t)size, watch, error);
    close(descriptor);
    if (status) {
        free(read);
        return status;
    }
    read[size] = '\0';
    *bytes = read;
    *length = (size_t)size;
    return PB_OK;
}

/* ---- writing ---- */

static pb_status write_all(int descriptor, const char *path, const char *bytes, size_t length,
                           const pb_watch *watch, pb_error **error)
{
    while (length > 0) {
        if (pb_watch_stopped(watch))
            return pb_watch_fail(error);
        ssize_t put = write(descriptor, bytes, length < LARGEST_STEP ? length : LARGEST_STEP);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return pb_fail_errno(error, errno, "cannot write '%s'", path);
        bytes += put;
        length -= (size_t)put;
    }
    return PB_OK;
}

/* What a file is written in the place of. */
typedef struct place {
    char *path; /* with links followed; malloc'ed */
    bool exists;
    mode_t mode; /* of what exists */
} place;

/* A link whose end is not there, or that leads back to itself. */
static pb_status fail_link(const char *path, int failure, pb_error **error)
{
    if (failure == ENOENT)
        return pb_fail(error, PB_IO, "cannot write '%s': it is a link to where nothing is", path);
    return pb_fail_errno(error, failure, "cannot write '%s', which is a link", path);
}

/* Only a regular file that may be written is replaced. Root may write anything, and a file that
 * nobody may write was meant to stay. */
static pb_status check_replaced(const char *path, mode_t mode, pb_error **error)
{
    if (S_ISDIR(mode))
        return pb_fail(error, PB_IO, "cannot write '%s': it is a folder", path);
    if (!S_ISREG(mode))
        return pb_fail(error, PB_IO, "cannot write '%s': it is not a regular file", path);
    if ((mode & 0222) && access(path, W_OK) == 0)
        return PB_OK;
    pb_status status = pb_fail(error, PB_IO, "cannot write '%s': it is read-only", path);
    if (error)
        pb_error_hint(*error, "write to another name, or make it writable first");
    return status;
}

static pb_status find_place(const char *path, place *found, pb_error **error)
{
    struct stat about;
    *found = (place){.path = NULL};
    if (lstat(path, &about) != 0) {
        found->path = strdup(path);
        return found->path ? PB_OK : pb_fail_memory(error);
    }
    found->path = realpath(path, NULL);
    if (!found->path || stat(found->path, &about) != 0)
        return errno == ENOMEM ? pb_fail_memory(error) : fail_link(path, errno, error);
    found->exists = true;
    found->mode = about.st_mode;
    return check_replaced(path, about.st_mode, error);
}

/* A new file of a name that nobody has: `name` ends in six X, as mkstemp()'s does. Unlike there,
 * who may read it is as the umask says. -1 and errno if there is none. */
static int open_new(char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *end = name + strlen(name) - 6;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t number = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 30;
    for (int tries = 0; tries < 100; tries++, number += 7919) {
        uint64_t left = number;
        for (int i = 0; i < 6; i++, left /= sizeof letters - 1)
            end[i] = letters[left % (sizeof letters - 1)];
        int opened = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (opened >= 0 || errno != EEXIST)
            return opened;
    }
    return -1;
}

static pb_status replace_file(const place *at, char *temporary, const void *bytes, size_t length,
                              const pb_watch *watch, pb_error **error)
{
    const char *path = at->path;
    int descriptor = open_new(temporary);
    if (descriptor < 0)
        return pb_fail_errno(error, errno, "cannot write '%s'", path);
    if (at->exists) /* a file system without permissions is fine too */
        (void)fchmod(descriptor, at->mode & 07777);
    pb_status status = write_all(descriptor, path, bytes, length, watch, error);
    if (!status && fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS)
        status = pb_fail_errno(error, errno, "cannot write '%s'", path);
    if (close(descriptor) != 0 && !status)
        status = pb_fail_errno(error, errno, "cannot write '%s'", path);
    if (!status && rename(temporary, path) != 0)
        status = pb_fail_errno(error, errno, "cannot write '%s'", path);
    if (status)
        unlink(temporary);
    return status;
}

pb_status pb_file_write(const char *path, const void *bytes, size_t length, const pb_watch *watch,
                        pb_error **error)
{
    place at;
    pb_status status = find_place(path, &at, error);
    char *temporary = NULL;
    if (!status) {
        pb_buffer name = PB_BUFFER_EMPTY;
        pb_buffer_format(&name, "%s.XXXXXX", at.path);
        temporary = pb_buffer_take(&name);
        status = temporary ? replace_file(&at, temporary, bytes, length, watch, error)
                           : pb_fail_memory(error);
    }
    free(temporary);
    free(at.path);
    return status;
}

/* ---- names ---- */

bool pb_file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

bool pb_file_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

uint64_t pb_file_stamp(const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return 0;
    const uint64_t parts[] = {(uint64_t)about.st_dev, (uint64_t)about.st_ino,
                              (uint64_t)about.st_size, (uint64_t)about.st_mtim.tv_sec,
                              (uint64_t)about.st_mtim.tv_nsec};
    uint64_t stamp = 0xcbf29ce484222325u; /* FNV-1a, by words */
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        stamp = (stamp ^ parts[i]) * 0x100000001b3u;
    return stamp ? stamp : 1;
}

char *pb_file_join(const char *folder, const char *name)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    size_t length = strlen(folder);
    pb_buffer_text(&path, folder);
    if (length > 0 && folder[length - 1] != '/')
        pb_buffer_byte(&path, '/');
    pb_buffer_text(&path, name);
    return pb_buffer_take(&path);
}
