/* Hostile text made visible, clipped, and measured. */
#ifndef PB_LABEL_H
#define PB_LABEL_H

#include "base/arena.h"
#include "base/buffer.h"
#include "display/view.h"

/*
 * Appends `text` so that every code point shows: tokens as base/visible.h shows them (spaces at the
 * ends as middle dots), other texts the same with their spaces kept; on top of that, a combining
 * mark in front stands on a dotted circle, and what XML forbids is written out. Valid UTF-8.
 */
void pb_label_append(pb_buffer *out, const char *text, size_t length, pb_text_kind kind);

/* The same as a string in an arena. NULL text gives ""; NULL when memory is out. */
const char *pb_label_make(pb_arena *arena, const char *text, pb_text_kind kind);

/* At most `columns` columns of a label, ending in an ellipsis where something was cut. */
const char *pb_label_clip(pb_arena *arena, const char *label, size_t columns);

/* The label of a place on an axis: its label, or its coordinate. `columns` as above. */
const char *pb_axis_text(pb_arena *arena, const pb_axis_view *axis, size_t index, size_t columns);
int64_t pb_axis_number(const pb_axis_view *axis, size_t index);
/* "layer 3", "position 2 (·love)": a place for tooltips and sentences. */
const char *pb_axis_place(pb_arena *arena, const pb_axis_view *axis, size_t index);
/* "change (logits)". "" if the axis has no name. */
const char *pb_axis_title(pb_arena *arena, const char *name, const char *unit);

/* printf into an arena. NULL when memory is out. */
const char *pb_arena_printf(pb_arena *arena, const char *format, ...) PB_PRINTF(2, 3);

/* Width in units of the font size times `size`: an estimate from Helvetica's widths, or a fixed
 * width for tokens, which are set in a code font. NULL measures as 0. */
double pb_label_width(const char *label, pb_text_kind kind, double size);

#endif
