/* Texts shaded by a number for each token. */
#include "display/shade.h"

#include <math.h>

#include "display/number.h"
#include "frame.h"
#include "label.h"
#include "text.h"

/* Tokens shown of a long text, before its peak and behind it. */
enum { HTML_BEFORE = 60, HTML_BEHIND = 30, TEXT_BEFORE = 14, TEXT_BEHIND = 7 };

static size_t peak_of(const pb_shaded_text *row, bool by_value)
{
    size_t peak = 0;
    float largest = -INFINITY;
    for (size_t i = 0; i < row->count; i++) {
        float value = by_value ? row->values[i] : fabsf(row->values[i]);
        if (value > largest) { /* not for NaN */
            largest = value;
            peak = i;
        }
    }
    return peak;
}

/* The part that is shown: tokens first .. last - 1. */
typedef struct shown_part {
    size_t peak, first, last;
} shown_part;

static shown_part part_of(const pb_shaded_text *row, bool by_value, size_t before, size_t behind)
{
    shown_part part = {.peak = peak_of(row, by_value), .last = row->count};
    if (row->count <= before + behind)
        return part;
    part.first = part.peak > before ? part.peak - before : 0;
    part.last =
        part.first + before + behind < row->count ? part.first + before + behind : row->count;
    return part;
}

static void html_token(pb_markup *markup, const pb_shaded_text *row, size_t at,
                       const pb_shading *shading, pb_number_format format)
{
    pb_buffer style = PB_BUFFER_EMPTY;
    pb_markup_open(markup, "span");
    if (!isnan(row->values[at])) {
        char number[PB_NUMBER_SIZE];
        pb_number_write(number, (double)row->values[at], format);
        pb_fill_style(&style, pb_shading_fill(shading, (double)row->values[at]));
        pb_markup_attribute(markup, "title", number);
    }
    if (style.data && style.length > 1)
        pb_markup_attribute(markup, "style", style.data + 1);
    pb_markup_text(markup, row->tokens[at], PB_TEXT_PLAIN);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || style.failed;
    pb_buffer_free(&style);
}

static void html_row(pb_markup *markup, const pb_shaded_text *row, bool by_value,
                     const pb_shading *shading, pb_number_format format)
{
    const shown_part part = part_of(row, by_value, HTML_BEFORE, HTML_BEHIND);
    char number[PB_NUMBER_SIZE] = "";
    if (row->count > 0)
        pb_number_write(number, (double)row->values[part.peak], format);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", "padding:3px 0;line-height:1.7;white-space:pre-wrap");
    pb_markup_element(markup, "span", PB_STYLE_MUTED ";font-size:11px;padding-right:10px", number,
                      PB_TEXT_PLAIN);
    if (part.first > 0)
        pb_markup_text(markup, "\xE2\x80\xA6", PB_TEXT_PLAIN);
    for (size_t i = part.first; i < part.last; i++)
        html_token(markup, row, i, shading, format);
    if (part.last < row->count)
        pb_markup_text(markup, "\xE2\x80\xA6", PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

/* "+3.21  ...movie because it [is] a": the token of the number in brackets. */
static const char *text_row(pb_view_scratch *scratch, const pb_shaded_text *row, bool by_value)
{
    const shown_part part = part_of(row, by_value, TEXT_BEFORE, TEXT_BEHIND);
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_text(&text, part.first > 0 ? "\xE2\x80\xA6" : "");
    for (size_t i = part.first; i < part.last; i++) {
        const char *token = row->tokens[i];
        bool marked = i == part.peak, spaced = marked && token[0] == ' ';
        pb_buffer_format(&text, "%s%s%s%s", spaced ? " " : "", marked ? "[" : "",
                         pb_label_make(scratch, spaced ? token + 1 : token, PB_TEXT_PLAIN),
                         marked ? "]" : "");
    }
    pb_buffer_text(&text, part.last < row->count ? "\xE2\x80\xA6" : "");
    return pb_view_scratch_take(scratch, &text);
}

static void text_rows(pb_view_scratch *scratch, const pb_shaded_view *view, pb_number_format format,
                      pb_buffer *out)
{
    pb_grid grid;
    if (!pb_grid_create(scratch, view->n_rows + 1, 2, &grid)) {
        out->failed = true;
        return;
    }
    grid.left[1] = true;
    pb_grid_set(&grid, 0, 0, view->value_name ? view->value_name : "value");
    pb_grid_set(&grid, 0, 1, "text, the token of that value in brackets");
    for (size_t i = 0; i < view->n_rows; i++) {
        const pb_shaded_text *row = &view->rows[i];
        char number[PB_NUMBER_SIZE];
        size_t length =
            row->count
                ? pb_number_write(number, (double)row->values[peak_of(row, view->by_value)], format)
                : 0;
        pb_grid_set(&grid, i + 1, 0, pb_view_scratch_text(scratch, number, length));
        pb_grid_set(&grid, i + 1, 1, text_row(scratch, row, view->by_value));
    }
    pb_text_head(out, &view->words);
    pb_grid_write(&grid, out);
    pb_text_foot(out, &view->words);
}

pb_status pb_show_shaded(const pb_shaded_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    double low = INFINITY, high = -INFINITY;
    if (!scratch)
        return pb_fail_memory(error);
    for (size_t i = 0; i < view->n_rows; i++)
        pb_extend_floats(&low, &high, view->rows[i].values, view->rows[i].count);
    const double ends[] = {low, high};
    pb_shading shading = pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, low, high);
    pb_number_format format = pb_number_settle((pb_number_format){0}, ends, 2);
    pb_frame_open(&html, &view->words);
    for (size_t i = 0; i < view->n_rows; i++)
        html_row(&html, &view->rows[i], view->by_value, &shading, format);
    pb_frame_close(&html, &view->words);
    text_rows(scratch, view, format, &plain);
    pb_status status = pb_frame_bundle(scratch, &html, &plain, NULL, &view->words, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
