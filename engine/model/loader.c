/* Reading weights to where they stay. Every value is copied out of the system's cache once. */
#include "loader.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "process.h"
#include "worker.h"

enum { BLOCK = 64 << 10 }; /* values: 256 kB, so that a core's cache holds a block and its sums */

/* ---- checking ---- */

static pb_status refuse_not_finite(const pb_weight *weight, size_t index, float value,
                                   pb_error **error)
{
    size_t width = weight->rank == 2 ? weight->shape[1] : weight->count;
    char place[64];
    if (weight->rank == 2)
        snprintf(place, sizeof place, "[%zu, %zu]", index / width, index % width);
    else
        snprintf(place, sizeof place, "[%zu]", index);
    return pb_fail(error, PB_FORMAT, "'%s' in %s holds %s at %s; weights must be finite numbers",
                   weight->name, weight->file, isnan(value) ? "NaN" : "an infinity", place);
}

static pb_status check_finite(const pb_weight *weight, size_t offset, size_t n, const float *values,
                              pb_error **error)
{
    size_t bad = pb_find_not_finite(n, values);
    return bad == n ? PB_OK : refuse_not_finite(weight, offset + bad, values[bad], error);
}

/* ---- reading ---- */

static pb_status find_part(const loader *load, pb_part part, size_t layer, const pb_weight **weight,
                           pb_error **error)
{
    return pb_family_part(load->model, load->weights, part, layer, weight, error);
}

pb_status loader_embedding(const loader *load, const pb_weight **weight, pb_error **error)
{
    pb_error *missing = NULL;
    pb_status status = find_part(load, PB_PART_EMBED, 0, weight, &missing);
    if (status && !*weight && load->model->config->tie_word_embeddings) {
        pb_status other = find_part(load, PB_PART_UNEMBED, 0, weight, error);
        if (other || *weight) {
            pb_error_destroy(&missing);
            return other;
        }
    }
    if (status && error && !*error)
        *error = missing;
    else
        pb_error_destroy(&missing);
    return status;
}

pb_status loader_read_rows(const loader *load, const pb_weight *weight, size_t first, size_t n,
                           float *rows, pb_error **error)
{
    size_t width = weight->shape[1];
    pb_status status = pb_watch_check(load->watch, error);
    if (!status)
        status = pb_weights_read_rows(load->weights, weight, first, n, rows, error);
    return status ? status : check_finite(weight, first * width, n * width, rows, error);
}

/* The next row of a part from `from` on; NULL past the last. */
static const pb_part_row *next_row(const loader *load, pb_part part, size_t *from)
{
    const pb_tensor_names *names = pb_family_names(load->model);
    for (; *from < names->n_rows; ++*from)
        if (names->rows[*from].part == part)
            return &names->rows[(*from)++];
    return NULL;
}

static pb_status find_tensor(const loader *load, const pb_part_row *row, size_t layer,
                             const pb_weight **weight, pb_error **error)
{
    return pb_family_tensor(load->model, load->weights, row, layer, weight, error);
}

/* ---- vectors ---- */

static pb_status read_vector(const loader *load, const pb_part_row *row, const pb_weight *weight,
                             float *values, pb_error **error)
{
    float *read = pb_malloc(weight->count, sizeof *read);
    if (!read)
        return pb_fail_memory(error);
    pb_status status = pb_weights_read(load->weights, weight, read, error);
    if (!status)
        status = check_finite(weight, 0, weight->count, read, error);
    for (size_t o = 0; !status && o < weight->count; o++)
        values[pb_family_column(row, &load->model->shape, o)] = read[o];
    free(read);
    return status;
}

/* What a tensor would have filled that is not there. */
static void clear_vector(const loader *load, const pb_part_row *row, float *values)
{
    const pb_shape *shape = &load->model->shape;
    size_t n = pb_family_side(shape, row->shape[0]);
    for (size_t o = 0; row->shape[1] == PB_SIDE_NONE && o < n; o++)
        values[pb_family_column(row, shape, o)] = 0;
}

pb_status loader_read(const loader *load, pb_part part, size_t layer, float *values,
                      pb_error **error)
{
    pb_status status = PB_OK;
    size_t from = 0;
    for (const pb_part_row *row; !status && (row = next_row(load, part, &from));) {
        const pb_weight *weight;
        status = find_tensor(load, row, layer, &weight, error);
        if (!status && !weight)
            clear_vector(load, row, values);
        else if (!status && weight->rank == 1)
            status = read_vector(load, row, weight, values, error);
        else if (!status)
            status = loader_read_rows(load, weight, 0, weight->shape[0], values, error);
    }
    return status;
}

