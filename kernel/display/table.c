/* Tables as HTML with inline styles, which sanitizers leave alone, and as aligned text. */
#include "display/table.h"

#include <math.h>
#include <string.h>

#include "frame.h"
#include "label.h"
#include "palette.h"
#include "text.h"

/* A view with what had to be worked out once for a column. */
typedef struct pb_table_plan {
    const pb_table_view *view;
    pb_number_format *formats; /* [n_columns] */
    pb_shading *shadings;      /* [n_columns] */
    bool has_groups, has_shades;
} pb_table_plan;

/* ---- planning ---- */

static bool is_numeric(const pb_column *column)
{
    return column->kind == PB_COLUMN_NUMBER || column->kind == PB_COLUMN_BAR;
}

static bool is_blank(const pb_column *column, size_t row)
{
    return column->numbers ? column->absent && column->absent[row]
                           : !column->texts || !column->texts[row];
}

static bool shares_shading(const pb_column *a, const pb_column *b)
{
    return a == b || (a->shade_group != 0 && a->shade_group == b->shade_group && is_numeric(b));
}

static void extend_present(const pb_column *column, size_t n_rows, double *low, double *high)
{
    for (size_t row = 0; column->numbers && row < n_rows; row++)
        if (!is_blank(column, row))
            pb_extend(low, high, &column->numbers[row], 1);
}

static pb_shading plan_shading(const pb_table_view *view, const pb_column *column)
{
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < view->n_columns; i++)
        if (shares_shading(column, &view->columns[i]))
            extend_present(&view->columns[i], view->n_rows, &low, &high);
    if (column->kind == PB_COLUMN_BAR) { /* bars start at zero */
        pb_range bars = {true, 0.0, column->range.fixed ? column->range.high : fmax(high, 0.0)};
        return pb_shading_settle(PB_SHADE_SEQUENTIAL, bars, 0.0, bars.high);
    }
    return pb_shading_settle(is_numeric(column) ? column->shade : PB_SHADE_NONE, column->range, low,
                             high);
}

static bool plan_table(pb_view_scratch *scratch, const pb_table_view *view, pb_table_plan *plan)
{
    *plan = (pb_table_plan){.view = view};
    plan->formats = pb_view_scratch_array(scratch, view->n_columns, sizeof *plan->formats);
    plan->shadings = pb_view_scratch_array(scratch, view->n_columns, sizeof *plan->shadings);
    if (!plan->formats || !plan->shadings)
        return false;
    for (size_t i = 0; i < view->n_columns; i++) {
        const pb_column *column = &view->columns[i];
        size_t n_numbers = column->numbers ? view->n_rows : 0;
        plan->formats[i] = pb_number_settle(column->format, column->numbers, n_numbers);
        plan->shadings[i] = plan_shading(view, column);
        plan->has_groups = plan->has_groups || column->group;
        plan->has_shades = plan->has_shades || plan->shadings[i].shade != PB_SHADE_NONE;
    }
    return true;
}

static bool same_group(const pb_column *a, const pb_column *b)
{
    return a->group && b->group && strcmp(a->group, b->group) == 0;
}

/* How many columns from `first` on stand under one group's header; 1 without a group. */
static size_t group_span(const pb_table_view *view, size_t first)
{
    size_t span = 1;
    while (first + span < view->n_columns &&
           same_group(&view->columns[first], &view->columns[first + span]))
        span++;
    return span;
}

/* A column that opens a group, and one that follows a group, stand a little apart. */
static bool starts_group(const pb_table_view *view, size_t column)
{
    return column > 0 && !same_group(&view->columns[column - 1], &view->columns[column]) &&
           (view->columns[column - 1].group || view->columns[column].group);
}

/* ---- HTML ---- */

#define CELL_STYLE   "padding:3px 9px;border:none;vertical-align:middle;text-align:%s"
#define HEADER_STYLE CELL_STYLE ";font-weight:600;vertical-align:bottom"

static const char *alignment(const pb_column *column)
{
    return is_numeric(column) ? "right" : column->kind == PB_COLUMN_CHECK ? "center" : "left";
}

static const char *apart(const pb_table_view *view, size_t column)
{
    return starts_group(view, column) ? ";padding-left:26px" : "";
}

