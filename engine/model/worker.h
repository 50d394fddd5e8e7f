/* Which of the threads that share a loop is running; builds without OpenMP have one. */
#ifndef PB_MODEL_WORKER_H
#define PB_MODEL_WORKER_H

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* From 0, which is the thread that began the loop. */
static inline size_t worker_index(void)
{
#ifdef _OPENMP
    return (size_t)omp_get_thread_num();
#else
    return 0;
#endif
}

#endif