/* ---- matrices ---- */

/* A tensor that lies as its part does: each block is worked on as it comes. */
static pb_status stream_plain(const loader *load, const pb_weight *weight, float *values,
                              loader_work *work, void *user, pb_error **error)
{
    pb_status status = PB_OK;
    size_t rows = weight->shape[0], width = weight->shape[1];
    size_t step = width < BLOCK ? BLOCK / width : 1;
    for (size_t first = 0; first < rows && !status; first += step) {
        size_t n = rows - first < step ? rows - first : step;
        float *block = values + first * width;
        status = loader_read_rows(load, weight, first, n, block, error);
        if (!status && work)
            work(user, first, n, block);
    }
    return status;
}

/* A tensor that lies (out, in), into its columns of `values` [n_in, ld]. */
static pb_status read_turned(const loader *load, const pb_part_row *row, const pb_weight *weight,
                             float *values, size_t ld, pb_error **error)
{
    enum { STEP = 32 }; /* outputs at a time, so that what is written of a row is a few lines */
    size_t rows = weight->shape[0], width = weight->shape[1], columns[STEP];
    float *block = pb_malloc(STEP * width, sizeof *block);
    pb_status status = block ? PB_OK : pb_fail_memory(error);
    for (size_t first = 0; first < rows && !status; first += STEP) {
        size_t n = rows - first < STEP ? rows - first : STEP;
        status = loader_read_rows(load, weight, first, n, block, error);
        for (size_t o = 0; o < n; o++)
            columns[o] = pb_family_column(row, &load->model->shape, first + o);
        for (size_t i = 0; !status && i < width; i++)
            for (size_t o = 0; o < n; o++)
                values[i * ld + columns[o]] = block[o * width + i];
    }
    free(block);
    return status;
}

static void work_through(size_t rows, size_t width, float *values, loader_work *work, void *user)
{
    size_t step = width < BLOCK ? BLOCK / width : 1;
    for (size_t first = 0; first < rows; first += step)
        work(user, first, rows - first < step ? rows - first : step, values + first * width);
}

pb_status loader_stream(const loader *load, pb_part part, size_t layer, size_t n_in, size_t n_out,
                        float *values, loader_work *work, void *user, pb_error **error)
{
    size_t from = 0;
    pb_status status = PB_OK;
    bool turned = false;
    for (const pb_part_row *row; !status && (row = next_row(load, part, &from));) {
        const pb_weight *weight;
        status = find_tensor(load, row, layer, &weight, error);
        if (!status && weight && !row->turned)
            return stream_plain(load, weight, values, work, user, error);
        if (!status && weight)
            status = read_turned(load, row, weight, values, n_out, error);
        turned = true;
    }
    if (!status && turned && work)
        work_through(n_in, n_out, values, work, user);
    return status;
}

/* ---- several threads ---- */

/* The first fault of several threads' work. */
static pb_status first_fault(size_t n, const pb_status *statuses, pb_error **errors,
                             pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < n; i++) {
        if (statuses[i] && !status) {
            status = statuses[i];
            if (error && !*error) {
                *error = errors[i];
                errors[i] = NULL;
            }
        }
        pb_error_destroy(&errors[i]);
    }
    return status;
}

/* Progress is heard on the thread that began the work. */
static void count_piece(const pb_watch *watch, atomic_size_t *done, size_t n)
{
    size_t so_far = atomic_fetch_add(done, 1) + 1;
    if (worker_index() == 0)
        pb_watch_progress(watch, so_far, n);
}

pb_status loader_side_by_side(size_t n, loader_piece *piece, const void *user,
                              const pb_watch *watch, pb_error **error)
{
    atomic_size_t done = 0;
    pb_status *statuses = pb_calloc(n, sizeof *statuses);
    pb_error **errors = pb_calloc(n, sizeof *errors);
    pb_status status = statuses && errors ? PB_OK : pb_fail_memory(error);
    if (!status) {
#pragma omp parallel for schedule(dynamic)
        for (size_t i = 0; i < n; i++) {
            statuses[i] = piece(user, i, &errors[i]);
            count_piece(watch, &done, n);
        }
        status = first_fault(n, statuses, errors, error);
    }
    free(statuses);
    free(errors);
    return status;
}
