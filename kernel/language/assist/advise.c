/* Advice: hints from the rows of habits, filled with what is written around the place of an error.
 */
#include <stdlib.h>
#include <string.h>

#include "advise_private.h"
#include "assist/assist.h"
#include "sight.h"
#include "value/text.h"

/* ---- holes ---- */

void pb_blank(pb_blanks *blanks, const char *name, char *text)
{
    if (!text || blanks->count == sizeof blanks->items / sizeof *blanks->items) {
        free(text);
        return;
    }
    blanks->items[blanks->count].name = name;
    blanks->items[blanks->count++].text = text;
}

void pb_blank_buffer(pb_blanks *blanks, const char *name, pb_buffer *text)
{
    bool any = text->length > 0 && !text->failed;
    char *taken = pb_buffer_take(text);
    if (any)
        pb_blank(blanks, name, taken);
    else
        free(taken);
    pb_buffer_free(text);
}

const char *pb_blank_text(const pb_blanks *blanks, const char *name)
{
    for (size_t i = 0; i < blanks->count; i++)
        if (strcmp(blanks->items[i].name, name) == 0)
            return blanks->items[i].text;
    return NULL;
}

void pb_blanks_free(pb_blanks *blanks)
{
    for (size_t i = 0; i < blanks->count; i++)
        free(blanks->items[i].text);
    *blanks = (pb_blanks){0};
}

/* The hole that begins at `at`: its name, without what stands behind it ("call" of "{call a=b}").
 * Other braces are code. */
static const char *hole_at(const char *at, size_t *length)
{
    static const char *const holes[] = {
        "x",      "args",   "first",   "second", "third",   "k",      "call",  "value",
        "run",    "axis",   "last",    "turned", "column",  "number", "cell",  "shared",
        "prompt", "other",  "prompts", "word",   "word2",   "words",  "names", "def",
        "p",      "t",      "m",       "a",      "b",       "place",  "site",  "title",
        "texts",  "labels", "label",   "label2", "column1", "column2"};
    size_t name = strcspn(at + 1, " }");
    *length = strcspn(at, "}") + 1;
    for (size_t i = 0; i < sizeof holes / sizeof *holes; i++)
        if (strlen(holes[i]) == name && strncmp(holes[i], at + 1, name) == 0 && at[*length - 1])
            return holes[i];
    return NULL;
}

bool pb_fill_line(const char *line, const pb_blanks *blanks, pb_buffer *out)
{
    for (const char *at = line; *at;) {
        size_t length;
        const char *hole = *at == '{' ? hole_at(at, &length) : NULL;
        const char *text = hole ? pb_blank_text(blanks, hole) : NULL;
        if (hole && !text)
            return false;
        if (!hole) {
            pb_buffer_byte(out, *at++);
            continue;
        }
        pb_buffer_text(out, text);
        at += length;
    }
    return !out->failed;
}

/* ---- what is written ---- */

char *pb_scan_span_text(const pb_scan *scan, size_t start, size_t end)
{
    if (start >= end || end > scan->count)
        return NULL;
    size_t first = scan->tokens[start].span.start, last = scan->tokens[end - 1].span.end;
    return strndup(scan->lexer.text + first, last - first);
}

size_t pb_scan_closing(const pb_scan *scan, size_t open)
{
    size_t depth = 0;
    for (size_t i = open; i < scan->count; i++) {
        if (pb_scan_is(scan, i, "(") || pb_scan_is(scan, i, "[") || pb_scan_is(scan, i, "{"))
            depth++;
        else if (pb_scan_is(scan, i, ")") || pb_scan_is(scan, i, "]") || pb_scan_is(scan, i, "}"))
            depth--;
        if (depth == 0)
            return i;
    }
    return SIZE_MAX;
}

static const pb_habit *find_habit(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                                  unsigned kinds)
{
    char *name = pb_scan_text(scan, which);
    const pb_habit *row = NULL;
    for (size_t at = 0; name && (row = pb_lexicon_next_habit(snapshot->lexicon, &at));)
        if ((kinds & (1u << row->kind)) && strcmp(row->typed, name) == 0)
            break;
    free(name);
    return row;
}

/* Before the end of tokens [start, end): what does nothing here, .numpy() and its like, is left
 * out. */
