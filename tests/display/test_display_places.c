/* What is drawn where: rows, labels, lines and bars by their numbers in the picture, and pictures
 * as files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "display/attention.h"
#include "display/chart.h"
#include "display/heatmap.h"
#include "samples.h"
#include "wellformed.h"

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in %.4000s", part, text);
}

/* An attribute of the element that holds `part`: y="50.5" of <text y="50.5">part. */
static double attribute_before(const char *html, const char *name, const char *part)
{
    const char *found = strstr(html, part);
    assert_non_null(found);
    char wanted[16];
    snprintf(wanted, sizeof wanted, " %s=\"", name);
    while (found > html && strncmp(found, wanted, strlen(wanted)) != 0)
        found--;
    return atof(found + strlen(wanted));
}

/* Layer 0 at the bottom: its cells, their strokes, tooltips, numbers and labels. */
static void rows_that_count_upwards_do_so_in_all_parts(void **state)
{
    (void)state;
    static const float values[] = {1, 2, 3, NAN};
    pb_heatmap_view view = {.rows = {.name = "layer", .count = 2},
                            .columns = {.name = "position", .count = 2},
                            .values = values,
                            .rows_upward = true};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    const char *html = pb_bundle_find(bundle, "text/html");
    assert_says(html, "fill-opacity=\"1\" d=\"M0 0h1v1h-1z\"/>"); /* the 3, above */
    assert_says(html, "d=\"M1 1l1-1\"/>");                        /* the one that is none */
    assert_says(html, "<path d=\"M0 0h1v1h-1z\"><title>layer 1, position 0: 3</title>");
    assert_says(html, "<path d=\"M1 1h1v1h-1z\"><title>layer 0, position 1: 2</title>");
    assert_true(attribute_before(html, "y", ">1</text>") >
                attribute_before(html, "y", ">3</text>"));
    double low = attribute_before(html, "y", "text-anchor=\"end\">0</text>");
    assert_true(low > attribute_before(html, "y", "text-anchor=\"end\">1</text>"));
    pb_bundle_destroy(&bundle);

    view.rows_upward = false;
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    html = pb_bundle_find(bundle, "text/html");
    assert_says(html, "fill-opacity=\"1\" d=\"M0 1h1v1h-1z\"/>");
    assert_says(html, "d=\"M1 2l1-1\"/>");
    assert_says(html, "<path d=\"M0 1h1v1h-1z\"><title>layer 1, position 0: 3</title>");
    low = attribute_before(html, "y", "text-anchor=\"end\">0</text>");
    assert_true(low < attribute_before(html, "y", "text-anchor=\"end\">1</text>"));
    pb_bundle_destroy(&bundle);
}

static void cells_without_a_number_are_explained(void **state)
{
    (void)state;
    static const struct {
        float values[2];
        const char *note;
    } cases[] = {{{1, NAN}, "Cells with a stroke are empty."},
                 {{1, -INFINITY}, "Cells with a stroke are infinite."},
                 {{INFINITY, NAN}, "Cells with a stroke are empty or infinite."},
                 {{1, 2}, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pb_heatmap_view view = {.rows = {.name = "layer", .count = 1},
                                .columns = {.name = "position", .count = 2},
                                .values = cases[i].values};
        pb_bundle *bundle = NULL;
        assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
        const char *html = pb_bundle_find(bundle, "text/html");
        if (cases[i].note)
            assert_says(html, cases[i].note);
        else
            assert_null(strstr(html, "with a stroke"));
        pb_bundle_destroy(&bundle);
    }
}

static void text_of_wide_maps_has_both_ends(void **state)
{
    (void)state;
    enum { COLUMNS = 40 };
    float values[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++)
        values[i] = (float)(1000 + i);
    pb_heatmap_view view = {.rows = {.name = "layer", .count = 1},
                            .columns = {.name = "position", .count = COLUMNS},
                            .values = values};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    const char *plain = pb_bundle_find(bundle, "text/plain");
    assert_says(plain, "1,000");
    assert_says(plain, "1,039");
    assert_null(strstr(plain, "1,020"));
    assert_says(plain, "24 of 40 columns are left out");
    pb_bundle_destroy(&bundle);
}

static void lines_break_where_there_is_no_number(void **state)
{
    (void)state;
    static const float first[] = {1, NAN, 3, 4}, second[] = {2, 5, INFINITY, 1};
    const pb_series series[] = {{"one", first}, {"two", second}};
    pb_chart_view view = {.x = {.name = "layer", .count = 4}, .series = series, .n_series = 2};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_lines(&view, &bundle, NULL), PB_OK);
    const char *html = pb_bundle_find(bundle, "text/html");
    size_t n_lines = 0;
    for (const char *at = html; (at = strstr(at, "<polyline points=\"")) != NULL; n_lines++) {
        at += strlen("<polyline points=\"");
        size_t length = strcspn(at, "\""), points = 1;
        for (size_t i = 0; i < length; i++)
            points += at[i] == ' ';
        assert_int_equal(points, 2); /* 3 and 4 of the one, 2 and 5 of the other */
    }
    assert_int_equal(n_lines, 2);
    pb_bundle_destroy(&bundle);
}

