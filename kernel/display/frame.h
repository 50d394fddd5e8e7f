/*
 * What stands around every view: the container, its words, and how a drawn picture becomes a
 * bundle that shows in a trusted notebook, in one whose scripts, styles and SVG were removed, in an
 * exported page and as a file.
 */
#ifndef PB_FRAME_H
#define PB_FRAME_H

#include "markup.h"
#include "palette.h"
#include "scratch.h"

/* Styles that several views use. Every value is one that JupyterLab's sanitizer lets through, or
 * follows one that it does. */
#define PB_STYLE_MUTED "opacity:0.72"
#define PB_STYLE_CODE                                                                              \
    "font-family:monospace;font-family:var(--jp-code-font-family,ui-monospace,Menlo,Consolas,"     \
    "monospace)"
#define PB_STYLE_SCROLL "overflow-x:auto;max-width:100%"
#define PB_LINE         "rgba(128,128,128,0.45)"
/* Jupyter shades every other row of a table, which would read as a value among shaded cells. */
#define PB_NO_STRIPE "background-color:rgba(0,0,0,0)"
#define PB_FAINT     "rgba(128,128,128,0.16)"
/* Behind what is right, and what is wrong or differs. Text in a colour would be too pale on a light
 * page or too dark on a dark one. */
#define PB_GOOD "rgba(0,158,115,0.30)"
#define PB_ODD  "rgba(213,94,0,0.30)"

/* <div> with title and caption, and the notes with </div>. */
void pb_frame_open(pb_markup *markup, const pb_words *words);
void pb_frame_close(pb_markup *markup, const pb_words *words);

/* A token as a chip, its visible spaces paler. `style` is added; NULL for none. */
void pb_frame_chip(pb_markup *markup, const char *token, const char *style);

/* style="background-color:...;color:..." for a shaded cell, appended to `style`. */
void pb_fill_style(pb_buffer *style, pb_fill fill);
/* fill and fill-opacity of an SVG element. */
void pb_fill_attributes(pb_markup *markup, pb_fill fill);
void pb_colour_attribute(pb_markup *markup, const char *name, pb_colour colour);

/* An SVG text at a baseline. `anchor` is "start", "middle" or "end". */
typedef struct pb_svg_text {
    double x, y, size;
    const char *anchor;
    double rotate; /* degrees, about (x, y) */
    bool muted, bold, white;
    const char *title; /* what a pointer that rests on it is told; NULL for nothing */
    const char *cell;  /* data-cell: the flat index of the cell it stands in; NULL for none */
    pb_text_kind kind; /* tokens are set in the code font */
} pb_svg_text;
/* `label` is visible text already (pb_label_make). */
void pb_svg_label(pb_markup *markup, pb_svg_text place, const char *label);

/* Draws the picture's elements in a box whose size it reports. With `tooltips`, <title>s too. */
typedef struct pb_picture {
    double width, height;
    void (*draw)(pb_markup *markup, const void *user, bool tooltips);
    const void *user;
    const char *summary; /* one sentence for those who cannot see it */
} pb_picture;

/* Adds the picture to an open frame: inline SVG, and an image of it that shows only where SVG and
 * style elements were removed. */
void pb_frame_picture(pb_markup *markup, const pb_picture *picture);
/* The picture alone, with its words, as a file on white. malloc'ed; NULL if memory is out. */
char *pb_picture_file(const pb_picture *picture, const pb_words *words);

/* A bundle of html (its markup is taken and emptied), plain (likewise) and, unless NULL, a
 * picture's file. PB_MEMORY if any of them, or the scratch, ran out. */
pb_status pb_frame_bundle(const pb_view_scratch *scratch, pb_markup *html, pb_buffer *plain,
                          const pb_picture *picture, const pb_words *words, pb_bundle **bundle,
                          pb_error **error);

#endif
