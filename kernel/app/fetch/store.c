/* The Hugging Face cache as a place to write to. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/buffer.h"
#include "io/file.h"
#include "io/locate.h"
#include "listener.h"

enum { LOCK_POLL_MS = 100 };

static char *path_of(const char *format, ...) PB_PRINTF(1, 2);

static char *path_of(const char *format, ...)
{
    pb_buffer path = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&path, format, arguments);
    va_end(arguments);
    return pb_buffer_take(&path);
}

/* ---- folders ---- */

static pb_status fail_folder(const char *path, int failure, pb_error **error)
{
    pb_status status = pb_fail_errno(error, failure, "cannot make the folder '%s'", path);
    if (error && (failure == EACCES || failure == EPERM || failure == EROFS))
        pb_error_hint(*error, "name a folder that you may write to in HF_HUB_CACHE");
    return status;
}

static bool is_link(const char *path)
{
    struct stat about;
    return lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
}

/* Makes a folder and those above it. Where a cache lies is its owner's business; what is in a
 * model's folder, `above` bytes into the path, is fetch's, and a link there would lead writing
 * astray. */
static pb_status make_folder(const char *path, size_t above, pb_error **error)
{
    char *part = path_of("%s/", path);
    if (!part)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (char *slash = strchr(part + 1, '/'); slash && !status; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int failure = mkdir(part, 0777) == 0 ? 0 : errno;
        if (failure != 0 && !pb_file_is_folder(part))
            status = fail_folder(part, failure, error);
        else if ((size_t)(slash - part) > above && is_link(part))
            status = pb_fail(error, PB_IO, "'%s' is a link, and a folder was expected", part);
        *slash = '/';
    }
    free(part);
    return status;
}

pb_status fetch_store_open(const char *hub, const char *id, fetch_store *store, pb_error **error)
{
    char *model = pb_locate_hub_folder(hub, id);
    const char *name = model ? strrchr(model, '/') : NULL;
    *store = (fetch_store){
        .hub = path_of("%s", hub),
        .model = model,
        .locks = path_of("%s/.locks%s", hub, name ? name : ""),
    };
    pb_status status = PB_OK;
    if (!store->hub || !store->model || !store->locks)
        status = pb_fail_memory(error);
    char *blobs = !status ? path_of("%s/blobs", store->model) : NULL;
    if (!status)
        status = blobs ? make_folder(blobs, strlen(store->model), error) : pb_fail_memory(error);
    free(blobs);
    if (status)
        fetch_store_close(store);
    return status;
}

void fetch_store_close(fetch_store *store)
{
    free(store->hub);
    free(store->model);
    free(store->locks);
    *store = (fetch_store){NULL, NULL, NULL};
}

/* ---- paths, and what is there ---- */

char *fetch_store_blob(const fetch_store *store, const fetch_file *file)
{
    return path_of("%s/blobs/%s", store->model, file->hash);
}

char *fetch_store_partial(const fetch_store *store, const fetch_file *file)
{
    return path_of("%s/blobs/%s.incomplete", store->model, file->hash);
}

char *fetch_store_snapshot(const fetch_store *store, const char *commit)
{
    return path_of("%s/snapshots/%s", store->model, commit);
}

bool fetch_store_has(const fetch_store *store, const fetch_file *file)
{
    char *path = fetch_store_blob(store, file);
    struct stat about;
    bool there = path && stat(path, &about) == 0 && S_ISREG(about.st_mode) &&
                 (uint64_t)about.st_size == file->size;
    free(path);
    return there;
}

uint64_t fetch_store_left(const fetch_store *store, const fetch_file *file)
{
    char *path = fetch_store_partial(store, file);
    struct stat about;
    bool there = path && stat(path, &about) == 0;
    free(path);
    return there ? (uint64_t)about.st_size : 0;
}

pb_status fetch_store_room(const fetch_store *store, uint64_t bytes, pb_error **error)
{
    struct statvfs disk;
    char wanted[PB_FETCH_SIZE], there[PB_FETCH_SIZE];
    if (statvfs(store->model, &disk) != 0)
        return PB_OK; /* who cannot say has as much room as there turns out to be */
    uint64_t room =
        disk.f_bavail > UINT64_MAX / disk.f_frsize ? UINT64_MAX : disk.f_bavail * disk.f_frsize;
    if (room >= bytes)
        return PB_OK;
    pb_status status =
        pb_fail(error, PB_IO, "the disk that holds '%s' has %s left, and %s are needed", store->hub,
                pb_fetch_size(room, there), pb_fetch_size(bytes, wanted));
    if (error)
        pb_error_hint(*error, "free some space, or name a folder on another disk in HF_HUB_CACHE");
    return status;
}

/* ---- locks ---- */

