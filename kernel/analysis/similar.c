/* similar(): the tokens a word, or a direction, is most like. */
#include "study/similar.h"

#include <string.h>

#include "base/memory.h"
#include "domain.h"
#include "ranking.h"
#include "words.h"

/* What to compare the tokens with: a word's own vector, or a direction of the stream. */
typedef struct direction {
    pb_value *model; /* owned */
    float *x;        /* [d_model], owned */
    char *word;      /* malloc'ed; NULL for a direction */
} direction;

static void direction_free(direction *from)
{
    free(from->word);
    free(from->x);
    pb_value_release(&from->model);
}

static pb_status reserve(direction *from, pb_error **error)
{
    from->x = pb_malloc(pb_model_shape(pb_model_of(from->model))->d_model, sizeof *from->x);
    return from->x ? PB_OK : pb_fail_memory(error);
}

/* A tensor over d_model alone, on the model it came from. */
static pb_status take_tensor(pb_call *call, const pb_value *value, direction *from,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    pb_value *origin = pb_value_meta(value)->model;
    pb_status status = PB_OK;
    if (origin && pb_argument_is_none(call, "model"))
        from->model = pb_value_retain(origin);
    else
        status = pb_call_model(call, &from->model, error);
    if (status)
        return status;
    size_t d = pb_model_shape(pb_model_of(from->model))->d_model;
    bool fits = pb_tensor_rank(tensor) == 1 && pb_tensor_find_axis(tensor, "d_model") == 0 &&
                pb_tensor_size(tensor) == d;
    if (!fits) {
        status =
            pb_fail_argument(call, "x", error, PB_TYPE,
                             "similar() takes one direction, a tensor over d_model (%zu) alone", d);
        if (error && pb_tensor_find_axis(tensor, "d_model") >= 0)
            pb_error_hint(*error, "choose one place of the other axes, as in x[pos=-1]");
        return status;
    }
    status = reserve(from, error);
    if (!status)
        memcpy(from->x, pb_tensor_data(tensor), d * sizeof *from->x);
    return status;
}

static pb_status take_word(pb_call *call, const pb_value *value, pb_token_vectors with,
                           direction *from, pb_error **error)
{
    int32_t id = 0;
    pb_status status = pb_call_model(call, &from->model, error);
    if (status)
        return status;
    pb_model *model = pb_model_of(from->model);
    status = pb_place_argument(call, "x", pb_target_of(model, value, &id, error), error);
    if (!status)
        status = reserve(from, error);
    if (!status)
        status = pb_token_vector(model, id, with, from->x, error);
    if (status)
        return status;
    from->word = pb_token_text(model, id);
    if (!from->word)
        return pb_fail_memory(error);
    pb_note_missing_space(call->interp, model, value);
    return PB_OK;
}

static pb_status call_similar(pb_call *call, pb_value **result, pb_error **error)
{
    const char *to = pb_argument_text(call, "to");
    pb_token_vectors with = (pb_token_vectors)pb_argument_choice(call, "to");
    const pb_value *value = pb_argument_value(call, "x");
    pb_context context = pb_call_context(call);
    direction from = {0};
    pb_tensor *cosines = NULL;
    pb_value *tensor = NULL;
    size_t k = 0;
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status)
        status = pb_value_kind(value) == PB_TENSOR ? take_tensor(call, value, &from, error)
                                                   : take_word(call, value, with, &from, error);
    if (!status)
        status = pb_place_argument(
            call, "x",
            pb_token_similarity(pb_model_of(from.model), from.x, with, &context, &cosines, error),
            error);
    if (!status) {
        pb_buffer caption = PB_BUFFER_EMPTY;
        pb_buffer_format(&caption, "Cosine of each token's %s %s with %s%s",
                         with == PB_TOKENS_EMBEDDED ? "row of" : "column of", to,
                         from.word ? "that of " : "the direction", from.word ? from.word : "");
        status = pb_result_captioned(&cosines, from.model, NULL, "cosine", &caption, 0, NULL,
                                     &tensor, error);
        pb_buffer_free(&caption);
    }
    if (!status)
        status = pb_rank_by_value(call->interp, tensor, k, result, error);
    pb_value_release(&tensor);
    pb_tensor_release(&cosines);
    direction_free(&from);
    return status;
}

const pb_builtin pb_builtins_similar[] = {
    {.name = "similar",
     .category = "Heads",
     .summary = "The tokens a word, or a direction of the residual stream, is most like.",
     .doc =
         "The cosine `x . w / (|x| |w|)` with each token's w, largest first: its row of W_E, what "
         "reading the token writes; or with `to=\"W_U\"` its column of W_U, what raises its logit. "
         "x is the vector of the word given, or a tensor over d_model, such as "
         "`run(prompt).resid_post[layer=3, pos=-1]` or a row of `model.W_out`.",
     .result = "a ranking with columns token and value",
     .example = "similar(\" good\", k=3).token[0]",
     .expected = "' good'",
     .needs_model = true,
     .see = "lens logits top",
     .parameters = {{.name = "x",
                     .types = PB_TAKES_TEXT | PB_TAKES_INTEGER | PB_TAKES_TENSOR,
                     .what = "a word that is one token, or a direction"},
                    {.name = "k", .types = PB_TAKES_INTEGER, .fallback = "10"},
                    {.name = "to",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"W_E\"",
                     .choices = "W_E W_U"}},
     .also = {pb_model_group},
     .function = call_similar},
    {0}};