static size_t without_idle(const pb_snapshot *snapshot, const pb_scan *scan, size_t start,
                           size_t end)
{
    while (end >= start + 5 && pb_scan_is(scan, end - 1, ")") && pb_scan_is(scan, end - 2, "(") &&
           pb_scan_is(scan, end - 4, ".")) {
        const pb_habit *row = find_habit(snapshot, scan, end - 3, 1u << PB_HABIT_MEMBER);
        if (!row || !row->line || strcmp(row->line, "{x}") != 0)
            break;
        end -= 4;
    }
    return end;
}

static bool is_word_text(const char *text)
{
    for (const char *c = text; *c; c++)
        if (!(*c == '_' || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
              (c > text && *c >= '0' && *c <= '9')))
            return false;
    return *text != '\0';
}

/* {axis}, {last}, {turned} of a tensor; {column}, {number}, {cell} of a table. */
static void fill_parts(const pb_sight *x, pb_blanks *blanks)
{
    size_t axes = pb_sight_axes(x), columns = pb_table_columns(x->value);
    pb_buffer turned = PB_BUFFER_EMPTY, cell = PB_BUFFER_EMPTY;
    for (size_t i = axes; i-- > 0;)
        pb_buffer_format(&turned, "%s\"%s\"%s", i + 1 == axes ? "[" : ", ", pb_sight_axis(x, i),
                         i == 0 ? "]" : "");
    if (axes > 0) {
        pb_blank(blanks, "axis", strdup(pb_sight_axis(x, 0)));
        pb_blank(blanks, "last", strdup(pb_sight_axis(x, axes - 1)));
    }
    pb_blank_buffer(blanks, "turned", &turned);
    for (size_t i = 0; i < columns; i++) {
        const pb_table_cells *column = pb_table_column(x->value, i);
        const pb_value *first = pb_list_item(column->cells, 0);
        if (!pb_blank_text(blanks, "column"))
            pb_blank(blanks, "column", strdup(column->name));
        if (pb_value_kind(first) == PB_NUMBER && !pb_blank_text(blanks, "number"))
            pb_blank(blanks, "number", strdup(column->name));
    }
    const pb_table_cells *named =
        columns ? pb_table_find(x->value, pb_blank_text(blanks, "column")) : NULL;
    if (named && pb_table_rows(x->value) > 0)
        pb_value_repr(pb_list_item(named->cells, 0), false, &cell);
    pb_blank_buffer(blanks, "cell", &cell);
}

/* The tokens of {x}: text and parts. */
static void fill_subject(const pb_snapshot *snapshot, const pb_scan *scan, size_t start, size_t end,
                         pb_blanks *blanks)
{
    pb_sight x;
    end = without_idle(snapshot, scan, start, end);
    pb_sight_tokens(scan, snapshot, start, end, &x);
    pb_blank(blanks, "x", pb_scan_span_text(scan, start, end));
    fill_parts(&x, blanks);
    pb_sight_free(&x);
}

/* An axis that two tensors share; where one of them is known, that of a product of matrices. */
static const char *shared_axis(const pb_sight *a, const pb_sight *b)
{
    size_t of_a = pb_sight_axes(a), of_b = pb_sight_axes(b);
    for (size_t i = of_a; i-- > 0;)
        for (size_t k = 0; k < of_b; k++)
            if (strcmp(pb_sight_axis(a, i), pb_sight_axis(b, k)) == 0)
                return pb_sight_axis(a, i);
    if (of_a > 0 && of_b > 0)
        return NULL;
    return of_a > 0 ? pb_sight_axis(a, of_a - 1) : of_b > 0 ? pb_sight_axis(b, 0) : NULL;
}

static void fill_shared(const pb_snapshot *snapshot, const pb_scan *scan,
                        const pb_scan_argument *arguments, size_t count, pb_blanks *blanks)
{
    pb_sight a, b;
    if (count < 2)
        return;
    pb_sight_tokens(scan, snapshot, arguments[count - 2].start, arguments[count - 2].end, &a);
    pb_sight_tokens(scan, snapshot, arguments[count - 1].start, arguments[count - 1].end, &b);
    const char *shared = shared_axis(&a, &b);
    pb_blank(blanks, "shared", shared ? strdup(shared) : NULL);
    pb_sight_free(&a);
    pb_sight_free(&b);
}

