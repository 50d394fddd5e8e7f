/* Batches: checked, their sequences let into a pass and their rows out of it. */
#include <string.h>

#include "base/memory.h"
#include "cache.h"
#include "pass.h"

enum { BLOCK_ROWS = 512 }; /* with more, reading the weights again costs nothing beside them */

static size_t wanted_rows(const pb_sequence *s)
{
    return s->wanted ? s->n_wanted : s->n;
}

size_t pb_batch_wanted(const pb_batch *batch)
{
    size_t total = 0;
    for (size_t i = 0; i < batch->n; i++)
        total += wanted_rows(&batch->sequences[i]);
    return total;
}

/* ---- checking ---- */

static pb_status check_tokens(const pb_model *model, const pb_sequence *s, pb_error **error)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->tokens[i] < 0 || (size_t)s->tokens[i] >= model->shape.n_vocab)
            return pb_fail(error, PB_RANGE, "there is no token %ld; the vocabulary has 0 to %zu",
                           (long)s->tokens[i], model->shape.n_vocab - 1);
    return PB_OK;
}

static bool entry_fits(const pb_sequence *s)
{
    size_t rows = 0;
    for (size_t i = 0; i < s->n_entry; i++)
        rows += s->entry[i].n;
    return rows == s->n;
}

static bool wanted_fits(const pb_sequence *s)
{
    for (size_t i = 0; s->wanted && i < s->n_wanted; i++)
        if (s->wanted[i] >= s->n || (i > 0 && s->wanted[i] <= s->wanted[i - 1]))
            return false;
    return true;
}

static pb_status check_sequence(const pb_pass *pass, const pb_sequence *s, pb_error **error)
{
    const pb_shape *shape = &pass->model->shape;
    size_t end = 0;
    if (s->n == 0)
        return pb_fail(error, PB_VALUE, "a prompt has no tokens");
    if (!pb_size_add(s->first, s->n, &end) || end > shape->n_positions)
        return pb_fail(error, PB_RANGE,
                       "a prompt has %zu tokens; the context of %s holds %zu at most", end,
                       pass->model->name, shape->n_positions);
    if (!s->entry && s->tokens && s->layer == 0 && !s->at_mid) {
        pb_status status = check_tokens(pass->model, s, error);
        if (status)
            return status;
    } else if (!s->entry || !entry_fits(s) || s->layer > pass->stop ||
               (s->at_mid && (s->layer == pass->stop || shape->parallel))) {
        return pb_fail(error, PB_INTERNAL, "a sequence enters a pass with rows that do not fit it");
    }
    if ((s->first > 0 && (!s->past || pb_cache_capacity(s->past) < s->first)) ||
        (s->keep && pb_cache_capacity(s->keep) < end) || !wanted_fits(s))
        return pb_fail(error, PB_INTERNAL, "a sequence's cache or wanted rows do not fit it");
    return PB_OK;
}

/* ---- buffers ---- */

static pb_status get_buffers(pb_pass *pass, size_t total, pb_error **error)
{
    const pb_shape *s = &pass->model->shape;
    pb_scratch *scratch = pass->scratch;
    size_t d = s->d_model, block = total < BLOCK_ROWS || pass->batch->whole ? total : BLOCK_ROWS;
    pass->block = block;
    void *rows, *active;
    pb_status status = pb_scratch_floats(scratch, PB_BUFFER_RESID, total, d, &pass->resid, error);
    if (!status)
        status = pb_scratch_floats(scratch, PB_BUFFER_QKV, total, s->d_qkv, &pass->qkv, error);
    if (!status)
        status = pb_scratch_floats(scratch, PB_BUFFER_NORMED, block, d, &pass->normed, error);
    if (!status)
        status =
            pb_scratch_floats(scratch, PB_BUFFER_HIDDEN, block, s->d_mlp, &pass->hidden, error);
    if (!status)
        status = pb_scratch_floats(scratch, PB_BUFFER_LINEAR, s->gated ? block : 0, s->d_mlp,
                                   &pass->linear, error);
    if (!status && s->parallel)
        status = pb_scratch_floats(scratch, PB_BUFFER_BESIDE, total, d, &pass->beside, error);
    if (!status)
        status = pb_scratch_floats(scratch, PB_BUFFER_OUT, block, d, &pass->out, error);
    if (!status)
        status = pb_scratch_floats(scratch, PB_BUFFER_SCALE, block, 1, &pass->scale, error);
    if (!status)
        status = pb_scratch_need(scratch, PB_BUFFER_ROWS, total, sizeof(pb_row), &rows, error);
    if (!status)
        status = pb_scratch_need(scratch, PB_BUFFER_ACTIVE, pass->batch->n, sizeof(pb_active),
                                 &active, error);
    if (status)
        return status;
    pass->rows = rows;
    pass->active = active;
    pass->keys = pass->qkv + s->d_q;
    pass->values = pass->keys + s->d_kv;
    pass->qkv_stride = s->d_qkv;
    return PB_OK;
}

