/*
 * Edits that compute: a function of the activation over the chosen places, of one prompt and one
 * layer. It is given what the edits before it left, at all positions so far; while text is
 * generated, those of earlier passes are kept as they were given then, and of what the function
 * makes of them all only the new ones' is written.
 */
#include <math.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "edits.h"

/* What an axis of the activation stands for in a pass's rows. */
typedef enum role { ROLE_POSITION, ROLE_HEAD, ROLE_LAST, N_ROLES } role;

/* The chosen places of what is at a layer now. */
typedef struct spot {
    const pb_bound_edit *bound;
    const pb_view *view;
    size_t first; /* position of the view's first row */
    size_t *places[N_ROLES];
    size_t n[N_ROLES];
} spot;

static void spot_clear(spot *at)
{
    for (size_t r = 0; r < N_ROLES; r++)
        free(at->places[r]);
}

/* ---- earlier positions ---- */

static size_t row_floats(const pb_bound_edit *bound)
{
    size_t width = pb_site_width(bound->edit->model, bound->edit->site);
    return bound->edit->n_heads * (width ? width : bound->past_rows);
}

static float *past_of(const pb_bound_edit *bound, size_t layer, size_t position, size_t head)
{
    size_t floats = row_floats(bound);
    return bound->past[layer] + position * floats + head * (floats / bound->edit->n_heads);
}

pb_status pb_bound_remember(pb_bound_edit *bound, size_t rows, pb_error **error)
{
    size_t n_layers = pb_site_layers(bound->edit->model, bound->edit->site), all;
    bound->past_rows = rows;
    bound->past = pb_calloc(n_layers, sizeof *bound->past);
    if (!bound->past || !pb_size_mul(rows, row_floats(bound), &all))
        return pb_fail_memory(error);
    for (size_t layer = 0; layer < n_layers; layer++) {
        if (!pb_edit_at_layer(bound->edit, layer))
            continue;
        bound->past[layer] = pb_calloc(all, sizeof(float));
        if (!bound->past[layer])
            return pb_fail_memory(error);
    }
    return PB_OK;
}

static void remember(const spot *at)
{
    const pb_view *view = at->view;
    for (size_t r = 0; at->bound->past && r < view->n_rows; r++) {
        for (size_t h = 0; h < view->n_heads; h++)
            memcpy(past_of(at->bound, view->layer, view->rows[r].position, h),
                   view->data + r * view->row_stride + h * view->head_stride,
                   view->width * sizeof(float));
    }
}

/* Keys after a query are masked. */
static float masked(pb_site site)
{
    return site == PB_SITE_ATTN_SCORES ? -INFINITY : 0;
}

static float now_at(const spot *at, size_t position, size_t head, size_t i)
{
    const pb_view *view = at->view;
    if (pb_site_info(view->site)->keys && i > position)
        return masked(view->site);
    if (position < at->first)
        return past_of(at->bound, view->layer, position, head)[i];
    return view->data[(position - at->first) * view->row_stride + head * view->head_stride + i];
}

/* ---- which places ---- */

static bool position_chosen(const pb_bound_edit *bound, size_t position)
{
    return position < bound->length ? bound->positions[position] : bound->open;
}

static bool last_chosen(const pb_bound_edit *bound, size_t i)
{
    if (bound->edit->places)
        return bound->edit->places[i];
    return !bound->keys || (i < bound->length && bound->keys[i]);
}

static bool is_chosen(const spot *at, role which, size_t i)
{
    const pb_edit *edit = at->bound->edit;
    switch (which) {
    case ROLE_POSITION: return position_chosen(at->bound, i);
    case ROLE_HEAD: return edit->where[at->view->layer * edit->n_heads + i];
    default: return last_chosen(at->bound, i);
    }
}

static pb_status choose(spot *at, role which, size_t most, pb_error **error)
{
    at->places[which] = pb_malloc(most, sizeof(size_t));
    if (!at->places[which])
        return pb_fail_memory(error);
    for (size_t i = 0; i < most; i++) {
        if (is_chosen(at, which, i))
            at->places[which][at->n[which]++] = i;
    }
    return PB_OK;
}

/* ---- as a tensor ---- */

static role role_of(const pb_edit *edit, const char *axis)
{
    const char *heads = pb_site_info(edit->site)->heads;
    if (!strcmp(axis, pb_site_row_axis(edit->site)))
        return ROLE_POSITION;
    return heads && !strcmp(axis, heads) ? ROLE_HEAD : ROLE_LAST;
}

