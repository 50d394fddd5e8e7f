/*
 * Whole views: what they say in plain text (golden files), that every form is well formed and
 * escaped whatever the texts are, and that odd data is drawn without harm.
 */
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
#include "display/card.h"
#include "display/chart.h"
#include "display/document.h"
#include "display/facets.h"
#include "display/heatmap.h"
#include "display/table.h"
#include "display/tokens.h"
#include "samples.h"
#include "view_checks.h"
#include "wellformed.h"

static char *read_golden(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "tests/display/golden/%s.txt", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    size_t length = fread(text, 1, (1 << 16) - 1, file);
    text[length] = '\0';
    fclose(file);
    return text;
}

/* ---- samples ---- */

static void every_sample_is_well_formed(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_bundle *bundle = NULL;
        pb_status status = samples[i].make(&bundle, NULL);
        check_bundle(samples[i].name, status, &bundle);
    }
}

/* Samples whose name starts with "many" or "long" have no golden file: they are for size. */
static void plain_text_reads_as_before(void **state)
{
    (void)state;
    size_t compared = 0;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        char *expected = read_golden(samples[i].name);
        if (!expected)
            continue;
        pb_bundle *bundle = NULL;
        assert_int_equal(samples[i].make(&bundle, NULL), PB_OK);
        assert_string_equal(pb_bundle_find(bundle, "text/plain"), expected);
        assert_null(strstr(expected, " \n"));
        pb_bundle_destroy(&bundle);
        free(expected);
        compared++;
    }
    assert_int_equal(compared, N_SAMPLES - 5);
}

static void the_same_view_gives_the_same_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_bundle *first = NULL, *second = NULL;
        assert_int_equal(samples[i].make(&first, NULL), PB_OK);
        assert_int_equal(samples[i].make(&second, NULL), PB_OK);
        assert_string_equal(pb_bundle_find(first, "text/html"),
                            pb_bundle_find(second, "text/html"));
        pb_bundle_destroy(&first);
        pb_bundle_destroy(&second);
    }
}

static void pictures_stay_small(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_bundle *bundle = NULL;
        assert_int_equal(samples[i].make(&bundle, NULL), PB_OK);
        assert_in_range(strlen(pb_bundle_find(bundle, "text/html")), 1, 800000);
        pb_bundle_destroy(&bundle);
    }
}

/* ---- hostile texts in every slot ---- */

static const char *const hostile[] = {
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onload='alert(1)",
    "</svg></style></script><b>",
    "]]>--><!--",
    "&lt;&#60;&amp",
    "\x01\x02\x1b[31m\x07\x7f",
    "\xFF\xFE\xE2\x82",
    "\xCC\x81\xCC\x82",
    "\u202E\u2066\u200B\uFEFF",
    "\uFFFE\uFFFF\U0001FFFE",
    "line\nbreak\r\ttab",
    "",
    "   ",
};
enum { N_HOSTILE = sizeof hostile / sizeof *hostile };

static pb_words hostile_words(const char *const *text)
{
    return (pb_words){.title = *text, .caption = *text, .notes = text, .n_notes = 1};
}

static void check_hostile_card(const char *const *text)
{
    const pb_fact fact = {*text, *text, *text};
    const pb_block blocks[] = {
        {*text, *text, *text, 0}, {*text, NULL, *text, 9}, {*text, *text, NULL, 1}};
    pb_card_view view = {.words = hostile_words(text),
                         .subtitle = *text,
                         .facts = &fact,
                         .n_facts = 1,
                         .blocks = blocks,
                         .n_blocks = 3};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_card(&view, &bundle, NULL);
    check_bundle(*text, status, &bundle);
}

