/* Small multiples: panels that share their colours, their labels and a page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "display/attention.h"
#include "display/facets.h"
#include "samples.h"
#include "view_checks.h"

#define BORDER "stroke=\"currentColor\" stroke-opacity=\"0.25\""

/* The html of `n` panels of 2 x 3 zeros but for the last, which has a one. */
static char *panels_html(size_t n, size_t per_line, const char *const *titles)
{
    float *values = calloc(n * 6, sizeof *values);
    assert_non_null(values);
    values[n * 6 - 1] = 1.0f;
    pb_facets_view view = {
        .map = {.rows = {.name = "head", .count = 2},
                .columns = {.name = "position", .count = 3},
                .values = values},
        .across = {.name = titles ? "prompt" : "layer", .count = n, .labels = titles},
        .per_line = per_line};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_facets(&view, &bundle, NULL), PB_OK);
    char *html = strdup(pb_bundle_find(bundle, "text/html"));
    assert_non_null(html);
    check_bundle("facets", PB_OK, &bundle);
    free(values);
    return html;
}

static void panels_share_a_scale_and_their_labels(void **state)
{
    (void)state;
    char *html = panels_html(12, 4, NULL);
    assert_int_equal(count_of(html, BORDER), 12);
    assert_int_equal(count_of(html, "fill=\"#2b74c9\" fill-opacity=\"1\" d="), 1);
    assert_int_equal(count_of(html, ">position</text>"), 1);
    assert_int_equal(count_of(html, ">head</text>"), 1);
    assert_int_equal(count_of(html, ">layer 11</text>"), 1);
    /* rows are named once a line, columns once below each of the four, and once by the bar */
    assert_int_equal(count_of(html, "text-anchor=\"end\">1</text>"), 3);
    assert_int_equal(count_of(html, "text-anchor=\"middle\">2</text>"), 4);
    assert_int_equal(count_of(html, "stroke-opacity=\"0.3\""), 1);
    assert_non_null(strstr(html, "layer 11, head 1, position 2: 1</title>"));
    free(html);
}

/* Six do not fill the second line of four: what has no panel below it has the labels. */
static void columns_are_named_below_the_lowest_panel(void **state)
{
    (void)state;
    char *html = panels_html(6, 4, NULL);
    assert_int_equal(count_of(html, "text-anchor=\"middle\">2</text>"), 4);
    assert_int_equal(count_of(html, "text-anchor=\"end\">1</text>"), 2);
    free(html);
}

static void long_titles_are_cut_to_their_panel(void **state)
{
    (void)state;
    const char *const titles[] = {"a prompt that goes on for longer than any panel is wide, and on",
                                  "short"};
    char *html = panels_html(2, 0, titles);
    assert_non_null(strstr(html, ">short</text>"));
    assert_non_null(strstr(html, "\u2026</text>"));
    assert_null(strstr(html, "and on</text>"));
    free(html);
}

static void too_many_panels_are_refused(void **state)
{
    (void)state;
    const float none = 0.0f;
    pb_facets_view view = {.map = {.rows = {.count = 1}, .columns = {.count = 1}, .values = &none},
                           .across = {.count = PB_FACETS_MOST + 1}};
    pb_bundle *bundle = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_show_facets(&view, &bundle, &error), PB_LIMIT);
    assert_string_equal(pb_error_text(error),
                        "there are too many panels to draw: at most 256 fit a page");
    pb_error_destroy(&error);
    view.across.count = SIZE_MAX;
    view.down.count = 2;
    assert_int_equal(pb_show_facets(&view, &bundle, NULL), PB_LIMIT);
    view.across.count = 0;
    pb_status status = pb_show_facets(&view, &bundle, NULL);
    check_bundle("no panels", status, &bundle);
}

/* However many values there are, the page stays small, and says what it did. */
static void large_panels_are_pooled(void **state)
{
    (void)state;
    size_t panels = 48, side = 300;
    float *values = calloc(panels * side * side, sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < panels * side * side; i++)
        values[i] = wobble(i);
    pb_facets_view view = {.map = {.rows = {.name = "query", .count = side},
                                   .columns = {.name = "key", .count = side},
                                   .values = values,
                                   .square = true},
                           .down = {.name = "layer", .count = 6},
                           .across = {.name = "head", .count = 8}};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_facets(&view, &bundle, NULL);
    free(values);
    assert_int_equal(status, PB_OK);
    const char *html = pb_bundle_find(bundle, "text/html");
    assert_non_null(strstr(html, "300 x 300 values drawn as"));
    assert_in_range(strlen(html), 1, 1000000);
    check_bundle("large panels", status, &bundle);
}

static void long_prompts_show_their_ends(void **state)
{
    (void)state;
    enum { TOKENS = 300 };
    static float pattern[TOKENS * TOKENS];
    const char *tokens[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) {
        tokens[i] = " x";
        pattern[i * TOKENS] = 1.0f;
    }
    pb_attention_view view = {
        .n_heads = 1, .n_tokens = TOKENS, .tokens = tokens, .pattern = pattern};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_attention(&view, &bundle, NULL);
    const char *plain = pb_bundle_find(bundle, "text/plain");
    assert_non_null(strstr(plain, "128 of 300 tokens are shown"));
    assert_non_null(strstr(plain, "\u00B7x (299) looks at \u00B7x (0) 1.00"));
    check_bundle("long", status, &bundle);
}

static void a_head_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    static const float one[] = {1.0f};
    const char *const tokens[] = {"a"};
    pb_attention_view view = {
        .n_heads = 1, .n_tokens = 1, .tokens = tokens, .pattern = one, .enlarged = 1};
    pb_bundle *bundle = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_show_attention(&view, &bundle, &error), PB_RANGE);
    assert_null(bundle);
    assert_string_equal(pb_error_text(error), "head 1 cannot be enlarged: there are 1 heads");
    pb_error_destroy(&error);
    view.n_heads = 0;
    assert_int_equal(pb_show_attention(&view, &bundle, NULL), PB_VALUE);
}

/* What a sanitizer leaves: without style elements the image must show, so no inline style may hide
 * it, and the text left from the svg must be hidden by its container. */
static void a_picture_survives_a_sanitizer(void **state)
{
    (void)state;
    pb_bundle *bundle = NULL;
    assert_int_equal(samples[8].make(&bundle, NULL), PB_OK);
    assert_string_equal(samples[8].name, "head_map");
    const char *html = pb_bundle_find(bundle, "text/html");
    const char *svg = strstr(html, "<svg"),
               *image = strstr(html, "<img src=\"data:image/svg+xml;base64,");
    assert_true(svg && image && image > svg);
    const char *container = strstr(html, "font-size:0\"><svg");
    assert_non_null(container);
    const char *fallback = strstr(html, "<div class=\"pb-static\">");
    assert_true(fallback && fallback < image);
    pb_bundle_destroy(&bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(panels_share_a_scale_and_their_labels),
        cmocka_unit_test(columns_are_named_below_the_lowest_panel),
        cmocka_unit_test(long_titles_are_cut_to_their_panel),
        cmocka_unit_test(too_many_panels_are_refused),
        cmocka_unit_test(large_panels_are_pooled),
        cmocka_unit_test(long_prompts_show_their_ends),
        cmocka_unit_test(a_head_that_is_not_there_is_an_error),
        cmocka_unit_test(a_picture_survives_a_sanitizer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
