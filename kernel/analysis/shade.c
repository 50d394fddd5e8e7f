/* shade(): texts whose tokens are shaded by an activation, the strongest first. */
#include "display/shade.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/gap.h"
#include "base/memory.h"
#include "base/sort.h"
#include "domain.h"
#include "show/show.h"
#include "words.h"

/* A text and what each of its tokens is shaded by. */
typedef struct shaded_row {
    size_t prompt; /* its place along the axis */
    double peak;   /* the largest value or magnitude */
    size_t count;
    const char **tokens; /* the array is owned, the texts are not */
    float *values;
} shaded_row;

typedef struct shading {
    pb_call *call;
    const pb_tensor *tensor; /* [prompt, pos] or [pos] */
    const pb_model *model;   /* NULL where nothing says which */
    bool adds_bos, by_value;
    shaded_row *rows;
    size_t n_rows;
} shading;

static void shading_free(shading *s)
{
    for (size_t i = 0; s->rows && i < s->n_rows; i++) {
        free(s->rows[i].tokens);
        free(s->rows[i].values);
    }
    free(s->rows);
}

static pb_status check_axes(const shading *s, pb_error **error)
{
    const pb_tensor *t = s->tensor;
    size_t rank = pb_tensor_rank(t);
    bool pos = rank > 0 && strcmp(pb_axis_name(pb_tensor_axis(t, rank - 1)), "pos") == 0;
    bool prompt = rank == 2 && strcmp(pb_axis_name(pb_tensor_axis(t, 0)), "prompt") == 0;
    if (pos && (rank == 1 || prompt))
        return PB_OK;
    pb_status status = pb_fail_argument(s->call, "x", error, PB_TYPE,
                                        "shade() takes a number for each token: a tensor over pos, "
                                        "or over prompt and pos");
    if (error)
        pb_error_hint(*error, "pick one neuron, head or direction: "
                              "run(set).mlp_post[layer=2, neuron=7]");
    return status;
}

/* The numbers of a row that are there, in the order of its tokens. */
static size_t count_there(const float *values, size_t n)
{
    while (n > 0 && pb_is_gap(values[n - 1]))
        n--;
    return n;
}

/* The tokens of a prompt, which the axis names by its text, at the coordinates along pos. */
static pb_status tokens_of_text(const shading *s, const pb_axis *pos, const char *text,
                                shaded_row *row, pb_error **error)
{
    const pb_tokenizer *tokenizer = pb_model_tokenizer(s->model);
    int32_t *ids = NULL, start = pb_tokenizer_start(tokenizer);
    size_t count = 0;
    pb_status status = pb_tokenizer_encode(tokenizer, text, strlen(text), PB_SPECIAL_ALLOWED,
                                           pb_call_watch(s->call), &ids, &count, error);
    if (status)
        return status;
    /* without the start token where there are only as many numbers as the text has tokens */
    bool whole = row->count > 0 && pb_axis_coordinate(pos, 0) == 0;
    bool bos = s->adds_bos && start != PB_NO_TOKEN && !(whole && row->count == count);
    for (size_t i = 0; i < row->count && !status; i++) {
        size_t at = (size_t)pb_axis_coordinate(pos, i);
        if (at >= count + bos)
            status = pb_fail(error, PB_VALUE,
                             "the text of prompt %zu has %zu tokens, and the tensor has a number "
                             "for token %zu",
                             row->prompt, count + bos, at);
        else
            row->tokens[i] =
                pb_tokenizer_label(tokenizer, bos && at == 0 ? start : ids[at - (bos ? 1 : 0)]);
    }
    free(ids);
    return status;
}

static pb_status fill_row(const shading *s, size_t which, shaded_row *row, pb_error **error)
{
    size_t rank = pb_tensor_rank(s->tensor);
    const pb_axis *pos = pb_tensor_axis(s->tensor, rank - 1);
    size_t length = pb_axis_length(pos);
    const float *values = pb_tensor_data(s->tensor) + which * length;
    *row = (shaded_row){.prompt = which, .count = count_there(values, length)};
    row->tokens = pb_calloc(length, sizeof *row->tokens);
    row->values = pb_malloc(length, sizeof *row->values);
    if (!row->tokens || !row->values)
        return pb_fail_memory(error);
    memcpy(row->values, values, length * sizeof *values);
    const char *text = rank == 2 ? pb_axis_label(pb_tensor_axis(s->tensor, 0), which) : NULL;
    if (text && s->model)
        return tokens_of_text(s, pos, text, row, error);
    for (size_t i = 0; i < row->count; i++) {
        const char *label = pb_axis_label(pos, i);
        row->tokens[i] = label ? label : "?";
    }
    return PB_OK;
}

static int stronger_first(const void *a, const void *b)
{
    const shaded_row *x = a, *y = b;
    if (x->peak != y->peak)
        return x->peak < y->peak ? 1 : -1;
    return x->prompt < y->prompt ? -1 : x->prompt > y->prompt;
}