/* logits, cache = model.run_with_cache(x) as cache = run(x); logits = cache.logits */
static void fill_run(const pb_scan *scan, size_t word, const char *x, pb_blanks *blanks)
{
    size_t start = word;
    pb_buffer run = PB_BUFFER_EMPTY;
    while (start > 0 && scan->tokens[start - 1].kind != PB_TOKEN_NEWLINE)
        start--;
    bool two = pb_scan_is(scan, start + 1, ",") && pb_scan_is(scan, start + 3, "=");
    char *logits = two ? pb_scan_text(scan, start) : NULL;
    char *cache = two ? pb_scan_text(scan, start + 2) : NULL;
    if (logits && cache) {
        pb_buffer_format(&run, "%s = run(%s)", cache, x);
        if (strcmp(logits, "_") != 0)
            pb_buffer_format(&run, "; %s = %s.logits", logits, cache);
    } else {
        pb_buffer_format(&run, "run(%s)", x);
    }
    free(logits);
    free(cache);
    pb_blank_buffer(blanks, "run", &run);
}

/* What is passed in the brackets behind token `word`: {args} and each of them. The first is {x} too
 * where nothing stands before the dot. */
static void fill_arguments(const pb_snapshot *snapshot, const pb_scan *scan, size_t word,
                           bool is_subject, pb_blanks *blanks)
{
    static const char *const names[] = {"first", "second", "third"};
    size_t open = word + 1, count = 0;
    size_t close = pb_scan_is(scan, open, "(") ? pb_scan_closing(scan, open) : SIZE_MAX;
    pb_scan_argument argument = {0}, placed[3];
    if (close == SIZE_MAX || close == open + 1)
        return;
    pb_blank(blanks, "args", pb_scan_span_text(scan, open + 1, close));
    while (pb_scan_next_argument(scan, open, close, &argument)) {
        bool number = argument.end == argument.start + 1 &&
                      scan->tokens[argument.start].kind == PB_TOKEN_NUMBER;
        if (number && !pb_blank_text(blanks, "k"))
            pb_blank(blanks, "k", pb_scan_text(scan, argument.start));
        if (argument.named || count == 3)
            continue;
        pb_blank(blanks, names[count], pb_scan_span_text(scan, argument.start, argument.end));
        placed[count++] = argument;
    }
    if (count > 0 && placed[0].end == placed[0].start + 1 &&
        scan->tokens[placed[0].start].kind == PB_TOKEN_STRING) {
        pb_span body = scan->tokens[placed[0].start].body;
        char *text = strndup(scan->lexer.text + body.start, body.end - body.start);
        if (text && is_word_text(text) && !is_subject)
            pb_blank(blanks, "column", strdup(text));
        free(text);
    }
    if (count > 0 && is_subject)
        fill_subject(snapshot, scan, placed[0].start, placed[0].end, blanks);
    if (!pb_blank_text(blanks, "k"))
        pb_blank(blanks, "k", strdup("10"));
    if (pb_blank_text(blanks, "first"))
        fill_run(scan, word, pb_blank_text(blanks, "first"), blanks);
    fill_shared(snapshot, scan, placed, count, blanks);
}

/* The new name in "clean=into corrupted=from" for the argument's; NULL if there is none. */
static const char *renamed(const char *renames, const char *name, size_t *length)
{
    for (const char *at = renames; *at && *at != '}'; at += strcspn(at, " }")) {
        at += *at == ' ';
        size_t old = strcspn(at, "= }");
        if (at[old] == '=' && strlen(name) == old && strncmp(at, name, old) == 0) {
            *length = strcspn(at + old + 1, " }");
            return at + old + 1;
        }
        if (!*at || *at == '}')
            break;
    }
    return NULL;
}

