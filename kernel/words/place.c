/* Words that name places along an axis: at, first, last, per, each, all, slice. */
#include <math.h>

#include "words.h"

static pb_status label_at(pb_call *call, int occurrence, pb_value **result, pb_error **error)
{
    pb_select selector = {.kind = PB_SELECT_LABEL,
                          .label = pb_argument_text(call, "label"),
                          .occurrence = occurrence};
    return pb_value_selector(&selector, result, error);
}

static pb_status call_at(pb_call *call, pb_value **result, pb_error **error)
{
    int64_t occurrence = pb_argument_integer(call, "n");
    if (occurrence < 1 || occurrence > 1000000)
        return pb_fail_argument(call, "n", error, PB_VALUE,
                                "occurrences are counted from 1, and last(label) is the last");
    return label_at(call, (int)occurrence, result, error);
}

static pb_status call_first(pb_call *call, pb_value **result, pb_error **error)
{
    return label_at(call, PB_OCCURRENCE_FIRST, result, error);
}

static pb_status call_last(pb_call *call, pb_value **result, pb_error **error)
{
    return label_at(call, PB_OCCURRENCE_LAST, result, error);
}

static pb_status call_per(pb_call *call, pb_value **result, pb_error **error)
{
    return pb_place_argument(call, "places",
                             pb_value_per(pb_argument_value(call, "places"), result, error), error);
}

static pb_status call_slice(pb_call *call, pb_value **result, pb_error **error)
{
    pb_select selector = {.kind = PB_SELECT_SLICE,
                          .has_first = !pb_argument_is_none(call, "first"),
                          .has_last = !pb_argument_is_none(call, "last"),
                          .step = pb_argument_integer(call, "step")};
    if (selector.has_first)
        selector.first = pb_argument_integer(call, "first");
    if (selector.has_last)
        selector.last = pb_argument_integer(call, "last");
    if (selector.step == 0)
        return pb_fail_argument(call, "step", error, PB_VALUE, "the step of a slice cannot be 0");
    return pb_value_selector(&selector, result, error);
}

static pb_status make_each(pb_value **result, pb_error **error)
{
    return pb_value_selector(&(pb_select){.kind = PB_SELECT_EACH}, result, error);
}

static pb_status make_all(pb_value **result, pb_error **error)
{
    return pb_value_selector(&(pb_select){.kind = PB_SELECT_ALL}, result, error);
}

static pb_status make_infinity(pb_value **result, pb_error **error)
{
    return pb_value_number(INFINITY, PB_DOUBLE, result, error);
}

const pb_constant pb_constants_place[] = {
    {"each", "In a sweep: walk this axis, one result for each place.", make_each},
    {"all", "Take this axis whole.", make_all},
    {"inf", "Infinity, a number: attention scores of -inf are masked.", make_infinity},
    {0}};

#define LINE "tensor([1, 2, 3], axes=\"pos\", labels=[\"the\", \"cat\", \"the\"])"

const pb_builtin pb_builtins_place[] = {
    {.name = "at",
     .category = "Places",
     .summary = "The n-th place of a label that occurs more than once, counted from 1.",
     .result = "a selector",
     .gives = PB_TAKES_SELECTOR,
     .example = LINE "[pos=at(\"the\", 2)]",
     .expected = "3.0",
     .see = "first last per",
     .parameters = {{.name = "label",
                     .types = PB_TAKES_STRING,
                     .what = "a label, such as the token \" love\""},
                    {.name = "n", .types = PB_TAKES_INTEGER, .fallback = "1"}},
     .function = call_at},
    {.name = "first",
     .category = "Places",
     .summary = "The first place of a label.",
     .result = "a selector",
     .gives = PB_TAKES_SELECTOR,
     .example = LINE "[pos=first(\"the\")]",
     .expected = "1.0",
     .see = "at last",
     .parameters = {{.name = "label",
                     .types = PB_TAKES_STRING,
                     .what = "a label, such as the token \" love\""}},
     .function = call_first},
    {.name = "last",
     .category = "Places",
     .summary = "The last place of a label.",
     .result = "a selector",
     .gives = PB_TAKES_SELECTOR,
     .example = LINE "[pos=last(\"the\")]",
     .expected = "3.0",
     .see = "at first",
     .parameters = {{.name = "label",
                     .types = PB_TAKES_STRING,
                     .what = "a label, such as the token \" love\""}},
     .function = call_last},
    {.name = "per",
     .category = "Places",
     .summary = "One place for each prompt of a list.",
     .result = "a selector",
     .gives = PB_TAKES_SELECTOR,
     .example = "per([\" love\", \" hate\"])",
     .expected = "per([' love', ' hate'])",
     .see = "at each",
     .parameters = {{.name = "places", .types = PB_TAKES_LIST}},
     .function = call_per},
    {.name = "slice",
     .category = "Places",
     .summary = "The places from first up to, and without, last; in an index, first:last.",
     .result = "a selector",
     .gives = PB_TAKES_SELECTOR,
     .example = "[1, 2, 3][slice(0, 2)]",
     .expected = "[1, 2]",
     .see = "at",
     .parameters = {{.name = "first", .types = PB_TAKES_INTEGER, .fallback = "None"},
                    {.name = "last", .types = PB_TAKES_INTEGER, .fallback = "None"},
                    {.name = "step", .types = PB_TAKES_INTEGER, .fallback = "1"}},
     .function = call_slice},
    {0}};
