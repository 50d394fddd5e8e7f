/* decode(): token ids back to text. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "domain.h"
#include "words.h"

/* One id, appended to `ids`, which has room. */
static pb_status take_id(const pb_call *call, const pb_value *value, int32_t *ids, size_t *count,
                         pb_error **error)
{
    double number = pb_value_get_number(value);
    char what[96];
    bool whole = number >= INT32_MIN && number <= INT32_MAX && number == floor(number);
    if (pb_value_kind(value) != PB_NUMBER || !whole)
        return pb_fail_argument(call, "ids", error, PB_TYPE,
                                "decode() takes token ids, integers, and there is %s",
                                pb_value_describe(value, what, sizeof what));
    ids[(*count)++] = (int32_t)number;
    return PB_OK;
}

/* The argument as ids: a number, or the items of a list, of a tensor of one axis, or of the .ids of
 * tokens. *ids is malloc'ed. */
static pb_status take_ids(pb_call *call, int32_t **ids, size_t *count, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "ids");
    pb_value *items = NULL, *of_object = NULL;
    bool one = pb_value_kind(value) == PB_NUMBER;
    pb_status status = PB_OK;
    if (pb_value_kind(value) == PB_OBJECT) {
        status = pb_interp_attribute(call->interp, value, "ids", &of_object, error);
        value = of_object;
    }
    if (!status && !one)
        status = pb_interp_items(call->interp, value, &items, error);
    *ids = status ? NULL : pb_malloc(one ? 1 : pb_list_count(items), sizeof **ids);
    if (!status && !*ids)
        status = pb_fail_memory(error);
    if (!status && one)
        status = take_id(call, value, *ids, count, error);
    for (size_t i = 0; i < pb_list_count(items) && !one && !status; i++)
        status = take_id(call, pb_list_item(items, i), *ids, count, error);
    pb_value_release(&items);
    pb_value_release(&of_object);
    return pb_place_argument(call, "ids", status, error);
}

static pb_status call_decode(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *model = NULL;
    int32_t *ids = NULL;
    char *text = NULL;
    size_t count = 0, length = 0;
    pb_status status = pb_call_model(call, &model, error);
    if (!status)
        status = take_ids(call, &ids, &count, error);
    if (!status)
        status = pb_place_argument(call, "ids",
                                   pb_tokenizer_decode(pb_model_tokenizer(pb_model_of(model)), ids,
                                                       count, &text, &length, error),
                                   error);
    if (!status)
        status = pb_value_string(text, length, result, error);
    free(text);
    free(ids);
    pb_value_release(&model);
    return status;
}

const pb_builtin pb_builtins_decode[] = {
    {.name = "decode",
     .category = "Prompts and runs",
     .summary = "The text of token ids: of one, or of several one after the other.",
     .doc = "`[decode(i) for i in ids]` gives each token's text; `tokens(prompt).ids` goes the "
            "other way.",
     .result = "a string",
     .example = "decode(tokens(\" great\", bos=False).ids)",
     .expected = "' great'",
     .needs_model = true,
     .see = "tokens prompt",
     .parameters = {{.name = "ids",
                     .types = PB_TAKES_INTEGER | PB_TAKES_LIST | PB_TAKES_TENSOR,
                     .what = "a token id, a list of them, or tokens",
                     .objects = {&pb_tokens_type, &pb_run_type, &pb_prompt_type}}},
     .also = {pb_model_group},
     .function = call_decode},
    {0}};