/* The call around the keyword at token `which`, without it, or with arguments renamed. */
static void fill_call(const pb_scan *scan, size_t which, const char *line, pb_blanks *blanks)
{
    const char *renames = strstr(line, "{call");
    size_t open = pb_scan_bracket(scan, which), written = 0, length;
    size_t close = open == SIZE_MAX ? SIZE_MAX : pb_scan_closing(scan, open);
    pb_scan_argument argument = {0};
    pb_buffer call = PB_BUFFER_EMPTY;
    if (!renames || close == SIZE_MAX)
        return;
    char *head = pb_scan_span_text(scan, pb_scan_operand(scan, open), open + 1);
    pb_buffer_text(&call, head ? head : "(");
    while (pb_scan_next_argument(scan, open, close, &argument)) {
        char *text = pb_scan_span_text(scan, argument.start, argument.end);
        char *name = argument.named ? pb_scan_text(scan, argument.name) : NULL;
        const char *other = name ? renamed(renames + 5, name, &length) : NULL;
        if (text && (other || argument.name != which || !argument.named)) {
            pb_buffer_text(&call, written++ ? ", " : "");
            if (other)
                pb_buffer_format(&call, "%.*s=", (int)length, other);
            else if (name)
                pb_buffer_format(&call, "%s=", name);
            pb_buffer_text(&call, text);
        }
        free(text);
        free(name);
    }
    pb_buffer_text(&call, ")");
    free(head);
    pb_blank_buffer(blanks, "call", &call);
}

/* ---- rows for a place ---- */

/* "why: line" as the hint. A line that cannot be filled, or comes out too long, is the one that its
 * row gives. */
static void hint_row(const pb_habit *row, const pb_blanks *blanks, pb_error *error)
{
    pb_buffer filled = PB_BUFFER_EMPTY;
    bool whole = row->line && pb_fill_line(row->line, blanks, &filled) && filled.length < 400 &&
                 !strchr(filled.data ? filled.data : "", '\n');
    if (!whole)
        pb_buffer_clear(&filled);
    if (!whole && row->given)
        whole = pb_fill_line(row->given, blanks, &filled);
    const char *line = whole ? filled.data : NULL;
    if (line && row->why)
        pb_error_hint(error, "%s: %s", row->why, line);
    else if (line || row->why)
        pb_error_hint(error, "%s", line ? line : row->why);
    pb_buffer_free(&filled);
}

/* The axis that dim=-1 or axis=0 of a call means, of {x}. */
static const char *numbered_axis(const pb_scan *scan, size_t word, const pb_sight *x)
{
    size_t open = word + 1, close = pb_scan_closing(scan, open), axes = pb_sight_axes(x);
    pb_scan_argument argument = {0};
    while (axes > 0 && close != SIZE_MAX && pb_scan_next_argument(scan, open, close, &argument)) {
        bool axis = argument.named && (pb_scan_is(scan, argument.name, "dim") ||
                                       pb_scan_is(scan, argument.name, "axis"));
        char *text = axis ? pb_scan_span_text(scan, argument.start, argument.end) : NULL;
        long number = text ? strtol(text, NULL, 10) : 0;
        free(text);
        number += number < 0 ? (long)axes : 0;
        if (axis && number >= 0 && number < (long)axes)
            return pb_sight_axis(x, (size_t)number);
    }
    return NULL;
}

/* np.mean(x, axis=0): the word of the same name, with the axis by its name. */
static void hint_word(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                      const pb_habit *library, const pb_blanks *blanks, pb_error *error)
{
    const char *args = pb_blank_text(blanks, "args"), *x = pb_blank_text(blanks, "x");
    char *name = pb_scan_text(scan, which);
    pb_scan_argument first = {0};
    pb_sight sight = {0};
    if (pb_scan_next_argument(scan, which + 1, scan->count, &first))
        pb_sight_tokens(scan, snapshot, first.start, first.end, &sight);
    const char *axis = numbered_axis(scan, which, &sight);
    if (axis)
        pb_error_hint(error, "%s: %s(%s, \"%s\")", library->why, name, x, axis);
    else
        pb_error_hint(error, "%s: %s(%s)", library->why, name, strchr(args, '=') ? x : args);
    pb_sight_free(&sight);
    free(name);
}

