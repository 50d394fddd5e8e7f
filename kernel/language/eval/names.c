/* Names of a cell: what they stand for, and what is meant by those that stand for nothing. */
#include <string.h>

#include "interp_private.h"

/* ---- habits ---- */

typedef struct pb_name_habit {
    const char *name, *advice;
} pb_name_habit;

static const pb_name_habit habits[] = {
    {"model", "load one first: model = load(\"reviews-4m\")"},
    {"utils", "nothing needs importing: help() lists the words there are"},
    {"F", "nothing needs importing: softmax(t, \"token\"), log_softmax(t, \"token\")"},
    {"nn", "nothing needs importing: help() lists the words there are"},
    {"math", "nothing needs importing: sqrt(x), exp(x), log(x)"},
    {"einops",
     "axes have names: t.sum(\"head\"), transpose(t, [...]), dot(a, b, over=\"d_model\")"},
    {"random", "random_tokens(n, seed=0) makes a random prompt"},
    {"os", "read(\"file.csv\") reads a file, save(x, \"file.csv\") writes one"},
    {"json", "read(\"file.json\") reads a file, save(x, \"file.json\") writes one"},
    {"pandas", "nothing needs importing: table(name=[...]) makes a table"},
    {"input", "ask(\"...\") reads a line"},
    {"display", "show(x) shows a value before the end of the cell"},
    {"tuple", "lists stand in for tuples: [a, b]"},
    {"set", "set() is an edit here; [x for x in xs] makes a list"},
    {"dict", "write {\"name\": value}, or {k: v for k, v in zip(names, values)}"},
    {"isinstance", "type(x) says what a value is"},
    {"open", "read(\"file.csv\") reads a file, save(x, \"file.csv\") writes one"},
    {"dir", "names() lists your names, help() the built-in words"},
    {"vars", "names() lists your names, help() the built-in words"},
    {"locals", "names() lists your names, help() the built-in words"},
    {"globals", "names() lists your names, help() the built-in words"},
    {"exit", "the notebook's Kernel menu ends the session"},
    {"quit", "the notebook's Kernel menu ends the session"},
    {"format", "write values into a string with f\"{x:.2f}\""},
    {"reversed", "xs[::-1] is a list from its end"},
    {"torch", "nothing needs importing: softmax(t, \"token\"), mean(t, \"pos\"), t.sum(\"head\")"},
    {"np", "nothing needs importing: mean(t, \"pos\"), abs(t), argmax(t, \"token\")"},
    {"numpy", "nothing needs importing: mean(t, \"pos\"), abs(t), argmax(t, \"token\")"},
    {"pd", "nothing needs importing: table(name=[...]) makes a table"},
    {"px", "nothing needs importing: bar(x), line(x), heatmap(x)"},
    {"plt", "nothing needs importing: bar(x), line(x), heatmap(x)"},
    {"tl", "nothing needs importing: model = load(\"gpt2\")"},
    {"transformer_lens", "nothing needs importing: model = load(\"gpt2\")"},
    {"HookedTransformer", "model = load(\"gpt2\")"},
    {"from_pretrained", "model = load(\"gpt2\")"},
    {"run_with_cache", "run(prompt) answers every activation by its name: run(prompt).pattern"},
    {"run_with_hooks", "run(prompt, edit=zero(\"z\", layer=3, head=1))"},
    {"to_tokens", "tokens(prompt)"},
    {"to_str_tokens", "tokens(prompt).labels"},
    {"to_single_token", "a word is its token where one is wanted: logit(prompt, \" great\")"},
    {"forward", "run(prompt) runs it: run(prompt).logits"},
    {"blocks", "weights have TransformerLens' names: model.W_Q[layer=0, head=0], model.W_in"},
    {"unembed", "the unembedding is model.W_U, with model.b_U"},
    {"tokenizer",
     "tokens(prompt) shows how text is cut, .ids are the tokens' numbers; decode(ids) is "
     "their text"},
    {"to_string", "decode(ids) is the text of token ids"},
    {"to_single_str_token", "decode(ids) is the text of token ids"},
    {"batch_decode", "decode(ids) is the text of token ids; [decode(i) for i in ids] each"},
    {"encode", "tokens(prompt).ids are the tokens' numbers"},
    {"add_hook", "run(prompt, edit=zero(\"z\", layer=3, head=1))"},
    {"reset_hooks", "edits are values: they are there only where edit= gives them"},
    {"plot", "bar(x), line(x) and heatmap(x) draw"},
    {"T", "axes have names, so none has to be turned: transpose(t, [\"key\", \"query\"])"},
    {"to_csv", "csv(x) writes it out, save(x, \"file.csv\") into a file"},
    {"to_numpy", "a tensor's numbers as lists: t.values"},
    {"null", "what is not there is None"},
    {"cfg", "a model answers itself: model.n_layers, model.n_heads, model.d_model"},
    {"config", "a model answers itself: model.n_layers, model.n_heads, model.d_model"},
    {"cache", "run(prompt) answers every activation by its name"},
    {"append", "lists do not change: xs + [x] is a longer one"},
    {"extend", "lists do not change: xs + ys is a longer one"},
    {"item", "a number out of a tensor is a number already"},
    {"tolist", "a tensor's numbers as lists: t.values"},
    {"cpu", "everything is on the processor already"},
    {"detach", "there are no gradients to detach from"},
    {"unsqueeze", "missing axes are lined up by name"},
    {"squeeze", "an axis indexed by one place goes away: t[pos=0]"},
    {"permute", "transpose(t, [\"key\", \"query\"])"},
    {"topk", "top(x, k=10)"},
    {"imshow", "heatmap(x)"},
    {"groupby", "t[part=\"mlp\"] picks the rows with one value"},
    {"sort_values", "t.sort(by=\"diff\")"},
    {"drop", "t[[\"a\", \"b\"]] keeps the columns you name"},
    {"self", "functions get what they work on as arguments"},
    {"NaN", "a number that is not one comes from float(\"nan\")"},
};