pb_status pb_pass_start(pb_pass *pass, pb_error **error)
{
    size_t total = 0;
    for (size_t i = 0; i < pass->batch->n; i++) {
        const pb_sequence *s = &pass->batch->sequences[i];
        pb_status status = check_sequence(pass, s, error);
        if (status)
            return status;
        if (!pb_size_add(total, s->n, &total))
            return pb_fail_memory(error);
    }
    return get_buffers(pass, total, error);
}

/* ---- letting in ---- */

static bool brings_qkv(const pb_sequence *s)
{
    for (size_t i = 0; i < s->n_entry; i++)
        if (!s->entry[i].q || !s->entry[i].k || !s->entry[i].v)
            return false;
    return s->entry != NULL;
}

static bool enters_here(const pb_pass *pass, const pb_sequence *s, bool mid)
{
    return s->layer == pass->layer && s->at_mid == mid;
}

/* Whether only the rows asked for are let in: no other is read behind the last attention. */
static bool enters_trimmed(const pb_pass *pass, const pb_sequence *s)
{
    return s->wanted && (pass->layer == pass->stop || (s->at_mid && pass->layer + 1 == pass->stop));
}

/* Row r of a sequence that enters with rows. */
static const float *entry_resid(const pb_sequence *s, size_t r, size_t width)
{
    const pb_entry_rows *piece = s->entry;
    while (r >= piece->n)
        r -= piece++->n;
    return piece->resid + r * width;
}

static void copy_entry(const pb_pass *pass, const pb_sequence *s, bool trimmed, float *out)
{
    size_t d = pass->model->shape.d_model;
    if (trimmed) {
        for (size_t i = 0; i < s->n_wanted; i++)
            memcpy(out + i * d, entry_resid(s, s->wanted[i], d), d * sizeof *out);
        return;
    }
    for (size_t i = 0; i < s->n_entry; i++) {
        memcpy(out, s->entry[i].resid, s->entry[i].n * d * sizeof *out);
        out += s->entry[i].n * d;
    }
}

static void admit(pb_pass *pass, size_t index, bool ready)
{
    const pb_sequence *s = &pass->batch->sequences[index];
    bool trimmed = enters_trimmed(pass, s);
    size_t n = trimmed ? s->n_wanted : s->n;
    pass->active[pass->n_active++] = (pb_active){index, pass->n_rows, n, pass->n_rows, n, ready};
    for (size_t r = 0; r < n; r++) {
        size_t row = trimmed ? s->wanted[r] : r;
        pass->rows[pass->n_rows + r] = (pb_row){index, s->first + row};
    }
    if (s->entry)
        copy_entry(pass, s, trimmed, pass->resid + pass->n_rows * pass->model->shape.d_model);
    pass->n_rows += n;
}

void pb_pass_admit(pb_pass *pass, bool mid, size_t *computed)
{
    for (size_t i = 0; i < pass->n_active; i++)
        pass->active[i].ready = false;
    for (size_t i = 0; i < pass->batch->n; i++) {
        const pb_sequence *s = &pass->batch->sequences[i];
        if (enters_here(pass, s, mid) && (mid || !brings_qkv(s)))
            admit(pass, i, false);
    }
    *computed = pass->n_rows;
    for (size_t i = 0; i < pass->batch->n; i++) {
        const pb_sequence *s = &pass->batch->sequences[i];
        if (enters_here(pass, s, mid) && !mid && brings_qkv(s))
            admit(pass, i, true);
    }
}

/* ---- queries ---- */

static bool keeps_q(const pb_pass *pass)
{
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_cache *keep = pass->batch->sequences[pass->active[i].sequence].keep;
        if (keep && pb_cache_has_q(keep))
            return true;
    }
    return false;
}

static bool drops_rows(const pb_pass *pass)
{
    if (pass->layer + 1 != pass->stop || keeps_q(pass))
        return false;
    for (size_t i = 0; i < pass->n_active; i++)
        if (pass->batch->sequences[pass->active[i].sequence].wanted)
            return true;
    return false;
}

/* Every row attends, and its q lies in qkv. */
static void choose_all(pb_pass *pass)
{
    pass->queries = pass->qkv;
    pass->query_stride = pass->qkv_stride;
    pass->n_queries = pass->n_rows;
    pass->query_rows = pass->rows;
    pass->kept = NULL;
    for (size_t i = 0; i < pass->n_active; i++) {
        pass->active[i].query = pass->active[i].row;
        pass->active[i].n_queries = pass->active[i].n;
    }
}

/* Makes the rows that are asked for the queries: into `kept` which of all rows they are, into
 * `rows` their positions. Gives how many there are. */
