/* Prompts as rows of chips, one column a position, differences marked. */
#include "display/tokens.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "frame.h"
#include "label.h"
#include "palette.h"
#include "text.h"

/* ---- where rows differ ---- */

static size_t longest_row(const pb_tokens_view *view)
{
    size_t longest = 0;
    for (size_t i = 0; i < view->n_rows; i++)
        longest = view->rows[i].count > longest ? view->rows[i].count : longest;
    return longest;
}

static bool same_token(const pb_token_row *a, const pb_token_row *b, size_t at)
{
    if (at >= a->count || at >= b->count)
        return at >= a->count && at >= b->count;
    if (a->ids && b->ids)
        return a->ids[at] == b->ids[at];
    return strcmp(a->tokens[at], b->tokens[at]) == 0;
}

static bool differs_at(const pb_tokens_view *view, size_t at)
{
    for (size_t i = 1; i < view->n_rows; i++)
        if (!same_token(&view->rows[0], &view->rows[i], at))
            return true;
    return false;
}

/* "They differ at position 2." as a string of the scratch; NULL when memory is out. */
static const char *difference_sentence(pb_view_scratch *scratch, const pb_tokens_view *view)
{
    size_t longest = longest_row(view), count = 0;
    pb_buffer list = PB_BUFFER_EMPTY;
    for (size_t at = 0; at < longest; at++) {
        if (!differs_at(view, at))
            continue;
        if (count < 12)
            pb_buffer_format(&list, "%s%zu", count ? ", " : "", at);
        else if (count == 12)
            pb_buffer_text(&list, ", \u2026");
        count++;
    }
    bool equal_lengths = true;
    for (size_t i = 1; i < view->n_rows; i++)
        equal_lengths = equal_lengths && view->rows[i].count == view->rows[0].count;
    const char *differing = pb_view_scratch_take(scratch, &list);
    if (count == 0)
        return "The prompts are the same, token by token.";
    return pb_view_scratch_format(scratch, "The prompts differ at position%s %s%s.",
                                  count == 1 ? "" : "s", differing,
                                  equal_lengths ? "" : "; they differ in length");
}

/* ---- HTML ---- */

static const char *row_name(pb_view_scratch *scratch, const pb_tokens_view *view, size_t row)
{
    if (view->rows[row].name)
        return pb_label_make(scratch, view->rows[row].name, PB_TEXT_PLAIN);
    return view->n_rows > 1 ? pb_view_scratch_format(scratch, "prompt %zu", row) : "";
}

static void html_chip(pb_markup *markup, const pb_token_row *row, size_t at, bool differs,
                      const pb_shading *shading, pb_number_format format)
{
    pb_buffer style = PB_BUFFER_EMPTY, title = PB_BUFFER_EMPTY;
    pb_buffer_format(&title, "position %zu", at);
    if (row->ids)
        pb_buffer_format(&title, ", token %" PRId64, row->ids[at]);
    if (row->values && !isnan(row->values[at])) {
        char number[PB_NUMBER_SIZE];
        pb_number_write(number, (double)row->values[at], format);
        pb_buffer_format(&title, ", %s", number);
        pb_fill_style(&style, pb_shading_fill(shading, (double)row->values[at]));
    }
    if (differs)
        pb_buffer_text(&style, ";outline:2px solid #d55e00");
    pb_markup_open(markup, "span");
    pb_markup_attribute(markup, "title", title.data);
    pb_frame_chip(markup, row->tokens[at], style.data && *style.data ? style.data + 1 : NULL);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || style.failed || title.failed;
    pb_buffer_free(&style);
    pb_buffer_free(&title);
}

/* A column for each position, its number above the chips of all rows, so that rows line up. Columns
 * flow like words; of many rows the names would be missed on a second line, so those scroll. */
#define WRAPPED_ROWS 4
#define CELL         "padding:0 3px;height:24px;line-height:24px;white-space:nowrap"
#define POSITION     CELL ";text-align:center;font-size:11px;opacity:0.72"
#define POSITION_DIFFERING                                                                         \
    CELL ";text-align:center;font-size:11px;font-weight:700;border-radius:4px;"                    \
         "background-color:" PB_ODD

static void html_names(pb_markup *markup, pb_view_scratch *scratch, const pb_tokens_view *view)
{
    pb_markup_open(markup, "div");
    pb_markup_element(markup, "div", CELL ";font-size:11px;opacity:0.72", "position",
                      PB_TEXT_PLAIN);
    for (size_t i = 0; i < view->n_rows; i++)
        pb_markup_element(markup, "div", CELL ";padding-right:10px;opacity:0.85",
                          row_name(scratch, view, i), PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

static void html_column(pb_markup *markup, const pb_tokens_view *view, size_t at,
                        const pb_shading *shading)
{
    bool differs = differs_at(view, at);
    pb_markup_open(markup, "div");
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", differs ? POSITION_DIFFERING : POSITION);
    pb_markup_format(markup, "%zu", at);
    pb_markup_close(markup);
    for (size_t i = 0; i < view->n_rows; i++) {
        pb_markup_open(markup, "div");
        pb_markup_attribute(markup, "style", CELL ";text-align:center");
        if (at < view->rows[i].count)
            html_chip(markup, &view->rows[i], at, differs, shading, view->format);
        pb_markup_close(markup);
    }
    pb_markup_close(markup);
}

static pb_shading settle_shading(const pb_tokens_view *view)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < view->n_rows; i++)
        if (view->rows[i].values)
            pb_extend_floats(&low, &high, view->rows[i].values, view->rows[i].count);
    return pb_shading_settle(PB_SHADE_AUTO, (pb_range){0}, low, high);
}

