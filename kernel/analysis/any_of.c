/* any_of([" great", " good"]): a set of words as one target of metrics. */
#include <stdlib.h>

#include "base/memory.h"
#include "domain.h"
#include "words.h"

typedef struct any_of_data {
    pb_value *words; /* a list */
} any_of_data;

static void any_of_destroy(void *data)
{
    any_of_data *any = data;
    if (any)
        pb_value_release(&any->words);
    free(any);
}

const pb_value *pb_any_of_words(const pb_value *value)
{
    const any_of_data *any = pb_value_object(value, &pb_any_of_type);
    return any ? any->words : NULL;
}

static void any_of_repr(const pb_value *self, pb_buffer *out)
{
    pb_buffer_text(out, "any_of(");
    pb_value_repr(pb_any_of_words(self), false, out);
    pb_buffer_byte(out, ')');
}

static bool any_of_equal(const pb_value *a, const pb_value *b)
{
    return pb_value_equal(pb_any_of_words(a), pb_any_of_words(b));
}

const pb_object_type pb_any_of_type = {
    .name = "any_of",
    .article = "a set of words",
    .summary = "A set of words as one target: prob(any_of([\" great\", \" good\"])).",
    .destroy = any_of_destroy,
    .repr = any_of_repr,
    .equal = any_of_equal};

/* Where a model is loaded the words are checked on it at once, where they are written. */
static pb_status check_words(pb_call *call, const pb_value *words, pb_error **error)
{
    pb_value *model = NULL;
    pb_targets targets = {0};
    if (pb_list_count(words) == 0)
        return pb_fail_argument(call, "words", error, PB_VALUE, "the list of words is empty");
    if (pb_call_model(call, &model, NULL))
        return PB_OK;
    pb_status status = pb_targets_of(pb_model_of(model), words, &targets, error);
    if (!status)
        pb_note_missing_space(call->interp, pb_model_of(model), words);
    pb_targets_free(&targets);
    pb_value_release(&model);
    return pb_place_argument(call, "words", status, error);
}

static pb_status call_any_of(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *words = pb_argument_value(call, "words");
    pb_status status = check_words(call, words, error);
    if (status)
        return status;
    any_of_data *data = pb_calloc(1, sizeof *data);
    if (!data)
        return pb_fail_memory(error);
    data->words = pb_value_retain(words);
    return pb_value_take_object(&pb_any_of_type, data, result, error);
}

const pb_builtin pb_builtins_any_of[] = {
    {.name = "any_of",
     .category = "Metrics",
     .summary = "A set of words as one target of a metric.",
     .doc = "Each word counts once. The probability is the sum of theirs, `logprob` the logarithm "
            "of that, `logit` the logarithm of the sum of the exponentials of their logits, and "
            "`rank` the best of theirs. A list of sets goes with a list of prompts, one for each. "
            "`attribute` refuses a set: it is not linear in the logits.",
     .result = "a target, for logit, logit_diff, prob, logprob and rank",
     .example = "prob(\"I love this movie because it is\", any_of([\" great\", \" good\"])) > "
                "prob(\"I love this movie because it is\", \" great\")",
     .expected = "True",
     .needs_model = true,
     .see = "prob logit logit_diff rank",
     .parameters = {{.name = "words",
                     .types = PB_TAKES_LIST,
                     .what = "a list of words, each one token"}},
     .also = {pb_model_group},
     .function = call_any_of},
    {0}};
