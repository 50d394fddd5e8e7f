/* The reference: from rows to Markdown. */
#include "assist/reference.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "assist/grammar.h"
#include "base/visible.h"
#include "eval/interp.h"
#include "eval/members.h"
#include "value/text.h"

static void write_head(const pb_builtin *row, pb_buffer *out)
{
    pb_buffer_format(out, "**%s**`", row->name);
    pb_builtin_signature(row, out);
    pb_buffer_format(out, "`\n\n%s\n", row->summary);
}

/* ---- parameters ---- */

static void write_choices(const char *choices, const char *before, pb_buffer *out)
{
    pb_buffer_format(out, "%sone of", before);
    for (const char *at = choices; *at;) {
        size_t word = strcspn(at, " ");
        pb_buffer_format(out, " `\"%.*s\"`", (int)word, at);
        at += word + (at[word] == ' ');
    }
}

void pb_reference_parameter(const pb_lexicon *lexicon, const pb_parameter *p, pb_buffer *out)
{
    const pb_parameter *usual = pb_lexicon_usual(lexicon, p->name);
    bool any = (p->types & PB_TAKES_ANY_NAME) == PB_TAKES_ANY_NAME;
    if (p->what)
        pb_buffer_text(out, p->what);
    else if (!p->choices && usual && usual->what)
        pb_buffer_text(out, usual->what);
    else if (!p->choices && any)
        pb_buffer_text(out, "any value");
    else if (!p->choices)
        pb_parameter_wanted(p, out);
    if (p->choices)
        write_choices(p->choices, p->what ? ", " : "", out);
    if (p->fallback)
        pb_buffer_format(out, " (left out: `%s`)", p->fallback);
}

static void write_parameters(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out)
{
    const pb_parameter *p;
    if (pb_builtin_parameter(row, 0))
        pb_buffer_byte(out, '\n');
    for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++) {
        pb_buffer_format(out, "- `%s`: ", p->name);
        pb_reference_parameter(lexicon, p, out);
        pb_buffer_byte(out, '\n');
    }
}

/* ---- one entry ---- */

/* How code is coloured: front ends know the language's own name, whoever shows the reference as a
 * file knows Python's, which calls some parameters keywords. */
#define COLOURED_HERE "patchbay"
#define COLOURED_FILE "python"

static void write_example(const pb_builtin *row, const char *coloured, pb_buffer *out)
{
    if (!row->example)
        return;
    pb_buffer_format(out, "\n```%s\n%s\n```\n", coloured, row->example);
    if (row->expected && *row->expected) {
        size_t length = strlen(row->expected);
        bool ended = row->expected[length - 1] == '\n';
        pb_buffer_format(out, "\n```\n%s%s```\n", row->expected, ended ? "" : "\n");
    }
}

static void write_see(const pb_builtin *row, pb_buffer *out)
{
    if (!row->see)
        return;
    pb_buffer_text(out, "\nSee also");
    for (const char *at = row->see; *at;) {
        size_t word = strcspn(at, " ");
        pb_buffer_format(out, "%s `%.*s`", at == row->see ? "" : ",", (int)word, at);
        at += word + (at[word] == ' ');
    }
    pb_buffer_text(out, ".\n");
}

void pb_reference_summary(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out)
{
    write_head(row, out);
    write_parameters(lexicon, row, out);
    if (row->example)
        pb_buffer_format(out, "\n```" COLOURED_HERE "\n%s\n```\n", row->example);
}

static void write_word(const pb_lexicon *lexicon, const pb_builtin *row, const char *coloured,
                       pb_buffer *out)
{
    write_head(row, out);
    if (row->doc)
        pb_buffer_format(out, "\n%s\n", row->doc);
    if (row->more)
        row->more(out);
    write_parameters(lexicon, row, out);
    if (row->result)
        pb_buffer_format(out, "\nGives %s.\n", row->result);
    write_example(row, coloured, out);
    write_see(row, out);
}

void pb_reference_entry(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out)
{
    write_word(lexicon, row, COLOURED_HERE, out);
}

/* ---- foreign text in Markdown ---- */

/* One backtick more than the text has in a row, and `least` at least. */
static size_t fence_length(const char *text, size_t least)
{
    size_t longest = 0;
    for (const char *at = text; *at; at += *at != '\0') {
        size_t run = strspn(at, "`");
        longest = run > longest ? run : longest;
        at += run;
    }
    return longest + 1 > least ? longest + 1 : least;
}