/* np.argmax(x): what stands behind the library's name is a habit, or a word of the same name. */
static void advise_module(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                          const pb_habit *library, pb_blanks *blanks, pb_error *error)
{
    const unsigned kinds = 1u << PB_HABIT_NAME | 1u << PB_HABIT_MEMBER | 1u << PB_HABIT_ANY;
    size_t last = which;
    while (pb_scan_is(scan, last + 1, ".") && last + 2 < scan->count &&
           scan->tokens[last + 2].kind == PB_TOKEN_NAME)
        last += 2;
    char *name = pb_scan_text(scan, last);
    const pb_builtin *word = name ? pb_lexicon_builtin(snapshot->lexicon, name) : NULL;
    const pb_habit *row = last > which ? find_habit(snapshot, scan, last, kinds) : NULL;
    fill_arguments(snapshot, scan, last, true, blanks);
    const char *args = pb_blank_text(blanks, "args");
    bool along = args && (strstr(args, "dim=") || strstr(args, "axis="));
    if (row && !(word && along))
        hint_row(row, blanks, error);
    else if (word && last > which && pb_blank_text(blanks, "x"))
        hint_word(snapshot, scan, last, library, blanks, error);
    else if (last > which && !library->given && library->line)
        hint_row(library, blanks, error);
    else if (last > which) /* something of the library that there is no row for */
        pb_error_hint(error, "%s, and the words there are, lists: help()", library->why);
    else
        hint_row(library, blanks, error);
    free(name);
}

static void advise_name(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                        pb_blanks *blanks, pb_error *error)
{
    bool behind = which > 0 && pb_scan_is(scan, which - 1, ".");
    unsigned kinds = 1u << PB_HABIT_ANY | 1u << (behind ? PB_HABIT_MEMBER : PB_HABIT_NAME);
    const char *said = pb_error_hint_text(error);
    const pb_habit *row = find_habit(snapshot, scan, which, kinds);
    const pb_habit *library =
        behind ? NULL : find_habit(snapshot, scan, which, 1u << PB_HABIT_MODULE);
    if (library) {
        advise_module(snapshot, scan, which, library, blanks, error);
        return;
    }
    if (!row || (said && strncmp(said, "each item has one", 17) == 0))
        return;
    size_t start = behind ? pb_scan_operand(scan, which - 1) : 0;
    pb_sight subject = {0};
    if (behind)
        pb_sight_tokens(scan, snapshot, start, which - 1, &subject);
    /* model.to_tokens(prompt): what it is done to stands in the brackets */
    const pb_object_type *type = pb_sight_type(&subject);
    bool of_argument =
        !behind || (row->kind == PB_HABIT_ANY && type && strcmp(type->name, "model") == 0);
    fill_arguments(snapshot, scan, which, of_argument, blanks);
    if (!pb_blank_text(blanks, "x") && behind)
        fill_subject(snapshot, scan, start, which - 1, blanks);
    pb_sight_free(&subject);
    hint_row(row, blanks, error);
}

/* The line of an argument that "axes have names: over=..." is said of: the call, with that in its
 * place. */
static void advise_axis(const pb_scan *scan, size_t which, pb_error *error)
{
    static const char said[] = "axes have names: ";
    const char *hint = pb_error_hint_text(error);
    size_t open = pb_scan_bracket(scan, which), written = 0;
    size_t close = open == SIZE_MAX ? SIZE_MAX : pb_scan_closing(scan, open);
    pb_scan_argument argument = {0};
    pb_buffer call = PB_BUFFER_EMPTY;
    if (!hint || strncmp(hint, said, sizeof said - 1) != 0 || close == SIZE_MAX)
        return;
    char *head = pb_scan_span_text(scan, pb_scan_operand(scan, open), open + 1);
    pb_buffer_text(&call, head ? head : "(");
    while (pb_scan_next_argument(scan, open, close, &argument)) {
        size_t start = argument.named ? argument.name : argument.start;
        char *text = pb_scan_span_text(scan, start, argument.end);
        bool meant = which >= start && which < argument.end;
        pb_buffer_format(&call, "%s%s", written++ ? ", " : "",
                         meant  ? hint + sizeof said - 1
                         : text ? text
                                : "");
        free(text);
    }
    pb_buffer_text(&call, ")");
    if (call.data && !call.failed && call.length < 400)
        pb_error_hint(error, "%s%s", said, call.data);
    free(head);
    pb_buffer_free(&call);
}

/* The axis with a number that is written out; NULL where it is none. */
static const char *axis_of_number(const pb_scan *scan, size_t start, size_t end, const pb_sight *x)
{
    bool minus = pb_scan_is(scan, start, "-");
    start += minus;
    if (end != start + 1 || scan->tokens[start].kind != PB_TOKEN_NUMBER)
        return NULL;
    long axes = (long)pb_sight_axes(x);
    long number = strtol(scan->lexer.text + scan->tokens[start].span.start, NULL, 10);
    number = minus ? axes - number : number;
    return number >= 0 && number < axes ? pb_sight_axis(x, (size_t)number) : NULL;
}

