/* The small parts every view stands on: bundles, numbers, ticks, colours, labels, markup, grids. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "cells.h"
#include "display/bundle.h"
#include "display/number.h"
#include "label.h"
#include "markup.h"
#include "palette.h"
#include "scale.h"
#include "text.h"
#include "wellformed.h"

#define N(array) (sizeof(array) / sizeof *(array))

/* ---- bundles ---- */

static void a_bundle_keeps_its_forms_in_order_and_replaces_them(void **state)
{
    (void)state;
    pb_bundle *bundle = pb_bundle_create();
    assert_int_equal(pb_bundle_add(bundle, "text/plain", "one", NULL), PB_OK);
    assert_int_equal(pb_bundle_add(bundle, "text/html", "<b/>", NULL), PB_OK);
    assert_int_equal(pb_bundle_add(bundle, "text/plain", "three", NULL), PB_OK);
    assert_int_equal(pb_bundle_give(bundle, "application/json", strdup("{}"), true, NULL), PB_OK);
    assert_int_equal(pb_bundle_count(bundle), 3);
    assert_string_equal(pb_bundle_form(bundle, 0).data, "three");
    assert_int_equal(pb_bundle_form(bundle, 0).length, 5);
    assert_string_equal(pb_bundle_form(bundle, 1).mime, "text/html");
    assert_false(pb_bundle_form(bundle, 1).json);
    assert_true(pb_bundle_form(bundle, 2).json);
    assert_null(pb_bundle_find(bundle, "image/png"));
    assert_null(pb_bundle_metadata(bundle));
    assert_int_equal(pb_bundle_set_metadata(bundle, "{\"a\":1}", NULL), PB_OK);
    assert_string_equal(pb_bundle_metadata(bundle), "{\"a\":1}");
    pb_bundle_destroy(&bundle);
    assert_null(bundle);
    pb_bundle_destroy(&bundle);
}

static void an_allocation_that_failed_is_an_error(void **state)
{
    (void)state;
    pb_bundle *bundle = pb_bundle_create();
    pb_error *error = NULL;
    assert_int_equal(pb_bundle_give(bundle, "text/plain", NULL, false, &error), PB_MEMORY);
    assert_int_equal(pb_error_code(error), PB_MEMORY);
    assert_int_equal(pb_bundle_count(bundle), 0);
    pb_error_destroy(&error);
    pb_bundle_destroy(&bundle);
}

/* ---- numbers ---- */

static void numbers_read_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        double value;
        pb_number_format format;
        const char *expected;
    } rows[] = {
        {0.5, {PB_NUMBER_FIXED, 3, false}, "0.500"},
        {-0.5, {PB_NUMBER_FIXED, 3, true}, "-0.500"},
        {0.5, {PB_NUMBER_FIXED, 1, true}, "+0.5"},
        {0.0, {PB_NUMBER_FIXED, 2, true}, "0.00"},
        {-0.0, {PB_NUMBER_FIXED, 2, false}, "0.00"},
        {0.00004, {PB_NUMBER_FIXED, 3, false}, "4.0e-05"},
        {-0.0004, {PB_NUMBER_FIXED, 3, false}, "-0.0004"},
        {0.1534, {PB_NUMBER_PERCENT, 1, false}, "15.3%"},
        {0.00003, {PB_NUMBER_PERCENT, 1, false}, "0.003%"},
        {1234567, {PB_NUMBER_INTEGER, 0, false}, "1,234,567"},
        {-1000, {PB_NUMBER_INTEGER, 0, false}, "-1,000"},
        {999, {PB_NUMBER_INTEGER, 0, true}, "+999"},
        {1.5e-7, {PB_NUMBER_SCIENTIFIC, 2, false}, "1.50e-07"},
        {3, {PB_NUMBER_AUTO, 0, false}, "3"},
        {15.671, {PB_NUMBER_AUTO, 0, false}, "15.67"},
        {0.5134, {PB_NUMBER_AUTO, 0, false}, "0.513"},
        {1e300, {PB_NUMBER_FIXED, 17, false}, "1.00000000000000005e+300"},
        {NAN, {PB_NUMBER_FIXED, 2, false}, "NaN"},
        {-INFINITY, {PB_NUMBER_PERCENT, 2, false}, "-inf"},
    };
    for (size_t i = 0; i < N(rows); i++) {
        char text[PB_NUMBER_SIZE];
        size_t length = pb_number_write(text, rows[i].value, rows[i].format);
        assert_string_equal(text, rows[i].expected);
        assert_int_equal(length, strlen(rows[i].expected));
    }
}