void pb_reference_code(const char *text, pb_buffer *out)
{
    size_t fence = fence_length(text, 2);
    pb_buffer_repeat(out, '`', fence);
    pb_buffer_byte(out, ' ');
    for (const char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20) /* an empty line would end the span */
            pb_visible_text(out, c, 1);
        else
            pb_buffer_byte(out, *c);
    pb_buffer_byte(out, ' ');
    pb_buffer_repeat(out, '`', fence);
}

void pb_reference_block(const char *language, const char *text, pb_buffer *out)
{
    size_t fence = fence_length(text, 3), length = strlen(text);
    pb_buffer_byte(out, '\n');
    pb_buffer_repeat(out, '`', fence);
    pb_buffer_format(out, "%s\n%s%s", language, text,
                     length > 0 && text[length - 1] == '\n' ? "" : "\n");
    pb_buffer_repeat(out, '`', fence);
    pb_buffer_byte(out, '\n');
}

/* ---- values ---- */

/* "A list of 2 strings", or of "the string 'x'" "The string `` 'x' ``": what follows the kind there
 * is the user's text, and goes into backticks. */
static void write_description(const pb_value *value, pb_buffer *out)
{
    char what[200];
    const char *said = pb_value_describe(value, what, sizeof what);
    size_t own = strlen(said), kind = strlen("the ");
    if (strncmp(said, "the ", kind) == 0)
        own = kind + strcspn(said + kind, " ");
    char first = said[0] == 'a' ? 'A' : said[0] == 't' ? 'T' : said[0];
    pb_buffer_byte(out, first);
    pb_buffer_append(out, said + 1, own - 1);
    if (said[own]) {
        pb_buffer_byte(out, ' ');
        pb_reference_code(said + own + 1, out);
    }
    pb_buffer_byte(out, '\n');
}

static void write_members(const pb_member *members, bool *any, pb_buffer *out)
{
    for (const pb_member *m = members; m && m->name; m++) {
        if (!*any)
            pb_buffer_text(out, "\nIt answers to\n\n");
        *any = true;
        pb_buffer_format(out, "- `.%s`: %s\n", m->name, m->summary ? m->summary : "");
    }
}

void pb_reference_value(const pb_value *value, pb_buffer *out)
{
    const pb_object_type *type = pb_value_object_type(value);
    const pb_meta *meta = pb_value_meta(value);
    bool any = false;
    write_description(value, out);
    if (pb_value_kind(value) == PB_FUNCTION) {
        pb_buffer text = PB_BUFFER_EMPTY;
        pb_function_text(value, &text);
        pb_reference_block(COLOURED_HERE, text.data ? text.data : "", out);
        out->failed = out->failed || text.failed;
        pb_buffer_free(&text);
    }
    if (meta && meta->caption) {
        pb_buffer_byte(out, '\n');
        pb_reference_code(meta->caption, out);
        pb_buffer_byte(out, '\n');
    }
    if (meta && meta->look && meta->look->summary)
        pb_buffer_format(out, "\n%s\n", meta->look->summary);
    if (type && type->summary)
        pb_buffer_format(out, "\n%s\n", type->summary);
    if (meta && meta->look)
        write_members(meta->look->members, &any, out);
    if (type)
        write_members(type->members, &any, out);
    write_members(pb_kind_members(pb_value_kind(value)), &any, out);
}

/* ---- all words ---- */

/* Is `row` the first of its category? */
static bool opens_category(const pb_lexicon *lexicon, const pb_builtin *row)
{
    size_t at = 0;
    for (const pb_builtin *before; (before = pb_lexicon_next_builtin(lexicon, &at)) != row;)
        if (strcmp(before->category, row->category) == 0)
            return false;
    return true;
}

static void write_entry(const pb_lexicon *lexicon, const pb_builtin *row, pb_buffer *out)
{
    pb_buffer_format(out, "\n### %s\n\n", row->name);
    write_word(lexicon, row, COLOURED_FILE, out);
}

/* Each category: its heading, the text `after` the heading, then its rows through `write`. */
static void write_categories(const pb_lexicon *lexicon, const char *after,
                             void (*write)(const pb_lexicon *lexicon, const pb_builtin *row,
                                           pb_buffer *out),
                             pb_buffer *out)
{
    size_t at = 0;
    for (const pb_builtin *head; (head = pb_lexicon_next_builtin(lexicon, &at));) {
        size_t in = 0;
        if (!opens_category(lexicon, head))
            continue;
        pb_buffer_format(out, "\n## %s\n%s", head->category, after);
        for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &in));)
            if (strcmp(row->category, head->category) == 0)
                write(lexicon, row, out);
    }
}

