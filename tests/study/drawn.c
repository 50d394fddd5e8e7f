#include "drawn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { LONGEST = 64, MOST_WORDS = 8000 };

void drawing_start(drawing *d, const char *folder, uint64_t seed)
{
    pb_error *error = NULL;
    *d = (drawing){.state = seed};
    must(pb_model_load(folder, NULL, NULL, &d->model, &error), error);
}

void drawing_end(drawing *d)
{
    pb_model_release(&d->model);
}

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
size_t draw(drawing *d, size_t n)
{
    uint64_t z = (d->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (size_t)((z ^ (z >> 31)) % n);
}

int32_t draw_token(drawing *d)
{
    size_t words = pb_model_shape(d->model)->n_vocab;
    return (int32_t)draw(d, words < MOST_WORDS ? words : MOST_WORDS);
}

pb_site draw_site(drawing *d)
{
    pb_site site;
    do
        site = (pb_site)draw(d, PB_N_SITES);
    while (!pb_site_is_in(d->model, site));
    return site;
}

/* ---- prompts ---- */

pb_run *draw_run(drawing *d, size_t length)
{
    int32_t tokens[LONGEST];
    for (size_t i = 0; i < length; i++)
        tokens[i] = draw_token(d);
    return run_tokens(d->model, tokens, length);
}

/* One or two edits on it, once in three times. */
static pb_run *maybe_edited(drawing *d, pb_run *run, pb_run *source)
{
    pb_edit *edits[2] = {NULL, NULL};
    size_t n = draw(d, 3) ? 0 : 1 + draw(d, 2);
    pb_run *edited = NULL;
    pb_error *error = NULL;
    for (size_t i = 0; i < n; i++) {
        pb_select place = at_index((int64_t)draw(d, pb_run_length(run)));
        edits[i] = draw_edit(d, source, draw(d, 2) ? &place : NULL, 1);
    }
    if (n == 0)
        return run;
    must(pb_run_edited(&run, 1, edits, n, NULL, &edited, &error), error);
    pb_run_release(&run);
    pb_edit_release(&edits[0]);
    pb_edit_release(&edits[1]);
    return edited;
}

void draw_pair(drawing *d, size_t length, pb_run **into, pb_run **from)
{
    int32_t tokens[LONGEST], others[LONGEST];
    size_t odds = 1 + draw(d, 5);
    for (size_t i = 0; i < length; i++) {
        tokens[i] = draw_token(d);
        others[i] = draw(d, odds) ? tokens[i] : draw_token(d);
    }
    pb_run *source = draw_run(d, length);
    *into = maybe_edited(d, run_tokens(d->model, tokens, length), source);
    *from = maybe_edited(d, run_tokens(d->model, others, length), source);
    pb_run_release(&source);
}

/* ---- places ---- */

size_t draw_heads(drawing *d, pb_site site, size_t most, pb_head *heads)
{
    size_t n_heads = pb_site_heads(d->model, site);
    size_t all = pb_model_shape(d->model)->n_layer * n_heads, n = 1 + draw(d, most),
           first = draw(d, all);
    for (size_t i = 0; i < n; i++) {
        size_t at = (first + i * (1 + all / 4)) % all;
        heads[i] = (pb_head){at / n_heads, at % n_heads};
    }
    return n;
}

/* Counted from either end. */
static pb_select one_place(drawing *d, size_t place, size_t length)
{
    return at_index(draw(d, 2) ? (int64_t)place : (int64_t)place - (int64_t)length);
}

void draw_select(drawing *d, size_t length, bool all_too, drawn_select *drawn)
{
    size_t first = draw(d, length), kind = draw(d, all_too ? 4 : 3);
    memset(drawn, 0, sizeof *drawn);
    if (kind == 0) {
        drawn->select = one_place(d, first, length);
    } else if (kind == 1) {
        size_t n = length < 3 ? length : 3;
        for (size_t i = 0; i < n; i++)
            drawn->items[i] = one_place(d, (first + i * (length / n)) % length, length);
        drawn->select = (pb_select){.kind = PB_SELECT_LIST, .items = drawn->items, .n_items = n};
    } else if (kind == 2) {
        drawn->select = (pb_select){.kind = PB_SELECT_SLICE,
                                    .has_first = true,
                                    .first = (int64_t)first,
                                    .step = 1 + (int64_t)draw(d, 2)};
    } else {
        drawn->select = (pb_select){.kind = PB_SELECT_ALL};
    }
}

const pb_select *drawn_or_all(const drawn_select *drawn)
{
    return drawn->select.kind == PB_SELECT_ALL ? NULL : &drawn->select;
}

/* ---- edits ---- */

pb_edit *draw_edit_again(drawing *d, const pb_select *places, size_t n)
{
    pb_edit_spec spec = d->last;
    pb_edit *edit = NULL;
    pb_error *error = NULL;
    spec.layers = spec.layers ? &d->last_layer : NULL;
    spec.heads = spec.heads ? &d->last_head : NULL;
    spec.keys = spec.keys ? &d->last_key : NULL;
    const pb_select per = per_prompt(places, n);
    spec.positions = places ? &per : NULL;
    must(pb_edit_create(d->model, &spec, &edit, &error), error);
    return edit;
}

pb_edit *draw_edit(drawing *d, pb_run *source, const pb_select *places, size_t n)
{
    pb_site site = draw_site(d);
    const pb_site_row *row = pb_site_info(site);
    const pb_shape *shape = pb_model_shape(d->model);
    d->last_layer = at_index((int64_t)draw(d, shape->n_layer));
    d->last_head = at_index((int64_t)draw(d, pb_site_heads(d->model, site)));
    d->last_key = at_index(0);
    d->last = (pb_edit_spec){.word = "drawn",
                             .op = (pb_edit_op)draw(d, PB_EDIT_PROJECT),
                             .site = site,
                             .layers = row->layers && draw(d, 3) ? &d->last_layer : NULL,
                             .heads = row->heads && draw(d, 2) ? &d->last_head : NULL,
                             .keys = row->keys && draw(d, 2) ? &d->last_key : NULL,
                             .number = 0.25 + (double)draw(d, 4) / 4};
    if (!source || d->last.op != PB_EDIT_SET || draw(d, 2))
        return draw_edit_again(d, places, n);
    d->last.from = &source;
    d->last.n_from = 1;
    pb_edit *edit = draw_edit_again(d, places, n);
    d->last.from = NULL;
    d->last.n_from = 0;
    return edit;
}

/* ---- metrics ---- */

static pb_status weighted_mean(void *user, pb_seen *seen, double *value, pb_error **error)
{
    pb_tensor *logits = NULL;
    double sum = 0;
    (void)user;
    pb_status status = pb_seen_logits(seen, 0, NULL, NULL, &logits, error);
    if (status)
        return status;
    for (size_t i = 0; i < pb_tensor_size(logits); i++)
        sum += (double)pb_tensor_data(logits)[i] * (double)(i % 11);
    *value = sum / (double)pb_tensor_size(logits);
    pb_tensor_release(&logits);
    return PB_OK;
}

/* RANK is left out: it steps where two logits meet, at which two ways of computing may differ. */
void draw_metric(drawing *d, pb_run *const *runs, size_t n, drawn_metric *kept, pb_metric *metric)
{
    static const pb_metric_kind kinds[] = {PB_METRIC_LOGIT,   PB_METRIC_LOGIT_DIFF, PB_METRIC_PROB,
                                           PB_METRIC_LOGPROB, PB_METRIC_LOSS,       PB_METRIC_KL,
                                           PB_METRIC_CALL};
    size_t shortest = LONGEST;
    memset(kept, 0, sizeof *kept);
    for (size_t i = 0; i < n; i++) {
        size_t length = pb_run_length(runs[i]);
        shortest = length < shortest ? length : shortest;
        kept->targets[i] = draw_token(d);
        kept->against[i] = draw_token(d);
        kept->positions[i] = at_index((int64_t)draw(d, length));
        kept->reference[i] = draw_run(d, length);
    }
    pb_metric_kind kind = kinds[draw(d, sizeof kinds / sizeof *kinds)];
    if (kind == PB_METRIC_LOSS && shortest < 2)
        kind = PB_METRIC_LOGIT;
    *metric = (pb_metric){.kind = kind,
                          .targets = kept->targets,
                          .n_targets = n,
                          .against = kept->against,
                          .n_against = n,
                          .reference = kept->reference,
                          .n_reference = n,
                          .call = weighted_mean};
    if (kind != PB_METRIC_LOSS && kind != PB_METRIC_CALL && draw(d, 2)) {
        kept->per = per_prompt(kept->positions, n);
        metric->positions = &kept->per;
    }
}

void drawn_metric_free(drawn_metric *kept)
{
    for (size_t i = 0; i < sizeof kept->reference / sizeof *kept->reference; i++)
        pb_run_release(&kept->reference[i]);
}

pb_metric drawn_metric_of(const pb_metric *metric, size_t which)
{
    pb_metric one = *metric;
    one.targets += which;
    one.against += which;
    one.reference += which;
    one.n_targets = one.n_against = one.n_reference = 1;
    one.positions = pb_select_for(one.positions, which);
    return one;
}
