/* Hostile text made visible, clipped, and measured. */
#ifndef PB_LABEL_H
#define PB_LABEL_H

#include "base/buffer.h"
#include "display/view.h"
#include "scratch.h"

/*
 * Appends `text` so that every code point shows: tokens as base/visible.h shows them (spaces at the
 * ends as middle dots), other texts the same with their spaces kept; on top of that, a combining
 * mark in front stands on a dotted circle, and what XML forbids is written out. Valid UTF-8.
 */
void pb_label_append(pb_buffer *out, const char *text, size_t length, pb_text_kind kind);

/* The same as a string. NULL text gives "". */
const char *pb_label_make(pb_view_scratch *scratch, const char *text, pb_text_kind kind);

/* At most `columns` columns of a label, ending in an ellipsis where something was cut. */
const char *pb_label_clip(pb_view_scratch *scratch, const char *label, size_t columns);

/* A label cut, likewise at its end, to at most `room` in the units of pb_label_width. */
const char *pb_label_fit(pb_view_scratch *scratch, const char *label, pb_text_kind kind,
                         double size, double room);

/* The label of a place on an axis: its label, or its coordinate. `columns` as above. */
const char *pb_axis_text(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index,
                         size_t columns);
int64_t pb_axis_number(const pb_axis_view *axis, size_t index);
/* The same where there is room for a token's position: "2 ·love". */
const char *pb_axis_view_label(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index,
                               size_t columns);
/* "layer 3", "position 2 ·love": a place for tooltips and sentences. */
const char *pb_axis_place(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index);
/* "change (logits)". "" if the axis has no name. */
const char *pb_axis_view_title(pb_view_scratch *scratch, const char *name, const char *unit);

/* Width in units of the font size times `size`: an estimate from Helvetica's widths, or a fixed
 * width for tokens, which are set in a code font. NULL measures as 0. */
double pb_label_width(const char *label, pb_text_kind kind, double size);

/* The size, `size` at most, at which labels slanted by 45 degrees `step` apart do not touch. */
double pb_label_slanted_size(double size, double step);

#endif