/* "- **Models**: `load`, `models`" */
static void list_category(const pb_lexicon *lexicon, const char *category, pb_buffer *out)
{
    const char *between = "";
    size_t at = 0;
    pb_buffer_format(out, "- **%s**: ", category);
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &at));)
        if (strcmp(row->category, category) == 0) {
            pb_buffer_format(out, "%s`%s`", between, row->name);
            between = ", ";
        }
    pb_buffer_byte(out, '\n');
}

/* No longer than a screen. */
void pb_reference_overview(const pb_lexicon *lexicon, pb_buffer *out)
{
    pb_buffer_text(out,
                   "Three statements: `name = expression`, `f(x, y=1) = expression`, and an "
                   "expression. `x.f(y)` is `f(x, y)`.\n\n`help(top)` says more of a word, and "
                   "`help(\"Patching\")` what each word of a group does.\n\n");
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &at));)
        if (opens_category(lexicon, row))
            list_category(lexicon, row->category, out);
    const char *before = "- **Values**: ";
    at = 0;
    for (const pb_constant *row; (row = pb_lexicon_next_constant(lexicon, &at)); before = ", ")
        pb_buffer_format(out, "%s`%s`", before, row->name);
    pb_buffer_byte(out, '\n');
}

bool pb_reference_category(const pb_lexicon *lexicon, const char *name, pb_buffer *out)
{
    bool found = false;
    size_t at = 0;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &at));)
        if (strcasecmp(row->category, name) == 0) {
            pb_buffer_format(out, "- `%s`: %s\n", row->name, row->summary);
            found = true;
        }
    at = 0;
    for (const pb_constant *row; (row = pb_lexicon_next_constant(lexicon, &at));)
        if (strcasecmp("Values", name) == 0) {
            pb_buffer_format(out, "- `%s`: %s\n", row->name, row->summary);
            found = true;
        }
    return found;
}

/* What a cell may come to; see interp.h and value.h. */
static void write_limits(pb_buffer *out)
{
    pb_buffer_format(
        out,
        "\n## Limits\n\n"
        "- Functions of your own wait for one another, or for themselves, %d deep; "
        "less where the system gives a thread less than 64 MB of stack.\n"
        "- A list has %d items at most, a table %d columns, a string %u MB, and values "
        "lie in one another %d deep.\n"
        "- All values of a session together hold what PATCHBAY_MEMORY says (800M, 8G, "
        "or a number of bytes), or three quarters of the machine's memory; a model's "
        "weights do not count.\n",
        PB_MAX_CALL_DEPTH, PB_MAX_LIST_LENGTH, PB_MAX_TABLE_COLUMNS, PB_MAX_STRING_LENGTH >> 20,
        PB_MAX_VALUE_DEPTH);
}

/* ---- what values answer ---- */

enum { MOST_TYPES = 32 };

/* The types of objects that words take or give, each once. */
typedef struct known_types {
    const pb_object_type *types[MOST_TYPES];
    bool given[MOST_TYPES]; /* a word gives it, so that its names are known without one */
    size_t n;
} known_types;

static void know_type(known_types *known, const pb_object_type *type, bool given)
{
    size_t i = 0;
    while (i < known->n && known->types[i] != type)
        i++;
    if (!type || i == MOST_TYPES)
        return;
    known->types[i] = type;
    known->given[i] = known->given[i] || given;
    known->n += i == known->n;
}

static void know_all(const pb_lexicon *lexicon, known_types *known)
{
    size_t at = 0;
    const pb_parameter *p;
    for (const pb_builtin *row; (row = pb_lexicon_next_builtin(lexicon, &at));) {
        know_type(known, row->gives_object, true);
        for (size_t i = 0; (p = pb_builtin_parameter(row, i)); i++)
            for (size_t k = 0; k < sizeof p->objects / sizeof *p->objects && p->objects[k]; k++)
                know_type(known, p->objects[k], false);
    }
}

static void write_answers(const pb_member *members, pb_buffer *out)
{
    for (const pb_member *m = members; m && m->name; m++)
        pb_buffer_format(out, "- `.%s`: %s\n", m->name, m->summary ? m->summary : "");
}