/* Along an axis of which one place was named there is no axis. */
static bool is_single(const pb_bound_edit *bound, role which)
{
    const pb_edit *edit = bound->edit;
    switch (which) {
    case ROLE_POSITION: return edit->positions && pb_select_is_one(edit->positions);
    case ROLE_HEAD: return edit->one_head;
    default: return edit->one_place || (edit->keys && pb_select_is_one(edit->keys));
    }
}

/* Places among a prompt's positions, and behind them. */
static pb_status axis_of_positions(const spot *at, const char *name, role which, pb_axis **axis,
                                   pb_error **error)
{
    const size_t *places = at->places[which];
    size_t n = at->n[which];
    pb_axis *picked = NULL;
    if (places[n - 1] < at->bound->length) {
        pb_status status = pb_axis_pick(at->bound->axis, places, n, NULL, &picked, error);
        if (!status)
            status = pb_axis_rename(picked, name, axis, error);
        pb_axis_release(&picked);
        return status;
    }
    int64_t *coordinates = pb_malloc(n, sizeof *coordinates);
    if (!coordinates)
        return pb_fail_memory(error);
    for (size_t i = 0; i < n; i++)
        coordinates[i] = (int64_t)places[i];
    pb_status status = pb_axis_create(name, n, coordinates, NULL, axis, error);
    free(coordinates);
    return status;
}

static pb_status axis_of_role(const spot *at, const char *name, role which, pb_axis **axis,
                              pb_error **error)
{
    bool tokens =
        which == ROLE_POSITION || (which == ROLE_LAST && pb_site_info(at->view->site)->keys);
    if (tokens)
        return axis_of_positions(at, name, which, axis, error);
    return pb_axis_pick(pb_model_axis(at->bound->edit->model, name), at->places[which],
                        at->n[which], NULL, axis, error);
}

/* How far apart the places of each role lie in a tensor; 0 where it has no such axis. */
static void strides_of(const pb_edit *edit, const pb_tensor *tensor, size_t strides[N_ROLES])
{
    size_t stride = 1;
    memset(strides, 0, N_ROLES * sizeof *strides);
    for (size_t a = pb_tensor_rank(tensor); a-- > 0;) {
        strides[role_of(edit, pb_axis_name(pb_tensor_axis(tensor, a)))] = stride;
        stride *= pb_axis_length(pb_tensor_axis(tensor, a));
    }
}

static void fill_now(const spot *at, const pb_tensor *tensor, float *data)
{
    size_t strides[N_ROLES];
    strides_of(at->bound->edit, tensor, strides);
    for (size_t p = 0; p < at->n[ROLE_POSITION]; p++)
        for (size_t h = 0; h < at->n[ROLE_HEAD]; h++)
            for (size_t i = 0; i < at->n[ROLE_LAST]; i++)
                data[p * strides[ROLE_POSITION] + h * strides[ROLE_HEAD] + i * strides[ROLE_LAST]] =
                    now_at(at, at->places[ROLE_POSITION][p], at->places[ROLE_HEAD][h],
                           at->places[ROLE_LAST][i]);
}

static pb_status make_now(const spot *at, pb_tensor **now, pb_error **error)
{
    const pb_edit *edit = at->bound->edit;
    const char *names[3];
    pb_axis *axes[3] = {NULL};
    size_t n = pb_site_axes(edit->model, edit->site, names), rank = 0;
    float *data = NULL;
    pb_status status = PB_OK;
    for (size_t i = 0; !status && i < n; i++) {
        role which = role_of(edit, names[i]);
        if (is_single(at->bound, which) && at->n[which] == 1)
            continue;
        status = axis_of_role(at, names[i], which, &axes[rank], error);
        rank += !status;
    }
    if (!status)
        status = pb_tensor_create(rank, axes, now, &data, error);
    if (!status)
        fill_now(at, *now, data);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    return status;
}

/* ---- what it gave ---- */

static void write_shape(const pb_tensor *tensor, pb_buffer *out)
{
    pb_buffer_text(out, pb_tensor_rank(tensor) ? "[" : "a number");
    for (size_t a = 0; a < pb_tensor_rank(tensor); a++)
        pb_buffer_format(out, "%s%s %zu", a ? ", " : "", pb_axis_name(pb_tensor_axis(tensor, a)),
                         pb_axis_length(pb_tensor_axis(tensor, a)));
    pb_buffer_text(out, pb_tensor_rank(tensor) ? "]" : "");
}

