#include "tensor_support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

enum { MOST_PLACES = 64 };

/* Splits text at every `mark`, in place. */
static size_t split(char *text, char mark, char *parts[MOST_PLACES])
{
    size_t count = 0;
    for (char *at = text; at; count++) {
        assert_true(count < MOST_PLACES);
        parts[count] = at;
        at = strchr(at, mark);
        if (at)
            *at++ = '\0';
    }
    return count;
}

static pb_axis *axis_from(char *spec)
{
    char *places = strchr(spec, '='), *parts[MOST_PLACES];
    int64_t coordinates[MOST_PLACES];
    pb_axis *axis = NULL;
    pb_status status;
    assert_non_null(places);
    *places++ = '\0';
    if (*places == '@') {
        size_t count = split(places + 1, ',', parts);
        for (size_t i = 0; i < count; i++)
            coordinates[i] = strtoll(parts[i], NULL, 10);
        status = pb_axis_create(spec, count, coordinates, NULL, &axis, NULL);
    } else if (*places >= '0' && *places <= '9' && !strchr(places, '/')) {
        status = pb_axis_create(spec, strtoull(places, NULL, 10), NULL, NULL, &axis, NULL);
    } else {
        size_t count = split(places, '/', parts);
        status = pb_axis_create(spec, count, NULL, (const char *const *)parts, &axis, NULL);
    }
    assert_int_equal(status, PB_OK);
    return axis;
}

pb_axis *make_axis(const char *spec)
{
    char *copy = strdup(spec);
    pb_axis *axis = axis_from(copy);
    free(copy);
    return axis;
}

/* Where the next axis begins: after a space that comes before a word and '='. */
static char *next_axis(char *at)
{
    for (char *space = strchr(at, ' '); space; space = strchr(space + 1, ' ')) {
        size_t word = strcspn(space + 1, " /=");
        if (word > 0 && space[1 + word] == '=')
            return space;
    }
    return NULL;
}

static size_t axes_from(const char *shape, pb_axis *axes[PB_MAX_RANK])
{
    char *copy = strdup(shape);
    size_t rank = 0;
    for (char *at = *copy ? copy : NULL; at; rank++) {
        char *space = next_axis(at);
        if (space)
            *space++ = '\0';
        assert_true(rank < PB_MAX_RANK);
        axes[rank] = axis_from(at);
        at = space;
    }
    free(copy);
    return rank;
}

pb_tensor *make_tensor(const char *shape, const float *values)
{
    pb_axis *axes[PB_MAX_RANK];
    pb_tensor *tensor = NULL;
    float *data;
    size_t rank = axes_from(shape, axes);
    assert_int_equal(pb_tensor_create(rank, axes, &tensor, &data, NULL), PB_OK);
    for (size_t i = 0; i < pb_tensor_size(tensor); i++)
        data[i] = values ? values[i] : (float)i;
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    return tensor;
}

static bool counts_from_zero(const pb_axis *axis)
{
    for (size_t i = 0; i < pb_axis_length(axis); i++)
        if (pb_axis_coordinate(axis, i) != (int64_t)i)
            return false;
    return true;
}

char *shape_of(const pb_tensor *tensor)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    for (size_t k = 0; k < pb_tensor_rank(tensor); k++) {
        const pb_axis *axis = pb_tensor_axis(tensor, k);
        size_t length = pb_axis_length(axis);
        pb_buffer_format(&text, "%s%s=", k > 0 ? " " : "", pb_axis_name(axis));
        for (size_t i = 0; i < length && pb_axis_has_labels(axis); i++)
            pb_buffer_format(&text, "%s%s", i > 0 ? "/" : "", pb_axis_label(axis, i));
        if (!pb_axis_has_labels(axis) && counts_from_zero(axis))
            pb_buffer_format(&text, "%zu", length);
        else if (!counts_from_zero(axis))
            for (size_t i = 0; i < length; i++)
                pb_buffer_format(&text, "%c%lld", i > 0 ? ',' : '@',
                                 (long long)pb_axis_coordinate(axis, i));
    }
    return pb_buffer_take(&text);
}

static bool is_close(float got, float wanted)
{
    if (isnan(got) || isnan(wanted))
        return isnan(got) && isnan(wanted);
    if (isinf(got) || isinf(wanted))
        return got == wanted;
    return fabsf(got - wanted) <= 1e-6f * fabsf(wanted) + 1e-12f; /* a sum may miss nought */
}

void expect_tensor(pb_tensor **tensor, const char *shape, const float *values)
{
    char *got = shape_of(*tensor);
    assert_string_equal(got, shape);
    free(got);
    for (size_t i = 0; i < pb_tensor_size(*tensor); i++) {
        float value = pb_tensor_data(*tensor)[i];
        if (!is_close(value, values[i]))
            fail_msg("value %zu of [%s] is %.9g, expected %.9g", i, shape, (double)value,
                     (double)values[i]);
    }
    pb_tensor_release(tensor);
}

void expect_error(pb_status status, pb_error **error, pb_status code, const char *text,
                  const char *hint)
{
    assert_int_equal(status, code);
    assert_non_null(*error);
    assert_string_equal(pb_error_text(*error), text);
    if (hint)
        assert_string_equal(pb_error_hint_text(*error) ? pb_error_hint_text(*error) : "(none)",
                            hint);
    else
        assert_null(pb_error_hint_text(*error));
    assert_int_equal(pb_error_code(*error), code);
    pb_error_destroy(error);
}
