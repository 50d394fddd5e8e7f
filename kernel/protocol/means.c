/* Looks whether the system has what ZeroMQ and the other libraries take for granted. */
#include "protocol/means.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define THREADS     12   /* that a kernel starts, ZeroMQ's two included */
#define USUAL_LIMIT 4096 /* of descriptors; the limit is raised to it where that is allowed */

/* Adds a hint to the error; gives the status back. */
static pb_status with_hint(pb_status status, pb_error **error, const char *hint)
{
    if (error)
        pb_error_hint(*error, "%s", hint);
    return status;
}

/* Most systems allow 1024 descriptors at first, which many clients would use up. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= USUAL_LIMIT)
        return;
    limit.rlim_cur = limit.rlim_max < USUAL_LIMIT ? limit.rlim_max : USUAL_LIMIT;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static pb_status check_descriptors(pb_error **error)
{
    int tried[PB_MEANS_DESCRIPTORS], count = 0;
    raise_limit();
    while (count < PB_MEANS_DESCRIPTORS &&
           (tried[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    int failure = errno, needed = PB_MEANS_DESCRIPTORS - count;
    while (count > 0)
        close(tried[--count]);
    if (needed == 0)
        return PB_OK;
    pb_status status = pb_fail_errno(
        error, failure, "the kernel needs %d more file descriptors than it gets", needed);
    return with_hint(status, error,
                     "`ulimit -n` shows how many a program may have; 1024 are usual");
}

static pb_status check_stack(pb_error **error)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur >= PB_MEANS_STACK)
        return PB_OK;
    pb_status status =
        pb_fail(error, PB_LIMIT, "the kernel's threads need stacks of %zu kB, and may have %zu kB",
                PB_MEANS_STACK >> 10, (size_t)limit.rlim_cur >> 10);
    return with_hint(status, error, "`ulimit -s` shows how much they may have; 8192 kB are usual");
}

static void *wait_for_end(void *user)
{
    pthread_mutex_t *end = user;
    pthread_mutex_lock(end);
    pthread_mutex_unlock(end);
    return NULL;
}

/* Starts as many threads at once as the kernel and the libraries will. */
static int try_threads(void)
{
    pthread_mutex_t end = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[THREADS];
    int count = 0, failure = 0;
    pthread_mutex_lock(&end);
    while (failure == 0 && count < THREADS)
        if ((failure = pthread_create(&threads[count], NULL, wait_for_end, &end)) == 0)
            count++;
    pthread_mutex_unlock(&end);
    while (count > 0)
        pthread_join(threads[--count], NULL);
    return failure;
}

static pb_status check_memory_and_threads(pb_error **error)
{
    void *room = mmap(NULL, PB_MEANS_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        pb_status status =
            pb_fail(error, PB_LIMIT, "the kernel needs %zu MB of address space, and gets less",
                    PB_MEANS_BYTES >> 20);
        return with_hint(status, error,
                         "`ulimit -v` and `ulimit -d` show what a program may have, in kB");
    }
    int failure = try_threads();
    munmap(room, PB_MEANS_BYTES);
    if (failure == 0)
        return PB_OK;
    pb_status status = pb_fail_errno(error, failure, "the kernel cannot start its threads");
    return with_hint(status, error, "`ulimit -u` shows how many you may have");
}

pb_status pb_means_check(pb_error **error)
{
    pb_status status = check_descriptors(error);
    if (!status)
        status = check_stack(error);
    if (!status)
        status = check_memory_and_threads(error);
    return status;
}
