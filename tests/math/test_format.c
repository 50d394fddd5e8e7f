/* Numbers and tensors as text. */
#include "tensor_support.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/format.h"

/* ---- numbers ---- */

static void columns_get_the_digits_their_largest_needs(void **state)
{
    (void)state;
    const struct {
        float values[3];
        const char *texts[3];
    } cases[] = {
        {{12.3456f, 0.001f, -3}, {"12.35", "0.00", "-3.00"}},
        {{0.12345f, 0.5f, -0.01f}, {"0.1235", "0.5000", "-0.0100"}},
        {{12345.6f, 1, 0}, {"12346", "1", "0"}},
        {{1, 2, 300}, {"1", "2", "300"}},
        {{9.9996f, 0.1f, 0.2f}, {"10.00", "0.10", "0.20"}},
        {{0.00123f, -0.0004f, 0}, {"0.001230", "-0.000400", "0.000000"}},
        {{1.5e-6f, 2e-7f, 0}, {"1.500e-06", "2.000e-07", "0"}},
        {{1234567.5f, 1, -20}, {"1.235e+06", "1.000e+00", "-2.000e+01"}},
        {{1.5f, -0.0001f, NAN}, {"1.500", "0.000", "nan"}},
        {{INFINITY, -INFINITY, 2.5f}, {"inf", "-inf", "2.500"}},
        {{NAN, NAN, NAN}, {"nan", "nan", "nan"}},
        {{9999999, 1, 2}, {"9999999", "1", "2"}},
        {{10000000, 1, 2}, {"1.000e+07", "1.000e+00", "2.000e+00"}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_format_style style = pb_format_choose(cases[i].values, 3, 1, PB_TABLE_DIGITS);
        for (size_t j = 0; j < 3; j++) {
            char text[PB_FORMAT_SIZE];
            pb_format_write(text, (double)cases[i].values[j], style);
            assert_string_equal(text, cases[i].texts[j]);
        }
    }
    const float strided[] = {1.5f, 1e9f, 2.5f, 1e9f};
    assert_int_equal(pb_format_choose(strided, 2, 2, 4).decimals, 3);
}

static void a_style_never_overflows(void **state)
{
    (void)state;
    char text[PB_FORMAT_SIZE];
    pb_format_write(text, 1e308, (pb_format_style){9, false});
    assert_string_equal(text, "1.000e+308");
    pb_format_write(text, -999999999999999.0, (pb_format_style){9, false});
    assert_string_equal(text, "-999999999999999.000000000");
}

static void numbers_alone_are_short(void **state)
{
    (void)state;
    const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {3, "3"},
        {0.5, "0.5"},
        {15.673421, "15.6734"},
        {0.1 + 0.2, "0.3"},
        {123456789, "123456789"},
        {1234567.25, "1234567"},
        {1e-7, "1e-07"},
        {1.25e-7, "1.25e-07"},
        {1e15, "1e+15"},
        {-2.5e20, "-2.5e+20"},
        {99999.96, "100000"},
        {0.0001234567, "0.000123457"},
        {NAN, "nan"},
        {-INFINITY, "-inf"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[PB_FORMAT_SIZE];
        pb_format_short(text, cases[i].value, PB_SCALAR_DIGITS);
        assert_string_equal(text, cases[i].text);
    }
}

static void exact_numbers_come_back(void **state)
{
    (void)state;
    const struct {
        float value;
        const char *text;
    } cases[] = {
        {0.1f, "0.100000001"},
        {1, "1"},
        {-0.0f, "-0"},
        {16777216, "16777216"},
        {3.40282347e38f, "3.40282347e+38"},
        {1e-45f, "1.40129846e-45"},
        {NAN, "nan"},
        {-NAN, "nan"},
        {INFINITY, "inf"},
    };
    char text[PB_FORMAT_SIZE];
    for (size_t i = 0; i < COUNT(cases); i++) {
        pb_format_exact(text, cases[i].value);
        assert_string_equal(text, cases[i].text);
    }
    uint32_t bits = 1;
    for (size_t i = 0; i < 20000; i++) {
        float value;
        bits = bits * 1664525u + 1013904223u;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        pb_format_exact(text, value);
        float back = strtof(text, NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
}

static void a_locale_changes_nothing(void **state)
{
    (void)state;
    const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < COUNT(locales); i++) {
        if (!setlocale(LC_NUMERIC, locales[i]))
            continue;
        char text[PB_FORMAT_SIZE];
        found = true;
        pb_format_write(text, -1.5, (pb_format_style){2, false});
        assert_string_equal(text, "-1.50");
        pb_format_short(text, 2.25, 6);
        assert_string_equal(text, "2.25");
        pb_format_exact(text, 0.1f);
        assert_string_equal(text, "0.100000001");
    }
    setlocale(LC_NUMERIC, "C");
    if (!found)
        skip();
}

/* ---- tensors ---- */

static void expect_text(const char *shape, const float *values, const char *name, const char *note,
                        const pb_text_limits *limits, const char *wanted)
{
    pb_tensor *t = make_tensor(shape, values);
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_tensor_write_text(&out, t, name, note, limits);
    char *text = pb_buffer_take(&out);
    assert_string_equal(text, wanted);
    free(text);
    pb_tensor_release(&t);
}

static void a_number_is_one_line(void **state)
{
    (void)state;
    expect_text("", VALUES(15.6734f), "logit", NULL, NULL, "logit 15.6734\n");
    expect_text("", VALUES(2), NULL, NULL, NULL, "2\n");
    expect_text("", VALUES(0.5f), "prob", "of \" great\"", NULL, "prob 0.5 of \" great\"\n");
}

static void a_list_has_a_line_a_value(void **state)
{
    (void)state;
    expect_text("pos=<|endoftext|>/I/ love/\n", VALUES(-0.125f, 12.5f, 3, NAN), "logit", NULL, NULL,
                "logit [pos=4]\n"
                "0 <|endoftext|>  -0.12\n"
                "1 I              12.50\n"
                "2 ·love           3.00\n"
                "3 ⏎                nan\n");
    expect_text("layer=@9,10", VALUES(1, 2), NULL, NULL, NULL,
                "[layer=2]\n"
                " 9  1\n"
                "10  2\n");
    expect_text("pos=100", NULL, NULL, NULL, &(pb_text_limits){.rows = 2},
                "[pos=100]\n"
                "0  0\n"
                "1  1\n"
                "... 98 more rows along pos\n");
}

static void a_grid_lines_up(void **state)
{
    (void)state;
    expect_text("query=A/ b/ 愛 key=A/ b/ 愛", VALUES(1, 0, 0, 0.5f, 0.5f, 0, 0, 0.25f, 0.5f),
                "pattern", "L4H0", NULL,
                "pattern [query=3, key=3] L4H0\n"
                "query \\ key      A     ·b    ·愛\n"
                "0 A          1.000\n" /* no number where a query cannot look */
                "1 ·b         0.500  0.500\n"
                "2 ·愛        0.000  0.250  0.500\n");
    expect_text("layer=3 d_model=9", NULL, "resid", NULL,
                &(pb_text_limits){.rows = 2, .columns = 30},
                "resid [layer=3, d_model=9]\n"
                "layer \\ d_model  0   1   2   3\n"
                "0                0   1   2   3\n"
                "1                9  10  11  12\n"
                "... 1 more row along layer\n"
                "... 5 more columns along d_model\n");
    /* One column of values is shown however narrow the line. */
    expect_text("layer=1 pos=2", NULL, NULL, NULL, &(pb_text_limits){.columns = 4},
                "[layer=1, pos=2]\n"
                "layer \\ pos  0\n"
                "0            0\n"
                "... 1 more column along pos\n");
}

static void long_labels_are_cut(void **state)
{
    (void)state;
    expect_text("prompt=I love this movie/愛愛愛愛愛", VALUES(1, 2), NULL, NULL,
                &(pb_text_limits){.label_width = 8},
                "[prompt=2]\n"
                "0 I love …  1\n"
                "1 愛愛愛…   2\n");
}

static void higher_ranks_show_their_first_grids(void **state)
{
    (void)state;
    expect_text("layer=2 head=x/y query=1 key=2", NULL, "pattern", NULL,
                &(pb_text_limits){.slices = 2},
                "pattern [layer=2, head=2, query=1, key=2]\n"
                "layer=0, head=0 x\n"
                "query \\ key  0  1\n"
                "0            0  1\n"
                "layer=0, head=1 y\n"
                "query \\ key  0  1\n"
                "0            2  3\n"
                "... 2 more grids: layer=1, head=0 to layer=1, head=1\n");
    expect_text("layer=2 query=1 key=1", NULL, "pattern", NULL, &(pb_text_limits){.slices = 2},
                "pattern [layer=2, query=1, key=1]\n"
                "layer=0\n"
                "query \\ key  0\n"
                "0            0\n"
                "layer=1\n"
                "query \\ key  0\n"
                "0            1\n");
}

static void booleans_and_nothing_are_words(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("pos=2", VALUES(1, 0)), *one = make_tensor("", VALUES(1));
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_tensor_mark_boolean(t);
    pb_tensor_mark_boolean(one);
    pb_tensor_write_text(&out, t, NULL, NULL, NULL);
    pb_tensor_write_text(&out, one, "all", NULL, NULL);
    char *text = pb_buffer_take(&out);
    assert_string_equal(text, "[pos=2]\n0   True\n1  False\nall True\n");
    free(text);
    pb_tensor_release(&t);
    pb_tensor_release(&one);
    expect_text("pos=0 d=2", VALUES(0), "none", NULL, NULL, "none [pos=0, d=2]\n(no values)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_get_the_digits_their_largest_needs),
        cmocka_unit_test(a_style_never_overflows),
        cmocka_unit_test(numbers_alone_are_short),
        cmocka_unit_test(exact_numbers_come_back),
        cmocka_unit_test(a_locale_changes_nothing),
        cmocka_unit_test(a_number_is_one_line),
        cmocka_unit_test(a_list_has_a_line_a_value),
        cmocka_unit_test(a_grid_lines_up),
        cmocka_unit_test(long_labels_are_cut),
        cmocka_unit_test(higher_ranks_show_their_first_grids),
        cmocka_unit_test(booleans_and_nothing_are_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