/* Whether the locked file is still the one of that name: its last owner may have removed it. */
static bool is_current(int lock, const char *path)
{
    struct stat held, named;
    return fstat(lock, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

/* Tries to lock. False if another process holds it; *lock is -1 where there are no locks. */
static bool try_lock(const char *path, int *lock, int *failure)
{
    *failure = 0;
    *lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (*lock < 0) {
        *failure = errno;
        return true;
    }
    if (flock(*lock, LOCK_EX | LOCK_NB) == 0 && is_current(*lock, path))
        return true;
    bool busy = errno == EWOULDBLOCK || errno == EINTR || !is_current(*lock, path);
    close(*lock);
    *lock = -1;
    return !busy;
}

pb_status fetch_store_lock(const fetch_store *store, const fetch_file *file,
                           const pb_fetch_listener *listener, int *lock, pb_error **error)
{
    char *path = path_of("%s/%s.lock", store->locks, file->hash);
    pb_status status =
        path ? make_folder(store->locks, strlen(store->locks), error) : pb_fail_memory(error);
    bool told = false;
    int failure = 0;
    while (!status && !try_lock(path, lock, &failure)) {
        if (!told)
            fetch_tell(listener, PB_FETCH_WAITING, file->name, 0, file->size);
        told = true;
        status = fetch_pause(listener, LOCK_POLL_MS, error);
    }
    if (!status && failure != 0)
        status = pb_fail_errno(error, failure, "cannot open '%s'", path);
    free(path);
    return status;
}

void fetch_store_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* ---- keeping ---- */

/* Sees to it that a file's bytes, or a folder's names, are on the disk and not only in memory. */
static int synchronise(const char *path, int flags)
{
    int opened = open(path, flags | O_CLOEXEC);
    if (opened < 0)
        return errno;
    int failure = fsync(opened) == 0 || errno == EINVAL ? 0 : errno;
    close(opened);
    return failure;
}

pb_status fetch_store_keep(const fetch_store *store, const fetch_file *file, pb_error **error)
{
    char *partial = fetch_store_partial(store, file), *blob = fetch_store_blob(store, file);
    char *folder = pb_file_join(store->model, "blobs");
    pb_status status = PB_OK;
    if (!partial || !blob || !folder) {
        status = pb_fail_memory(error);
    } else {
        int failure = synchronise(partial, O_RDWR);
        if (failure == 0 && rename(partial, blob) != 0)
            failure = errno;
        if (failure == 0)
            failure = synchronise(folder, O_RDONLY | O_DIRECTORY);
        if (failure != 0)
            status = pb_fail_errno(error, failure, "cannot write '%s'", blob);
    }
    free(partial);
    free(blob);
    free(folder);
    return status;
}

/* ---- publishing ---- */

static bool leads_to(const char *link, const char *target)
{
    char found[512];
    ssize_t length = readlink(link, found, sizeof found);
    return length >= 0 && (size_t)length == strlen(target) &&
           memcmp(found, target, (size_t)length) == 0;
}

/* A link at `path`, in place of whatever else is there. */
static pb_status make_link(const char *path, const char *target, pb_error **error)
{
    if (leads_to(path, target))
        return PB_OK;
    char *temporary = path_of("%s.%ld.part", path, (long)getpid());
    if (!temporary)
        return pb_fail_memory(error);
    unlink(temporary);
    pb_status status = PB_OK;
    if (symlink(target, temporary) != 0 || rename(temporary, path) != 0)
        status = pb_fail_errno(error, errno, "cannot make the link '%s'", path);
    unlink(temporary);
    free(temporary);
    return status;
}

/* Makes what is above the last part of a path. */
static pb_status make_above(const fetch_store *store, char *path, pb_error **error)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    pb_status status = make_folder(path, strlen(store->model), error);
    *slash = '/';
    return status;
}

static pb_status write_ref(const fetch_store *store, const char *revision, const char *commit,
                           pb_error **error)
{
    char *path = path_of("%s/refs/%s", store->model, revision), *there = NULL;
    size_t length;
    if (!path)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    if (is_link(path) && unlink(path) != 0) /* where it leads is not this file's place */
        status = pb_fail_errno(error, errno, "cannot replace the link '%s'", path);
    if (!status && (pb_file_read(path, FETCH_COMMIT, NULL, &there, &length, NULL) ||
                    strcmp(there, commit) != 0)) {
        status = make_above(store, path, error);
        if (!status)
            status = pb_file_write(path, commit, strlen(commit), NULL, error);
    }
    free(there);
    free(path);
    return status;
}

pb_status fetch_store_publish(const fetch_store *store, const char *revision, const char *commit,
                              const fetch_file *files, size_t count, pb_error **error)
{
    char *folder = fetch_store_snapshot(store, commit);
    pb_status status =
        folder ? make_folder(folder, strlen(store->model), error) : pb_fail_memory(error);
    for (size_t i = 0; i < count && !status; i++) {
        char *link = pb_file_join(folder, files[i].name);
        char *target = path_of("../../blobs/%s", files[i].hash);
        status = link && target ? make_link(link, target, error) : pb_fail_memory(error);
        free(link);
        free(target);
    }
    if (!status && strcmp(revision, commit) != 0)
        status = write_ref(store, revision, commit, error);
    free(folder);
    return status;
}
