/* Opening a tensor as matrices, and making results of what is computed for each. */
#include "matrices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/linear.h"

/* ---- opening ---- */

static void say_place(const pb_tensor *tensor, size_t flat, pb_buffer *out)
{
    size_t offsets[PB_MAX_RANK];
    pb_tensor_unravel(tensor, flat, offsets);
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        pb_buffer_format(out, "%s%s %lld", i > 0 ? ", " : "", pb_axis_name(axis),
                         (long long)pb_axis_coordinate(axis, offsets[i]));
    }
}

pb_status pb_check_finite(const pb_call *call, const char *argument, const pb_tensor *tensor,
                          pb_error **error)
{
    const float *data = pb_tensor_data(tensor);
    size_t at = 0, size = pb_tensor_size(tensor);
    while (at < size && isfinite(data[at]))
        at++;
    if (at == size)
        return PB_OK;
    pb_buffer place = PB_BUFFER_EMPTY;
    say_place(tensor, at, &place);
    char *text = pb_buffer_take(&place);
    if (!text)
        return pb_fail_memory(error);
    pb_status status = pb_fail_argument(
        call, argument, error, PB_VALUE, "%s() needs a number everywhere, and at %s there is %s",
        call->row->name, text, isnan(data[at]) ? "none (a gap, or NaN)" : "inf");
    free(text);
    return status;
}

/* rows or columns left out: the last two axes, or what remains beside the one that was named. */
static pb_status choose_axes(const pb_call *call, const char *x, const pb_tensor *tensor,
                             const char **rows, const char **columns, pb_error **error)
{
    size_t rank = pb_tensor_rank(tensor), which;
    const char *axes[2] = {NULL, NULL};
    if (rank < 2)
        return pb_fail_argument(call, x, error, PB_VALUE,
                                "%s() takes a matrix, a tensor of two axes or more, and this has "
                                "%zu",
                                call->row->name, rank);
    for (size_t i = rank, left = 2; i-- > 0 && left > 0;) {
        const char *name = pb_axis_name(pb_tensor_axis(tensor, i));
        if ((!*rows || strcmp(*rows, name) != 0) && (!*columns || strcmp(*columns, name) != 0))
            axes[--left] = name;
    }
    if (!*columns)
        *columns = axes[1];
    if (!*rows)
        *rows = axes[axes[0] && axes[0] != *columns ? 0 : 1];
    pb_status status = pb_tensor_need_axis(tensor, *rows, &which, error);
    if (!status)
        status = pb_tensor_need_axis(tensor, *columns, &which, error);
    if (!status && strcmp(*rows, *columns) == 0)
        status = pb_fail(error, PB_VALUE, "rows and columns are both %s", *rows);
    return pb_place_argument(call, x, status, error);
}

static pb_status order_axes(const pb_call *call, const pb_tensor *tensor, const char *rows,
                            const char *columns, pb_matrices *m, pb_error **error)
{
    const char *names[PB_MAX_RANK];
    size_t n = 0;
    for (size_t i = 0; i < pb_tensor_rank(tensor); i++) {
        const pb_axis *axis = pb_tensor_axis(tensor, i);
        const char *name = pb_axis_name(axis);
        if (strcmp(name, rows) == 0)
            m->rows = pb_axis_length(axis);
        else if (strcmp(name, columns) == 0)
            m->columns = pb_axis_length(axis);
        else {
            names[n++] = name;
            m->count *= pb_axis_length(axis);
        }
    }
    m->outer = n;
    names[n++] = rows;
    names[n++] = columns;
    return pb_tensor_transpose(tensor, names, pb_call_watch(call), &m->ordered, error);
}

