/* Cosines with the tokens' vectors; see study/similar.h. */
#include "study/similar.h"

#include <math.h>

#include "base/memory.h"
#include "math/kernels.h"
#include "places.h"

/* Tokens between two looks at the stop flag: columns of W_U cost more than rows of W_E. */
enum { TOKENS_AT_ONCE = 512 };

pb_status pb_token_vector(const pb_model *model, int32_t token, pb_token_vectors with, float *x,
                          pb_error **error)
{
    size_t n_vocab = pb_model_shape(model)->n_vocab;
    if (token < 0 || (size_t)token >= n_vocab)
        return pb_fail(error, PB_RANGE, "there is no token %ld: ids are 0 to %zu", (long)token,
                       n_vocab - 1);
    if (with == PB_TOKENS_UNEMBEDDED)
        return pb_model_unembed_columns(model, 1, &token, x, NULL, error);
    pb_model_embedding(model, (size_t)token, x);
    return PB_OK;
}

static double cosine(const float *x, double x_length, const float *w, size_t d)
{
    double length = x_length * sqrt(pb_dot(d, w, w));
    return length > 0 ? pb_dot(d, x, w) / length : 0;
}

static pb_status fill_cosines(const pb_model *model, const float *x, double x_length,
                              pb_token_vectors with, const pb_watch *watch, float *cosines,
                              pb_error **error)
{
    size_t d = pb_model_shape(model)->d_model, n_vocab = pb_model_shape(model)->n_vocab;
    float *w = pb_malloc(d, sizeof *w);
    pb_status status = w ? PB_OK : pb_fail_memory(error);
    for (size_t t = 0; !status && t < n_vocab; t++) {
        if (t % TOKENS_AT_ONCE == 0)
            status = pb_watch_check(watch, error);
        if (!status)
            status = pb_token_vector(model, (int32_t)t, with, w, error);
        if (!status)
            cosines[t] = (float)cosine(x, x_length, w, d);
    }
    free(w);
    return status;
}

pb_status pb_token_similarity(const pb_model *model, const float *x, pb_token_vectors with,
                              const pb_context *context, pb_tensor **cosines, pb_error **error)
{
    size_t d = pb_model_shape(model)->d_model;
    pb_context used = pb_context_or_none(context);
    double length = sqrt(pb_dot(d, x, x));
    if (!isfinite(length))
        return pb_fail(error, PB_VALUE, "the direction holds a value that is not finite");
    if (length == 0)
        return pb_fail(error, PB_VALUE, "a direction of all zeros is like no token");
    pb_axis *axis = pb_model_axis(model, "token");
    pb_tensor *made = NULL;
    float *data = NULL;
    pb_status status = pb_tensor_create(1, &axis, &made, &data, error);
    if (!status)
        status = fill_cosines(model, x, length, with, used.watch, data, error);
    if (status)
        pb_tensor_release(&made);
    else
        *cosines = made;
    return status;
}