static pb_status wrong_shape(const pb_edit *edit, const pb_tensor *now, const pb_tensor *then,
                             pb_error **error)
{
    pb_buffer given = PB_BUFFER_EMPTY, got = PB_BUFFER_EMPTY;
    char *words = pb_edit_describe(edit);
    write_shape(now, &given);
    write_shape(then, &got);
    pb_status status =
        pb_fail(error, PB_VALUE,
                "the function of the edit '%s' was given %s and gave %s, which does "
                "not fit there",
                words ? words : "set", given.data ? given.data : "?", got.data ? got.data : "?");
    if (error)
        pb_error_hint(*error, "it gives the same axes, some of them, or a number");
    pb_buffer_free(&given);
    pb_buffer_free(&got);
    free(words);
    return status;
}

static bool same_places(const pb_axis *a, const pb_axis *b)
{
    bool same = pb_axis_length(a) == pb_axis_length(b);
    for (size_t i = 0; same && i < pb_axis_length(a); i++)
        same = pb_axis_coordinate(a, i) == pb_axis_coordinate(b, i);
    return same;
}

static pb_status check_shape(const pb_edit *edit, const pb_tensor *now, const pb_tensor *then,
                             pb_error **error)
{
    for (size_t a = 0; a < pb_tensor_rank(then); a++) {
        const pb_axis *axis = pb_tensor_axis(then, a);
        int which = pb_tensor_find_axis(now, pb_axis_name(axis));
        if (which < 0 || !same_places(axis, pb_tensor_axis(now, (size_t)which)))
            return wrong_shape(edit, now, then, error);
    }
    return PB_OK;
}

static void write_then(const spot *at, const pb_tensor *then)
{
    const pb_view *view = at->view;
    const float *data = pb_tensor_data(then);
    bool keys = pb_site_info(view->site)->keys;
    size_t strides[N_ROLES];
    strides_of(at->bound->edit, then, strides);
    for (size_t p = 0; p < at->n[ROLE_POSITION]; p++) {
        size_t position = at->places[ROLE_POSITION][p];
        for (size_t h = 0; position >= at->first && h < at->n[ROLE_HEAD]; h++) {
            float *row = view->data + (position - at->first) * view->row_stride +
                         at->places[ROLE_HEAD][h] * view->head_stride;
            for (size_t i = 0; i < at->n[ROLE_LAST]; i++) {
                size_t place = at->places[ROLE_LAST][i];
                if (!keys || place <= position)
                    row[place] = data[p * strides[ROLE_POSITION] + h * strides[ROLE_HEAD] +
                                      i * strides[ROLE_LAST]];
            }
        }
    }
}

/* ---- the edit ---- */

static pb_status compute(const spot *at, pb_error **error)
{
    const pb_edit *edit = at->bound->edit;
    pb_tensor *now = NULL, *then = NULL;
    pb_status status = make_now(at, &now, error);
    if (!status)
        status = edit->call.compute(edit->call.user, at->view->caller, now, &then, error);
    if (!status)
        status = check_shape(edit, now, then, error);
    if (!status)
        write_then(at, then);
    pb_tensor_release(&now);
    pb_tensor_release(&then);
    return status;
}

pb_status pb_bound_compute(const pb_bound_edit *bound, const pb_view *view, pb_error **error)
{
    spot at = {.bound = bound, .view = view, .first = view->rows[0].position};
    size_t so_far = view->rows[view->n_rows - 1].position + 1;
    bool any = false;
    remember(&at);
    for (size_t r = 0; r < view->n_rows && !any; r++)
        any = position_chosen(bound, view->rows[r].position);
    if (!any)
        return PB_OK;
    pb_status status = choose(&at, ROLE_POSITION, so_far, error);
    if (!status)
        status = choose(&at, ROLE_HEAD, view->n_heads, error);
    if (!status)
        status =
            choose(&at, ROLE_LAST, pb_site_info(view->site)->keys ? so_far : view->width, error);
    if (!status && at.n[ROLE_LAST])
        status = compute(&at, error);
    spot_clear(&at);
    return status;
}