/* Every row is read for its peak; of most only that is kept. */
static pb_status fill_rows(shading *s, size_t k, pb_error **error)
{
    size_t rank = pb_tensor_rank(s->tensor);
    size_t n = rank == 2 ? pb_axis_length(pb_tensor_axis(s->tensor, 0)) : 1;
    size_t length = pb_axis_length(pb_tensor_axis(s->tensor, rank - 1));
    s->rows = pb_calloc(n + 1, sizeof *s->rows);
    if (!s->rows)
        return pb_fail_memory(error);
    s->n_rows = n;
    for (size_t i = 0; i < n; i++) {
        s->rows[i] = (shaded_row){.prompt = i, .peak = -INFINITY};
        for (size_t at = 0; at < length; at++) {
            double number = (double)pb_tensor_data(s->tensor)[i * length + at];
            double value = s->by_value ? number : fabs(number);
            s->rows[i].peak = value > s->rows[i].peak ? value : s->rows[i].peak;
        }
    }
    pb_status status =
        pb_sort(s->rows, n, sizeof *s->rows, stronger_first, pb_call_watch(s->call), error);
    s->n_rows = k < n ? k : n;
    for (size_t i = 0; i < s->n_rows && !status; i++)
        status = fill_row(s, s->rows[i].prompt, &s->rows[i], error);
    return status;
}

static pb_status draw(const shading *s, size_t all, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(s->call, "x");
    const char *what = pb_value_meta(value)->caption, *units = pb_value_meta(value)->units;
    const char *by = s->by_value ? "" : " by magnitude";
    pb_shaded_text *texts = pb_calloc(s->n_rows + 1, sizeof *texts);
    pb_bundle *bundle = NULL;
    pb_buffer caption = PB_BUFFER_EMPTY;
    if (!texts)
        return pb_fail_memory(error);
    for (size_t i = 0; i < s->n_rows; i++)
        texts[i] = (pb_shaded_text){s->rows[i].count, s->rows[i].tokens, s->rows[i].values};
    if (s->n_rows < all)
        pb_buffer_format(&caption, "The %zu of %zu texts with the largest value%s, shaded by it",
                         s->n_rows, all, by);
    else
        pb_buffer_format(&caption, "Shaded by the value at each token, the largest%s first", by);
    if (what)
        pb_buffer_format(&caption, ". %s", what);
    pb_status status = pb_buffer_status(&caption, error);
    pb_shaded_view view = {.words = {.caption = caption.data},
                           .rows = texts,
                           .n_rows = s->n_rows,
                           .by_value = s->by_value,
                           .value_name = units ? units : "value"};
    if (!status)
        status = pb_show_shaded(&view, &bundle, error);
    pb_buffer_free(&caption);
    free(texts);
    return status ? status : pb_value_take_drawing(bundle, "shade", result, error);
}

static pb_status call_shade(pb_call *call, pb_value **result, pb_error **error)
{
    const pb_value *value = pb_argument_value(call, "x");
    pb_value *model = pb_value_meta(value)->model;
    shading s = {.call = call,
                 .tensor = pb_value_get_tensor(value),
                 .model = model ? pb_model_of(model) : NULL,
                 .adds_bos = model && pb_model_adds_bos(model),
                 .by_value = pb_argument_choice(call, "by") == 1};
    size_t k = 0;
    pb_status status = pb_argument_count(call, "k", &k, error);
    if (!status)
        status = check_axes(&s, error);
    size_t all =
        status || pb_tensor_rank(s.tensor) < 2 ? 1 : pb_axis_length(pb_tensor_axis(s.tensor, 0));
    if (!status)
        status = pb_place_argument(call, "x", fill_rows(&s, k, error), error);
    if (!status)
        status = draw(&s, all, result, error);
    shading_free(&s);
    return status;
}

const pb_builtin pb_builtins_shade[] = {
    {.name = "shade",
     .category = "Plots",
     .summary = "Texts shaded by a number for each token: where something is active in a corpus.",
     .doc = "Takes a tensor over pos, or over prompt and pos, and shows the k texts whose largest "
            "value is largest by magnitude (`by=\"value\"` for signed), on one scale; of a long "
            "text what is around it. `run(set).mlp_post[layer=2, neuron=7].top(20)` ranks the "
            "places themselves. A "
            "direction is `dot(run(set).resid_post[layer=3], direction, over=\"d_model\")`, a head "
            "`run(set).z[layer=5, head=1].norm(\"d_head\")`.",
     .result = "a drawing",
     .example = "shade(run([\"I love it\", \"It was bad\"]).mlp_post[layer=2, neuron=7], k=1)",
     .needs_model = true,
     .see = "read run top heatmap",
     .parameters = {{.name = "x", .types = PB_TAKES_TENSOR},
                    {.name = "k", .types = PB_TAKES_INTEGER, .fallback = "10"},
                    {.name = "by",
                     .types = PB_TAKES_STRING,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "\"magnitude\"",
                     .choices = "magnitude value"}},
     .function = call_shade},
    {0}};
