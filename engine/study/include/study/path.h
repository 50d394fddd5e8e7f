/*
 * Path patching: how much of a sender's effect goes through given receivers.
 *
 * Pass 1 runs `into` with the sender's output taken from `from` and records the receivers' inputs;
 * pass 2 sets all receivers together to what was recorded and recomputes everything downstream.
 * (Wang et al. 2022, "Interpretability in the wild", appendix B; TransformerLens'
 * direct_path_patching for PB_PATH_LINEAR.)
 */
#ifndef PB_STUDY_PATH_H
#define PB_STUDY_PATH_H

#include "math/tensor.h"
#include "model/forward.h"
#include "model/run.h"
#include "study/metric.h"
#include "study/where.h"

typedef enum pb_path_mode {
    PB_PATH_IOI,    /* other heads frozen to into's, MLPs recomputed */
    PB_PATH_DIRECT, /* MLPs frozen too, layer norms recomputed */
    PB_PATH_LINEAR  /* and the receivers' layer-norm scale frozen to into's */
} pb_path_mode;

typedef enum pb_path_input {
    PB_PATH_Q,
    PB_PATH_K,
    PB_PATH_V,
    PB_PATH_MLP,
    PB_PATH_MLP_LINEAR, /* the other input of a gated MLP; it comes along with PB_PATH_MLP */
    PB_PATH_LOGITS
} pb_path_input;

typedef struct pb_receiver {
    pb_path_input input;
    size_t layer, head; /* head for Q, K, V (of K and V a kv_head); neither for LOGITS */
} pb_receiver;

/* "L9H9.q", "L8_mlp", "logits". PB_NAME says how receivers are written. */
pb_status pb_receiver_parse(const pb_model *model, const char *name, pb_receiver *receiver,
                            pb_error **error);

typedef enum pb_path_output {
    PB_PATH_FROM_HEAD,
    PB_PATH_FROM_MLP,
    PB_PATH_FROM_EMBED /* the tokens' embedding */
} pb_path_output;

typedef struct pb_path_sender {
    pb_path_output output;
    size_t layer, head; /* head of heads only; of the embedding neither */
} pb_path_sender;

/* "L5H5", "L3_mlp", "embed". PB_NAME says how senders are written. */
pb_status pb_path_sender_parse(const pb_model *model, const char *name, pb_path_sender *sender,
                               pb_error **error);

/* Their names, cut if they do not fit. */
void pb_path_sender_name(const pb_path_sender *sender, char *text, size_t size);
void pb_receiver_name(const pb_receiver *receiver, char *text, size_t size);

/* Every one of a model, in the order in which they are computed; malloc'ed, the caller's. */
pb_status pb_path_senders_all(const pb_model *model, pb_path_sender **senders, size_t *n,
                              pb_error **error);
pb_status pb_receivers_all(const pb_model *model, pb_receiver **receivers, size_t *n,
                           pb_error **error);

/* Does it come after what the sender writes? Heads read what earlier layers wrote, an MLP also what
 * its own layer's heads did, unless both read the same stream. */
bool pb_receiver_reads(const pb_model *model, const pb_receiver *receiver,
                       const pb_path_sender *sender);

typedef struct pb_path_spec {
    pb_run *const *into, *const *from; /* n_pairs each, of equal lengths pairwise */
    size_t n_pairs;
    pb_axis *prompts;       /* or NULL with one pair */
    const pb_head *senders; /* NULL: each head before the last receiver, giving [layer, head] */
    size_t n_senders;       /* patched one at a time with `each_sender`, else together */
    const pb_path_sender *outputs; /* instead of those, of any kind: [sender] */
    size_t n_outputs;
    bool each_sender;
    const pb_receiver *receivers; /* set together, or with `each_receiver` one at a time */
    size_t n_receivers;
    bool each_receiver; /* an axis "receiver" behind the senders'; a pair without a path is a gap */
    const pb_select *positions; /* of the sender's output; all unless told */
    pb_path_mode mode;
    const pb_metric *metric;
    bool normalize;
} pb_path_spec;

typedef struct pb_path_result {
    pb_tensor *values; /* [prompt?, component?] with labels L5H5, or [prompt?, layer, head], or with
                          outputs [prompt?, sender?]; behind them receiver? */
    pb_tensor *into, *from; /* the metric on the ends, [prompt?]; never normalised */
    pb_tensor *mean;        /* normalised over prompts: ratio of the means, values' axes less
                               prompt; else NULL */
    bool partial;           /* interrupted: some values are NaN */
    size_t paths, paths_done;
    size_t row_layers; /* what both passes of all cells cost (see model/forward.h) */
} pb_path_result;

pb_status pb_path_patch(const pb_path_spec *spec, const pb_context *context, pb_path_result *result,
                        pb_error **error);
void pb_path_result_release(pb_path_result *result);

#endif