static void bars_stand_side_by_side(void **state)
{
    (void)state;
    static const float first[] = {1, 4, 3}, second[] = {2, 5, 1};
    const pb_series series[] = {{"one", first}, {"two", second}};
    pb_chart_view view = {.x = {.name = "layer", .count = 3}, .series = series, .n_series = 2};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_bars(&view, &bundle, NULL), PB_OK);
    double end = 0;
    size_t n_bars = 0;
    for (const char *at = pb_bundle_find(bundle, "text/html"); (at = strstr(at, "<rect x=\""));
         at++) {
        double x, y, width;
        assert_int_equal(sscanf(at, "<rect x=\"%lf\" y=\"%lf\" width=\"%lf\"", &x, &y, &width), 3);
        if (y < 20) /* the legend's */
            continue;
        assert_true(x >= end);
        end = x + width;
        n_bars++;
    }
    assert_int_equal(n_bars, 6);
    pb_bundle_destroy(&bundle);
}

/* Tokens are shaded by what the last of them looks at. */
static void tokens_are_shaded_for_the_last_query(void **state)
{
    (void)state;
    static const float pattern[] = {1, 0, 0.25f, 0.75f};
    const char *const tokens[] = {"a", "b"};
    pb_attention_view view = {.n_heads = 1, .n_tokens = 2, .tokens = tokens, .pattern = pattern};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_attention(&view, &bundle, NULL), PB_OK);
    const char *html = pb_bundle_find(bundle, "text/html");
    assert_says(html, "background-color:rgba(43,116,201,0.25)\">a</bdi>");
    assert_says(html, "background-color:rgba(43,116,201,0.75)\">b</bdi>");
    pb_bundle_destroy(&bundle);
}

static size_t digit_of(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = digit ? strchr(digits, digit) : NULL;
    return found ? (size_t)(found - digits) : SIZE_MAX;
}

/* The file that an image is, decoded; the caller frees it. */
static char *decoded_image(const char *base64)
{
    char *file = calloc(strlen(base64) + 1, 1);
    assert_non_null(file);
    size_t bits = 0, held = 0, length = 0;
    for (; digit_of(*base64) != SIZE_MAX; base64++) {
        bits = (bits << 6 | digit_of(*base64)) & 0xFFFF;
        held += 6;
        if (held >= 8)
            file[length++] = (char)(bits >> (held -= 8) & 0xFF);
    }
    return file;
}

static void images_are_whole_files(void **state)
{
    (void)state;
    static const char start[] = "data:image/svg+xml;base64,";
    size_t rests[3] = {0};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_bundle *bundle = NULL;
        assert_int_equal(samples[i].make(&bundle, NULL), PB_OK);
        const char *image = strstr(pb_bundle_find(bundle, "text/html"), start);
        if (image) {
            char *file = decoded_image(image + strlen(start));
            size_t at = 0, length = strlen(file);
            assert_null(markup_fault(file, &at));
            assert_string_equal(file + length - 6, "</svg>");
            rests[length % 3]++;
            free(file);
        }
        pb_bundle_destroy(&bundle);
    }
    assert_true(rests[0] && rests[1] && rests[2]); /* each way for base64 to end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_that_count_upwards_do_so_in_all_parts),
        cmocka_unit_test(cells_without_a_number_are_explained),
        cmocka_unit_test(text_of_wide_maps_has_both_ends),
        cmocka_unit_test(lines_break_where_there_is_no_number),
        cmocka_unit_test(bars_stand_side_by_side),
        cmocka_unit_test(tokens_are_shaded_for_the_last_query),
        cmocka_unit_test(images_are_whole_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
