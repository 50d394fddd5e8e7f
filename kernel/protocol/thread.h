/* Threads with a name, a known stack, and no signals (the kernel's main thread reads those), and
 * how they wait and are woken. */
#ifndef PB_PROTOCOL_THREAD_H
#define PB_PROTOCOL_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#define PB_STACK_BYTES ((size_t)16 << 20)

pb_status pb_thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *user,
                          pb_error **error);

/* Milliseconds of a clock that never jumps. */
int64_t pb_clock_ms(void);

/* A condition that is waited for by that clock: false once it shows `until`. */
void pb_condition_init(pthread_cond_t *condition);
bool pb_condition_wait(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until);

/* An event is a descriptor that can be polled: -1 with errno set when there is none to be had. */
int pb_event_create(void);
void pb_event_raise(int event); /* makes it readable, from any thread */
void pb_event_clear(int event);

#endif