/* x.sum(0), x.sum((0, 1)): "axes are named by a string". The caret is under the whole call. */
static void advise_numbers(const pb_snapshot *snapshot, const pb_scan *scan, size_t first,
                           pb_error *error)
{
    size_t close = scan->count;
    while (close > first && scan->tokens[close - 1].span.end > pb_error_span(error).end)
        close--;
    size_t open = close > first ? pb_scan_bracket(scan, close - 1) : SIZE_MAX, count = 0;
    if (strncmp(pb_error_text(error), "axes are named by", 17) != 0 || open == SIZE_MAX ||
        open < first + 3 || !pb_scan_is(scan, open - 2, "."))
        return;
    size_t start = open + 1, end = close - 1;
    if (pb_scan_is(scan, start, "(") || pb_scan_is(scan, start, "["))
        start++, end--;
    pb_sight x;
    pb_buffer axes = PB_BUFFER_EMPTY;
    pb_sight_before(scan, snapshot, open - 2, &x);
    bool known = true;
    for (size_t at = start; known && at < end;) {
        size_t comma = at;
        while (comma < end && !pb_scan_is(scan, comma, ","))
            comma++;
        const char *axis = axis_of_number(scan, at, comma, &x);
        known = axis != NULL;
        pb_buffer_format(&axes, "%s\"%s\"", count++ ? ", " : "", axis ? axis : "");
        at = comma + 1;
    }
    char *head = pb_scan_span_text(scan, first, open + 1);
    if (known && head && count == 1)
        pb_error_hint(error, "axes have names: %s%s)", head, axes.data);
    else if (known && head && count > 1)
        pb_error_hint(error, "axes have names: %s[%s])", head, axes.data);
    free(head);
    pb_buffer_free(&axes);
    pb_sight_free(&x);
}

/* annot=True; and of a word one of whose arguments has a habit of its own, "attention.layer", the
 * value the caret is under. */
static void advise_argument(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                            pb_blanks *blanks, pb_error *error)
{
    bool value = which >= 2 && pb_scan_is(scan, which - 1, "=");
    size_t name = value ? which - 2 : which, open = pb_scan_bracket(scan, name);
    pb_buffer typed = PB_BUFFER_EMPTY;
    const pb_habit *row = NULL;
    if (open == SIZE_MAX || open == 0 || scan->tokens[name].kind != PB_TOKEN_NAME ||
        !pb_scan_is(scan, name + 1, "="))
        return;
    char *word = pb_scan_text(scan, open - 1), *argument = pb_scan_text(scan, name);
    if (word && argument && value)
        pb_buffer_format(&typed, "%s.%s", word, argument);
    else if (argument)
        pb_buffer_text(&typed, argument);
    for (size_t at = 0; (row = pb_lexicon_next_habit(snapshot->lexicon, &at));)
        if (row->kind == PB_HABIT_ARGUMENT && typed.data && strcmp(row->typed, typed.data) == 0)
            break;
    if (row && row->line) {
        pb_scan_argument at = {0};
        size_t close = pb_scan_closing(scan, open);
        fill_call(scan, name, row->line, blanks);
        fill_arguments(snapshot, scan, open - 1, true, blanks);
        while (close != SIZE_MAX && pb_scan_next_argument(scan, open, close, &at))
            if (at.named && at.name == name)
                pb_blank(blanks, "value", pb_scan_span_text(scan, at.start, at.end));
        hint_row(row, blanks, error);
    }
    pb_buffer_free(&typed);
    free(word);
    free(argument);
}

/* model(tokens): its logits are a run's. */
static void advise_model(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                         pb_error *error)
{
    pb_sight called;
    pb_blanks call = {0};
    if (!pb_scan_is(scan, which + 1, "("))
        return;
    pb_sight_before(scan, snapshot, which + 1, &called);
    const pb_object_type *type = pb_sight_type(&called);
    fill_arguments(snapshot, scan, which, true, &call);
    const char *x = pb_blank_text(&call, "x");
    if (type && strcmp(type->name, "model") == 0 && x && strlen(x) < 200)
        pb_error_hint(error,
                      "run() runs a prompt, and top() says what is likeliest then: "
                      "run(%s).logits",
                      x);
    pb_blanks_free(&call);
    pb_sight_free(&called);
}

