/* Searching long rows of numbers for the first that is not finite. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "process.h"

/* Alone, each place has to be found: those around the ends of the search's blocks of 4096 too. */
static void test_the_first_that_is_not_finite(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 4095, 4096, 4097, 8192, 9000};
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
        size_t n = lengths[k];
        float *values = malloc(n * sizeof *values);
        assert_non_null(values);
        for (size_t i = 0; i < n; i++)
            values[i] = i % 3 ? FLT_MAX : -FLT_TRUE_MIN;
        assert_int_equal(pb_find_not_finite(n, values), n);
        for (size_t i = 0; i < n; i++) {
            float kept = values[i];
            values[i] = odd[i % 3];
            assert_int_equal(pb_find_not_finite(n, values), i);
            values[i] = kept;
        }
        free(values);
    }
    const float two[] = {1, NAN, INFINITY};
    assert_int_equal(pb_find_not_finite(3, two), 1);
    assert_int_equal(pb_find_not_finite(0, two), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_that_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