static void a_column_settles_on_one_format(void **state)
{
    (void)state;
    const pb_number_format automatic = {PB_NUMBER_AUTO, 0, true};
    static const double whole[] = {1, 2, 300}, logits[] = {15.67, -0.02, NAN},
                        small[] = {0.001, 0.0004}, tiny[] = {2e-7};
    assert_int_equal(pb_number_settle(automatic, whole, 3).style, PB_NUMBER_INTEGER);
    assert_int_equal(pb_number_settle(automatic, logits, 3).digits, 2);
    assert_true(pb_number_settle(automatic, logits, 3).sign);
    assert_int_equal(pb_number_settle(automatic, small, 2).digits, 5);
    assert_int_equal(pb_number_settle(automatic, tiny, 1).style, PB_NUMBER_SCIENTIFIC);
    static const float floats[] = {0.25f, -3.5f};
    assert_int_equal(pb_number_settle_floats(automatic, floats, 2).digits, 3);
}

/* ---- ticks ---- */

static void ticks_are_round_and_cover(void **state)
{
    (void)state;
    static const double ranges[][2] = {{0, 1},       {-7.7, 7.7}, {11.7, 15.67}, {0, 0},
                                       {1e-9, 2e-9}, {-3e6, 1e5}, {5, 5},        {-0.2, 0.0}};
    for (size_t i = 0; i < N(ranges); i++) {
        pb_ticks around = pb_ticks_around(ranges[i][0], ranges[i][1], 6);
        pb_ticks inside = pb_ticks_inside(ranges[i][0], ranges[i][1], 6);
        double lead = around.step / pow(10, floor(log10(around.step) + 1e-9));
        assert_true(fabs(lead - 1) < 1e-6 || fabs(lead - 2) < 1e-6 || fabs(lead - 5) < 1e-6);
        assert_in_range(around.count, 2, 9);
        assert_in_range(inside.count, 3, 7);
        assert_in_range(pb_ticks_inside(ranges[i][0], ranges[i][1], 2).count, 3, 7);
        assert_true(pb_tick(&around, 0) <= ranges[i][0] + around.step * 1e-5);
        assert_true(pb_tick(&around, around.count - 1) >= ranges[i][1] - around.step * 1e-5);
        if (ranges[i][0] < ranges[i][1]) {
            assert_true(pb_tick(&inside, 0) >= ranges[i][0] - inside.step * 1e-5);
            assert_true(pb_tick(&inside, inside.count - 1) <= ranges[i][1] + inside.step * 1e-5);
        }
    }
}

static void tick_labels_tell_neighbours_apart(void **state)
{
    (void)state;
    char text[PB_TICK_SIZE];
    pb_ticks ticks = pb_ticks_around(-0.3, 0.2, 5);
    pb_tick_text(&ticks, 0, text);
    assert_string_equal(text, "\u22120.3");
    pb_tick_text(&ticks, 3, text);
    assert_string_equal(text, "0.0");
    assert_int_equal(pb_round_count(0.4), 1);
    assert_int_equal(pb_round_count(3.2), 5);
    assert_int_equal(pb_round_count(34.0), 50);
}

static void impossible_ranges_still_have_ticks(void **state)
{
    (void)state;
    pb_ticks ticks = pb_ticks_around(INFINITY, -INFINITY, 6);
    assert_true(ticks.count >= 2 && isfinite(ticks.step) && ticks.step > 0);
    ticks = pb_ticks_inside(NAN, 2, 6);
    assert_true(ticks.count >= 1 && isfinite(pb_tick(&ticks, 0)));
}