static void html_row_label_header(pb_markup *markup, const pb_table_view *view, const char *text)
{
    if (!view->row_labels)
        return;
    pb_markup_open(markup, "th");
    pb_markup_attribute_format(markup, "style", HEADER_STYLE, "left");
    pb_markup_text(markup, text, PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

static void html_group(pb_markup *markup, const pb_table_view *view, size_t first, size_t span)
{
    const pb_column *column = &view->columns[first];
    pb_markup_open(markup, "th");
    pb_markup_attribute_format(markup, "colspan", "%zu", span);
    pb_markup_attribute_format(markup, "style", HEADER_STYLE ";white-space:normal%s", "left",
                               apart(view, first));
    if (column->group) {
        pb_markup_open(markup, "span"); /* no block: copied, it would end the header's line */
        pb_markup_attribute(markup, "style",
                            "display:inline-block;width:100%;border-bottom:1px solid " PB_LINE
                            ";padding:0 0 2px 0");
        if (column->group_kind == PB_TEXT_TOKEN)
            pb_frame_chip(markup, column->group, NULL);
        else
            pb_markup_text(markup, column->group, PB_TEXT_PLAIN);
        pb_markup_close(markup);
    }
    pb_markup_close(markup);
}

/* On the name's own line: a block below it would split the header where a table is copied. */
static void html_unit(pb_markup *markup, const char *unit)
{
    if (!unit || !*unit)
        return;
    pb_markup_open(markup, "span");
    pb_markup_attribute(markup, "style", "font-weight:400;font-size:11px;opacity:0.72");
    pb_markup_text(markup, " (", PB_TEXT_PLAIN);
    pb_markup_text(markup, unit, PB_TEXT_PLAIN);
    pb_markup_text(markup, ")", PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

static void html_head(pb_markup *markup, const pb_table_plan *plan)
{
    const pb_table_view *view = plan->view;
    pb_markup_open(markup, "thead");
    if (plan->has_groups) {
        pb_markup_open(markup, "tr");
        html_row_label_header(markup, view, "");
        for (size_t i = 0; i < view->n_columns; i += group_span(view, i))
            html_group(markup, view, i, group_span(view, i));
        pb_markup_close(markup);
    }
    pb_markup_open(markup, "tr");
    pb_markup_attribute(markup, "style", "border-bottom:1px solid " PB_LINE);
    html_row_label_header(markup, view, view->row_name);
    for (size_t i = 0; i < view->n_columns; i++) {
        const pb_column *column = &view->columns[i];
        pb_markup_open(markup, "th");
        pb_markup_attribute_format(markup, "style", HEADER_STYLE "%s", alignment(column),
                                   apart(view, i));
        pb_markup_text(markup, column->name, PB_TEXT_PLAIN);
        html_unit(markup, column->unit);
        pb_markup_close(markup);
    }
    pb_markup_close(markup);
    pb_markup_close(markup);
}

static void bar_style(pb_buffer *style, const pb_shading *shading, double value)
{
    double share = shading->high > 0.0 ? fmax(0.0, fmin(1.0, value / shading->high)) : 0.0;
    pb_buffer_format(style,
                     ";min-width:72px;background-image:linear-gradient(to right, "
                     "rgba(86,180,233,0.40) %.1f%%, rgba(0,0,0,0) %.1f%%)",
                     100.0 * share, 100.0 * share);
}

static void html_number(pb_markup *markup, const pb_table_plan *plan, size_t index, size_t row)
{
    char text[PB_NUMBER_SIZE];
    pb_number_write(text, plan->view->columns[index].numbers[row], plan->formats[index]);
    pb_markup_text(markup, text, PB_TEXT_PLAIN);
}

#define CHECK ";border-radius:4px;padding:0 5px;font-weight:700"

static void html_check(pb_markup *markup, bool good)
{
    pb_markup_open(markup, "span");
    pb_markup_attribute(markup, "title", good ? "yes" : "no");
    pb_markup_attribute(markup, "style",
                        good ? "background-color:" PB_GOOD CHECK
                             : "background-color:" PB_ODD CHECK);
    pb_markup_text(markup, good ? "\u2713" : "\u2717", PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

static void html_content(pb_markup *markup, const pb_table_plan *plan, size_t index, size_t row)
{
    const pb_column *column = &plan->view->columns[index];
    if (is_blank(column, row))
        return;
    switch (column->kind) {
    case PB_COLUMN_TOKEN: pb_frame_chip(markup, column->texts[row], NULL); break;
    case PB_COLUMN_TEXT: pb_markup_text(markup, column->texts[row], PB_TEXT_PLAIN); break;
    case PB_COLUMN_CHECK: html_check(markup, column->numbers[row] != 0.0); break;
    case PB_COLUMN_NUMBER:
    case PB_COLUMN_BAR: html_number(markup, plan, index, row); break;
    }
}

static void html_cell(pb_markup *markup, const pb_table_plan *plan, size_t index, size_t row)
{
    const pb_column *column = &plan->view->columns[index];
    pb_buffer style = PB_BUFFER_EMPTY;
    pb_buffer_format(&style, CELL_STYLE "%s", alignment(column), apart(plan->view, index));
    if (column->kind == PB_COLUMN_TEXT)
        pb_buffer_text(&style, ";white-space:normal;max-width:420px");
    else
        pb_buffer_text(&style, ";white-space:nowrap");
    if (is_numeric(column) && !is_blank(column, row)) {
        double value = column->numbers[row];
        if (column->kind == PB_COLUMN_BAR)
            bar_style(&style, &plan->shadings[index], value);
        else
            pb_fill_style(&style, pb_shading_fill(&plan->shadings[index], value));
        pb_buffer_text(&style, ";font-variant-numeric:tabular-nums");
    }
    pb_markup_open(markup, "td");
    pb_markup_attribute(markup, "style", style.data);
    html_content(markup, plan, index, row);
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || style.failed;
    pb_buffer_free(&style);
}

static void html_row(pb_markup *markup, const pb_table_plan *plan, size_t row)
{
    const pb_table_view *view = plan->view;
    pb_markup_open(markup, "tr");
    pb_markup_attribute(markup, "style", plan->has_shades ? PB_NO_STRIPE : NULL);
    if (view->row_labels) {
        pb_markup_open(markup, "th");
        pb_markup_attribute_format(markup, "style", CELL_STYLE ";font-weight:%s", "left",
                                   view->row_kind == PB_TEXT_TOKEN ? "400" : "600");
        if (view->row_kind == PB_TEXT_TOKEN && view->row_labels[row])
            pb_frame_chip(markup, view->row_labels[row], NULL);
        else
            pb_markup_text(markup, view->row_labels[row], PB_TEXT_PLAIN);
        pb_markup_close(markup);
    }
    for (size_t i = 0; i < view->n_columns; i++)
        html_cell(markup, plan, i, row);
    pb_markup_close(markup);
}

static size_t rows_left_out(const pb_table_view *view)
{
    return view->total_rows > view->n_rows ? view->total_rows - view->n_rows : 0;
}

static void html_table(pb_markup *markup, const pb_table_plan *plan)
{
    const pb_table_view *view = plan->view;
    pb_frame_open(markup, &view->words);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", PB_STYLE_SCROLL);
    pb_markup_open(markup, "table");
    pb_markup_attribute(markup, "style",
                        "border-collapse:collapse;border:none;table-layout:auto;width:auto;"
                        "margin:2px 0 4px 0;font-size:13px");
    html_head(markup, plan);
    pb_markup_open(markup, "tbody");
    for (size_t row = 0; row < view->n_rows; row++)
        html_row(markup, plan, row);
    pb_markup_close(markup);
    pb_markup_close(markup);
    pb_markup_close(markup);
    size_t hidden = rows_left_out(view);
    if (hidden > 0) {
        pb_markup_open(markup, "div");
        pb_markup_attribute(markup, "style", PB_STYLE_MUTED ";font-size:12px");
        pb_markup_format(markup, "\u2026 %zu more row%s of %zu: csv() writes all", hidden,
                         hidden == 1 ? "" : "s", view->total_rows);
        pb_markup_close(markup);
    }
    pb_frame_close(markup, &view->words);
}

/* ---- text ---- */

static const char *text_of_cell(pb_view_scratch *scratch, const pb_table_plan *plan, size_t index,
                                size_t row)
{
    const pb_column *column = &plan->view->columns[index];
    char number[PB_NUMBER_SIZE];
    if (is_blank(column, row))
        return "";
    switch (column->kind) {
    case PB_COLUMN_TOKEN: return pb_label_make(scratch, column->texts[row], PB_TEXT_TOKEN);
    case PB_COLUMN_TEXT: return pb_label_make(scratch, column->texts[row], PB_TEXT_PLAIN);
    case PB_COLUMN_CHECK: return column->numbers[row] != 0.0 ? "yes" : "no"; /* any font has it */
    default:
        pb_number_write(number, column->numbers[row], plan->formats[index]);
        return pb_view_scratch_text(scratch, number, strlen(number));
    }
}

/* Groups may be whole prompts, too wide to stand above their columns: they are numbered, a line
 * each, and the columns carry the number. */
static void text_groups(pb_view_scratch *scratch, const pb_table_view *view, pb_buffer *out)
{
    for (size_t i = 0, number = 1; i < view->n_columns; i += group_span(view, i)) {
        const pb_column *column = &view->columns[i];
        if (!column->group)
            continue;
        const char *name = pb_label_make(scratch, column->group, column->group_kind);
        pb_buffer_format(out, "[%zu] %s\n", number++, name);
    }
}

/* "logit", or "logit [2]" under the second group. */
static const char *text_header(pb_view_scratch *scratch, const pb_table_view *view, size_t index)
{
    const pb_column *column = &view->columns[index];
    const char *title = pb_axis_view_title(scratch, column->name, column->unit);
    if (!column->group)
        return title;
    size_t number = 0;
    for (size_t i = 0; i <= index; i += group_span(view, i))
        number += view->columns[i].group ? 1 : 0;
    return pb_view_scratch_format(scratch, "%s [%zu]", title, number);
}

static void text_table(pb_view_scratch *scratch, const pb_table_plan *plan, pb_buffer *out)
{
    const pb_table_view *view = plan->view;
    size_t labels = view->row_labels ? 1 : 0;
    pb_grid grid;
    if (!pb_grid_create(scratch, view->n_rows + 1, view->n_columns + labels, &grid)) {
        out->failed = true;
        return;
    }
    pb_text_head(out, &view->words);
    text_groups(scratch, view, out);
    if (labels) {
        grid.left[0] = true;
        pb_grid_set(&grid, 0, 0, pb_label_make(scratch, view->row_name, PB_TEXT_PLAIN));
        for (size_t row = 0; row < view->n_rows; row++)
            pb_grid_set(&grid, row + 1, 0,
                        pb_label_make(scratch, view->row_labels[row], view->row_kind));
    }
    for (size_t i = 0; i < view->n_columns; i++) {
        grid.left[i + labels] = !is_numeric(&view->columns[i]);
        grid.gap[i + labels] = i + labels == 0 ? 0 : starts_group(view, i) ? 4 : 2;
        pb_grid_set(&grid, 0, i + labels, text_header(scratch, view, i));
        for (size_t row = 0; row < view->n_rows; row++)
            pb_grid_set(&grid, row + 1, i + labels, text_of_cell(scratch, plan, i, row));
    }
    pb_grid_write(&grid, out);
    if (rows_left_out(view) > 0)
        pb_buffer_format(out, "... %zu more of %zu rows: csv() writes all\n", rows_left_out(view),
                         view->total_rows);
    pb_text_foot(out, &view->words);
}

/* The view with no more rows than are shown. */
static pb_table_view shown_rows(const pb_table_view *view)
{
    pb_table_view shown = *view;
    if (shown.n_rows > PB_TABLE_ROWS) {
        shown.total_rows = view->total_rows > view->n_rows ? view->total_rows : view->n_rows;
        shown.n_rows = PB_TABLE_ROWS;
    }
    return shown;
}

pb_status pb_show_table(const pb_table_view *whole, pb_bundle **bundle, pb_error **error)
{
    const pb_table_view shown = shown_rows(whole), *view = &shown;
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_table_plan plan;
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    if (!scratch || !plan_table(scratch, view, &plan)) {
        pb_view_scratch_destroy(&scratch);
        return pb_fail_memory(error);
    }
    html_table(&html, &plan);
    text_table(scratch, &plan, &plain);
    pb_status status = pb_frame_bundle(scratch, &html, &plain, NULL, &view->words, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