static void check_hostile_table(const char *const *text)
{
    static const double number[] = {-1.5};
    const pb_column columns[] = {
        {.name = *text, .unit = *text, .group = *text, .kind = PB_COLUMN_TEXT, .texts = text},
        {.name = *text,
         .group = *text,
         .group_kind = PB_TEXT_TOKEN,
         .kind = PB_COLUMN_TOKEN,
         .texts = text},
        {.name = *text, .kind = PB_COLUMN_NUMBER, .numbers = number, .shade = PB_SHADE_AUTO},
        {.name = *text, .kind = PB_COLUMN_BAR, .numbers = number},
        {.name = *text, .kind = PB_COLUMN_CHECK, .numbers = number}};
    for (int kind = PB_TEXT_PLAIN; kind <= PB_TEXT_TOKEN; kind++) {
        pb_table_view view = {.words = hostile_words(text),
                              .n_rows = 1,
                              .n_columns = 5,
                              .columns = columns,
                              .row_name = *text,
                              .row_labels = text,
                              .row_kind = (pb_text_kind)kind,
                              .total_rows = 3};
        pb_bundle *bundle = NULL;
        pb_status status = pb_show_table(&view, &bundle, NULL);
        check_bundle(*text, status, &bundle);
    }
}

static void check_hostile_charts(const char *const *text)
{
    static const float value[] = {-1.5f};
    const pb_series series[] = {{*text, value}, {*text, value}};
    const pb_reference reference = {*text, 3.0};
    for (int kind = PB_TEXT_PLAIN; kind <= PB_TEXT_TOKEN; kind++) {
        pb_chart_view view = {.words = hostile_words(text),
                              .x = {*text, *text, 1, text, NULL, (pb_text_kind)kind},
                              .value_name = *text,
                              .value_unit = *text,
                              .series_name = *text,
                              .series = series,
                              .n_series = 2,
                              .references = &reference,
                              .n_references = 1};
        pb_bundle *bars = NULL, *lines = NULL;
        pb_status status = pb_show_bars(&view, &bars, NULL);
        check_bundle(*text, status, &bars);
        status = pb_show_lines(&view, &lines, NULL);
        check_bundle(*text, status, &lines);
    }
}

static void check_hostile_heatmap(const char *const *text)
{
    static const float value[] = {-1.5f};
    for (int kind = PB_TEXT_PLAIN; kind <= PB_TEXT_TOKEN; kind++) {
        pb_axis_view axis = {*text, *text, 1, text, NULL, (pb_text_kind)kind};
        pb_heatmap_view view = {.words = hostile_words(text),
                                .rows = axis,
                                .columns = axis,
                                .values = value,
                                .cell_texts = text,
                                .cell_kind = (pb_text_kind)kind,
                                .value_name = *text,
                                .value_unit = *text};
        pb_bundle *bundle = NULL;
        pb_status status = pb_show_heatmap(&view, &bundle, NULL);
        check_bundle(*text, status, &bundle);
    }
}

static void check_hostile_tokens(const char *const *text)
{
    static const float value[] = {0.5f};
    const pb_token_row rows[] = {{*text, 1, text, NULL, value}, {NULL, 0, NULL, NULL, NULL}};
    pb_tokens_view view = {
        .words = hostile_words(text), .rows = rows, .n_rows = 2, .value_name = *text};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_tokens(&view, &bundle, NULL);
    check_bundle(*text, status, &bundle);
    pb_attention_view attention = {.words = hostile_words(text),
                                   .n_heads = 1,
                                   .head_names = text,
                                   .n_tokens = 1,
                                   .tokens = text,
                                   .pattern = value};
    status = pb_show_attention(&attention, &bundle, NULL);
    check_bundle(*text, status, &bundle);
}

static void no_text_escapes_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_HOSTILE; i++) {
        check_hostile_card(&hostile[i]);
        check_hostile_table(&hostile[i]);
        check_hostile_charts(&hostile[i]);
        check_hostile_heatmap(&hostile[i]);
        check_hostile_tokens(&hostile[i]);
    }
}

static void pages_hold_hostile_text_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_HOSTILE; i++) {
        pb_bundle *bare = pb_bundle_create();
        char *page = NULL;
        size_t at;
        assert_int_equal(pb_bundle_add(bare, "text/plain", hostile[i], NULL), PB_OK);
        assert_int_equal(pb_html_page(hostile[i], bare, &page, NULL), PB_OK);
        assert_null(markup_fault(page, &at));
        free(page);
        pb_bundle_destroy(&bare);
    }
}

/* ---- what a person reads ---- */

