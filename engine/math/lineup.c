/* Lining up tensors by the names of their axes. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/visible.h"
#include "tensor_internal.h"

static bool is_positional(const char *name)
{
    return strcmp(name, "pos") == 0 || strcmp(name, "query") == 0 || strcmp(name, "key") == 0;
}

/* Axes along which two prompts of equal length, or two sets of as many prompts, line up in order.
 */
static bool lines_up_in_order(const char *name)
{
    return is_positional(name) || strcmp(name, "prompt") == 0;
}

/* ---- labels that join ---- */

/* Whether `part` is one of the parts of "love|hate|like". A part may hold '|' itself. */
static bool has_part(const char *label, const char *part)
{
    size_t length = strlen(part);
    for (const char *at = label; (at = strstr(at, part)); at++) {
        bool starts = at == label || at[-1] == '|';
        bool ends = at[length] == '\0' || at[length] == '|';
        if (starts && ends)
            return true;
        if (*at == '\0')
            break;
    }
    return false;
}

/* "love|hate"; a label that already says both stands for both. Owned by the caller. */
static char *join_labels(const char *a, const char *b)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    bool a_has_b = has_part(a, b), b_has_a = has_part(b, a);
    if (a_has_b || !b_has_a)
        pb_buffer_text(&text, a);
    if (!a_has_b && !b_has_a)
        pb_buffer_byte(&text, '|');
    if (!a_has_b)
        pb_buffer_text(&text, b);
    return pb_buffer_take(&text);
}

static pb_status join_in_order(const pb_axis *a, const pb_axis *b, pb_axis **joined,
                               pb_error **error)
{
    char **labels = pb_calloc(a->length, sizeof *labels);
    pb_status status = labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < a->length; i++) {
        labels[i] = join_labels(a->labels[i], b->labels[i]);
        if (!labels[i])
            status = pb_fail_memory(error);
    }
    if (!status)
        status = pb_axis_relabel(a, (const char *const *)labels, joined, error);
    for (size_t i = 0; labels && i < a->length; i++)
        free(labels[i]);
    free(labels);
    return status;
}

/* ---- axes that do not line up ---- */

static pb_status fail_lengths(const pb_axis *a, const pb_axis *b, pb_error **error)
{
    pb_status status =
        pb_fail(error, PB_VALUE, "the two sides do not line up along %s: %zu places and %zu",
                a->name, a->length, b->length);
    if (is_positional(a->name))
        pb_hint(error,
                "prompts of different lengths share no positions; select one each, as in t[%s=-1]",
                a->name);
    else
        pb_hint(error,
                "select the same places on both sides, as in t[%s=0]; or keep both axes: "
                "rename(t, %s=\"%s_2\")",
                a->name, a->name, a->name);
    return status;
}

static pb_status fail_coordinates(const pb_axis *a, const pb_axis *b, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "the two sides do not line up along %s: the coordinates are ", a->name);
    pb_say_coordinates(&text, a);
    pb_buffer_text(&text, " on one and ");
    pb_say_coordinates(&text, b);
    pb_buffer_text(&text, " on the other");
    pb_status status = pb_fail_with(error, PB_VALUE, &text);
    pb_hint(error,
            "select the same places on both sides, as in t[%s=%lld]; or keep both axes: "
            "rename(t, %s=\"%s_2\")",
            a->name, (long long)pb_axis_coordinate(a, 0), a->name, a->name);
    return status;
}

static pb_status fail_labels(const pb_axis *a, const pb_axis *b, size_t i, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_buffer_format(&text, "the two sides do not line up along %s: place %lld is ", a->name,
                     (long long)pb_axis_coordinate(a, i));
    pb_quoted_text(&text, a->labels[i], strlen(a->labels[i]));
    pb_buffer_text(&text, " on one and ");
    pb_quoted_text(&text, b->labels[i], strlen(b->labels[i]));
    pb_buffer_text(&text, " on the other");
    pb_status status = pb_fail_with(error, PB_VALUE, &text);
    pb_hint(error,
            "select one place on each side, as in t[%s=%lld]; or keep both axes: "
            "rename(t, %s=\"%s_2\")",
            a->name, (long long)pb_axis_coordinate(a, i), a->name, a->name);
    return status;
}

/* ---- joining ---- */

static bool coordinates_differ(const pb_axis *a, const pb_axis *b)
{
    for (size_t i = 0; i < a->length; i++)
        if (pb_axis_coordinate(a, i) != pb_axis_coordinate(b, i))
            return true;
    return false;
}

/* The first place whose labels differ; the length if none does. */
static size_t first_label_difference(const pb_axis *a, const pb_axis *b)
{
    size_t i = 0;
    while (i < a->length && strcmp(a->labels[i], b->labels[i]) == 0)
        i++;
    return i;
}

pb_status pb_axis_join(pb_axis *a, pb_axis *b, pb_axis **joined, pb_error **error)
{
    if (a == b) {
        *joined = pb_axis_retain(a);
        return PB_OK;
    }
    if (a->length != b->length)
        return fail_lengths(a, b, error);
    if (coordinates_differ(a, b))
        return fail_coordinates(a, b, error);
    if (!a->labels || !b->labels) {
        *joined = pb_axis_retain(a->labels ? a : b);
        return PB_OK;
    }
    size_t i = first_label_difference(a, b);
    if (i == a->length) {
        *joined = pb_axis_retain(a);
        return PB_OK;
    }
    return lines_up_in_order(a->name) ? join_in_order(a, b, joined, error)
                                      : fail_labels(a, b, i, error);
}

static pb_status add_axis(pb_lineup *lineup, pb_axis *axis, size_t *at, pb_error **error)
{
    for (*at = 0; *at < lineup->rank; (*at)++) {
        pb_axis **old = &lineup->axes[*at];
        if (strcmp((*old)->name, axis->name) != 0)
            continue;
        pb_axis *joined = NULL;
        pb_status status = pb_axis_join(*old, axis, &joined, error);
        if (status)
            return status;
        pb_axis_release(old);
        *old = joined;
        return PB_OK;
    }
    if (lineup->rank == PB_MAX_RANK)
        return pb_fail(error, PB_LIMIT,
                       "the result would have more than %d axes; %s is the one too many",
                       PB_MAX_RANK, axis->name);
    lineup->axes[lineup->rank++] = pb_axis_retain(axis);
    return PB_OK;
}

pb_status pb_lineup_add(pb_lineup *lineup, size_t which, const pb_tensor *operand, pb_error **error)
{
    size_t strides[PB_MAX_RANK];
    pb_tensor_strides(operand, strides);
    for (size_t i = 0; i < operand->rank; i++) {
        size_t at = 0;
        pb_status status = add_axis(lineup, operand->axes[i], &at, error);
        if (status)
            return status;
        lineup->strides[which][at] = strides[i];
    }
    return PB_OK;
}

void pb_lineup_free(pb_lineup *lineup)
{
    for (size_t i = 0; i < lineup->rank; i++)
        pb_axis_release(&lineup->axes[i]);
    lineup->rank = 0;
}
