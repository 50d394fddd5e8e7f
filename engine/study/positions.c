/* Positions on several prompts; see positions.h. */
#include "positions.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "places.h"

pb_status pb_positions_resolve(pb_run *run, const pb_select *select, pb_positions *positions,
                               bool *one, pb_error **error)
{
    if (!select) {
        positions->at = pb_malloc(1, sizeof *positions->at);
        if (!positions->at)
            return pb_fail_memory(error);
        positions->at[0] = pb_run_length(run) - 1;
        positions->n = 1;
        return PB_OK;
    }
    bool dropped = false;
    pb_status status =
        pb_places(pb_run_positions(run), select, &positions->at, &positions->n, &dropped, error);
    *one = *one && dropped;
    return status;
}

pb_status pb_positions_resolve_all(pb_run *const *runs, size_t n_runs, const pb_select *select,
                                   pb_positions *positions, bool *one, pb_error **error)
{
    *one = true;
    pb_status status = pb_about("pos", pb_check_per(select, n_runs, error), error);
    for (size_t i = 0; !status && i < n_runs; i++) {
        status = pb_about_prompt(
            "pos", i,
            pb_positions_resolve(runs[i], pb_select_for(select, i), &positions[i], one, error),
            error);
        if (!status && positions[i].n != positions[0].n)
            status = pb_fail(error, PB_VALUE,
                             "the positions do not line up: %zu in prompt 0, %zu in "
                             "prompt %zu",
                             positions[0].n, positions[i].n, i);
    }
    return status;
}

void pb_positions_free(pb_positions **positions, size_t n_runs)
{
    for (size_t i = 0; *positions && i < n_runs; i++)
        free((*positions)[i].at);
    free(*positions);
    *positions = NULL;
}

/* ---- axes ---- */

enum { MOST_JOINED = 3 };

/* The runs' labels at their i-th place: "love", "love|hate", or "love|hate|adore|..." */
static char *joined_label(pb_run *const *runs, size_t n_runs, const pb_positions *positions,
                          size_t i)
{
    pb_buffer out = PB_BUFFER_EMPTY;
    const char *seen[MOST_JOINED] = {NULL};
    size_t n_seen = 0;
    for (size_t r = 0; r < n_runs; r++) {
        const char *label = pb_axis_label(pb_run_positions(runs[r]), positions[r].at[i]);
        bool known = !label;
        for (size_t s = 0; !known && s < n_seen; s++)
            known = !strcmp(seen[s], label);
        if (known)
            continue;
        if (n_seen == MOST_JOINED) {
            pb_buffer_text(&out, "|...");
            break;
        }
        pb_buffer_text(&out, n_seen ? "|" : "");
        pb_buffer_text(&out, label);
        seen[n_seen++] = label;
    }
    return pb_buffer_take(&out);
}

/* Do all runs choose the same places? */
static bool places_are_one(const pb_positions *positions, size_t n_runs)
{
    bool same = true;
    for (size_t r = 1; r < n_runs; r++)
        same = same &&
               !memcmp(positions[r].at, positions[0].at, positions[0].n * sizeof *positions[0].at);
    return same;
}

/* The first run's places with these labels; 0, 1, ... with an end of their own. */
static pb_status axis_with_labels(const char *name, pb_run *const *runs,
                                  const pb_positions *positions, bool own_end,
                                  const char *const *labels, pb_axis **axis, pb_error **error)
{
    size_t n = positions[0].n;
    pb_axis *picked = NULL, *labelled = NULL;
    if (own_end)
        return pb_axis_create(name, n, NULL, labels, axis, error);
    pb_status status =
        pb_axis_pick(pb_run_positions(runs[0]), positions[0].at, n, NULL, &picked, error);
    if (!status)
        status = pb_axis_relabel(picked, labels, &labelled, error);
    if (!status)
        status = pb_axis_rename(labelled, name, axis, error);
    pb_axis_release(&picked);
    pb_axis_release(&labelled);
    return status;
}

static pb_status labelled_axis(const char *name, pb_run *const *runs, size_t n_runs,
                               const pb_positions *positions, bool own_end, pb_axis **axis,
                               pb_error **error)
{
    size_t n = positions[0].n;
    char **labels = pb_calloc(n, sizeof *labels);
    pb_status status = labels ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; !status && i < n; i++) {
        labels[i] = joined_label(runs, n_runs, positions, i);
        status = labels[i] ? PB_OK : pb_fail_memory(error);
    }
    if (!status)
        status = axis_with_labels(name, runs, positions, own_end, (const char *const *)labels, axis,
                                  error);
    for (size_t i = 0; labels && i < n; i++)
        free(labels[i]);
    free(labels);
    return status;
}

pb_status pb_positions_axis(const char *name, pb_run *const *runs, size_t n_runs,
                            const pb_positions *positions, bool own_end, pb_axis **axis,
                            pb_error **error)
{
    for (size_t r = 1; r < n_runs; r++) {
        if (positions[r].n != positions[0].n)
            return pb_fail(error, PB_VALUE,
                           "the positions do not line up: %zu in prompt 0, %zu in prompt "
                           "%zu",
                           positions[0].n, positions[r].n, r);
    }
    own_end = own_end || !places_are_one(positions, n_runs);
    return labelled_axis(name, runs, n_runs, positions, own_end, axis, error);
}