/* A weight of zero is a number up to its query, and nothing behind it. */
static void nothing_is_written_behind_a_query(void **state)
{
    (void)state;
    static const float weights[9] = {1, 0, 0, 0.5f, 0.5f, 0, 0, 0.25f, 0.75f};
    static const int64_t later[] = {1, 2, 3};
    pb_heatmap_view view = {.rows = {.name = "query", .count = 3},
                            .columns = {.name = "key", .count = 3},
                            .values = weights,
                            .causal = true};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    assert_string_equal(pb_bundle_find(bundle, "text/plain"), "query \\ key      0      1      2\n"
                                                              "          0  1.000\n"
                                                              "          1  0.500  0.500\n"
                                                              "          2  0.000  0.250  0.750\n");
    assert_int_equal(count_of(pb_bundle_find(bundle, "image/svg+xml"), ">0.000<"), 1);
    pb_bundle_destroy(&bundle);
    view.rows.coordinates = later; /* places say what is behind, not how far along the axis */
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    assert_int_equal(count_of(pb_bundle_find(bundle, "image/svg+xml"), ">0.000<"), 3);
    pb_bundle_destroy(&bundle);
}

/* Sixty places of words: each is written, at its size, and their labels do not touch. */
static void a_long_prompt_keeps_its_words(void **state)
{
    (void)state;
    enum { ROWS = 7, COLUMNS = 60 };
    static float values[ROWS * COLUMNS];
    static const char *words[ROWS * COLUMNS];
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        words[i] = " movie";
    pb_heatmap_view view = {
        .rows = {.name = "layer", .count = ROWS},
        .columns = {.name = "position", .count = COLUMNS, .labels = words, .kind = PB_TEXT_TOKEN},
        .values = values,
        .cell_texts = words,
        .cell_kind = PB_TEXT_TOKEN};
    pb_bundle *bundle = NULL;
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    assert_int_equal(count_of(pb_bundle_find(bundle, "image/svg+xml"), ">·movie<"), ROWS * COLUMNS);
    const char *svg = strstr(pb_bundle_find(bundle, "text/html"), "<svg");
    double width = 0, least = 0;
    assert_int_equal(sscanf(strstr(svg, " width=\""), " width=\"%lf", &width), 1);
    assert_int_equal(sscanf(strstr(svg, "min-width:"), "min-width:%lf", &least), 1);
    assert_true(width > 1300 && least >= width - 1);
    pb_bundle_destroy(&bundle);
    view.cell_texts = NULL; /* numbers would not fit: narrow columns, smaller labels */
    assert_int_equal(pb_show_heatmap(&view, &bundle, NULL), PB_OK);
    const char *label = strstr(pb_bundle_find(bundle, "image/svg+xml"), ">59 ·movie<");
    double size = 0;
    assert_non_null(label);
    while (strncmp(label, "font-size=\"", 11) != 0)
        label--;
    assert_int_equal(sscanf(label, "font-size=\"%lf", &size), 1);
    assert_true(size > 6 && size * 1.2 <= 0.7072 * 860 / COLUMNS);
    pb_bundle_destroy(&bundle);
}

/* ---- odd data ---- */

static void empty_views_say_their_words(void **state)
{
    (void)state;
    const pb_words words = {.title = "nothing here"};
    pb_table_view table = {.words = words};
    pb_card_view card = {.words = words};
    pb_chart_view chart = {.words = words};
    pb_heatmap_view map = {.words = words};
    pb_tokens_view tokens = {.words = words};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_table(&table, &bundle, NULL);
    assert_non_null(strstr(pb_bundle_find(bundle, "text/plain"), "nothing here"));
    check_bundle("table", status, &bundle);
    status = pb_show_card(&card, &bundle, NULL);
    check_bundle("card", status, &bundle);
    status = pb_show_bars(&chart, &bundle, NULL);
    check_bundle("bars", status, &bundle);
    status = pb_show_lines(&chart, &bundle, NULL);
    check_bundle("lines", status, &bundle);
    status = pb_show_heatmap(&map, &bundle, NULL);
    check_bundle("heat map", status, &bundle);
    status = pb_show_tokens(&tokens, &bundle, NULL);
    check_bundle("tokens", status, &bundle);
}