/* ---- syntax ---- */

/* One past the expression that begins at token `start`: a name or a bracket, with what is called,
 * indexed and dotted behind it. */
static size_t operand_end(const pb_scan *scan, size_t start)
{
    size_t at = start;
    for (;;) {
        bool opens = pb_scan_is(scan, at, "(") || pb_scan_is(scan, at, "[");
        size_t close = opens ? pb_scan_closing(scan, at) : at;
        if (close == SIZE_MAX || close >= scan->count || !pb_scan_ends_operand(scan, close))
            return at;
        at = close + 1;
        if (pb_scan_is(scan, at, "."))
            at++;
        else if (!pb_scan_is(scan, at, "(") && !pb_scan_is(scan, at, "["))
            return at;
    }
}

/* a @ b as dot(a, b, over=...). */
static void advise_product(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                           pb_error *error)
{
    pb_sight a, b;
    size_t start = pb_scan_operand(scan, which), end = operand_end(scan, which + 1);
    char *left = pb_scan_span_text(scan, start, which);
    char *right = pb_scan_span_text(scan, which + 1, end);
    pb_sight_tokens(scan, snapshot, start, which, &a);
    pb_sight_tokens(scan, snapshot, which + 1, end, &b);
    const char *axis = shared_axis(&a, &b);
    if (left && right)
        pb_error_hint(error, "a product goes along a named axis: dot(%s, %s, over=\"%s\")", left,
                      right, axis ? axis : "d_model");
    pb_sight_free(&a);
    pb_sight_free(&b);
    free(left);
    free(right);
}

/* x[..., 0] as x[head=0]: what follows the dots goes along the last axes. */
static void advise_dots(const pb_snapshot *snapshot, const pb_scan *scan, size_t which,
                        pb_error *error)
{
    size_t open = pb_scan_bracket(scan, which);
    size_t close = open == SIZE_MAX ? open : pb_scan_closing(scan, open);
    pb_scan_argument entry = {0};
    pb_sight x;
    if (close == SIZE_MAX || !pb_scan_is(scan, open, "[") || close < 2)
        return;
    entry = pb_scan_last_argument(scan, open, close);
    pb_sight_before(scan, snapshot, open, &x);
    size_t axes = pb_sight_axes(&x);
    char *subject = pb_scan_span_text(scan, pb_scan_operand(scan, open), open);
    char *last = entry.start > which ? pb_scan_span_text(scan, entry.start, entry.end) : NULL;
    if (subject && last && axes > 0)
        pb_error_hint(error, "axes have names, so none has to be skipped: %s[%s=%s]", subject,
                      pb_sight_axis(&x, axes - 1), last);
    pb_sight_free(&x);
    free(subject);
    free(last);
}

/* ---- an error ---- */

/* Puts `new` for `old` wherever the hint has it. */
static void replace_in_hint(pb_error *error, const char *old, const char *new)
{
    const char *hint = pb_error_hint_text(error), *found;
    pb_buffer changed = PB_BUFFER_EMPTY;
    if (!hint || !new || !strstr(hint, old))
        return;
    for (; (found = strstr(hint, old)); hint = found + strlen(old)) {
        pb_buffer_append(&changed, hint, (size_t)(found - hint));
        pb_buffer_text(&changed, new);
    }
    pb_buffer_text(&changed, hint);
    if (changed.data && !changed.failed && changed.length < 800)
        pb_error_hint(error, "%s", changed.data);
    pb_buffer_free(&changed);
}

/* run(prompt) of a hint, where the user has no prompt, is about the prompt there is. */
static void name_prompt(const pb_snapshot *snapshot, const pb_blanks *blanks, pb_error *error)
{
    static const char called[] = "(prompt";
    const char *prompt = pb_blank_text(blanks, "prompt"), *hint = pb_error_hint_text(error);
    pb_buffer named = PB_BUFFER_EMPTY;
    if (!hint || !prompt || pb_scan_name(snapshot, "prompt"))
        return;
    for (const char *at = hint; *at; at++) {
        bool call = at > hint && at[-1] != ' ' && strncmp(at, called, sizeof called - 1) == 0 &&
                    strchr(",)", at[sizeof called - 1]);
        pb_buffer_byte(&named, *at);
        if (call) {
            pb_buffer_text(&named, prompt);
            at += sizeof called - 2;
        }
    }
    if (named.data && !named.failed && named.length < 800)
        pb_error_hint(error, "%s", named.data);
    pb_buffer_free(&named);
}