/* ---- colours ---- */

static void diverging_shading_is_symmetric_about_zero(void **state)
{
    (void)state;
    pb_shading shading = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, -2.0, 5.0);
    assert_int_equal(shading.shade, PB_SHADE_DIVERGING);
    assert_true(shading.low == -5.0 && shading.high == 5.0);
    assert_true(pb_shading_fill(&shading, 0.0).alpha == 0.0);
    for (double value = 0.1; value < 6.0; value += 0.1) {
        pb_fill positive = pb_shading_fill(&shading, value);
        pb_fill negative = pb_shading_fill(&shading, -value);
        assert_true(positive.alpha == negative.alpha);
        assert_true(positive.hue.blue == PB_BLUE.blue && negative.hue.red == PB_ORANGE.red);
    }
    /* the two hues are equally strong */
    double blue = pb_contrast(PB_BLUE, PB_LIGHT_PAGE),
           orange = pb_contrast(PB_ORANGE, PB_LIGHT_PAGE);
    assert_true(fabs(blue - orange) < 0.1);
}

static void shading_diverges_about_any_value(void **state)
{
    (void)state;
    pb_shading shading = pb_shading_about(3.5, 1.5, 4.0);
    assert_int_equal(shading.shade, PB_SHADE_DIVERGING);
    assert_true(shading.low == 1.5 && shading.high == 5.5);
    assert_true(pb_shading_fill(&shading, 3.5).alpha == 0.0);
    assert_true(pb_shading_fill(&shading, 1.5).alpha == 1.0);
    assert_true(pb_shading_fill(&shading, 4.5).alpha == 0.5);
    assert_int_equal(pb_shading_fill(&shading, 3.4).hue.red, PB_ORANGE.red);
    assert_int_equal(pb_shading_fill(&shading, 3.6).hue.red, PB_BLUE.red);
    pb_shading none = pb_shading_about(3.5, INFINITY, -INFINITY);
    assert_true(none.low == 3.5 && none.high == 3.5);
    assert_true(pb_shading_fill(&none, 9.0).alpha == 0.0);
}

static void sequential_shading_starts_at_zero_when_values_nearly_do(void **state)
{
    (void)state;
    pb_shading near = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, 0.1, 1.0);
    pb_shading far = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, 9.7, 15.0);
    pb_shading fixed = pb_shading_settle(PB_SHADE_SEQUENTIAL, (pb_range){true, 0.0, 2.0}, 0.5, 1.0);
    assert_int_equal(near.shade, PB_SHADE_SEQUENTIAL);
    assert_true(near.low == 0.0);
    assert_true(far.low == 9.7 && far.high == 15.0);
    assert_true(pb_shading_fill(&fixed, 1.0).alpha == 0.5);
    assert_true(pb_shading_fill(&fixed, 7.0).alpha == 1.0);
    assert_true(pb_shading_fill(&fixed, (double)NAN).alpha == 0.0);
    pb_shading none = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, INFINITY, -INFINITY);
    assert_true(pb_shading_fill(&none, 3.0).alpha == 0.0);
}

/* Text on every shade, on the light and the dark page, at 4:1 or better. */
static void shaded_text_can_be_read_on_both_pages(void **state)
{
    (void)state;
    const pb_colour white = {255, 255, 255};
    pb_shading shading = pb_shading_settle(PB_SHADE_DIVERGING, (pb_range){0}, -1.0, 1.0);
    for (double value = -1.0; value <= 1.0; value += 0.01) {
        pb_fill fill = pb_shading_fill(&shading, value);
        pb_colour on_light = pb_blend(fill.hue, PB_LIGHT_PAGE, fill.alpha);
        pb_colour on_dark = pb_blend(fill.hue, PB_DARK_PAGE, fill.alpha);
        assert_true(pb_contrast(fill.white_text ? white : PB_LIGHT_TEXT, on_light) >= 4.0);
        assert_true(pb_contrast(fill.white_text ? white : PB_DARK_TEXT, on_dark) >= 4.0);
    }
}