/* The same for names that are meant so only after a dot. */
static const pb_name_habit dotted_habits[] = {
    {"numpy", "a tensor's numbers as lists: t.values"},
    {"check", "an attribution carries .check, a sweep .checks; so do their means, sums, "
              "differences and multiples, and nothing else that is computed from them"},
    {"var", "t.std(\"pos\") is the root of the variance: t.std(\"pos\") ** 2"},
    {"sel", "an index takes axes by name: t[layer=3], t[layer=2:5]"},
    {"isel", "an index takes axes by name: t[layer=3], t[layer=2:5]"},
    {"loc", "t[part=\"mlp\"] picks rows by value, t[t.n > 1] by a mask, t[[\"a\", \"b\"]] columns"},
    {"iloc", "t[0] is a row, t[2:5] are several, t[[\"a\", \"b\"]] columns"},
    {"query", "t[part=\"mlp\"] picks rows by value, t[t.n > 1] by a mask"},
    {"describe", "t.columns, t.shape; mean(t.n), std(t.n), min(t.n), max(t.n) of a column"},
    {"assign", "a column is added by t.name = cells"},
    {"apply", "operators work on whole columns and tensors; [f(x) for x in t.n] on each"},
    {"update", "values do not change: r | {\"b\": 2} is a record with more"},
    {"setdefault", "r.get(\"a\", 0) reads a name with a default"},
    {"pop", "values do not change: xs[:-1] is a list without its end"},
    {"insert", "values do not change: [x, *xs] is a longer list"},
    {"remove", "values do not change: [x for x in xs if x != 3] is a shorter list"},
    {"dims", "the names of a tensor's axes: t.axes"},
    {"ndim", "how many axes: len(t.axes)"},
    {"size", "how long each axis is: t.shape"},
    {"coords", "the coordinates along an axis: t.layer"},
    {"flatten", "axes have names, so none is merged: top(t, 10) finds places along all axes"},
    {"reshape", "axes have names, so none is merged or split; transpose(t, [...]) turns them"},
    {"view", "axes have names, so none is merged or split; transpose(t, [...]) turns them"},
    {"to", "everything is on the processor already"},
    {"clone", "values do not change, so none has to be copied"},
    {"copy", "values do not change, so none has to be copied"},
};

static const char *advice_in(const pb_name_habit *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].advice;
    return NULL;
}

const char *pb_advice_for_name(const char *name)
{
    return advice_in(habits, sizeof habits / sizeof *habits, name);
}

const char *pb_advice_for_member(const char *name)
{
    const char *advice =
        advice_in(dotted_habits, sizeof dotted_habits / sizeof *dotted_habits, name);
    return advice ? advice : pb_advice_for_name(name);
}

/* ---- names ---- */

pb_value *pb_find_name(pb_interp *interp, const pb_scope *scope, const char *name)
{
    pb_value *local = pb_scope_find(scope, name);
    return local ? pb_value_retain(local) : interp->above->get(interp->session, name);
}

pb_status pb_fail_unknown(pb_interp *interp, const pb_scope *scope, const char *name, bool called,
                          pb_error **error)
{
    const char *advice = pb_advice_for_name(name);
    pb_status status = pb_fail(
        error, PB_NAME, called ? "there is no word '%s' to call" : "there is no name '%s'", name);
    if (!error || !*error)
        return status;
    if (advice) {
        pb_error_hint(*error, "%s", advice);
        return status;
    }
    pb_names *names = pb_names_create();
    if (!names)
        return status;
    for (; scope; scope = scope->parent)
        pb_names_add(names, scope->name, "instance", "");
    interp->above->names(interp->session, names);
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(interp->lexicon, &at));)
        pb_names_add(names, row->name, "function", "");
    const char *near = pb_names_nearest(names, name);
    if (near)
        pb_error_hint(*error, "did you mean %s?", near);
    else if (!called)
        pb_error_hint(*error, "give it a value first: %s = ...; text stands in quotes: \"%s\"",
                      name, name);
    else
        pb_error_hint(*error, "help() lists the words there are");
    pb_names_destroy(&names);
    return status;
}

void pb_hint_method(pb_interp *interp, const pb_value *subject, const char *name, pb_error **error)
{
    const char *advice = pb_advice_for_member(name);
    if (!error || !*error)
        return;
    pb_names *names = advice ? NULL : pb_names_create();
    if (advice)
        pb_error_hint(*error, "%s", advice);
    if (!names)
        return;
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(interp->lexicon, &at));)
        if (pb_builtin_takes_first(row, subject))
            pb_names_add(names, row->name, "function", "");
    const char *near = pb_names_nearest(names, name);
    if (near)
        pb_error_hint(*error, "did you mean .%s()?", near);
    pb_names_destroy(&names);
}
