/* The forward pass: layers in order, sequences coming in where they enter. */
#include "model/forward.h"

#include <string.h>

#include "base/memory.h"
#include "math/matmul.h"
#include "pass.h"
#include "rotate.h"

static pb_status show_stream(const pb_pass *pass, pb_site site, pb_error **error)
{
    return pb_pass_show_rows(pass, site, pass->rows, pass->n_rows, pass->resid,
                             pass->model->shape.d_model, error);
}

/* resid_pre to resid_mid. */
static pb_status attention(pb_pass *pass, pb_error **error)
{
    size_t computed, before = pass->n_rows;
    pb_pass_admit(pass, false, &computed);
    if (pass->n_rows == 0)
        return PB_OK;
    pb_status status = pass->layer == 0 ? pb_pass_embed(pass, before, error) : PB_OK;
    if (!status)
        status = show_stream(pass, PB_SITE_RESID_PRE, error);
    if (!status)
        status = pb_pass_choose_queries(pass, error);
    if (!status)
        status = pb_pass_project(pass, computed, error);
    if (status)
        return status;
    pb_pass_keep(pass);
    status = pb_pass_turn(pass, error);
    if (!status)
        status = pb_pass_attend(pass, error);
    return status ? status : pb_pass_write_attention(pass, error);
}

/* resid_mid to resid_post; beside attention, from resid_pre. */
static pb_status mlp(pb_pass *pass, pb_error **error)
{
    size_t computed, d = pass->model->shape.d_model;
    bool parallel = pass->model->shape.parallel;
    pb_pass_admit(pass, true, &computed);
    if (pass->n_rows == 0)
        return PB_OK;
    pb_status status = parallel ? PB_OK : show_stream(pass, PB_SITE_RESID_MID, error);
    if (!status)
        status = pb_pass_mlp(pass, error);
    if (!status && parallel)
        pb_add_rows(pass->n_rows, d, pass->resid, d, pass->beside, d);
    return status ? status : show_stream(pass, PB_SITE_RESID_POST, error);
}

/* Where in the pass the `wanted`-th row lies that a sequence asks for. */
static size_t final_row(const pb_pass *pass, const pb_active *a, size_t wanted)
{
    const pb_sequence *s = &pass->batch->sequences[a->sequence];
    bool dropped = s->wanted && a->n != s->n;
    return a->row + (s->wanted && !dropped ? s->wanted[wanted] : wanted);
}

static size_t wanted_before(const pb_batch *batch, size_t sequence)
{
    pb_batch before = {.sequences = batch->sequences, .n = sequence};
    return pb_batch_wanted(&before);
}

/* Copies the rows asked for, in the order of the batch, and says which they are. */
static void collect(const pb_pass *pass, float *resid, pb_row *rows)
{
    size_t d = pass->model->shape.d_model;
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_active *a = &pass->active[i];
        const pb_sequence *s = &pass->batch->sequences[a->sequence];
        size_t n = s->wanted ? s->n_wanted : s->n;
        size_t to = wanted_before(pass->batch, a->sequence);
        for (size_t w = 0; w < n; w++) {
            size_t row = final_row(pass, a, w);
            memcpy(resid + (to + w) * d, pass->resid + row * d, d * sizeof *resid);
            rows[to + w] = pass->rows[row];
        }
    }
}

static pb_status finish(pb_pass *pass, float *resid, float *normed, pb_error **error)
{
    size_t n = pb_batch_wanted(pass->batch), d = pass->model->shape.d_model;
    void *rows;
    if (!resid && !normed)
        return PB_OK;
    pb_status status =
        pb_scratch_need(pass->scratch, PB_BUFFER_QUERY_ROWS, n, sizeof(pb_row), &rows, error);
    if (!status && !resid) /* attention is done with its buffer */
        status = pb_scratch_floats(pass->scratch, PB_BUFFER_QKV, n, d, &resid, error);
    if (status)
        return status;
    collect(pass, resid, rows);
    return normed ? pb_pass_final_norm(pass, rows, n, resid, normed, error) : PB_OK;
}