/* What is answered by computing, by name alone. */
static void write_computed(const pb_object_type *type, pb_buffer *out)
{
    pb_names *names = pb_names_create();
    if (names)
        type->names(NULL, names);
    size_t count = names ? pb_names_count(names) : 0;
    for (size_t i = 0; i < count; i++)
        pb_buffer_format(out, "%s`.%s`", i ? ", " : "- ", pb_names_item(names, i)->text);
    pb_buffer_text(out, count ? "\n" : "");
    out->failed = out->failed || !names;
    pb_names_destroy(&names);
}

static void write_values(const pb_lexicon *lexicon, pb_buffer *out)
{
    known_types known = {.n = 0};
    know_all(lexicon, &known);
    pb_buffer_text(out,
                   "\n## What values answer\n\nAfter a dot, beside every word that takes such "
                   "a value first: `x.f(y)` is `f(x, y)`. A result also answers to its own "
                   "fields, which its entry names, a tensor to its axes (their coordinates, so "
                   "that `t.layer > 3` is a mask), and a table to its columns.\n\n"
                   "### A tensor\n\n");
    write_answers(pb_kind_members(PB_TENSOR), out);
    pb_buffer_text(out, "\n### A table\n\n");
    write_answers(pb_kind_members(PB_TABLE), out);
    for (size_t i = 0; i < known.n; i++) {
        const pb_object_type *type = known.types[i];
        bool computes = known.given[i] && type->names;
        if (!type->members && !computes)
            continue;
        pb_buffer_format(out, "\n### %c%s\n\n%s\n\n", type->article[0] - 'a' + 'A',
                         type->article + 1, type->summary ? type->summary : "");
        write_answers(type->members, out);
        if (computes)
            write_computed(type, out);
    }
}

void pb_reference_words(const pb_lexicon *lexicon, pb_buffer *out)
{
    pb_reference_grammar(out);
    pb_buffer_text(out, "# The built-in words\n");
    write_categories(lexicon, "", write_entry, out);
    write_values(lexicon, out);
    write_limits(out);
}

/* ---- as a bundle ---- */

/* A line without the marks that only a renderer needs; what stands in code spans stays as it is. */
static void plain_line(const char *line, size_t length, pb_buffer *out)
{
    for (size_t i = 0; i < length;) {
        size_t fence = strspn(line + i, "`"), end = i + fence;
        if (line[i] == '*' && line[i + 1] == '*') {
            i += 2;
            continue;
        }
        while (fence > 0 && end < length && strspn(line + end, "`") != fence)
            end += line[end] == '`' ? strspn(line + end, "`") : 1;
        if (fence > 0 && end < length) {
            size_t first = i + fence, inside = end - first;
            size_t pad = inside > 2 && line[first] == ' ' && line[end - 1] == ' ';
            pb_buffer_append(out, line + first + pad, inside - 2 * pad);
            i = end + fence;
        } else {
            pb_buffer_byte(out, line[i++]);
        }
    }
}

/* Markdown as plain text. */
static void plain_text(const char *markdown, pb_buffer *out)
{
    size_t fence = 0; /* backticks around the block we are in */
    for (const char *line = markdown; *line;) {
        size_t length = strcspn(line, "\n"), ticks = strspn(line, "`");
        bool opens = fence == 0 && ticks >= 3 && !memchr(line + ticks, '`', length - ticks);
        bool closes = fence > 0 && ticks == fence && length == ticks;
        if (opens || closes)
            fence = opens ? ticks : 0;
        else if (fence > 0)
            pb_buffer_append(out, line, length);
        else
            plain_line(line, length, out);
        line += length + (line[length] == '\n');
        if (!opens && !closes)
            pb_buffer_byte(out, '\n');
    }
}

pb_status pb_reference_bundle(pb_buffer *markdown, pb_bundle **bundle, pb_error **error)
{
    pb_buffer plain = PB_BUFFER_EMPTY, clean = PB_BUFFER_EMPTY;
    pb_clean_text(markdown->data ? markdown->data : "", markdown->length, &clean);
    clean.failed = clean.failed || markdown->failed;
    pb_buffer_free(markdown);
    char *text = pb_buffer_take(&clean);
    *bundle = text ? pb_bundle_create() : NULL;
    if (!*bundle) {
        free(text);
        return pb_fail_memory(error);
    }
    plain_text(text, &plain);
    pb_status status = pb_bundle_give(*bundle, "text/plain", pb_buffer_take(&plain), false, error);
    if (!status)
        status = pb_bundle_give(*bundle, "text/markdown", text, false, error);
    else
        free(text);
    if (status)
        pb_bundle_destroy(bundle);
    return status;
}
