/* heatmap(): a tensor of two axes as shaded cells, and of three or four as panels of them. */
#include <string.h>

#include "base/memory.h"
#include "display/facets.h"
#include "plots.h"
#include "show/facets.h"
#include "show/show.h"
#include "show/views.h"
#include "words.h"

#define MOST_VALUES ((size_t)4000000)

/* ---- which axis is what ---- */

/* What was asked for, by the names of axes; NULL where it was not. */
typedef struct wanted_axes {
    const char *x, *y;
    const char *const *facets;
    size_t n_facets, per_line;
} wanted_axes;

static pb_status check_name(pb_call *call, const char *parameter, const char *name,
                            const pb_value *value, pb_error **error)
{
    if (!name || pb_tensor_find_axis(pb_value_get_tensor(value), name) >= 0)
        return PB_OK;
    return pb_plot_no_such(call, parameter, name, value, error);
}

static bool same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool is_facet(const wanted_axes *wanted, const char *name)
{
    for (size_t i = 0; i < wanted->n_facets; i++)
        if (same(wanted->facets[i], name))
            return true;
    return false;
}

static pb_status check_names(pb_call *call, const pb_value *value, const wanted_axes *wanted,
                             pb_error **error)
{
    pb_status status = check_name(call, "x", wanted->x, value, error);
    if (!status)
        status = check_name(call, "y", wanted->y, value, error);
    for (size_t i = 0; i < wanted->n_facets && !status; i++)
        status = check_name(call, "facet", wanted->facets[i], value, error);
    if (status)
        return status;
    if (same(wanted->x, wanted->y))
        return pb_fail_argument(call, "y", error, PB_VALUE, "x and y are the same axis");
    if (is_facet(wanted, wanted->x) || is_facet(wanted, wanted->y))
        return pb_fail_argument(call, "facet", error, PB_VALUE,
                                "an axis is either along the sides of a panel or has a panel for "
                                "each place, and '%s' is both",
                                is_facet(wanted, wanted->x) ? wanted->x : wanted->y);
    if (wanted->n_facets == 2 && same(wanted->facets[0], wanted->facets[1]))
        return pb_fail_argument(call, "facet", error, PB_VALUE, "facet has the same axis twice");
    return PB_OK;
}

/* Hints at a facet= with one or two axes that would do, as the call to type. */
static void hint_facets(pb_call *call, const pb_tensor *tensor, pb_error **error)
{
    pb_written data = pb_plot_written(call);
    const char *first = pb_axis_name(pb_tensor_axis(tensor, 0));
    const char *second = pb_axis_name(pb_tensor_axis(tensor, 1));
    if (!error || !*error)
        return;
    if (pb_tensor_rank(tensor) == 3)
        pb_error_hint(*error, "heatmap(%.*s, facet=\"%s\")", data.length, data.text, first);
    else if (pb_tensor_rank(tensor) == 4)
        pb_error_hint(*error, "heatmap(%.*s, facet=[\"%s\", \"%s\"])", data.length, data.text,
                      first, second);
}

/* A map has two axes; facet= must name what is left of the others. */
static pb_status check_rank(pb_call *call, const pb_tensor *tensor, const wanted_axes *wanted,
                            pb_error **error)
{
    size_t rank = pb_tensor_rank(tensor);
    if (rank < 2 || rank > 4) {
        pb_status status = pb_fail_argument(
            call, "data", error, PB_VALUE,
            "heatmap() draws a tensor of two to four axes, and this one has %zu", rank);
        if (error && rank == 1)
            pb_error_hint(*error, "one axis is drawn with bar() or line()");
        pb_plot_hint_fewer(call, tensor, 4, error);
        return status;
    }
    if (wanted->n_facets > 0 && wanted->n_facets != rank - 2) {
        pb_status status = pb_fail_argument(
            call, "facet", error, PB_VALUE,
            rank == 2 ? "this tensor has two axes, the sides of one map, and none for facet="
                      : "of %zu axes two are the sides of each panel, so facet= names %s",
            rank, rank == 3 ? "one" : "two");
        hint_facets(call, tensor, error);
        return status;
    }
    if (wanted->per_line > 0 && rank != 3)
        return pb_fail_argument(call, "columns", error, PB_VALUE,
                                "columns= says how many panels stand beside each other, and goes "
                                "with one facet axis; this tensor has %s",
                                rank == 2 ? "none" : "two");
    return PB_OK;
}

