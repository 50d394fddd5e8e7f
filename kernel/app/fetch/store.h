/*
 * The Hugging Face cache as a place to write to:
 *
 *     models--ORG--NAME/blobs/HASH              a file's bytes, once they are all there
 *     models--ORG--NAME/blobs/HASH.incomplete   the first of them
 *     models--ORG--NAME/snapshots/COMMIT/NAME   a link to ../../blobs/HASH
 *     models--ORG--NAME/refs/REVISION           the commit that it is now: refs/main
 *     .locks/models--ORG--NAME/HASH.lock        held by the one process that fetches it
 *
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 */
#ifndef PB_FETCH_STORE_H
#define PB_FETCH_STORE_H

#include "hub.h"

typedef struct fetch_store {
    char *hub, *model, *locks; /* folders: the cache, the model's, and that of its locks */
} fetch_store;

/* Makes the model's folders. */
pb_status fetch_store_open(const char *hub, const char *id, fetch_store *store, pb_error **error);
void fetch_store_close(fetch_store *store);

/* Paths, malloc'ed; NULL when memory is out. */
char *fetch_store_blob(const fetch_store *store, const fetch_file *file);
char *fetch_store_partial(const fetch_store *store, const fetch_file *file);
char *fetch_store_snapshot(const fetch_store *store, const char *commit);

/* Whether the file is there, whole. */
bool fetch_store_has(const fetch_store *store, const fetch_file *file);
/* How many bytes of it an earlier transfer left. */
uint64_t fetch_store_left(const fetch_store *store, const fetch_file *file);

/* PB_IO if the disk has less room than this many bytes. */
pb_status fetch_store_room(const fetch_store *store, uint64_t bytes, pb_error **error);

/*
 * Waits until no other process fetches the file; *lock is for fetch_store_unlock(). Hugging Face's
 * library uses the same lock. On a disk that has no locks, nobody waits.
 */
pb_status fetch_store_lock(const fetch_store *store, const fetch_file *file,
                           const pb_fetch_listener *listener, int *lock, pb_error **error);
void fetch_store_unlock(int lock);

/* Gives the incomplete file its name; it survives a loss of power from here on. */
pb_status fetch_store_keep(const fetch_store *store, const fetch_file *file, pb_error **error);

/* Shows the files as the model's state at this commit, and the commit as what the revision is, if
 * that is not the commit itself. */
pb_status fetch_store_publish(const fetch_store *store, const char *revision, const char *commit,
                              const fetch_file *files, size_t count, pb_error **error);

#endif
