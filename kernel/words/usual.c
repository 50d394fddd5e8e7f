/* What parameters of the general words are called and take, whatever the word: their text, and what
 * completion suggests for them. A word's own row comes first. */
#include "eval/suggest.h"
#include "words.h"

/* ---- columns and axes of what the call is about ---- */

static void add_columns(const pb_value *value, pb_names *names)
{
    for (size_t i = 0; i < pb_table_columns(value); i++)
        pb_names_add(names, pb_table_column(value, i)->name, "column", "");
}

static void add_axes(const pb_value *value, pb_names *names)
{
    const pb_tensor *tensor = pb_value_get_tensor(value);
    for (size_t i = 0; tensor && i < pb_tensor_rank(tensor); i++)
        pb_names_add(names, pb_axis_name(pb_tensor_axis(tensor, i)), "axis", "");
}

static void suggest_axes(const pb_asked *asked, pb_names *names)
{
    pb_value *value = asked->argument(asked, NULL);
    add_axes(value, names);
    pb_value_release(&value);
}

static void suggest_columns(const pb_asked *asked, pb_names *names)
{
    pb_value *value = asked->argument(asked, NULL);
    const pb_meta *meta = pb_value_meta(value);
    add_columns(value, names);
    add_axes(value, names);
    for (size_t i = 0; meta && i < meta->n_fields; i++)
        if (meta->fields[i].axis)
            pb_names_add(names, meta->fields[i].name, "axis", "");
    pb_value_release(&value);
}

/* ---- rows ---- */

const pb_parameter pb_usual_general[] = {
    {.name = "x", .suggest = suggest_columns},
    {.name = "y", .what = "the axis or column of the heights", .suggest = suggest_columns},
    {.name = "color", .what = "the axis or column of the colours", .suggest = suggest_columns},
    {.name = "facet", .what = "the axis with a panel for each place", .suggest = suggest_columns},
    {.name = "by", .what = "the column or axis it goes by", .suggest = suggest_columns},
    {.name = "over", .what = "the axis or axes it goes over", .suggest = suggest_axes},
    {.name = "axes", .what = "the names of axes, in order", .suggest = suggest_axes},
    {.name = "axis", .what = "the name of the new axis"},
    {.name = "names", .what = "new names, each under the old one", .suggest = suggest_axes},
    {.name = "column", .what = "a column of the table", .suggest = suggest_columns},
    {.name = "columns", .what = "columns of the table", .suggest = suggest_columns},
    {.name = "mean", .what = "the column that is averaged", .suggest = suggest_columns},
    {.name = "path", .what = "the name of a file", .suggest = pb_suggest_files},
    {.name = "title", .what = "what stands above it"},
    {.name = "n", .what = "how many"},
    {.name = "key", .what = "a function of an item, by whose results they are compared"},
    {.name = "reverse", .what = "True puts the largest first"},
    {.name = "start", .what = "the first"},
    {.name = "stop", .what = "one past the last"},
    {.name = "step", .what = "from one to the next"},
    {.name = "first", .what = "the first place"},
    {.name = "last", .what = "one past the last place"},
    {.name = "places", .what = "a place for each prompt"},
    {.name = "characters", .what = "the characters to take away; None: spaces"},
    {.name = "old", .what = "what is replaced"},
    {.name = "new", .what = "what stands there instead"},
    {.name = "separator", .what = "what stands between the items"},
    {.name = "sep", .what = "what stands between the values"},
    {.name = "end", .what = "what stands at the end"},
    {.name = "item", .what = "what is looked for"},
    {.name = "default", .what = "what it gives for a name that is not there"},
    {.name = "name", .what = "a name in it"},
    {.name = "digits", .what = "how many digits behind the point"},
    {.name = "secret", .what = "True hides what is typed"},
    {.name = "wait", .what = "True clears only when something new comes"},
    {.name = "word", .what = "a word, or its name; None lists all"},
    {.name = "values", .what = "any values"},
    {.name = NULL}};