static pb_status run_layers(pb_pass *pass, pb_error **error)
{
    for (pass->layer = 0; pass->layer < pass->stop; pass->layer++) {
        pb_status status = pb_watch_check(pass->watch, error);
        if (!status)
            status = attention(pass, error);
        if (!status)
            status = mlp(pass, error);
        if (status)
            return status;
    }
    size_t computed; /* sequences that enter behind the last layer */
    pb_pass_admit(pass, false, &computed);
    return PB_OK;
}

static pb_status run(pb_pass *pass, float *resid, float *normed, pb_error **error)
{
    pb_status status = pb_math_begin(pass->model->threads, error);
    if (!status)
        status = pb_pass_start(pass, error);
    if (!status)
        status = pb_pass_start_rotation(pass, error);
    if (!status)
        status = run_layers(pass, error);
    return status ? status : finish(pass, resid, normed, error);
}

/* Of all rows of a sequence those that it asks for. Gives how many. */
static size_t pick_wanted(const pb_sequence *s, size_t d, const float *all, float *out)
{
    size_t n = s->wanted ? s->n_wanted : s->n;
    for (size_t w = 0; w < n; w++)
        memcpy(out + w * d, all + (s->wanted ? s->wanted[w] : w) * d, d * sizeof *out);
    return n;
}

/* The rows a batch asks for, out of all its rows. */
static void pick_rows(const pb_batch *batch, size_t d, const float *all, float *out)
{
    for (size_t i = 0; out && i < batch->n; i++) {
        out += pick_wanted(&batch->sequences[i], d, all, out) * d;
        all += batch->sequences[i].n * d;
    }
}

/* The batch with every row asked for; what was wanted of it is picked afterwards. */
static pb_status forward_whole(const pb_model *model, const pb_batch *batch,
                               const pb_context *context, float *resid, float *normed,
                               pb_error **error)
{
    pb_sequence *sequences = pb_malloc(batch->n, sizeof *sequences);
    size_t rows = 0, d = model->shape.d_model;
    for (size_t i = 0; sequences && i < batch->n; i++) {
        sequences[i] = batch->sequences[i];
        sequences[i].wanted = NULL;
        rows += sequences[i].n;
    }
    pb_batch all = *batch;
    all.sequences = sequences;
    float *all_resid = resid ? pb_malloc(rows, d * sizeof *resid) : NULL;
    float *all_normed = normed ? pb_malloc(rows, d * sizeof *normed) : NULL;
    bool got = sequences && (!resid || all_resid) && (!normed || all_normed);
    pb_status status = got ? pb_forward(model, &all, context, all_resid, all_normed, error)
                           : pb_fail_memory(error);
    if (!status) {
        pick_rows(batch, d, all_resid, resid);
        pick_rows(batch, d, all_normed, normed);
    }
    free(sequences);
    free(all_resid);
    free(all_normed);
    return status;
}

static bool leaves_rows_out(const pb_batch *batch)
{
    bool some = false;
    for (size_t i = 0; i < batch->n; i++)
        some = some || batch->sequences[i].wanted;
    return some;
}

pb_status pb_forward(const pb_model *model, const pb_batch *batch, const pb_context *context,
                     float *resid, float *normed, pb_error **error)
{
    if (batch->whole && leaves_rows_out(batch))
        return forward_whole(model, batch, context, resid, normed, error);
    pb_work uncounted = {0};
    size_t n_layer = model->shape.n_layer;
    pb_pass pass = {.model = model,
                    .batch = batch,
                    .watch = context ? context->watch : NULL,
                    .scratch = context ? context->scratch : NULL,
                    .work = context && context->work ? context->work : &uncounted,
                    .caller = context ? context->caller : NULL,
                    .stop = batch->stop && batch->stop < n_layer ? batch->stop : n_layer};
    if (batch->n == 0)
        return PB_OK;
    if (normed && pass.stop < n_layer)
        return pb_fail(error, PB_INTERNAL, "ln_final is asked for, but not all layers are");
    pb_scratch *own = pass.scratch ? NULL : pb_scratch_create();
    if (own)
        pass.scratch = own;
    if (!pass.scratch)
        return pb_fail_memory(error);
    pb_status status = run(&pass, resid, normed, error);
    pb_scratch_destroy(&own);
    return status;
}
