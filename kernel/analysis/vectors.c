/* lens() and logits() of vectors of the stream, wherever they come from. */
#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "vectors.h"

/* Vectors of the stream, one after the other, and the axes they lie along. */
typedef struct vectors {
    pb_value *model;  /* owned */
    pb_tensor *lying; /* d_model last */
    size_t n, d;
} vectors;

static void vectors_free(vectors *v)
{
    pb_tensor_release(&v->lying);
    pb_value_release(&v->model);
}

bool pb_is_of_vectors(const pb_value *value)
{
    return pb_value_kind(value) == PB_TENSOR;
}

static pb_status not_vectors(pb_call *call, const char *name, size_t d, pb_error **error)
{
    pb_status status = pb_fail_argument(
        call, name, error, PB_TYPE,
        "%s() of a tensor reads vectors of the stream, along d_model (%zu)", call->row->name, d);
    if (error)
        pb_error_hint(*error, "run(prompt).resid_post is over them, and so is model.W_out");
    return status;
}

static pb_status take_vectors(pb_call *call, const char *name, vectors *v, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, name);
    const pb_tensor *tensor = pb_value_get_tensor(value);
    pb_value *origin = pb_value_meta(value)->model;
    const char *order[PB_MAX_RANK];
    size_t rank = pb_tensor_rank(tensor), n = 0;
    pb_status status = PB_OK;
    if (origin && pb_argument_is_none(call, "model"))
        v->model = pb_value_retain(origin);
    else
        status = pb_call_model(call, &v->model, error);
    if (status)
        return status;
    v->d = pb_model_shape(pb_model_of(v->model))->d_model;
    int along = pb_tensor_find_axis(tensor, "d_model");
    if (along < 0 || pb_axis_length(pb_tensor_axis(tensor, (size_t)along)) != v->d)
        return not_vectors(call, name, v->d, error);
    for (size_t i = 0; i < rank; i++)
        if (i != (size_t)along)
            order[n++] = pb_axis_name(pb_tensor_axis(tensor, i));
    order[n] = "d_model";
    v->n = pb_tensor_size(tensor) / v->d;
    return pb_tensor_transpose(tensor, order, pb_call_watch(call), &v->lying, error);
}

/* The axis of words: those given, or the whole vocabulary. */
static pb_status axis_of_words(const vectors *v, const pb_targets *words, pb_axis **axis,
                               pb_error **error)
{
    pb_model *model = pb_model_of(v->model);
    if (words->count > 0)
        return pb_axis_of_words(model, words, axis, error);
    *axis = pb_axis_retain(pb_model_axis(model, "token"));
    return PB_OK;
}

/* What the last norm makes of each vector, unembedded: as of a state of the stream. */
static pb_status unembed_states(pb_call *call, const vectors *v, const pb_targets *words,
                                float *out, pb_error **error)
{
    pb_model *model = pb_model_of(v->model);
    pb_context context = pb_call_context(call);
    float *normed = pb_malloc(v->n, v->d * sizeof *normed);
    if (!normed)
        return pb_fail_memory(error);
    pb_final_norm(model, v->n, pb_tensor_data(v->lying), normed);
    pb_status status = words->count > 0 ? pb_unembed_tokens(model, v->n, normed, words->count,
                                                            words->ids, out, error)
                                        : pb_unembed(model, v->n, normed, &context, out, error);
    free(normed);
    return status;
}

/* x . W_U[:, word]: as of a direction, which no norm has scaled. */
static pb_status project_directions(const vectors *v, const pb_targets *words, float *out,
                                    pb_error **error)
{
    float *columns = pb_malloc(words->count, v->d * sizeof *columns);
    if (!columns)
        return pb_fail_memory(error);
    pb_status status = pb_model_unembed_columns(pb_model_of(v->model), words->count, words->ids,
                                                columns, NULL, error);
    for (size_t i = 0; i < v->n && !status; i++)
        for (size_t w = 0; w < words->count; w++) {
            double sum = 0;
            for (size_t k = 0; k < v->d; k++)
                sum +=
                    (double)pb_tensor_data(v->lying)[i * v->d + k] * (double)columns[w * v->d + k];
            out[i * words->count + w] = (float)sum;
        }
    free(columns);
    return status;
}

static pb_status give_logits(pb_call *call, const vectors *v, const pb_targets *words, bool norm,
                             pb_value **result, pb_error **error)
{
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    size_t rank = pb_tensor_rank(v->lying);
    pb_tensor *made = NULL;
    float *out = NULL;
    pb_status status = axis_of_words(v, words, &axes[rank - 1], error);
    for (size_t i = 0; i + 1 < rank; i++)
        axes[i] = pb_tensor_axis(v->lying, i);
    if (!status)
        status = pb_tensor_create(rank, axes, &made, &out, error);
    if (!status)
        status = norm ? unembed_states(call, v, words, out, error)
                      : project_directions(v, words, out, error);
    pb_axis_release(&axes[rank - 1]);
    if (!status)
        status = pb_drop_single_axis(&made, "token", words->count > 0 && !words->many, error);
    if (!status)
        status = pb_result_tensor(
            &made, v->model, NULL, norm ? "logits" : "dot product",
            norm ? "Logit lens of vectors: each through the last norm, with its own scale, and the "
                   "unembedding, b_U included"
                 : "Dot products of directions with the unembedding: what each adds to a logit, "
                   "times its length over the last norm's scale",
            0, NULL, result, error);
    pb_tensor_release(&made);
    return status;
}

static pb_status of_vectors(pb_call *call, const char *name, bool norm, pb_value **result,
                            pb_error **error)
{
    vectors v = {0};
    pb_targets words = {0};
    pb_status status = take_vectors(call, name, &v, error);
    if (!status && !pb_argument_is_none(call, "words"))
        status = pb_targets_take(call, "words", pb_model_of(v.model), 0, &words, error);
    if (!status)
        status = pb_place_argument(call, "words",
                                   give_logits(call, &v, &words, norm, result, error), error);
    pb_targets_free(&words);
    vectors_free(&v);
    return status;
}

pb_status pb_lens_of_vectors(pb_call *call, pb_value **result, pb_error **error)
{
    return of_vectors(call, "prompt", true, result, error);
}

pb_status pb_logits_of_vectors(pb_call *call, pb_value **result, pb_error **error)
{
    return of_vectors(call, "prompts", false, result, error);
}