/* Facets are the tensor's first axes that are neither x nor y, unless named; of the two that are
 * left the first is y. */
static void settle_axes(const pb_tensor *tensor, const wanted_axes *wanted, pb_facet_axes *axes)
{
    size_t rank = pb_tensor_rank(tensor), n_facets = 0, n_sides = 0;
    const char *facets[2] = {NULL, NULL}, *sides[4] = {NULL, NULL, NULL, NULL};
    for (size_t i = 0; i < rank; i++) {
        const char *name = pb_axis_name(pb_tensor_axis(tensor, i));
        bool asked = same(name, wanted->x) || same(name, wanted->y);
        if (wanted->n_facets ? is_facet(wanted, name) : !asked && n_facets < rank - 2)
            facets[n_facets++] = name;
        else
            sides[n_sides++] = name;
    }
    if (wanted->n_facets == 2) {
        facets[0] = wanted->facets[0];
        facets[1] = wanted->facets[1];
    }
    bool turned = same(wanted->x, sides[0]) || same(wanted->y, sides[1]);
    *axes = (pb_facet_axes){.down = n_facets == 2 ? facets[0] : NULL,
                            .across = n_facets == 2 ? facets[1] : facets[0],
                            .rows = sides[turned ? 1 : 0],
                            .columns = sides[turned ? 0 : 1],
                            .per_line = wanted->per_line};
}

static pb_status check_panels(pb_call *call, const pb_tensor *tensor, const pb_facet_axes *axes,
                              pb_error **error)
{
    const char *names[] = {axes->across, axes->down};
    size_t panels = 1;
    for (size_t i = 0; i < 2; i++)
        if (names[i])
            panels *= pb_axis_length(
                pb_tensor_axis(tensor, (size_t)pb_tensor_find_axis(tensor, names[i])));
    if (panels <= PB_FACETS_MOST)
        return PB_OK;
    pb_written data = pb_plot_written(call);
    pb_status status = pb_fail_argument(call, "data", error, PB_LIMIT,
                                        "these would be %zu panels, and a page has room for %d",
                                        panels, PB_FACETS_MOST);
    if (error)
        pb_error_hint(*error,
                      "take some of them, heatmap(%.*s[%s=0:%d]), or name another axis "
                      "with facet=",
                      data.length, data.text, axes->across, axes->down ? 8 : 48);
    return status;
}

/* columns=, at least one. */
static pb_status take_columns(pb_call *call, size_t *per_line, pb_error **error)
{
    if (pb_argument_is_none(call, "columns"))
        return PB_OK;
    int64_t columns = pb_argument_integer(call, "columns");
    if (columns < 1)
        return pb_fail_argument(call, "columns", error, PB_VALUE,
                                "at least one panel stands beside another: columns=4");
    *per_line = (size_t)columns;
    return PB_OK;
}

static pb_status take_axes(pb_call *call, const pb_value *value, pb_facet_axes *axes,
                           pb_error **error)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    const char *const *facets = NULL;
    wanted_axes wanted = {pb_argument_text(call, "x"), pb_argument_text(call, "y"), NULL, 0, 0};
    pb_status status = pb_argument_texts(call, "facet", &facets, &wanted.n_facets, error);
    wanted.facets = facets;
    if (!status)
        status = take_columns(call, &wanted.per_line, error);
    if (!status)
        status = check_rank(call, tensor, &wanted, error);
    if (!status)
        status = check_names(call, value, &wanted, error);
    if (!status) {
        settle_axes(tensor, &wanted, axes);
        status = check_panels(call, tensor, axes, error);
    }
    free((void *)facets);
    return status;
}

