/* Hostile text made visible, clipped, and measured. */
#include "label.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "base/visible.h"

/* ---- making visible ---- */

/* What base/visible.h lets through, but XML forbids or a picture cannot show. */
static bool is_unshowable(uint32_t c)
{
    return (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF) || c == 0x34F || c == 0x115F ||
           c == 0x1160 || c == 0x3164 || (c >= 0xFFF0 && c <= 0xFFFB) ||
           (c >= 0xE0000 && c <= 0xE0FFF);
}

/* Joiners hold emoji and some scripts together; at an end they join nothing. */
static bool is_joiner(uint32_t c)
{
    return c == 0x200C || c == 0x200D;
}

/* Words between spaces are made visible one by one, the spaces stay. */
static void append_plain(pb_buffer *out, const char *text, size_t length)
{
    for (size_t at = 0; at < length;) {
        size_t start = at;
        while (at < length && text[at] != ' ')
            at++;
        if (at > start)
            pb_visible_text(out, text + start, at - start);
        for (; at < length && text[at] == ' '; at++)
            pb_buffer_byte(out, ' ');
    }
}

void pb_label_append(pb_buffer *out, const char *text, size_t length, pb_text_kind kind)
{
    pb_buffer visible = PB_BUFFER_EMPTY;
    if (kind == PB_TEXT_TOKEN)
        pb_visible_text(&visible, text, length);
    else
        append_plain(&visible, text, length);

    for (size_t at = 0; at < visible.length;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(visible.data, visible.length, &at);
        bool edge = start == 0 || at == visible.length;
        if (is_unshowable(c) || (is_joiner(c) && edge)) {
            pb_buffer_format(out, "\u27E8U+%04X\u27E9", (unsigned)c);
            continue;
        }
        if (start == 0 && pb_utf8_width(visible.data, at) == 0)
            pb_buffer_text(out, "\u25CC");
        pb_buffer_append(out, visible.data + start, at - start);
    }
    out->failed = out->failed || visible.failed;
    pb_buffer_free(&visible);
}

const char *pb_label_make(pb_view_scratch *scratch, const char *text, pb_text_kind kind)
{
    if (!text)
        return "";
    pb_buffer label = PB_BUFFER_EMPTY;
    pb_label_append(&label, text, strlen(text), kind);
    return pb_view_scratch_take(scratch, &label);
}

/* ---- clipping ---- */

const char *pb_label_clip(pb_view_scratch *scratch, const char *label, size_t columns)
{
    size_t length = strlen(label);
    if (pb_utf8_width(label, length) <= columns)
        return label;
    size_t kept = 0, width = 0;
    for (size_t at = 0; at < length;) {
        size_t start = at;
        pb_utf8_next(label, length, &at);
        width += pb_utf8_width(label + start, at - start);
        if (width + 1 > columns)
            break;
        kept = at;
    }
    return pb_view_scratch_format(scratch, "%.*s\u2026", (int)kept, label);
}

/* ---- axes ---- */

int64_t pb_axis_number(const pb_axis_view *axis, size_t index)
{
    return axis->coordinates ? axis->coordinates[index] : (int64_t)index;
}

const char *pb_axis_text(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index,
                         size_t columns)
{
    if (!axis->labels)
        return pb_view_scratch_format(scratch, "%" PRId64, pb_axis_number(axis, index));
    return pb_label_clip(scratch, pb_label_make(scratch, axis->labels[index], axis->kind), columns);
}

const char *pb_axis_view_label(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index,
                               size_t columns)
{
    const char *label = pb_axis_text(scratch, axis, index, columns);
    if (!axis->labels || axis->kind != PB_TEXT_TOKEN)
        return label;
    return pb_view_scratch_format(scratch, "%" PRId64 " %s", pb_axis_number(axis, index), label);
}

const char *pb_axis_place(pb_view_scratch *scratch, const pb_axis_view *axis, size_t index)
{
    const char *name = pb_label_make(scratch, axis->name, PB_TEXT_PLAIN);
    const char *label = pb_axis_text(scratch, axis, index, 40);
    const char *space = *name ? " " : "";
    if (!axis->labels || axis->kind == PB_TEXT_PLAIN)
        return pb_view_scratch_format(scratch, "%s%s%s", name, space, label);
    return pb_view_scratch_format(scratch, "%s%s%" PRId64 " %s", name, space,
                                  pb_axis_number(axis, index), label);
}

const char *pb_axis_view_title(pb_view_scratch *scratch, const char *name, const char *unit)
{
    const char *title = pb_label_make(scratch, name, PB_TEXT_PLAIN);
    if (!unit || !*unit)
        return title;
    const char *shown = pb_label_make(scratch, unit, PB_TEXT_PLAIN);
    return *title ? pb_view_scratch_format(scratch, "%s (%s)", title, shown) : shown;
}

/* ---- measuring ---- */

/* Helvetica's advance widths of the printable ASCII characters, in thousandths of the size. */
static const unsigned short helvetica[95] = {
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333,  278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,  611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278,  556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500,  500, 334, 260, 334, 584};

#define PAGE_WIDTH 1.2  /* DejaVu Sans, Linux' usual font and the widest of them, over Helvetica */
#define CODE_WIDTH 0.61 /* of a character of the usual code fonts */

double pb_label_width(const char *label, pb_text_kind kind, double size)
{
    size_t length = label ? strlen(label) : 0;
    if (kind == PB_TEXT_TOKEN)
        return size * CODE_WIDTH * (double)pb_utf8_width(label ? label : "", length);
    double width = 0;
    for (size_t at = 0; at < length;) {
        size_t start = at;
        uint32_t c = pb_utf8_next(label, length, &at);
        if (c >= 0x20 && c < 0x7F)
            width += helvetica[c - 0x20] / 1000.0;
        else
            width += 0.62 * (double)pb_utf8_width(label + start, at - start);
    }
    return size * width * PAGE_WIDTH;
}

const char *pb_label_fit(pb_view_scratch *scratch, const char *label, pb_text_kind kind,
                         double size, double room)
{
    const char *cut = label;
    for (size_t columns = pb_utf8_width(label, strlen(label));
         columns > 1 && pb_label_width(cut, kind, size) > room;)
        cut = pb_label_clip(scratch, label, --columns);
    return cut;
}

double pb_label_slanted_size(double size, double step)
{
    return fmin(size, step * 0.7071 / 1.2); /* the distance of two lines; a line is 1.2 high */
}
