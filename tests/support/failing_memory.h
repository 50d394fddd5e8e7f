/*
 * Memory that runs out where a test says. malloc and its kin are replaced by the linker, in the
 * program and the static libraries it links, by
 *
 *     pb_test(... SOURCES ... ${PB_FAILING_MEMORY_SOURCE})
 *     target_link_options(... PRIVATE ${PB_FAILING_MEMORY})
 */
#ifndef PB_TESTS_FAILING_MEMORY_H
#define PB_TESTS_FAILING_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Does `work` again and again with one more allocation allowed each time, until it says that it was
 * done; it must fail at least once, and be done after at most `most` rounds. The work checks for
 * itself that a failure was told as one; the sanitizers see what leaks.
 */
void assert_survives_failing_memory(bool (*work)(void *user), void *user, size_t most);

#endif
