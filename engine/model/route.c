/* The runs' own edits in a batch; see model/route.h. */
#include "model/route.h"

#include "base/memory.h"

bool pb_route_edits(const pb_route *route)
{
    for (size_t i = 0; i < route->n; i++) {
        if (pb_run_is_edited(route->runs[i]))
            return true;
    }
    return false;
}

static bool route_wants(void *user, pb_site site, size_t layer)
{
    const pb_route *route = user;
    for (size_t i = 0; i < route->n; i++) {
        const pb_run_edits *edits = pb_run_edits_of(route->runs[i]);
        if (edits && edits->hooks.wants(edits->hooks.user, site, layer))
            return true;
    }
    return false;
}

bool pb_route_edits_stream(const pb_route *route)
{
    const pb_model *model = route->n ? pb_run_model(route->runs[0]) : NULL;
    for (int site = 0; model && site < PB_N_SITES; site++) {
        size_t n_layers = pb_site_layers(model, (pb_site)site);
        for (size_t layer = 0; pb_site_info((pb_site)site)->stream && layer < n_layers; layer++) {
            if (route_wants((void *)route, (pb_site)site, layer))
                return true;
        }
    }
    return false;
}

bool pb_route_is_whole(const pb_route *route)
{
    for (size_t i = 0; i < route->n; i++) {
        const pb_run_edits *edits = pb_run_edits_of(route->runs[i]);
        if (edits && edits->whole)
            return true;
    }
    return false;
}

/* Shows rows first .. last - 1 of a view, all of one sequence, to the edits of its run, which know
 * their own prompt only: to them it is sequence 0. */
static pb_status show_rows(const pb_run_edits *edits, const pb_view *view, size_t first,
                           size_t last, pb_row *rows, pb_error **error)
{
    if (!edits || !edits->hooks.wants(edits->hooks.user, view->site, view->layer))
        return PB_OK;
    for (size_t r = first; r < last; r++)
        rows[r - first] = (pb_row){0, view->rows[r].position};
    pb_view part = *view;
    part.data = view->data + first * view->row_stride;
    part.rows = rows;
    part.n_rows = last - first;
    return edits->hooks.at(edits->hooks.user, &part, error);
}

static pb_status route_at(void *user, const pb_view *view, pb_error **error)
{
    const pb_route *route = user;
    pb_row *rows = pb_malloc(view->n_rows, sizeof *rows);
    if (!rows)
        return pb_fail_memory(error);
    pb_status status = PB_OK;
    for (size_t first = 0, last; !status && first < view->n_rows; first = last) {
        size_t sequence = view->rows[first].sequence;
        for (last = first + 1; last < view->n_rows && view->rows[last].sequence == sequence;)
            last++;
        status = show_rows(pb_run_edits_of(route->runs[sequence]), view, first, last, rows, error);
    }
    free(rows);
    return status;
}

pb_hooks pb_route_hooks(pb_route *route)
{
    return (pb_hooks){route, route_wants, route_at};
}