pb_status pb_matrices_open(const pb_call *call, const char *x, const char *rows,
                           const char *columns, pb_matrices *m, pb_error **error)
{
    *m = (pb_matrices){.value = pb_argument_value(call, x), .count = 1};
    const pb_tensor *tensor = pb_value_get_tensor(m->value);
    pb_status status = choose_axes(call, x, tensor, &rows, &columns, error);
    if (!status)
        status = order_axes(call, tensor, rows, columns, m, error);
    if (!status && (m->rows == 0 || m->columns == 0))
        status = pb_fail_argument(call, x, error, PB_VALUE, "the axis %s is empty",
                                  m->rows == 0 ? rows : columns);
    if (!status)
        status = pb_check_finite(call, x, m->ordered, error);
    if (status)
        pb_matrices_close(m);
    return status;
}

void pb_matrices_close(pb_matrices *m)
{
    pb_tensor_release(&m->ordered);
}

pb_axis *pb_matrices_row_axis(const pb_matrices *m)
{
    return pb_tensor_axis(m->ordered, m->outer);
}

pb_axis *pb_matrices_column_axis(const pb_matrices *m)
{
    return pb_tensor_axis(m->ordered, m->outer + 1);
}

void pb_matrices_read(const pb_matrices *m, size_t which, double *out)
{
    size_t size = m->rows * m->columns;
    const float *from = pb_tensor_data(m->ordered) + which * size;
    for (size_t i = 0; i < size; i++)
        out[i] = (double)from[i];
}

/* ---- filling ---- */

void pb_fill_floats(const double *from, size_t rows, size_t columns, bool transposed, float *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[i * columns + j] = (float)from[transposed ? j * rows + i : i * columns + j];
}

static pb_status make_filled(const pb_matrices *m, pb_filled *f, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK];
    size_t rank = m->outer;
    for (size_t i = 0; i < rank; i++)
        axes[i] = pb_tensor_axis(m->ordered, i);
    f->each = 1;
    for (size_t i = 0; i < 2 && f->axes[i]; i++) {
        axes[rank++] = f->axes[i];
        f->each *= pb_axis_length(f->axes[i]);
    }
    return pb_tensor_create(rank, axes, &f->tensor, &f->data, error);
}

static pb_status fill_all(const pb_call *call, const pb_matrices *m, size_t n, pb_filled *filled,
                          pb_matrix_function *function, pb_error **error)
{
    double *a = pb_doubles_create(m->rows, m->columns);
    float *out[PB_MAX_FILLED];
    pb_status status = a ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < m->count; i++) {
        status = pb_watch_check(pb_call_watch(call), error);
        pb_matrices_read(m, i, a);
        for (size_t k = 0; k < n; k++)
            out[k] = filled[k].data + i * filled[k].each;
        if (!status)
            status = function(call, m, a, out, error);
    }
    pb_doubles_free(&a);
    return status;
}

static pb_status take_filled(const pb_matrices *m, pb_filled *f, pb_value **result,
                             pb_error **error)
{
    const pb_meta meta = {.model = pb_value_meta(m->value)->model, .caption = f->caption};
    return pb_value_take_tensor(&f->tensor, &meta, result, error);
}

static pb_status gather_filled(const pb_call *call, const pb_matrices *m, size_t n,
                               pb_filled *filled, pb_value **result, pb_error **error)
{
    pb_record_builder record = {.keeper = call->keeper};
    for (size_t i = 0; !record.status && i < n; i++) {
        pb_value *value = NULL;
        record.status = take_filled(m, &filled[i], &value, &record.error);
        if (!record.status)
            pb_record_take(&record, filled[i].name, value);
    }
    return pb_record_finish(&record, result, error);
}

pb_status pb_matrices_fill(const pb_call *call, const pb_matrices *m, size_t n, pb_filled *filled,
                           pb_matrix_function *function, pb_value **result, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++)
        status = make_filled(m, &filled[i], error);
    if (!status)
        status = fill_all(call, m, n, filled, function, error);
    if (!status)
        status = n == 1 ? take_filled(m, filled, result, error)
                        : gather_filled(call, m, n, filled, result, error);
    for (size_t i = 0; i < n; i++)
        pb_tensor_release(&filled[i].tensor);
    return status;
}