static void series_colours_stand_out_on_both_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < 8; i++) {
        assert_true(pb_contrast(pb_series_colour(i), PB_LIGHT_PAGE) >= 1.9);
        assert_true(pb_contrast(pb_series_colour(i), PB_DARK_PAGE) >= 3.0);
        for (size_t j = 0; j < i; j++) {
            pb_colour a = pb_series_colour(i), b = pb_series_colour(j);
            int apart = abs(a.red - b.red) + abs(a.green - b.green) + abs(a.blue - b.blue);
            assert_true(apart > 60);
        }
    }
}

/* ---- labels ---- */

static void hostile_text_becomes_visible(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        pb_text_kind kind;
        const char *expected;
    } rows[] = {
        {" great", PB_TEXT_TOKEN, "\u00B7great"},
        {" great", PB_TEXT_PLAIN, " great"},
        {"a\nb\tc", PB_TEXT_PLAIN, "a\u23CEb\u21E5c"},
        {"\x1b[31m", PB_TEXT_PLAIN, "\u241B[31m"},
        {"\x7f", PB_TEXT_TOKEN, "\u2421"},
        {"\xE2\x82", PB_TEXT_TOKEN, "\\xe2\\x82"},
        {"\xCC\x81", PB_TEXT_TOKEN, "\u25CC\u0301"},
        {"\u202Eabc", PB_TEXT_PLAIN, "\u27E8U+202E\u27E9abc"},
        {"a\u200D", PB_TEXT_PLAIN, "a\u27E8U+200D\u27E9"},
        {"\uFFFE", PB_TEXT_PLAIN, "\u27E8U+FFFE\u27E9"},
        {"\U000E0041", PB_TEXT_TOKEN, "\u27E8U+E0041\u27E9"},
        {"\u4E2D\U0001F600", PB_TEXT_TOKEN, "\u4E2D\U0001F600"},
        {"", PB_TEXT_PLAIN, ""},
    };
    pb_view_scratch *scratch = pb_view_scratch_create();
    for (size_t i = 0; i < N(rows); i++)
        assert_string_equal(pb_label_make(scratch, rows[i].text, rows[i].kind), rows[i].expected);
    assert_string_equal(pb_label_make(scratch, NULL, PB_TEXT_TOKEN), "");
    assert_false(pb_view_scratch_failed(scratch));
    pb_view_scratch_destroy(&scratch);
}

static void labels_are_clipped_at_columns_not_bytes(void **state)
{
    (void)state;
    pb_view_scratch *scratch = pb_view_scratch_create();
    assert_string_equal(pb_label_clip(scratch, "short", 5), "short");
    assert_string_equal(pb_label_clip(scratch, "longer", 5), "long\u2026");
    assert_string_equal(pb_label_clip(scratch, "\u4E2D\u4E2D\u4E2D", 4), "\u4E2D\u2026");
    assert_true(pb_label_width("iiii", PB_TEXT_PLAIN, 10) <
                pb_label_width("MMMM", PB_TEXT_PLAIN, 10));
    assert_true(pb_label_width("ii", PB_TEXT_TOKEN, 10) == pb_label_width("MM", PB_TEXT_TOKEN, 10));
    pb_view_scratch_destroy(&scratch);
}

/* ---- markup ---- */

static void markup_escapes_text_and_attributes(void **state)
{
    (void)state;
    pb_markup markup = PB_MARKUP_EMPTY;
    pb_markup_open(&markup, "div");
    pb_markup_attribute(&markup, "title", "\"><script>'&");
    pb_markup_attribute(&markup, "style", NULL);
    pb_markup_number(&markup, "x", -0.001);
    pb_markup_number(&markup, "y", 12.5);
    pb_markup_text(&markup, "a<b & \"c\"\x01", PB_TEXT_PLAIN);
    pb_markup_open(&markup, "br");
    pb_markup_close(&markup);
    pb_markup_open(&markup, "span");
    pb_markup_close(&markup);
    pb_markup_close(&markup);
    char *text = pb_markup_take(&markup);
    assert_string_equal(text, "<div class=\"mathjax_ignore tex2jax_ignore\" "
                              "title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\" x=\"0\" y=\"12.5\">"
                              "a&lt;b &amp; &quot;c&quot;\u2401<br/><span></span></div>");
    free(text);
}

