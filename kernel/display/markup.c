/* Writing HTML and SVG that is well formed and escaped by construction. */
#include "markup.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "label.h"

static void escape_markup(pb_buffer *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (text[i]) {
        case '&': pb_buffer_text(out, "&amp;"); break;
        case '<': pb_buffer_text(out, "&lt;"); break;
        case '>': pb_buffer_text(out, "&gt;"); break;
        case '"': pb_buffer_text(out, "&quot;"); break;
        case '\'': pb_buffer_text(out, "&#39;"); break;
        default: pb_buffer_byte(out, text[i]); break;
        }
    }
}

void pb_escape(pb_buffer *out, const char *text, size_t length, pb_text_kind kind)
{
    pb_buffer visible = PB_BUFFER_EMPTY;
    pb_label_append(&visible, text, length, kind);
    escape_markup(out, visible.data, visible.length);
    out->failed = out->failed || visible.failed;
    pb_buffer_free(&visible);
}

static void finish_tag(pb_markup *markup)
{
    if (markup->in_tag)
        pb_buffer_byte(&markup->out, '>');
    markup->in_tag = false;
}

/* What post-processes pages finds nothing to typeset: MathJax 3 and 4, which JupyterLab has, heed
 * the first class, and MathJax 2, which nbconvert's pages load, the second. */
#define UNTOUCHED "mathjax_ignore tex2jax_ignore"

void pb_markup_open(pb_markup *markup, const char *element)
{
    bool root = markup->depth == 0;
    finish_tag(markup);
    if (markup->depth == PB_MARKUP_DEPTH) {
        markup->out.failed = true;
        return;
    }
    markup->open[markup->depth++] = element;
    pb_buffer_byte(&markup->out, '<');
    pb_buffer_text(&markup->out, element);
    markup->in_tag = true;
    if (root)
        pb_markup_attribute(markup, "class", UNTOUCHED);
}

void pb_markup_attribute(pb_markup *markup, const char *name, const char *value)
{
    if (!value)
        return;
    pb_buffer_byte(&markup->out, ' ');
    pb_buffer_text(&markup->out, name);
    pb_buffer_text(&markup->out, "=\"");
    pb_escape(&markup->out, value, strlen(value), PB_TEXT_PLAIN);
    pb_buffer_byte(&markup->out, '"');
}

void pb_markup_attribute_format(pb_markup *markup, const char *name, const char *format, ...)
{
    pb_buffer value = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&value, format, arguments);
    va_end(arguments);
    pb_markup_attribute(markup, name, value.data ? value.data : "");
    markup->out.failed = markup->out.failed || value.failed;
    pb_buffer_free(&value);
}

void pb_markup_number(pb_markup *markup, const char *name, double value)
{
    char text[64];
    int length = snprintf(text, sizeof text, "%.2f", round(value * 100.0) / 100.0 + 0.0);
    while (length > 0 && text[length - 1] == '0')
        text[--length] = '\0';
    if (length > 0 && text[length - 1] == '.')
        text[--length] = '\0';
    pb_markup_attribute(markup, name, text);
}

void pb_markup_text(pb_markup *markup, const char *text, pb_text_kind kind)
{
    if (!text)
        return;
    finish_tag(markup);
    pb_escape(&markup->out, text, strlen(text), kind);
}

void pb_markup_span(pb_markup *markup, const char *text, size_t length)
{
    finish_tag(markup);
    pb_escape(&markup->out, text, length, PB_TEXT_PLAIN);
}

void pb_markup_format(pb_markup *markup, const char *format, ...)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    va_list arguments;
    va_start(arguments, format);
    pb_buffer_vformat(&text, format, arguments);
    va_end(arguments);
    pb_markup_text(markup, text.data ? text.data : "", PB_TEXT_PLAIN);
    markup->out.failed = markup->out.failed || text.failed;
    pb_buffer_free(&text);
}

/* Elements that HTML and SVG alike let end in "/>". */
static bool may_be_empty(const char *element)
{
    static const char *const names[] = {"path",     "rect", "line", "circle",
                                        "polyline", "img",  "br",   "wbr"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(element, names[i]) == 0)
            return true;
    return false;
}

void pb_markup_close(pb_markup *markup)
{
    if (markup->depth == 0) {
        markup->out.failed = true;
        return;
    }
    const char *element = markup->open[--markup->depth];
    if (markup->in_tag && may_be_empty(element)) {
        pb_buffer_text(&markup->out, "/>");
        markup->in_tag = false;
        return;
    }
    finish_tag(markup);
    pb_buffer_text(&markup->out, "</");
    pb_buffer_text(&markup->out, element);
    pb_buffer_byte(&markup->out, '>');
}

void pb_markup_element(pb_markup *markup, const char *element, const char *style, const char *text,
                       pb_text_kind kind)
{
    pb_markup_open(markup, element);
    pb_markup_attribute(markup, "style", style);
    pb_markup_text(markup, text, kind);
    pb_markup_close(markup);
}

void pb_markup_raw(pb_markup *markup, const char *fragment)
{
    finish_tag(markup);
    if (fragment)
        pb_buffer_text(&markup->out, fragment);
    else
        markup->out.failed = true;
}

char *pb_markup_take(pb_markup *markup)
{
    if (markup->depth != 0)
        markup->out.failed = true;
    char *text = pb_buffer_take(&markup->out);
    if (!text)
        pb_markup_free(markup);
    return text;
}

void pb_markup_free(pb_markup *markup)
{
    pb_buffer_free(&markup->out);
    markup->depth = 0;
    markup->in_tag = false;
}
