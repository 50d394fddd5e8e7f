/*
 * Writing HTML and SVG. Elements are opened and closed on a stack, so that what comes out is always
 * well formed, and every text and attribute passes through the one escape function. Like pb_buffer,
 * nothing needs checking until the end.
 */
#ifndef PB_MARKUP_H
#define PB_MARKUP_H

#include "base/buffer.h"
#include "display/view.h"

enum { PB_MARKUP_DEPTH = 24 };

typedef struct pb_markup {
    pb_buffer out;
    const char *open[PB_MARKUP_DEPTH];
    size_t depth;
    bool in_tag; /* the last element's ">" is still to come */
} pb_markup;

#define PB_MARKUP_EMPTY                                                                            \
    {                                                                                              \
        PB_BUFFER_EMPTY, {NULL}, 0, false                                                          \
    }

/* Makes text visible (pb_label_append) and escapes & < > " ' for XML. */
void pb_escape(pb_buffer *out, const char *text, size_t length, pb_text_kind kind);

/* `element` must outlive it. An outermost one comes with the classes that keep text from being
 * typeset as mathematics, and takes no class of its own. */
void pb_markup_open(pb_markup *markup, const char *element);
void pb_markup_attribute(pb_markup *markup, const char *name, const char *value);
void pb_markup_attribute_format(pb_markup *markup, const char *name, const char *format, ...)
    PB_PRINTF(3, 4);
void pb_markup_number(pb_markup *markup, const char *name, double value);    /* at most 2 digits */
void pb_markup_text(pb_markup *markup, const char *text, pb_text_kind kind); /* NULL: nothing */
void pb_markup_span(pb_markup *markup, const char *text, size_t length);     /* a part of a text */
void pb_markup_format(pb_markup *markup, const char *format, ...) PB_PRINTF(2, 3);
void pb_markup_close(pb_markup *markup);

/* An element with a style and a text: the commonest three steps. */
void pb_markup_element(pb_markup *markup, const char *element, const char *style, const char *text,
                       pb_text_kind kind);

/* Well-formed markup made by another pb_markup, or a script. */
void pb_markup_raw(pb_markup *markup, const char *fragment);

/* The text, owned by the caller; NULL if memory was out or an element is still open. */
char *pb_markup_take(pb_markup *markup);
void pb_markup_free(pb_markup *markup);

#endif
