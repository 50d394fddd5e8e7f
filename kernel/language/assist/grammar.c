/* How the language is written; see assist/grammar.h. */
#include "assist/grammar.h"

#include <string.h>

const pb_grammar_row pb_grammar_rows[] = {
    {.title = "Statements",
     .text = "A cell is statements on lines of their own, or with `;` between them: an assignment, "
             "the definition of a function, or an expression, whose value is shown if it is the "
             "last. A `;` at the end keeps it quiet; `show(x)` shows earlier ones. `#` begins a "
             "comment, and brackets continue a line. There are no blocks, loops or classes, and "
             "no value ever changes.",
     .example = "words = [\" great\", \" bad\"]\n"
                "a, *rest = [1, 2, 3]\n"
                "double(x, by=2) = x * by\n"
                "[len(words), rest, double(4), double(4, by=3)]",
     .expected = "[2, [2, 3], 8, 12]"},
    {.title = "Expressions",
     .text = "Numbers, strings, lists, records, operators, comparisons in a row, `and or not in "
             "is`, `x if c else y`, `lambda` and f-strings are Python's. `x.f(y)` is `f(x, y)` "
             "for every word and function. `(a = 1; b = 2; a + b)` is an expression with names of "
             "its own.",
     .example =
         "n = 3\n"
         "[1 < n <= 3, \"odd\" if n % 2 else \"even\", f\"{n / 8:.2f}\", (lambda x: x ** 2)(n), "
         "(a = n + 1; a * a), [3, 1].sorted()]",
     .expected = "[True, 'odd', '0.38', 9, 16, [1, 3]]"},
    {.title = "Comprehensions and loops",
     .text = "A comprehension goes through lists, strings, tables and tensors, takes items apart, "
             "and picks with `if`. `*xs` spreads a list in a list or a call. `repeat(f, x, n)` "
             "calls a function with what it gave, n times, and `fold(f, xs, start)` goes through a "
             "list so; a function may call itself, some thousand deep.",
     .example = "pairs = [[\"Mary\", \"John\"], [\"Ann\", \"Tom\"]]\n"
                "fact(n) = 1 if n < 2 else n * fact(n - 1)\n"
                "[[f\"{a}+{b}\" for a, b in pairs if b != \"Tom\"], [*[1, 2], 3], max(*[4, 9]), "
                "repeat(lambda x: x / 2, 8, 3), fact(5)]",
     .expected = "[['Mary+John'], [1, 2, 3], 9, 1.0, 120]"},
    {.title = "Tensors and places",
     .text =
         "Every tensor has named axes, and is indexed by their names: `t[layer=3, pos=-1]`. "
         "Integers are the coordinates along the axis, negative ones count from the end, "
         "slices exclude their end, lists and masks pick, and a string is a label, such as a "
         "token. `at(\" it\", 2)`, `first`, `last` name one of several equal labels, `per([...])` "
         "one place for each prompt, `each` walks an axis in a sweep, `all` takes it whole. The "
         "same words name places in an index, an edit and a sweep: `layer head heads pos query "
         "key neuron`. Arithmetic lines axes up by name.",
     .example = "x = run(\"I love it\").resid_post\n"
                "[x.axes, x[layer=2, pos=\" love\"].shape, x[layer=-1, pos=1:].shape, "
                "(x.mean(\"d_model\") - "
                "x[d_model=0]).axes]",
     .expected = "[['layer', 'pos', 'd_model'], {'d_model': 192}, {'pos': 3, 'd_model': 192}, "
                 "['layer', 'pos']]"},
    {.title = "Prompts and sets",
     .text = "A prompt is a string, `prompt(ids)`, or a run. A list of prompts, a table with a "
             "column `prompt`, and a set of runs all give results over the axis `prompt`: one "
             "number or tensor for each. Words for several prompts are one for all, or a list of "
             "one for each; only `logits(prompts, words)` crosses the two. Where lengths differ, "
             "what a shorter prompt lacks are gaps: blank, left out by reductions (whose caption "
             "says how many were there) and rankings; a comparison with one is False. Two sets of "
             "as many prompts line up in order. In messages prompts, pairs, rows and items are "
             "counted from 0.",
     .example = "s = prompts(\"{name} said that\", name=[\"Mary\", \"John\", \"The old man\"])\n"
                "s.n = [len(ids) for ids in run(s).ids]\n"
                "[s.prompt[2], s.n, run(s).resid_post[layer=0, d_model=0].mean(\"pos\").axes, "
                "run(s).pattern[layer=1, head=0, query=-1].shape]",
     .expected = "['The old man said that', [4, 4, 6], ['prompt'], {'prompt': 3, 'key': 6}]"},
    {.title = "Lists and runs as into and from",
     .text = "`patch`, `path` and edits take prompts, lists, sets and runs as `into=` and `from=`. "
             "Two lists of n pair up one to one, a single prompt is shared, and the result is over "
             "`prompt`. A run made with `edit=` goes in as it was edited. Strings in `pos=` are "
             "found in `into`, and the same position is read from `from`.",
     .example =
         "p = patch(into=[\"I love it\", \"You love it\"], from=[\"I hate it\", \"You hate it\"], "
         "at=\"resid_post\", pos=\" love\", metric=logit(\" great\"))\n"
         "[p.shape, p.mean(\"prompt\").into == p.into.mean()]",
     .expected = "[{'prompt': 2, 'layer': 6}, True]"},
    {.title = "Metrics",
     .text = "`logit logit_diff prob logprob rank loss kl` without a prompt are metrics, which "
             "sweeps read; with one in front they evaluate. A table or a run in front is always a "
             "prompt.",
     .example =
         "[logit(\" great\"), round(logit(\"I love this movie because it is\", \" great\"), 1)]",
     .expected = "[logit(' great'), 15.7]"},
    {.title = "Results",
     .text = "A sweep, a path, an attribution stays one under an index, a mean, a difference, "
             "scaling: `.into` and `.from` (the ends of a sweep), `.change`, `.checks`, `.check`, "
             "`.rest`, `.bias`, its units and its caption follow what is done to the numbers. "
             "`save(x, \"file.csv\")`, `.json`, `.npy`, `.svg`, `.html` write any result.",
     .example = "a = attribute([\"I love it\", \"I hate it\"], \" great\", by=\"head\")\n"
                "m = a.mean(\"prompt\")\n"
                "[m.axes, abs(m.check.difference) < 0.001, m.top(1).heads, a[heads=m.top(2)].axes]",
     .expected = "[['layer', 'head'], True, ['L1H1'], ['prompt', 'component']]"},
    {0}};

void pb_reference_grammar(pb_buffer *out)
{
    pb_buffer_text(out, "# The language\n\nA small language for one job: asking a model why it "
                        "predicted what it predicted. It looks like Python wherever it can.\n");
    for (const pb_grammar_row *row = pb_grammar_rows; row->title; row++) {
        size_t length = strlen(row->expected);
        bool ended = length > 0 && row->expected[length - 1] == '\n';
        pb_buffer_format(out, "\n## %s\n\n%s\n\n```python\n%s\n```\n\n```\n%s%s```\n", row->title,
                         row->text, row->example, row->expected, ended ? "" : "\n");
    }
    pb_buffer_byte(out, '\n');
}
