/* See failing_memory.h. After the first failure all others fail too: memory that is out stays out.
 */
#include "failing_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static size_t allowed = SIZE_MAX; /* allocations left; SIZE_MAX for no limit */

static bool may_allocate(void)
{
    if (allowed == SIZE_MAX)
        return true;
    if (allowed == 0)
        return false;
    allowed--;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t size)
{
    return may_allocate() ? __real_malloc(size) : NULL;
}

void *__wrap_calloc(size_t count, size_t size)
{
    return may_allocate() ? __real_calloc(count, size) : NULL;
}

void *__wrap_realloc(void *old, size_t size)
{
    return may_allocate() ? __real_realloc(old, size) : NULL;
}

char *__wrap_strdup(const char *text)
{
    return may_allocate() ? __real_strdup(text) : NULL;
}

void assert_survives_failing_memory(bool (*work)(void *user), void *user, size_t most)
{
    for (size_t n = 0; n < most; n++) {
        allowed = n;
        bool done = work(user);
        allowed = SIZE_MAX;
        if (done) {
            assert_true(n > 0);
            return;
        }
    }
    fail_msg("the work was never done");
}