/* ---- the word ---- */

/* The tensor itself, or a list of lists as one; a reference in *value. */
static pb_status take_data(pb_call *call, pb_value **value, pb_error **error)
{
    static const char *const axes[] = {"row", "column"};
    const pb_value *data = pb_argument_value(call, "data");
    if (pb_list_count(data) > 0 && pb_list_of(data, PB_LIST) &&
        !(pb_list_count(pb_list_item(data, 0)) > 0 && pb_list_of(pb_list_item(data, 0), PB_LIST)))
        return pb_plot_tensor_of(call, data, axes, 2, value, error);
    if (pb_value_kind(data) != PB_TENSOR)
        return pb_plot_cannot_draw(call, data, "a tensor of two axes or more", error);
    *value = pb_value_retain(data);
    return PB_OK;
}

static pb_status call_heatmap(pb_call *call, pb_value **result, pb_error **error)
{
    pb_value *value = NULL;
    pb_facet_axes axes;
    const char **notes = NULL;
    size_t n_notes = 0;
    pb_bundle *bundle = NULL;
    pb_status status = take_data(call, &value, error);
    if (!status)
        status = take_axes(call, value, &axes, error);
    if (!status)
        status =
            pb_plot_bound(call, pb_tensor_size(pb_value_get_tensor(value)), MOST_VALUES, error);
    if (!status)
        status = pb_notes_of(value, &notes, &n_notes, error);
    if (!status) {
        pb_words words = {.title = pb_argument_text(call, "title"),
                          .caption = pb_value_meta(value)->caption,
                          .notes = notes,
                          .n_notes = n_notes};
        status = axes.across
                     ? pb_facets_of(value, &axes, &words, &bundle, error)
                     : pb_heatmap_of(value, axes.rows, axes.columns, &words, &bundle, error);
    }
    free(notes);
    pb_value_release(&value);
    return status ? status : pb_value_take_drawing(bundle, "heatmap", result, error);
}

const pb_builtin pb_builtins_heatmap[] = {
    {.name = "heatmap",
     .category = "Plots",
     .summary = "A tensor of two axes as shaded cells; of three or four, a panel of them for each "
                "place of an axis.",
     .doc = "`y` names the axis down the side and `x` the one across; left out, they are the "
            "tensor's last two. Signed values have zero in the middle of the colours; a patch "
            "sweep has its unpatched value there, so what changed nothing has no colour.\n\n"
            "Of three axes, `facet` is the one with a panel for each place (by default the first "
            "that is neither `x` nor `y`), and `columns` how many panels stand beside each other. "
            "Of four, `facet=[\"layer\", \"head\"]` has a line of panels for each layer and a "
            "panel in it for each head. All panels share one scale of colours.",
     .result = "a drawing",
     .example = "heatmap(attribute(\"I love this movie\", \" great\", by=\"head\", pos=all), "
                "facet=\"pos\", columns=3)",
     .needs_model = true,
     .see = "bar line attention",
     .parameters = {{.name = "data",
                     .types = PB_TAKES_ANY,
                     .what = "a tensor of two, three or four axes, or a list of lists"},
                    {.name = "x", .types = PB_TAKES_STRING, .fallback = "None"},
                    {.name = "y", .types = PB_TAKES_STRING, .fallback = "None"},
                    {.name = "title", .types = PB_TAKES_STRING, .fallback = "None"},
                    {.name = "facet",
                     .types = PB_TAKES_STRING | PB_TAKES_LIST,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "the axis with a panel for each place, or two",
                     .fallback = "None"},
                    {.name = "columns",
                     .types = PB_TAKES_INTEGER,
                     .mode = PB_PARAMETER_KEYWORD,
                     .what = "how many panels stand beside each other",
                     .fallback = "None"}},
     .function = call_heatmap},
    {0}};