static void numbers_that_are_none_are_drawn_without_harm(void **state)
{
    (void)state;
    static const float odd[] = {NAN, INFINITY, -INFINITY, 3.4e38f, -3.4e38f, 1e-45f, 0.0f, -0.0f};
    const pb_series series[] = {{"odd", odd}};
    const pb_reference references[] = {{"none", NAN}, {"much", 1e308}};
    pb_chart_view chart = {.x = {.name = "x", .count = 8},
                           .series = series,
                           .n_series = 1,
                           .references = references,
                           .n_references = 2};
    pb_heatmap_view map = {.rows = {.count = 2}, .columns = {.count = 4}, .values = odd};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_bars(&chart, &bundle, NULL);
    assert_null(strstr(pb_bundle_find(bundle, "text/html"), "\"nan"));
    check_bundle("bars", status, &bundle);
    status = pb_show_lines(&chart, &bundle, NULL);
    assert_null(strstr(pb_bundle_find(bundle, "text/html"), "=\"nan"));
    assert_null(strstr(pb_bundle_find(bundle, "text/html"), "=\"inf"));
    check_bundle("lines", status, &bundle);
    status = pb_show_heatmap(&map, &bundle, NULL);
    check_bundle("heat map", status, &bundle);
    map.values = (const float[]){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    status = pb_show_heatmap(&map, &bundle, NULL);
    check_bundle("heat map of nothing", status, &bundle);
}

static void a_huge_matrix_is_pooled_and_says_so(void **state)
{
    (void)state;
    size_t side = 3000;
    float *values = calloc(side * side, sizeof *values);
    assert_non_null(values);
    values[1234 * side + 567] = -2.0f;
    pb_heatmap_view view = {.rows = {.name = "query", .count = side},
                            .columns = {.name = "key", .count = side},
                            .values = values};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_heatmap(&view, &bundle, NULL);
    free(values);
    assert_int_equal(status, PB_OK);
    const char *html = pb_bundle_find(bundle, "text/html");
    assert_non_null(strstr(html, "largest magnitude"));
    assert_non_null(strstr(html, "fill=\"#be530c\" fill-opacity=\"1\"")); /* the one cell shows */
    assert_in_range(strlen(html), 1, 200000);
    check_bundle("huge", status, &bundle);
}

/* 3.564 above a bar whose axis counts in whole numbers is 3.6 or nothing, but not 4. */
static void bars_are_not_labelled_with_rounded_values(void **state)
{
    (void)state;
    static const float values[8] = {3.564f, 3.571f, 3.5f, 3.6f, 3.7f, 3.6f, 3.55f, 3.65f};
    static const float whole[8] = {4.0f, 3.0f};
    pb_series series[6];
    for (size_t i = 0; i < 6; i++)
        series[i] = (pb_series){NULL, values};
    pb_chart_view view = {.x = {.count = 8}, .series = series};
    for (view.n_series = 1; view.n_series <= 6; view.n_series++) {
        pb_bundle *bundle = NULL;
        pb_status status = pb_show_bars(&view, &bundle, NULL);
        const char *labels = strstr(pb_bundle_find(bundle, "text/html"), "<rect");
        assert_non_null(labels);
        assert_null(strstr(labels, ">4</text>"));
        check_bundle("bars", status, &bundle);
    }
    series[0].values = whole;
    view.n_series = 1;
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_bars(&view, &bundle, NULL);
    const char *labels = strstr(pb_bundle_find(bundle, "text/html"), "<rect");
    assert_non_null(strstr(labels, ">4</text>"));
    check_bundle("bars of counts", status, &bundle);
}

/* What tells two prompts apart shows; the whole of them is a tooltip. */
static void names_fit_their_legend(void **state)
{
    (void)state;
    static const float values[2] = {1.0f, 2.0f};
    static const char mary[] =
        "When Mary and John went to the old store by the river, they saw that "
        "Mary had given the drink back to";
    static const char john[] =
        "When Mary and John went to the old store by the river, they saw that "
        "John had given the drink back to";
    const pb_series series[] = {{mary, values}, {john, values}, {"short", values}};
    pb_chart_view view = {.x = {.name = "token", .count = 2}, .series = series, .n_series = 2};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_bars(&view, &bundle, NULL);
    const char *html = pb_bundle_find(bundle, "text/html");
    assert_non_null(strstr(html, ">When Mary and \u2026 Mary had given the drink back to</text>"));
    assert_non_null(strstr(html, ">When Mary and \u2026 John had given the drink back to</text>"));
    assert_non_null(strstr(html, "drink back to</title>When"));
    check_bundle("bars", status, &bundle);
    view.n_series = 3; /* nothing is shared: names are cut at their ends */
    status = pb_show_lines(&view, &bundle, NULL);
    html = pb_bundle_find(bundle, "text/html");
    assert_non_null(strstr(html, ">short</text>"));
    assert_non_null(strstr(html, ">When Mary and John went to"));
    assert_null(strstr(html, "drink back to</text>"));
    check_bundle("lines", status, &bundle);
}

/* The one turned title of the rows lies in the picture. */
static void check_turned_title(const char *html)
{
    const char *title = strstr(html, "rotate(-90"), *box = strstr(html, "viewBox=\"0 0 ");
    double middle = 0.0, width, height = 0.0, half = 58.0; /* of its length in Helvetica */
    assert_non_null(title);
    assert_int_equal(sscanf(title, "rotate(-90 %*f %lf", &middle), 1);
    assert_int_equal(sscanf(box, "viewBox=\"0 0 %lf %lf", &width, &height), 2);
    assert_true(middle >= half && height >= middle + half);
}

/* A title along few rows stands beside them whole. */
static void a_title_of_rows_has_room(void **state)
{
    (void)state;
    static const float values[3] = {1.0f, 2.0f, 3.0f};
    pb_heatmap_view view = {.rows = {.name = "destination position", .count = 1},
                            .columns = {.name = "source", .count = 3},
                            .values = values};
    pb_bundle *bundle = NULL;
    pb_status status = pb_show_heatmap(&view, &bundle, NULL);
    check_turned_title(pb_bundle_find(bundle, "text/html"));
    check_bundle("one row", status, &bundle);
    pb_facets_view facets = {.map = view, .across = {.name = "layer", .count = 1}};
    status = pb_show_facets(&facets, &bundle, NULL);
    check_turned_title(pb_bundle_find(bundle, "text/html"));
    check_bundle("one row in a panel", status, &bundle);
}

/* White on a filled cell is; no one colour is dark enough for text on a light page and light
 * enough on a dark one. */
static void no_text_has_a_colour_of_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SAMPLES; i++) {
        pb_bundle *bundle = NULL;
        assert_int_equal(samples[i].make(&bundle, NULL), PB_OK);
        const char *html = pb_bundle_find(bundle, "text/html");
        for (const char *at = html; (at = strstr(at, "color:#")); at++)
            if (strncmp(at, "color:#ffffff", 13) != 0)
                fail_msg("%s: %.40s", samples[i].name, at);
        pb_bundle_destroy(&bundle);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sample_is_well_formed),
        cmocka_unit_test(plain_text_reads_as_before),
        cmocka_unit_test(the_same_view_gives_the_same_bytes),
        cmocka_unit_test(pictures_stay_small),
        cmocka_unit_test(no_text_escapes_its_place),
        cmocka_unit_test(pages_hold_hostile_text_too),
        cmocka_unit_test(nothing_is_written_behind_a_query),
        cmocka_unit_test(a_long_prompt_keeps_its_words),
        cmocka_unit_test(empty_views_say_their_words),
        cmocka_unit_test(numbers_that_are_none_are_drawn_without_harm),
        cmocka_unit_test(a_huge_matrix_is_pooled_and_says_so),
        cmocka_unit_test(names_fit_their_legend),
        cmocka_unit_test(a_title_of_rows_has_room),
        cmocka_unit_test(no_text_has_a_colour_of_its_own),
        cmocka_unit_test(bars_are_not_labelled_with_rounded_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
