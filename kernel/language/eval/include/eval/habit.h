/*
 * Habits: what people who know Python, numpy, pandas, PyTorch, TransformerLens or plotly type
 * first, and the line that does it here. Rows stand in the layers of words and come with their
 * tables (lexicon.h). A hint is "why: line"; every line runs, which a test does.
 */
#ifndef PB_EVAL_HABIT_H
#define PB_EVAL_HABIT_H

typedef enum pb_habit_kind {
    PB_HABIT_NAME,     /* by itself: exit, input */
    PB_HABIT_MEMBER,   /* behind a dot: t.item() */
    PB_HABIT_ANY,      /* either: topk(t), t.topk() */
    PB_HABIT_MODULE,   /* a library: np; what is meant stands behind its dot */
    PB_HABIT_ARGUMENT, /* a keyword in a call: annot= */
    PB_HABIT_CODE      /* several lines: what they do is one line here */
} pb_habit_kind;

/*
 * A line may have holes, filled with what is written around the place:
 *     {x}      the value before the dot, or else the first argument
 *     {args} {first} {second} {third} {k}   the arguments; one of them; a number among them
 *     {call}   the call without this keyword, others renamed: {call clean=into}
 *     {value}  the keyword's value
 *     {run}    run(...) of the first argument, under the names it is assigned to
 *     {axis} {last} {turned}  of the tensor {x}: its first and last axis, all of them from the end
 *     {column} {number} {cell}  of the table {x}: a column, one of numbers, a value of the first
 *     {shared} an axis that {second} and {third}, or {first} and {second}, share
 * and of the cell, or else of the session:
 *     {prompt} {other} {prompts}  prompts
 *     {word} {word2} {words}      words with a space in front
 * and of the lines of a PB_HABIT_CODE also:
 *     {names}  assignments of prompts, each with a ; behind it
 *     {def}    the head of the function they define; {p} and {t} its prompt and its target; {m}
 *              hands on its model
 *     {a} {b}  what is subtracted in them: a[...] - b[...]
 *     {place}  the first token in which the two prompts differ, for pos=
 *     {site}   the hook's name, as a site
 *     {title}  the title= in them
 *     {texts} {labels} {label} {label2}  pairs of strings as two lists; what a choice is between
 *     {column1} {column2}  columns called as {word} and {word2}
 */
typedef struct pb_habit {
    pb_habit_kind kind;
    /* A name. Of code several that stand in it, a space between: one that ends in * begins a name;
     * "alone" is a definition with nothing behind it, "return," one that returns several values,
     * "pairs" a list of pairs of strings. */
    const char *typed;
    const char *why;  /* a phrase; may be NULL */
    const char *line; /* may be NULL: there is no line for it */
    /* The line where a hole stays open, which stands alone: its own holes are the cell's. NULL: the
     * row does not fit then. */
    const char *given;
} pb_habit;

#endif
