/* Words of chance: random, shuffle, sample. All are seeded, and give the same bits everywhere. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "chance.h"
#include "words.h"

static void start(const pb_call *call, uint64_t stream, pb_random *random)
{
    pb_random_start(random, (uint64_t)pb_argument_integer(call, "seed"), stream);
}

/* ---- random ---- */

static pb_status make_axis(const pb_call *call, pb_entry entry, pb_axis **axis, pb_error **error)
{
    double length;
    if (!pb_value_scalar(entry.value, &length) || length < 0 || length != (double)(size_t)length)
        return pb_fail_argument(call, "axes", error, PB_VALUE,
                                "the length of %s is a whole number of places", entry.name);
    return pb_axis_create(entry.name, (size_t)length, NULL, NULL, axis, error);
}

static pb_status draw(const pb_call *call, float *data, size_t size, pb_error **error)
{
    bool normal = pb_argument_choice(call, "dist") == 0;
    pb_random random;
    pb_status status = PB_OK;
    start(call, PB_STREAM_RANDOM, &random);
    for (size_t i = 0; !status && i < size; i++) {
        if (i % 65536 == 0)
            status = pb_watch_check(pb_call_watch(call), error);
        data[i] = (float)(normal ? pb_random_normal(&random) : pb_random_uniform(&random));
    }
    return status;
}

static pb_status call_random(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *shape = pb_argument_value(call, "axes");
    size_t rank = pb_record_count(shape);
    pb_axis *axes[PB_MAX_RANK] = {NULL};
    pb_tensor *made = NULL;
    float *data = NULL;
    pb_status status = PB_OK;
    if (rank > PB_MAX_RANK)
        return pb_fail_argument(call, "axes", error, PB_LIMIT, "a tensor has at most %d axes",
                                PB_MAX_RANK);
    for (size_t i = 0; !status && i < rank; i++)
        status = make_axis(call, pb_record_entry(shape, i), &axes[i], error);
    if (!status)
        status = pb_tensor_create(rank, axes, &made, &data, error);
    if (!status)
        status = draw(call, data, pb_tensor_size(made), error);
    for (size_t i = 0; i < rank; i++)
        pb_axis_release(&axes[i]);
    if (!status)
        return pb_value_take_tensor(&made, NULL, result, error);
    pb_tensor_release(&made);
    return pb_place_argument(call, "axes", status, error);
}

/* ---- shuffle, sample ---- */

/* Places drawn from n, `first` of them; malloc'ed. With `again` one may come several times. */
static pb_status draw_places(const pb_call *call, uint64_t stream, size_t n, size_t first,
                             bool again, size_t **places, pb_error **error)
{
    pb_random random;
    *places = pb_malloc(n > first ? n : first, sizeof **places);
    if (!*places)
        return pb_fail_memory(error);
    start(call, stream, &random);
    if (!again)
        pb_random_order(&random, n, first, *places);
    for (size_t i = 0; again && i < first; i++)
        (*places)[i] = pb_random_below(&random, n);
    return PB_OK;
}

static pb_status pick_items(const pb_call *call, const pb_value *list, const size_t *places,
                            size_t count, pb_value **result, pb_error **error)
{
    pb_list_builder out = {.keeper = call->keeper};
    for (size_t i = 0; i < count; i++)
        pb_list_take(&out, pb_value_retain(pb_list_item(list, places[i])));
    return pb_list_finish(&out, pb_list_is_column(list), result, error);
}

/* The places of a tensor along an axis, by their coordinates. */
static pb_status pick_places(const pb_call *call, const pb_value *x, size_t which,
                             const size_t *places, size_t count, pb_tensor **result,
                             pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(x);
    const pb_axis *axis = pb_tensor_axis(tensor, which);
    const char *name = pb_axis_name(axis);
    pb_select *items = pb_calloc(count, sizeof *items);
    if (!items)
        return pb_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        items[i] =
            (pb_select){.kind = PB_SELECT_INDEX, .index = pb_axis_coordinate(axis, places[i])};
    const pb_select list = {.kind = PB_SELECT_LIST, .items = items, .n_items = count};
    pb_status status =
        pb_tensor_select(tensor, 1, &name, &list, pb_call_watch(call), result, error);
    free(items);
    return status;
}

/* Values move and the axis stays: what was at one coordinate is at another. */
static pb_status shuffle_tensor(const pb_call *call, const pb_value *x, pb_value **result,
                                pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(x);
    const char *over = NULL;
    size_t which = 0, *places = NULL;
    pb_tensor *moved = NULL, *made = NULL;
    pb_status status = pb_choose_axis(call, tensor, NULL, &over, &which, error);
    size_t n = status ? 0 : pb_axis_length(pb_tensor_axis(tensor, which));
    if (!status)
        status = draw_places(call, PB_STREAM_SHUFFLE, n, n, false, &places, error);
    if (!status)
        status = pick_places(call, x, which, places, n, &moved, error);
    if (!status)
        status = pb_tensor_replace_axis(moved, which, pb_tensor_axis(tensor, which), &made, error);
    free(places);
    pb_tensor_release(&moved);
    const pb_meta meta = {.model = pb_value_meta(x)->model, .units = pb_value_meta(x)->units};
    return status ? status : pb_value_take_tensor(&made, &meta, result, error);
}

