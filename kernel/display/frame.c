/* What stands around every view. */
#include "frame.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "label.h"

/* ---- words ---- */

void pb_frame_open(pb_markup *markup, const pb_words *words)
{
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", "margin:4px 0 8px 0;line-height:1.4;font-size:13px");
    if (words->title && *words->title)
        pb_markup_element(markup, "div", "font-weight:600;font-size:14px;margin:0 0 2px 0",
                          words->title, PB_TEXT_PLAIN);
    if (words->caption && *words->caption)
        pb_markup_element(markup, "div", PB_STYLE_MUTED ";max-width:760px;margin:0 0 4px 0",
                          words->caption, PB_TEXT_PLAIN);
}

void pb_frame_close(pb_markup *markup, const pb_words *words)
{
    for (size_t i = 0; i < words->n_notes; i++)
        pb_markup_element(markup, "div",
                          PB_STYLE_MUTED ";font-size:12px;max-width:760px;margin:3px 0 0 0",
                          words->notes[i], PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

/* ---- chips ---- */

/* The dots that stand for spaces are paler than a dot that is one. */
static void chip_text(pb_markup *markup, const char *token)
{
    size_t length = strlen(token), first = 0;
    while (first < length && token[first] == ' ')
        first++;
    for (size_t i = 0; i < first; i++)
        pb_markup_element(markup, "span", "opacity:0.5", "\u00B7", PB_TEXT_PLAIN);
    if (first < length || length == 0)
        pb_markup_text(markup, token + first, PB_TEXT_TOKEN);
}

void pb_frame_chip(pb_markup *markup, const char *token, const char *style)
{
    pb_markup_open(markup, "bdi");
    pb_markup_attribute_format(markup, "style",
                               PB_STYLE_CODE
                               ";background-color:" PB_FAINT
                               ";border-radius:4px;padding:1px 4px;white-space:pre%s%s",
                               style ? ";" : "", style ? style : "");
    if (token)
        chip_text(markup, token);
    pb_markup_close(markup);
}

/* ---- fills ---- */

void pb_fill_style(pb_buffer *style, pb_fill fill)
{
    if (!(fill.alpha > 0.0))
        return;
    pb_buffer_format(style, ";background-color:rgba(%d,%d,%d,%.2f)", fill.hue.red, fill.hue.green,
                     fill.hue.blue, fill.alpha);
    if (fill.white_text)
        pb_buffer_text(style, ";color:#ffffff");
}

void pb_colour_attribute(pb_markup *markup, const char *name, pb_colour colour)
{
    pb_markup_attribute_format(markup, name, "#%02x%02x%02x", colour.red, colour.green,
                               colour.blue);
}

void pb_fill_attributes(pb_markup *markup, pb_fill fill)
{
    pb_colour_attribute(markup, "fill", fill.hue);
    pb_markup_number(markup, "fill-opacity", fill.alpha);
}

/* ---- SVG ---- */

void pb_svg_label(pb_markup *markup, pb_svg_text place, const char *label)
{
    if (!label || !*label)
        return;
    pb_markup_open(markup, "text");
    pb_markup_attribute(markup, "data-cell", place.cell);
    pb_markup_number(markup, "x", place.x);
    pb_markup_number(markup, "y", place.y);
    pb_markup_number(markup, "font-size", place.size);
    pb_markup_attribute(markup, "fill", place.white ? "#ffffff" : "currentColor");
    if (place.muted)
        pb_markup_attribute(markup, "fill-opacity", "0.72");
    if (place.bold)
        pb_markup_attribute(markup, "font-weight", "600");
    if (place.anchor)
        pb_markup_attribute(markup, "text-anchor", place.anchor);
    if (place.kind == PB_TEXT_TOKEN)
        pb_markup_attribute(markup, "font-family", "ui-monospace,Menlo,Consolas,monospace");
    if (place.rotate != 0.0)
        pb_markup_attribute_format(markup, "transform", "rotate(%g %.2f %.2f)", place.rotate,
                                   place.x, place.y);
    if (place.title)
        pb_markup_element(markup, "title", NULL, place.title, PB_TEXT_PLAIN);
    pb_markup_text(markup, label, PB_TEXT_PLAIN);
    pb_markup_close(markup);
}

/* Pictures may shrink on a narrow page to this share, then they scroll. Those that are wider than
 * any page scroll anyway, and keep their size. */
#define SHRINK 0.72
#define WIDEST 1300.0

static char *inline_svg(const pb_picture *picture)
{
    pb_markup svg = PB_MARKUP_EMPTY;
    pb_markup_open(&svg, "svg");
    pb_markup_attribute(&svg, "xmlns", "http://www.w3.org/2000/svg");
    pb_markup_attribute_format(&svg, "viewBox", "0 0 %.0f %.0f", ceil(picture->width),
                               ceil(picture->height));
    pb_markup_number(&svg, "width", ceil(picture->width));
    pb_markup_number(&svg, "height", ceil(picture->height));
    pb_markup_attribute(&svg, "role", "img");
    pb_markup_attribute(&svg, "aria-label", picture->summary);
    pb_markup_attribute_format(&svg, "style",
                               "display:block;max-width:100%%;height:auto;min-width:%.0fpx",
                               picture->width * (picture->width > WIDEST ? 1.0 : SHRINK));
    picture->draw(&svg, picture->user, true);
    pb_markup_close(&svg);
    return pb_markup_take(&svg);
}

/* ---- a picture as a file ---- */

#define FILE_MARGIN 12.0
#define FILE_LINE   18.0

/* The lines of a text set in `width`, written where `markup` is not NULL. Returns how many. */
static size_t wrap_text(pb_markup *markup, const char *text, double width, double y, bool bold)
{
    pb_buffer line = PB_BUFFER_EMPTY, label = PB_BUFFER_EMPTY;
    size_t lines = 0, length;
    pb_label_append(&label, text, strlen(text), PB_TEXT_PLAIN);
    length = label.length;
    for (size_t at = 0; at < length && !label.failed && !line.failed;) {
        size_t fits = 0, end = at;
        while (end < length) { /* one word more */
            while (end < length && label.data[end] == ' ')
                end++;
            while (end < length && label.data[end] != ' ')
                end++;
            pb_buffer_clear(&line);
            pb_buffer_append(&line, label.data + at, end - at);
            if (fits > 0 && pb_label_width(line.data, PB_TEXT_PLAIN, bold ? 14.5 : 13.0) > width)
                break;
            fits = end;
        }
        pb_buffer_clear(&line);
        pb_buffer_append(&line, label.data + at, fits - at);
        if (markup)
            pb_svg_label(markup,
                         (pb_svg_text){.x = FILE_MARGIN,
                                       .y = y + FILE_LINE * (double)lines,
                                       .size = bold ? 14 : 12,
                                       .bold = bold,
                                       .muted = !bold},
                         line.data);
        lines++;
        for (at = fits; at < length && label.data[at] == ' ';)
            at++;
    }
    if (markup)
        markup->out.failed = markup->out.failed || line.failed || label.failed;
    pb_buffer_free(&line);
    pb_buffer_free(&label);
    return lines;
}

/* Title and caption from `y` down; returns the y below them. */
static double file_head(pb_markup *markup, const pb_words *words, double width, double y)
{
    if (words->title && *words->title)
        y += FILE_LINE * (double)wrap_text(markup, words->title, width, y + 13, true);
    if (words->caption && *words->caption)
        y += FILE_LINE * (double)wrap_text(markup, words->caption, width, y + 13, false);
    return y;
}

static double file_foot(pb_markup *markup, const pb_words *words, double width, double y)
{
    for (size_t i = 0; i < words->n_notes; i++)
        y += FILE_LINE * (double)wrap_text(markup, words->notes[i], width, y + 13, false);
    return y;
}

char *pb_picture_file(const pb_picture *picture, const pb_words *words)
{
    double inner = fmax(picture->width, 320.0), width = inner + 2 * FILE_MARGIN;
    double top = file_head(NULL, words, inner, FILE_MARGIN) + 4.0;
    double below = top + picture->height + 4.0;
    double height = file_foot(NULL, words, inner, below) + FILE_MARGIN;

    pb_markup svg = PB_MARKUP_EMPTY;
    pb_markup_open(&svg, "svg");
    pb_markup_attribute(&svg, "xmlns", "http://www.w3.org/2000/svg");
    pb_markup_attribute_format(&svg, "viewBox", "0 0 %.0f %.0f", ceil(width), ceil(height));
    pb_markup_number(&svg, "width", ceil(width));
    pb_markup_number(&svg, "height", ceil(height));
    pb_markup_attribute(&svg, "color", "#1f2328");
    pb_markup_attribute(&svg, "font-family", "system-ui,Helvetica,Arial,sans-serif");
    pb_markup_open(&svg, "rect");
    pb_markup_attribute(&svg, "width", "100%");
    pb_markup_attribute(&svg, "height", "100%");
    pb_markup_attribute(&svg, "fill", "#ffffff");
    pb_markup_close(&svg);
    file_head(&svg, words, inner, FILE_MARGIN);
    pb_markup_open(&svg, "g");
    pb_markup_attribute_format(&svg, "transform", "translate(%g %.2f)", FILE_MARGIN, top);
    picture->draw(&svg, picture->user, false);
    pb_markup_close(&svg);
    file_foot(&svg, words, inner, below);
    pb_markup_close(&svg);
    return pb_markup_take(&svg);
}

/* ---- a picture in a page ---- */

/* FNV-1a, 64 bits: names the elements of one output, the same for the same picture. */
static uint64_t hash_text(const char *text)
{
    uint64_t hash = 14695981039346656037u;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash;
}

static void append_base64(pb_buffer *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned three = (unsigned)bytes[i] << 16 | (left > 1 ? (unsigned)bytes[i + 1] << 8 : 0u) |
                         (left > 2 ? bytes[i + 2] : 0u);
        pb_buffer_byte(out, digits[three >> 18]);
        pb_buffer_byte(out, digits[three >> 12 & 63]);
        pb_buffer_byte(out, left > 1 ? digits[three >> 6 & 63] : '=');
        pb_buffer_byte(out, left > 2 ? digits[three & 63] : '=');
    }
}

/* Larger images are left out of the page; a sentence stands in their place. */
#define LARGEST_IMAGE (256u * 1024u)

static void fallback_image(pb_markup *markup, const char *file, const char *summary)
{
    markup->out.failed = markup->out.failed || !file;
    if (!file || strlen(file) > LARGEST_IMAGE) {
        pb_markup_element(markup, "div", PB_STYLE_MUTED,
                          "This picture shows once the notebook is trusted.", PB_TEXT_PLAIN);
        return;
    }
    pb_buffer source = PB_BUFFER_EMPTY;
    pb_buffer_text(&source, "data:image/svg+xml;base64,");
    append_base64(&source, file);
    pb_markup_open(markup, "img");
    pb_markup_attribute(markup, "src", source.data);
    pb_markup_attribute(markup, "alt", summary);
    pb_markup_attribute(markup, "style", "max-width:100%");
    pb_markup_close(markup);
    markup->out.failed = markup->out.failed || source.failed;
    pb_buffer_free(&source);
}

/*
 * A sanitizer that removes svg keeps the text inside it; the container's font size of 0 hides that.
 * It removes style elements with their text, and then the image below is no longer hidden.
 */
void pb_frame_picture(pb_markup *markup, const pb_picture *picture)
{
    const pb_words none = {0}; /* they stand in the page already */
    char *svg = inline_svg(picture), *file = pb_picture_file(picture, &none);
    uint64_t id = svg ? hash_text(svg) : 0;
    pb_markup_open(markup, "div");
    pb_markup_attribute_format(markup, "id", "pb-%016" PRIx64, id);
    pb_markup_open(markup, "style");
    pb_markup_format(markup, "#pb-%016" PRIx64 " .pb-static{display:none}", id);
    pb_markup_close(markup);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "style", PB_STYLE_SCROLL ";font-size:0");
    pb_markup_raw(markup, svg);
    pb_markup_close(markup);
    pb_markup_open(markup, "div");
    pb_markup_attribute(markup, "class", "pb-static");
    fallback_image(markup, file, picture->summary);
    pb_markup_close(markup);
    pb_markup_close(markup);
    free(svg);
    free(file);
}

pb_status pb_frame_bundle(const pb_view_scratch *scratch, pb_markup *html, pb_buffer *plain,
                          const pb_picture *picture, const pb_words *words, pb_bundle **bundle,
                          pb_error **error)
{
    char *html_text = pb_markup_take(html), *plain_text = pb_buffer_take(plain);
    char *file = picture ? pb_picture_file(picture, words) : NULL;
    bool complete =
        html_text && plain_text && (file || !picture) && !pb_view_scratch_failed(scratch);
    pb_bundle *made = complete ? pb_bundle_create() : NULL;
    if (!made) {
        free(html_text);
        free(plain_text);
        free(file);
        return pb_fail_memory(error);
    }
    pb_status status = pb_bundle_give(made, "text/html", html_text, false, error);
    pb_status second = pb_bundle_give(made, "text/plain", plain_text, false, error);
    pb_status third = file ? pb_bundle_give(made, "image/svg+xml", file, false, error) : PB_OK;
    status = status ? status : second ? second : third;
    if (status) {
        pb_bundle_destroy(&made);
        return status;
    }
    *bundle = made;
    return PB_OK;
}