static void unbalanced_markup_is_never_taken(void **state)
{
    (void)state;
    pb_markup open = PB_MARKUP_EMPTY, closed = PB_MARKUP_EMPTY, deep = PB_MARKUP_EMPTY;
    pb_markup_open(&open, "div");
    assert_null(pb_markup_take(&open));
    pb_markup_close(&closed);
    assert_null(pb_markup_take(&closed));
    for (int i = 0; i <= PB_MARKUP_DEPTH; i++)
        pb_markup_open(&deep, "g");
    for (int i = 0; i < PB_MARKUP_DEPTH; i++)
        pb_markup_close(&deep);
    assert_null(pb_markup_take(&deep));
}

static void the_reader_of_these_tests_finds_faults(void **state)
{
    (void)state;
    static const char *const faults[] = {"<div>",
                                         "</div>",
                                         "<div><span></div></span>",
                                         "<div x=1/>",
                                         "a & b",
                                         "a < b",
                                         "a > b",
                                         "<b>x</b>",
                                         "<div onload=\"x\"></div>",
                                         "\x01",
                                         "\xFF",
                                         "<div x=\"1\" x=\"1\"></div>",
                                         "<script>x",
                                         "<div x=\"<\"></div>",
                                         "&nbsp;"};
    size_t at;
    for (size_t i = 0; i < N(faults); i++)
        assert_non_null(markup_fault(faults[i], &at));
    assert_null(markup_fault("<div style=\"a\">x &amp; <wbr/><span>y</span></div>\n", &at));
}

/* ---- cells and grids ---- */

static void cells_of_one_shade_are_merged(void **state)
{
    (void)state;
    static const float values[6] = {1, 1, 1, -1, NAN, 0};
    pb_cells cells = {
        .values = values, .n_rows = 2, .n_columns = 3, .cell_width = 10, .cell_height = 5};
    pb_shading shading = pb_shading_settle(PB_SHADE_DIVERGING, (pb_range){0}, -1, 1);
    pb_markup markup = PB_MARKUP_EMPTY;
    pb_cells_draw(&markup, &cells, &shading, NULL);
    char *text = pb_markup_take(&markup);
    assert_non_null(strstr(text, "fill=\"#2b74c9\" fill-opacity=\"1\" d=\"M0 0h3v1h-3z\""));
    assert_non_null(strstr(text, "fill=\"#be530c\" fill-opacity=\"1\" d=\"M0 1h1v1h-1z\""));
    assert_null(strstr(text, "M1 1"));
    free(text);
}

static void cells_without_a_number_are_marked_where_asked(void **state)
{
    (void)state;
    static const float values[6] = {0, NAN, 1, -INFINITY, 0, INFINITY};
    pb_cells cells = {.values = values,
                      .n_rows = 2,
                      .n_columns = 3,
                      .cell_width = 10,
                      .cell_height = 5,
                      .marks_missing = true};
    pb_shading shading = pb_shading_settle(PB_SHADE_DIVERGING, (pb_range){0}, -1, 1);
    pb_markup markup = PB_MARKUP_EMPTY;
    pb_cells_draw(&markup, &cells, &shading, NULL);
    char *text = pb_markup_take(&markup);
    assert_non_null(strstr(text, "d=\"M1 1l1-1M0 2l1-1M2 2l1-1\""));
    assert_null(strstr(text, "fill=\"#be530c\"")); /* -inf has no colour */
    free(text);
    cells.upward = true;
    pb_cells_draw(&markup, &cells, &shading, NULL);
    text = pb_markup_take(&markup);
    assert_non_null(strstr(text, "d=\"M1 2l1-1M0 1l1-1M2 1l1-1\""));
    free(text);
    cells.marks_missing = false;
    pb_cells_draw(&markup, &cells, &shading, NULL);
    text = pb_markup_take(&markup);
    assert_null(strstr(text, "l1-1"));
    free(text);
}

