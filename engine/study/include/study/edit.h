/*
 * Edits: what to change in a forward pass, and where. An edit is an immutable, counted value; it
 * names no prompt, and is bound to prompts when it runs.
 *
 *     zero("z", layer=8, head=6)               op SET, number 0
 *     set("resid_post", layer=5, pos=" love", to=run(hate))      op SET, from
 *     ablate_mean("mlp_out", layer=3, over=...)                  op SET, value (pb_edit_mean)
 *     add("resid_post", layer=6, value=3 * direction)            op ADD, value
 *     scale("attn_out", layer=2, by=0.5)       op SCALE, number
 *     project("resid_pre", layer=4, out=d)     op PROJECT, value: x - (x.d / d.d) d; of several
 *                                              directions, what lies in the space they span
 *     set("mlp_out", layer=4, to=lambda x: x * 0.5)              op CALL, call
 *
 * Positions left open apply to every token, generated ones included. Masked attention scores stay
 * masked whatever an edit writes over them.
 */
#ifndef PB_STUDY_EDIT_H
#define PB_STUDY_EDIT_H

#include "model/forward.h"
#include "model/run.h"
#include "model/sites.h"
#include "study/where.h"

typedef enum pb_edit_op {
    PB_EDIT_SET,     /* x <- value, number, or from's x at the same place */
    PB_EDIT_ADD,     /* x <- x + value or number */
    PB_EDIT_SCALE,   /* x <- x * value or number */
    PB_EDIT_PROJECT, /* x <- x minus its component along value, over the site's last axis */
    PB_EDIT_CALL     /* x <- what call makes of x */
} pb_edit_op;

/*
 * A user's function: what a prompt has at one layer of the site, over the chosen places and at all
 * positions so far, to what is to be there. `now` has the site's axes, but for those along which
 * one place was named; `then` has some of them, or none, and is the caller's.
 */
typedef struct pb_edit_call {
    pb_status (*compute)(void *user, void *caller, pb_tensor *now, pb_tensor **then,
                         pb_error **error);
    void *user;
    void (*retain)(void *user); /* the edit holds it */
    void (*release)(void *user);
} pb_edit_call;

/* All borrowed; pb_edit_create() copies what it needs. */
typedef struct pb_edit_spec {
    const char *word; /* what the person wrote ("zero", "ablate_mean"), for messages; may be NULL */
    pb_edit_op op;
    pb_site site;
    const pb_select *layers;    /* NULL: every layer the site has */
    const pb_select *heads;     /* sites with a head axis only; NULL: every head */
    const pb_head *pairs;       /* instead of layers and heads; NULL: those */
    size_t n_pairs;             /* 0 is a set of no heads, which changes nothing */
    const pb_select *positions; /* pos, or query where there are keys; NULL: every token */
    bool spares_start;          /* every token, that is, but a prompt's start token */
    const pb_select *keys;      /* sites with keys only; NULL: every key */
    const pb_select *neurons;   /* places along the site's last axis (d_mlp, ...); NULL: all */

    /* At most one of these; with none, `number` is the value. */
    const pb_tensor *value; /* axes among the site's own (pos, head, d_model, ...); missing ones are
                               broadcast, present ones matched by coordinate. An axis "prompt" has
                               a place for each prompt, in order */
    const pb_tensor *const *directions; /* PROJECT: several, instead of value */
    size_t n_directions;
    const pb_edit_call *call; /* CALL */
    pb_run *const *from; /* one shared, or one per prompt: the same site, layer and places there */
    size_t n_from;
    double number;
} pb_edit_spec;

typedef struct pb_edit pb_edit; /* immutable, atomically counted */

/*
 * Checks a specification against the model (site, layers, heads, axes of the value) and keeps it.
 * PB_NAME, PB_RANGE, PB_TYPE, PB_VALUE with what was expected.
 */
pb_status pb_edit_create(const pb_model *model, const pb_edit_spec *spec, pb_edit **edit,
                         pb_error **error);
pb_edit *pb_edit_retain(pb_edit *edit);
void pb_edit_release(pb_edit **edit);

/* One line for captions, malloc'ed: "zero z at layer 8, head 6, all positions". NULL: no memory. */
char *pb_edit_describe(const pb_edit *edit);

/*
 * One past the last position that the edit can touch while prompt `prompt` is written on from: 0 if
 * its positions are chosen, since those are all in the prompt; the length of what its values come
 * from, if that goes by position (a run, a mean by position); else SIZE_MAX.
 */
size_t pb_edit_end(const pb_edit *edit, size_t prompt);

/*
 * The mean of an activation over runs, as an edit that sets it (spec's value, from and number are
 * ignored). With by_position each position has its own mean, and all runs must have the same
 * length; without it the mean is over every position except the start token, and replaces the
 * activation there too only where spec's positions name it.
 */
pb_status pb_edit_mean(const pb_model *model, const pb_edit_spec *spec, pb_run *const *over,
                       size_t n_over, bool by_position, const pb_context *context, pb_edit **edit,
                       pb_error **error);

/*
 * Runs prompts (given as unedited runs: their tokens count) under edits, as one batch. edited[i] is
 * the caller's, answers every activation as the edits left it, and may itself be patched from.
 * PB_VALUE if an edit matches no place in some prompt, naming those prompts.
 */
pb_status pb_run_edited(pb_run *const *runs, size_t n_runs, pb_edit *const *edits, size_t n_edits,
                        const pb_context *context, pb_run **edited, pb_error **error);

#endif