static bool has_values(const pb_tokens_view *view)
{
    for (size_t i = 0; i < view->n_rows; i++)
        if (view->rows[i].values)
            return true;
    return false;
}

/* Says what the shading means: "shaded by loss (nats), 0 to 7.1". */
static void html_legend(pb_markup *markup, const pb_tokens_view *view, const pb_shading *shading)
{
    char low[PB_NUMBER_SIZE], high[PB_NUMBER_SIZE];
    pb_number_write(low, shading->low, view->format);
    pb_number_write(high, shading->high, view->format);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", PB_STYLE_MUTED ";font-size:12px");
    pb_markup_text(markup, "Shaded by ", PB_TEXT_PLAIN);
    pb_markup_text(markup, view->value_name ? view->value_name : "value", PB_TEXT_PLAIN);
    pb_markup_format(markup, ", from %s to %s.", low, high);
    pb_markup_close(markup);
}

static void html_tokens(pb_markup *markup, pb_view_scratch *scratch, const pb_tokens_view *view,
                        const char *sentence)
{
    pb_shading shading = settle_shading(view);
    size_t longest = longest_row(view);
    pb_frame_open(markup, &view->words);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", PB_STYLE_SCROLL ";display:flex;padding:2px 0 6px 0");
    html_names(markup, scratch, view);
    pb_markup_open(markup, "div"); /* its lines all begin beside the names */
    pb_markup_attribute(markup, "style",
                        view->n_rows <= WRAPPED_ROWS ? "display:flex;flex-wrap:wrap"
                                                     : "display:flex");
    for (size_t at = 0; at < longest; at++)
        html_column(markup, view, at, &shading);
    pb_markup_close(markup);
    pb_markup_close(markup);
    if (has_values(view))
        html_legend(markup, view, &shading);
    if (sentence)
        pb_markup_element(markup, "div", "font-size:12px", sentence, PB_TEXT_PLAIN);
    pb_frame_close(markup, &view->words);
}

/* ---- text ---- */

/* One line a position: the number, a mark where rows differ, the token of every row. */
static void text_tokens(pb_view_scratch *scratch, const pb_tokens_view *view, const char *sentence,
                        pb_buffer *out)
{
    size_t longest = longest_row(view), values = has_values(view) ? 1 : 0;
    pb_grid grid;
    if (!pb_grid_create(scratch, longest + 1, 2 + view->n_rows * (1 + values), &grid)) {
        out->failed = true;
        return;
    }
    grid.left[1] = true;
    grid.gap[1] = 1;
    pb_grid_set(&grid, 0, 0, "position");
    for (size_t i = 0; i < view->n_rows; i++) {
        grid.left[2 + i * (1 + values)] = true;
        pb_grid_set(&grid, 0, 2 + i * (1 + values), row_name(scratch, view, i));
    }
    for (size_t at = 0; at < longest; at++) {
        pb_grid_set(&grid, at + 1, 0, pb_view_scratch_format(scratch, "%zu", at));
        pb_grid_set(&grid, at + 1, 1, differs_at(view, at) ? "*" : "");
        for (size_t i = 0; i < view->n_rows; i++) {
            const pb_token_row *row = &view->rows[i];
            size_t column = 2 + i * (1 + values);
            char number[PB_NUMBER_SIZE];
            if (at >= row->count)
                continue;
            pb_grid_set(&grid, at + 1, column,
                        pb_label_make(scratch, row->tokens[at], PB_TEXT_TOKEN));
            if (values && row->values && !isnan(row->values[at])) {
                size_t length = pb_number_write(number, (double)row->values[at], view->format);
                pb_grid_set(&grid, at + 1, column + 1,
                            pb_view_scratch_text(scratch, number, length));
            }
        }
    }
    pb_text_head(out, &view->words);
    pb_grid_write(&grid, out);
    if (sentence)
        pb_buffer_format(out, "\n%s\n", sentence);
    pb_text_foot(out, &view->words);
}

pb_status pb_show_tokens(const pb_tokens_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    if (!scratch)
        return pb_fail_memory(error);
    const char *sentence = view->n_rows > 1 ? difference_sentence(scratch, view) : NULL;
    html_tokens(&html, scratch, view, sentence);
    text_tokens(scratch, view, sentence, &plain);
    pb_status status = pb_frame_bundle(scratch, &html, &plain, NULL, &view->words, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