/* [x.tokens for x in xs] of a hint is about the list that stands at the place. */
static void name_items(const pb_scan *scan, pb_error *error)
{
    static const char old[] = " for x in xs]", begin[] = "each item ";
    const char *hint = pb_error_hint_text(error);
    pb_span span = pb_error_span(error);
    size_t which = 0;
    if (!hint || strncmp(hint, begin, sizeof begin - 1) != 0)
        return;
    while (which < scan->count && scan->tokens[which].span.end <= span.start)
        which++;
    which += which < scan->count && pb_scan_is(scan, which, ".");
    bool behind = which > 0 && pb_scan_is(scan, which - 1, ".");
    char *list = behind ? pb_scan_span_text(scan, pb_scan_operand(scan, which - 1), which - 1)
                        : strndup(scan->lexer.text + span.start, span.end - span.start);
    pb_buffer clause = PB_BUFFER_EMPTY;
    pb_buffer_format(&clause, " for x in %s]", list ? list : "xs");
    if (clause.length < 200)
        replace_in_hint(error, old, clause.data);
    pb_buffer_free(&clause);
    free(list);
}

static void advise_place(const pb_snapshot *snapshot, const pb_scan *scan, pb_blanks *blanks,
                         pb_error *error)
{
    size_t place = pb_error_span(error).start, which = 0;
    pb_status code = pb_error_code(error);
    while (which < scan->count && scan->tokens[which].span.end <= place)
        which++;
    if (which < scan->count && pb_scan_is(scan, which, ".") && code == PB_NAME)
        which++;
    if (which >= scan->count)
        return;
    if (code == PB_TYPE) {
        advise_model(snapshot, scan, which, error);
        advise_axis(scan, which, error);
        advise_numbers(snapshot, scan, which, error);
        advise_argument(snapshot, scan, which, blanks, error);
    } else if (code == PB_SYNTAX && pb_scan_is(scan, which, "@") && which > 0) {
        advise_product(snapshot, scan, which, error);
    } else if (code == PB_SYNTAX &&
               (pb_scan_is(scan, which, "...") || pb_scan_is(scan, which, "."))) {
        advise_dots(snapshot, scan, which, error);
    } else if (code == PB_NAME && scan->tokens[which].kind == PB_TOKEN_NAME) {
        advise_name(snapshot, scan, which, blanks, error);
    }
}

#define LONGEST_PAGE 16384 /* bytes of code that are looked at, some of them often */

void pb_advise(const pb_snapshot *snapshot, pb_error *error)
{
    const pb_source *source = pb_error_source(error);
    pb_status code = pb_error_code(error);
    pb_scan scan;
    pb_blanks blanks = {0};
    pb_buffer line = PB_BUFFER_EMPTY;
    size_t length = source ? pb_source_length(source) : 0;
    if (!source || length > LONGEST_PAGE || code == PB_INTERRUPTED || code == PB_MEMORY)
        return;
    bool habit = code == PB_SYNTAX || code == PB_NAME || code == PB_TYPE;
    bool scanned = pb_scan_start(&scan, pb_source_text(source), length, length);
    if (scanned)
        pb_fill_page(&scan, snapshot, &blanks);
    const pb_habit *idiom =
        scanned && habit ? pb_find_idiom(&scan, snapshot, &blanks, &line) : NULL;
    if (idiom)
        pb_error_hint(error, "%s: %s", idiom->why, line.data);
    else if (scanned && habit)
        advise_place(snapshot, &scan, &blanks, error);
    replace_in_hint(error, ".cfg.", "."); /* a model answers itself */
    if (scanned && !idiom && code != PB_SYNTAX) {
        name_prompt(snapshot, &blanks, error);
        name_items(&scan, error);
    }
    pb_blanks_free(&blanks);
    pb_buffer_free(&line);
    pb_scan_free(&scan);
}
