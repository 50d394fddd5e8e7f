/* Reading and writing whole files, and reading at an offset, so that every fault is an error. */
#ifndef PB_IO_FILE_H
#define PB_IO_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/watch.h"

/*
 * The bytes of a regular file of at most `limit` bytes, NUL-terminated behind `*length`; malloc'ed,
 * the caller's. PB_IO if it cannot be read, PB_LIMIT if it is larger. `watch` may be NULL.
 */
pb_status pb_file_read(const char *path, size_t limit, const pb_watch *watch, char **bytes,
                       size_t *length, pb_error **error);

/* Opens a regular file for reading. The caller closes *descriptor. */
pb_status pb_file_open(const char *path, int *descriptor, uint64_t *size, pb_error **error);

/*
 * Exactly `length` bytes at `offset`, however many reads that takes. PB_IO, naming `path`, if the
 * file ends before (it was cut after it was opened) or cannot be read. Safe from several threads.
 */
pb_status pb_file_read_at(int descriptor, const char *path, uint64_t offset, void *bytes,
                          size_t length, pb_error **error);

/*
 * Writes a file so that `path` holds either what it held before or all of the new bytes: they go to
 * a temporary file beside it, which is then renamed. A full disk, or being stopped through `watch`
 * (which may be NULL), leaves nothing behind. A link is followed; the permissions of a file that is
 * replaced are kept, those of a new one are as the umask says. What is no regular file, is
 * read-only or is a link to nowhere is refused.
 */
pb_status pb_file_write(const char *path, const void *bytes, size_t length, const pb_watch *watch,
                        pb_error **error);

bool pb_file_exists(const char *path); /* anything but a folder */
bool pb_file_is_folder(const char *path);

/* A number that changes when the file is written or replaced: of its place, its size and the time
 * of its last change. 0 where there is none. */
uint64_t pb_file_stamp(const char *path);

/* "folder/name", malloc'ed; NULL when memory is out. */
char *pb_file_join(const char *folder, const char *name);

#endif