static size_t list_wanted(pb_pass *pass, size_t *kept, pb_row *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < pass->n_active; i++) {
        pb_active *a = &pass->active[i];
        const pb_sequence *s = &pass->batch->sequences[a->sequence];
        a->query = n;
        a->n_queries = wanted_rows(s);
        for (size_t r = 0; r < a->n_queries; r++) {
            kept[n] = a->row + (s->wanted ? s->wanted[r] : r);
            rows[n] = pass->rows[kept[n]];
            n++;
        }
    }
    return n;
}

pb_status pb_pass_choose_queries(pb_pass *pass, pb_error **error)
{
    size_t d_q = pass->model->shape.d_q;
    choose_all(pass);
    if (!drops_rows(pass))
        return PB_OK;
    void *kept, *rows;
    pb_status status =
        pb_scratch_need(pass->scratch, PB_BUFFER_KEPT, pass->n_rows, sizeof(size_t), &kept, error);
    if (!status)
        status = pb_scratch_need(pass->scratch, PB_BUFFER_QUERY_ROWS, pass->n_rows, sizeof(pb_row),
                                 &rows, error);
    if (status)
        return status;
    pass->n_queries = list_wanted(pass, kept, rows);
    pass->kept = kept;
    pass->query_rows = rows;
    pass->query_stride = d_q;
    return pb_scratch_floats(pass->scratch, PB_BUFFER_QUERIES, pass->n_queries, d_q, &pass->queries,
                             error);
}

static void copy_rows(size_t n, size_t d, const float *from, size_t ld_from, float *to,
                      size_t ld_to)
{
    for (size_t r = 0; r < n; r++)
        memcpy(to + r * ld_to, from + r * ld_from, d * sizeof *to);
}

void pb_pass_take_ready(pb_pass *pass)
{
    const pb_shape *shape = &pass->model->shape;
    size_t d_q = shape->d_q, d_kv = shape->d_kv, stride = pass->qkv_stride;
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_active *a = &pass->active[i];
        const pb_sequence *s = &pass->batch->sequences[a->sequence];
        if (!a->ready)
            continue;
        size_t row = a->row;
        for (size_t p = 0; p < s->n_entry; p++) {
            const pb_entry_rows *piece = &s->entry[p];
            copy_rows(piece->n, d_q, piece->q, d_q, pass->qkv + row * stride, stride);
            copy_rows(piece->n, d_kv, piece->k, d_kv, pass->keys + row * stride, stride);
            copy_rows(piece->n, d_kv, piece->v, d_kv, pass->values + row * stride, stride);
            row += piece->n;
        }
        for (size_t q = a->query; pass->kept && q < a->query + a->n_queries; q++)
            memcpy(pass->queries + q * d_q, pass->qkv + pass->kept[q] * stride,
                   d_q * sizeof(float));
    }
}

void pb_pass_keep(pb_pass *pass)
{
    const pb_shape *shape = &pass->model->shape;
    size_t d_q = shape->d_q, d_kv = shape->d_kv, stride = pass->qkv_stride;
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_active *a = &pass->active[i];
        const pb_sequence *s = &pass->batch->sequences[a->sequence];
        if (!s->keep)
            continue;
        if (pb_cache_has_k(s->keep))
            copy_rows(a->n, d_kv, pass->keys + a->row * stride, stride,
                      pb_cache_row(s->keep, pass->layer, PB_CACHE_K, s->first), d_kv);
        copy_rows(a->n, d_kv, pass->values + a->row * stride, stride,
                  pb_cache_row(s->keep, pass->layer, PB_CACHE_V, s->first), d_kv);
        if (pb_cache_has_q(s->keep))
            copy_rows(a->n, d_q, pass->qkv + a->row * stride, stride,
                      pb_cache_row(s->keep, pass->layer, PB_CACHE_Q, s->first), d_q);
    }
}

void pb_pass_keep_rotated(pb_pass *pass)
{
    size_t d_kv = pass->model->shape.d_kv, stride = pass->qkv_stride;
    for (size_t i = 0; i < pass->n_active; i++) {
        const pb_active *a = &pass->active[i];
        const pb_sequence *s = &pass->batch->sequences[a->sequence];
        if (s->keep)
            copy_rows(a->n, d_kv, pass->keys + a->row * stride, stride,
                      pb_cache_row(s->keep, pass->layer, PB_CACHE_ROT_K, s->first), d_kv);
    }
}

void pb_pass_drop(pb_pass *pass)
{
    size_t d = pass->model->shape.d_model;
    if (!pass->kept)
        return;
    for (size_t q = 0; q < pass->n_queries; q++) { /* to the front: no row is lost unread */
        memmove(pass->resid + q * d, pass->resid + pass->kept[q] * d, d * sizeof(float));
        pass->rows[q] = pass->query_rows[q];
    }
    for (size_t i = 0; i < pass->n_active; i++) {
        pass->active[i].row = pass->active[i].query;
        pass->active[i].n = pass->active[i].n_queries;
    }
    pass->n_rows = pass->n_queries;
    pass->query_rows = pass->rows;
    pass->kept = NULL;
}