static pb_status call_shuffle(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    bool table = pb_value_kind(x) == PB_TABLE;
    size_t *places = NULL;
    if (pb_value_kind(x) == PB_TENSOR)
        return shuffle_tensor(call, x, result, error);
    size_t n = table ? pb_table_rows(x) : pb_list_count(x);
    pb_status status = draw_places(call, PB_STREAM_SHUFFLE, n, n, false, &places, error);
    if (!status)
        status = table ? pb_table_pick(call->keeper, x, places, n, result, error)
                       : pick_items(call, x, places, n, result, error);
    free(places);
    return status;
}

static pb_status sample_tensor(const pb_call *call, const pb_value *x, size_t n, pb_value **result,
                               pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(x);
    const char *over = NULL;
    size_t which = 0, *places = NULL;
    pb_tensor *made = NULL;
    pb_status status = pb_choose_axis(call, tensor, NULL, &over, &which, error);
    size_t length = status ? 0 : pb_axis_length(pb_tensor_axis(tensor, which));
    if (!status && n > length)
        status = pb_fail_argument(call, "n", error, PB_VALUE, "%s has %zu places, not %zu",
                                  pb_axis_name(pb_tensor_axis(tensor, which)), length, n);
    if (!status)
        status = draw_places(call, PB_STREAM_SAMPLE, length, n, false, &places, error);
    if (!status)
        status = pick_places(call, x, which, places, n, &made, error);
    free(places);
    return status ? status : pb_value_retag(x, &made, result, error);
}

static pb_status call_sample(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *x = pb_argument_value(call, "x");
    bool table = pb_value_kind(x) == PB_TABLE, again = pb_argument_bool(call, "replace");
    size_t n = 0, *places = NULL;
    pb_status status = pb_argument_count(call, "n", &n, error);
    if (status)
        return status;
    if (pb_value_kind(x) == PB_TENSOR && again)
        return pb_fail_argument(call, "replace", error, PB_VALUE,
                                "a tensor has each place of an axis once: replace=True is for "
                                "lists and tables");
    if (pb_value_kind(x) == PB_TENSOR)
        return sample_tensor(call, x, n, result, error);
    size_t length = table ? pb_table_rows(x) : pb_list_count(x);
    if (n > length && (!again || length == 0))
        return pb_fail_argument(call, "n", error, PB_VALUE, "there are %zu to draw from, not %zu",
                                length, n);
    status = draw_places(call, PB_STREAM_SAMPLE, length, n, again, &places, error);
    if (!status)
        status = table ? pb_table_pick(call->keeper, x, places, n, result, error)
                       : pick_items(call, x, places, n, result, error);
    free(places);
    return status;
}

/* ---- rows ---- */

static const pb_parameter chance_group[] = {
    {.name = "over",
     .types = PB_TAKES_STRING,
     .mode = PB_PARAMETER_KEYWORD,
     .fallback = "None",
     .what = "the axis of a tensor; None: the only one"},
    {.name = "seed",
     .types = PB_TAKES_INTEGER,
     .mode = PB_PARAMETER_KEYWORD,
     .fallback = "0",
     .what = "which numbers come: the same for the same seed"},
    {.name = NULL}};

const pb_builtin pb_builtins_random[] = {
    {.name = "random",
     .category = "Chance",
     .summary = "A tensor of random numbers over axes of these lengths.",
     .doc = "Philox4x32-10 with the seed as its key: the same bits on every machine. `\"normal\"` "
            "has mean 0 and variance 1, `\"uniform\"` lies between 0 and 1.",
     .result = "a tensor of the axes",
     .example = "random({\"pos\": 2}, dist=\"normal\", seed=0).round(4).values",
     .expected = "[-0.2558, 0.6302]",
     .see = "shuffle sample random_tokens",
     .parameters = {{.name = "axes",
                     .types = PB_TAKES_RECORD,
                     .what = "the length of each axis, by its name"},
                    {.name = "dist",
                     .types = PB_TAKES_STRING,
                     .fallback = "\"normal\"",
                     .choices = "normal uniform"},
                    {.name = "seed",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "0",
                     .what = "which numbers come: the same for the same seed"}},
     .function = call_random},
    {.name = "shuffle",
     .category = "Chance",
     .summary = "The items of a list, rows of a table or values along an axis in an order of "
                "chance.",
     .doc = "The axis of a tensor stays as it is, and the values move along it.",
     .result = "a list, a table or a tensor",
     .example = "shuffle([\"a\", \"b\", \"c\", \"d\"], seed=0)",
     .expected = "['c', 'a', 'd', 'b']",
     .see = "sample random",
     .parameters = {{.name = "x", .types = PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_TENSOR}},
     .also = {chance_group},
     .function = call_shuffle},
    {.name = "sample",
     .category = "Chance",
     .summary = "Some items of a list, rows of a table or places along an axis, by chance.",
     .doc = "Each comes once at most, unless `replace=True`.",
     .result = "a list, a table or a tensor",
     .example = "sample([\"a\", \"b\", \"c\", \"d\"], 2, seed=0)",
     .expected = "['b', 'a']",
     .see = "shuffle",
     .parameters = {{.name = "x", .types = PB_TAKES_LIST | PB_TAKES_TABLE | PB_TAKES_TENSOR},
                    {.name = "n", .types = PB_TAKES_INTEGER},
                    {.name = "replace",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False",
                     .what = "True: one may come several times"}},
     .also = {chance_group},
     .function = call_sample},
    {0}};
