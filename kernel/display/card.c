/* Cards: facts in two columns and a strip of blocks, in HTML alone. */
#include "display/card.h"

#include <string.h>

#include "frame.h"
#include "label.h"
#include "text.h"

/* ---- HTML ---- */

static void html_facts(pb_markup *markup, const pb_card_view *view)
{
    for (size_t i = 0; i < view->n_facts; i++) {
        const pb_fact *fact = &view->facts[i];
        pb_markup_open(markup, "div");
        pb_markup_attribute(markup, "style",
                            "display:inline-block;vertical-align:top;margin:0 22px 8px 0");
        pb_markup_element(markup, "div", "font-size:11px;opacity:0.72", fact->name, PB_TEXT_PLAIN);
        pb_markup_open(markup, "div");
        pb_markup_element(markup, "span", "font-size:15px;font-weight:600", fact->value,
                          PB_TEXT_PLAIN);
        if (fact->unit && *fact->unit) {
            pb_markup_text(markup, " ", PB_TEXT_PLAIN);
            pb_markup_element(markup, "span", PB_STYLE_MUTED, fact->unit, PB_TEXT_PLAIN);
        }
        pb_markup_close(markup);
        pb_markup_close(markup);
    }
}

static void html_block(pb_markup *markup, const pb_block *block)
{
    pb_colour colour = pb_series_colour(block->colour);
    pb_markup_open(markup, "div");
    pb_markup_attribute_format(markup, "style",
                               "display:inline-block;vertical-align:bottom;text-align:center;"
                               "margin:2px 3px;padding:4px 9px;border-radius:4px;"
                               "border-left:3px solid rgb(%d,%d,%d);"
                               "background-color:rgba(%d,%d,%d,0.16)",
                               colour.red, colour.green, colour.blue, colour.red, colour.green,
                               colour.blue);
    pb_markup_element(markup, "div", "font-weight:600", block->name, PB_TEXT_PLAIN);
    if (block->detail)
        pb_markup_element(markup, "div", "font-size:11px;opacity:0.8", block->detail,
                          PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

static bool same_frame(const pb_block *a, const pb_block *b)
{
    return a->group && b->group && strcmp(a->group, b->group) == 0;
}

static void html_strip(pb_markup *markup, const pb_card_view *view)
{
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", PB_STYLE_SCROLL ";white-space:nowrap;padding:2px 0");
    for (size_t i = 0; i < view->n_blocks; i++) {
        const pb_block *block = &view->blocks[i];
        bool opens = block->group && (i == 0 || !same_frame(block - 1, block));
        bool closes = block->group && (i + 1 == view->n_blocks || !same_frame(block, block + 1));
        if (i > 0)
            pb_markup_element(markup, "span", "opacity:0.5;vertical-align:bottom;line-height:44px",
                              "\u2192", PB_TEXT_PLAIN);
        if (opens) {
            pb_markup_open(markup, "div");
            pb_markup_attribute(markup, "style",
                                "display:inline-block;vertical-align:bottom;padding:2px 3px;"
                                "border:1px solid " PB_LINE ";border-radius:6px;margin:0 3px");
            pb_markup_element(markup, "div", "font-size:11px;opacity:0.8;padding:0 4px",
                              block->group, PB_TEXT_PLAIN);
        }
        html_block(markup, block);
        if (closes)
            pb_markup_close(markup);
    }
    pb_markup_close(markup);
}

static void html_card(pb_markup *markup, const pb_card_view *view)
{
    pb_words rest = {.notes = view->words.notes, .n_notes = view->words.n_notes};
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style",
                        "display:inline-block;max-width:100%;box-sizing:border-box;font-size:13px;"
                        "line-height:1.4;padding:10px "
                        "14px 8px 14px;margin:4px 0;border:1px solid " PB_LINE
                        ";border-radius:8px");
    pb_markup_element(markup, "div", "font-weight:600;font-size:17px", view->words.title,
                      PB_TEXT_PLAIN);
    if (view->subtitle)
        pb_markup_element(markup, "div", PB_STYLE_MUTED, view->subtitle, PB_TEXT_PLAIN);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", "margin:8px 0 0 0");
    html_facts(markup, view);
    pb_markup_close(markup);
    if (view->n_blocks > 0)
        html_strip(markup, view);
    rest.caption = view->words.caption;
    pb_frame_open(markup, &rest);
    pb_frame_close(markup, &rest);
    pb_markup_close(markup);
}

/* ---- text ---- */

static void text_facts(pb_view_scratch *scratch, const pb_card_view *view, pb_buffer *out)
{
    pb_grid grid;
    if (!pb_grid_create(scratch, view->n_facts, 2, &grid)) {
        out->failed = true;
        return;
    }
    grid.left[0] = grid.left[1] = true;
    for (size_t i = 0; i < view->n_facts; i++) {
        const pb_fact *fact = &view->facts[i];
        const char *value = pb_label_make(scratch, fact->value, PB_TEXT_PLAIN);
        if (fact->unit)
            value = pb_view_scratch_format(scratch, "%s %s", value,
                                           pb_label_make(scratch, fact->unit, PB_TEXT_PLAIN));
        pb_grid_set(&grid, i, 0, pb_label_make(scratch, fact->name, PB_TEXT_PLAIN));
        pb_grid_set(&grid, i, 1, value);
    }
    pb_grid_write(&grid, out);
}

/* embedding -> [layers 0-5, each: attention (8 heads) -> mlp (512)] -> unembedding */
static void text_strip(pb_view_scratch *scratch, const pb_card_view *view, pb_buffer *out)
{
    for (size_t i = 0; i < view->n_blocks; i++) {
        const pb_block *block = &view->blocks[i];
        bool opens = block->group && (i == 0 || !same_frame(block - 1, block));
        bool closes = block->group && (i + 1 == view->n_blocks || !same_frame(block, block + 1));
        const char *name = pb_label_make(scratch, block->name, PB_TEXT_PLAIN);
        const char *detail = pb_label_make(scratch, block->detail, PB_TEXT_PLAIN);
        const char *group = pb_label_make(scratch, block->group, PB_TEXT_PLAIN);
        pb_buffer_text(out, i > 0 ? " -> " : "");
        if (opens)
            pb_buffer_format(out, "[%s: ", group);
        pb_buffer_text(out, name);
        if (*detail)
            pb_buffer_format(out, " (%s)", detail);
        pb_buffer_text(out, closes ? "]" : "");
    }
    pb_buffer_text(out, view->n_blocks ? "\n" : "");
}

static void text_card(pb_view_scratch *scratch, const pb_card_view *view, pb_buffer *out)
{
    pb_words head = {.title = view->words.title, .caption = view->subtitle};
    pb_words foot = {.notes = view->words.notes, .n_notes = view->words.n_notes};
    pb_words caption = {.notes = &view->words.caption, .n_notes = view->words.caption ? 1 : 0};
    pb_text_head(out, &head);
    text_facts(scratch, view, out);
    text_strip(scratch, view, out);
    pb_text_foot(out, &caption);
    pb_text_foot(out, &foot);
}

pb_status pb_show_card(const pb_card_view *view, pb_bundle **bundle, pb_error **error)
{
    pb_view_scratch *scratch = pb_view_scratch_create();
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    if (!scratch)
        return pb_fail_memory(error);
    html_card(&html, view);
    text_card(scratch, view, &plain);
    pb_status status = pb_frame_bundle(scratch, &html, &plain, NULL, &view->words, bundle, error);
    pb_view_scratch_destroy(&scratch);
    return status;
}
