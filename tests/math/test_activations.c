/* The activation functions against transformers' in double, which tests/golden/make_activations.py
 * wrote: the references are those, and the kernels are the references in float32. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include "math/kernels.h"

static json_t *golden;

static int read_golden(void **state)
{
    (void)state;
    golden = json_load_file("tests/golden/activations.json", 0, NULL);
    return golden ? 0 : -1;
}

static int forget_golden(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

static void check_row(const pb_activation *row, double at, double expected)
{
    float x = (float)at, out;
    row->apply(1, &x, NULL, &out);
    double whole = row->reference(at), here = row->reference((double)x);
    double size = fmax(1.0, fabs(expected));
    if (fabs(whole - expected) > 1e-9 * size)
        fail_msg("%s(%g) is %.17g by its reference, and %.17g in transformers", row->name, at,
                 whole, expected);
    if (fabs((double)out - here) > 6e-7 * size)
        fail_msg("%s(%g) is %.9g, and %.9g was expected", row->name, at, (double)out, here);
}

/* Every name that transformers has, but for those with weights of their own. */
static void test_all(void **state)
{
    (void)state;
    const char *name;
    json_t *values, *value;
    size_t index, n = 0;
    json_object_foreach(json_object_get(golden, "values"), name, values)
    {
        const pb_activation *row = pb_activation_find(name);
        if (!row)
            fail_msg("there is no activation %s", name);
        json_array_foreach(values, index, value)
        {
            double x = json_number_value(json_array_get(json_object_get(golden, "x"), index));
            check_row(row, x, json_number_value(value));
        }
        n++;
    }
    assert_true(n >= 22);
    assert_null(pb_activation_at(n)); /* and no others */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};
    return cmocka_run_group_tests(tests, read_golden, forget_golden);
}