/* The number of an all-equal picture stands once, in the middle of its bar. */
static void a_colour_bar_of_one_value_says_it(void **state)
{
    (void)state;
    pb_shading zero = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, 0.0, 0.0);
    pb_markup markup = PB_MARKUP_EMPTY;
    pb_colour_bar(&markup, &zero, 0, 10, 100, "");
    char *text = pb_markup_take(&markup);
    const char *number = strstr(text, "<text");
    assert_non_null(number);
    assert_non_null(strstr(number, "y=\"64\""));
    assert_non_null(strstr(number, ">0</text>"));
    assert_null(strstr(number + 1, "<text"));
    free(text);
    assert_true(pb_colour_bar_width(&zero, 100, "") > 18.0);
    assert_true(pb_colour_bar_width(&zero, 100, "t") == pb_colour_bar_width(&zero, 100, "") + 22.0);
}

static void grids_line_up_wide_characters(void **state)
{
    (void)state;
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_grid grid;
    assert_true(pb_grid_create(scratch, 3, 2, &grid));
    grid.left[0] = true;
    pb_grid_set(&grid, 0, 0, "token");
    pb_grid_set(&grid, 0, 1, "p");
    pb_grid_set(&grid, 1, 0, "\u4E2D\u4E2D");
    pb_grid_set(&grid, 1, 1, "10.5");
    pb_grid_set(&grid, 2, 0, "x");
    pb_buffer out = PB_BUFFER_EMPTY;
    pb_grid_write(&grid, &out);
    assert_string_equal(out.data, "token     p\n\u4E2D\u4E2D   10.5\nx\n");
    pb_buffer_free(&out);
    pb_view_scratch_destroy(&scratch);
}

static void text_bars_grow_by_eighths(void **state)
{
    (void)state;
    static const struct {
        double share;
        const char *expected;
    } rows[] = {
        {0.0, ""}, {1.0, "\u2588\u2588"}, {0.5, "\u2588"}, {0.25, "\u258C"}, {9.0, "\u2588\u2588"}};
    for (size_t i = 0; i < N(rows); i++) {
        pb_buffer out = PB_BUFFER_EMPTY;
        pb_text_bar(&out, rows[i].share, 2);
        assert_string_equal(out.data ? out.data : "", rows[i].expected);
        pb_buffer_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_keeps_its_forms_in_order_and_replaces_them),
        cmocka_unit_test(an_allocation_that_failed_is_an_error),
        cmocka_unit_test(numbers_read_as_people_write_them),
        cmocka_unit_test(a_column_settles_on_one_format),
        cmocka_unit_test(ticks_are_round_and_cover),
        cmocka_unit_test(tick_labels_tell_neighbours_apart),
        cmocka_unit_test(impossible_ranges_still_have_ticks),
        cmocka_unit_test(diverging_shading_is_symmetric_about_zero),
        cmocka_unit_test(shading_diverges_about_any_value),
        cmocka_unit_test(sequential_shading_starts_at_zero_when_values_nearly_do),
        cmocka_unit_test(shaded_text_can_be_read_on_both_pages),
        cmocka_unit_test(series_colours_stand_out_on_both_pages),
        cmocka_unit_test(hostile_text_becomes_visible),
        cmocka_unit_test(labels_are_clipped_at_columns_not_bytes),
        cmocka_unit_test(markup_escapes_text_and_attributes),
        cmocka_unit_test(unbalanced_markup_is_never_taken),
        cmocka_unit_test(the_reader_of_these_tests_finds_faults),
        cmocka_unit_test(cells_of_one_shade_are_merged),
        cmocka_unit_test(cells_without_a_number_are_marked_where_asked),
        cmocka_unit_test(a_colour_bar_of_one_value_says_it),
        cmocka_unit_test(grids_line_up_wide_characters),
        cmocka_unit_test(text_bars_grow_by_eighths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
