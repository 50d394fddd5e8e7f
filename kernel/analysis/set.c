/* prompts(): sets of prompts from a template. A set is a table with a column `prompt`. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "domain.h"
#include "show/show.h"
#include "words.h"

/* ---- templates ---- */

/* A piece of a template: text as it stands, or a hole that the argument `hole` fills. */
typedef struct template_piece {
    size_t start, length; /* in the template, of the text or of the hole's name */
    bool is_hole;
    size_t hole;
} template_piece;

typedef struct prompt_template {
    const pb_call *call;
    const char *text;
    size_t length;
    template_piece *pieces;
    size_t n_pieces;
} prompt_template;

static pb_status fail_template(const prompt_template *t, pb_error **error, const char *text,
                               const char *hint)
{
    pb_status status = pb_fail_argument(t->call, "template", error, PB_VALUE, "%s", text);
    if (error)
        pb_error_hint(*error, "%s", hint);
    return status;
}

static bool names_hole(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] != '_' && !isalnum((unsigned char)text[i]) && !((unsigned char)text[i] & 0x80))
            return false;
    return length > 0 && !isdigit((unsigned char)text[0]);
}

static bool is_argument(const pb_argument *argument, const char *name, size_t length)
{
    return strlen(argument->name) == length && memcmp(argument->name, name, length) == 0;
}

/* Nothing fills the hole {C}: the names that were given, the nearest first. */
static pb_status unfilled(const prompt_template *t, const char *name, size_t length,
                          pb_error **error)
{
    char hole[96];
    const char *given[16];
    size_t count = 0;
    snprintf(hole, sizeof hole, "%.*s", (int)(length < 90 ? length : 90), name);
    for (; count < t->call->n_rest && count < 16; count++)
        given[count] = t->call->rest[count].name;
    pb_status status = pb_fail_argument(t->call, "template", error, PB_VALUE,
                                        "nothing fills the hole {%s} of this template", hole);
    const char *near = pb_nearest(hole, given, count);
    if (error && near)
        pb_error_hint(*error, "%s= is given; is the hole {%s}?", near, near);
    else if (error)
        pb_error_hint(*error, "prompts(template, %s=[...])", hole);
    return status;
}

static pb_status find_hole(const prompt_template *t, template_piece *piece, pb_error **error)
{
    const char *name = t->text + piece->start;
    if (!names_hole(name, piece->length))
        return fail_template(t, error, "a hole of a template is a name in braces, as {A}",
                             "for a brace itself write {{ or }}");
    if (piece->length == 6 && memcmp(name, "prompt", 6) == 0)
        return fail_template(t, error,
                             "a hole cannot be called prompt: that is the column of the prompts "
                             "themselves",
                             "give it another name: {text}");
    for (piece->hole = 0; piece->hole < t->call->n_rest; piece->hole++)
        if (is_argument(&t->call->rest[piece->hole], name, piece->length))
            return PB_OK;
    return unfilled(t, name, piece->length, error);
}

/* The piece that begins at `at`, which moves behind it. */
static pb_status next_piece(const prompt_template *t, size_t *at, template_piece *piece,
                            pb_error **error)
{
    const char *text = t->text + *at;
    size_t left = t->length - *at, length = 0;
    *piece = (template_piece){.start = *at};
    if (left > 1 && (text[0] == '{' || text[0] == '}') && text[1] == text[0]) {
        piece->length = 1;
        *at += 2;
        return PB_OK;
    }
    if (text[0] == '}')
        return fail_template(t, error, "a } of this template closes no hole",
                             "for a brace itself write }}");
    if (text[0] != '{') {
        while (length < left && text[length] != '{' && text[length] != '}')
            length++;
        piece->length = length;
        *at += length;
        return PB_OK;
    }
    const char *end = memchr(text, '}', left);
    if (!end)
        return fail_template(t, error, "a { of this template is not closed",
                             "for a brace itself write {{");
    *piece = (template_piece){*at + 1, (size_t)(end - text) - 1, .is_hole = true};
    *at += (size_t)(end - text) + 1;
    return find_hole(t, piece, error);
}

static pb_status read_template(const pb_call *call, prompt_template *t, pb_error **error)
{
    size_t at = 0;
    *t = (prompt_template){.call = call};
    t->text = pb_value_get_text(pb_argument_value(call, "template"), &t->length);
    t->pieces = pb_calloc(t->length + 1, sizeof *t->pieces);
    pb_status status = t->pieces ? PB_OK : pb_fail_memory(error);
    while (!status && at < t->length)
        status = next_piece(t, &at, &t->pieces[t->n_pieces++], error);
    return status;
}

/* ---- what fills the holes ---- */

/* Each argument as a column of one or of several values, and which of them goes into a row. */
typedef struct fillings {
    pb_value **columns;
    size_t n, rows;
    bool cross;
} fillings;

static void fillings_free(fillings *f)
{
    for (size_t i = 0; f->columns && i < f->n; i++)
        pb_value_release(&f->columns[i]);
    free(f->columns);
}

static bool is_hole(const prompt_template *t, size_t argument)
{
    for (size_t i = 0; i < t->n_pieces; i++)
        if (t->pieces[i].is_hole && t->pieces[i].hole == argument)
            return true;
    return false;
}

static pb_status fail_filling(const pb_call *call, size_t which, pb_status status, pb_error **error)
{
    if (error && *error && call->source)
        pb_error_place(*error, call->source, call->rest[which].span);
    return status;
}

static pb_status no_such_hole(const prompt_template *t, size_t which, pb_error **error)
{
    const char *name = t->call->rest[which].name;
    pb_status status =
        pb_fail(error, PB_NAME, "the template has no hole {%s}, which %s= would fill", name, name);
    if (error)
        pb_error_hint(*error, "a further column is added afterwards: set.%s = [...]", name);
    return fail_filling(t->call, which, status, error);
}

/* Without cross= all columns are equally long, or single values that are there in every row. */
static pb_status count_rows(const pb_call *call, const size_t *lengths, fillings *f,
                            pb_error **error)
{
    size_t first = SIZE_MAX;
    f->rows = 1;
    for (size_t i = 0; i < f->n; i++) {
        if (lengths[i] == SIZE_MAX) /* a single value */
            continue;
        if (f->cross && !pb_size_mul(f->rows, lengths[i], &f->rows))
            f->rows = SIZE_MAX;
        if (!f->cross && first != SIZE_MAX && lengths[i] != f->rows) {
            pb_status status =
                pb_fail(error, PB_VALUE, "%s= has %zu values and %s= has %zu",
                        call->rest[first].name, f->rows, call->rest[i].name, lengths[i]);
            if (error)
                pb_error_hint(*error, "every combination is made with cross=True");
            return fail_filling(call, i, status, error);
        }
        if (!f->cross && first == SIZE_MAX) {
            first = i;
            f->rows = lengths[i];
        }
        if (lengths[i] == 0)
            return fail_filling(call, i,
                                pb_fail(error, PB_VALUE,
                                        "%s= is empty, so that there are no "
                                        "prompts",
                                        call->rest[i].name),
                                error);
    }
    if (f->rows > PB_MAX_LIST_LENGTH)
        return pb_fail_argument(call, NULL, error, PB_LIMIT,
                                "these are more than %d prompts, the most that a table holds",
                                PB_MAX_LIST_LENGTH);
    return PB_OK;
}

static pb_status take_fillings(const prompt_template *t, fillings *f, pb_error **error)
{
    const pb_call *call = t->call;
    *f = (fillings){.n = call->n_rest, .cross = pb_argument_bool(call, "cross")};
    f->columns = pb_calloc(f->n, sizeof *f->columns);
    size_t *lengths = pb_calloc(f->n, sizeof *lengths);
    pb_status status = f->columns && lengths ? PB_OK : pb_fail_memory(error);
    for (size_t i = 0; i < f->n && !status; i++) {
        size_t rows = 1;
        bool many = pb_value_fills_rows(call->rest[i].value, &rows);
        lengths[i] = many ? rows : SIZE_MAX;
        status = is_hole(t, i) ? PB_OK : no_such_hole(t, i, error);
        if (!status)
            status = fail_filling(
                call, i,
                pb_value_as_column(call->keeper, call->rest[i].value, 1, &f->columns[i], error),
                error);
    }
    if (!status)
        status = count_rows(call, lengths, f, error);
    free(lengths);
    return status;
}

/* The value of an argument in a row: crossed, the last one changes fastest. */
static pb_value *filling_at(const fillings *f, size_t which, size_t row)
{
    size_t count = pb_list_count(f->columns[which]), after = 1;
    for (size_t i = which + 1; f->cross && i < f->n; i++)
        after *= pb_list_count(f->columns[i]);
    return pb_list_item(f->columns[which], count == 1 ? 0 : f->cross ? row / after % count : row);
}

/* ---- the table ---- */

/* A cell without a value, as a blank one of a CSV file is. */
static pb_status no_filling(const prompt_template *t, size_t which, size_t row, pb_error **error)
{
    pb_status status = pb_fail(error, PB_VALUE, "row %zu: nothing fills the hole {%s}", row,
                               t->call->rest[which].name);
    if (error)
        pb_error_hint(*error, "it is None; leave such rows out, or give a text");
    return fail_filling(t->call, which, status, error);
}

static pb_status fill_prompt(const prompt_template *t, const fillings *f, size_t row,
                             pb_value **result, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < t->n_pieces; i++) {
        const template_piece *piece = &t->pieces[i];
        const pb_value *filling = piece->is_hole ? filling_at(f, piece->hole, row) : NULL;
        if (filling && pb_value_is_none(filling)) {
            pb_buffer_free(&text);
            return no_filling(t, piece->hole, row, error);
        }
        if (filling)
            pb_value_str(filling, &text);
        else
            pb_buffer_append(&text, t->text + piece->start, piece->length);
    }
    return pb_value_take_buffer(&text, result, error);
}

/* A column of the set: of the prompts with which == SIZE_MAX, else of an argument's values. */
static void set_column(const prompt_template *t, const fillings *f, size_t which,
                       pb_table_builder *table)
{
    pb_list_builder cells = {.keeper = table->keeper};
    for (size_t row = 0; !table->status && !cells.status && row < f->rows; row++) {
        pb_value *cell = NULL;
        if (which == SIZE_MAX)
            cells.status = fill_prompt(t, f, row, &cell, &cells.error);
        else
            cell = pb_value_retain(filling_at(f, which, row));
        pb_list_take(&cells, cell);
    }
    pb_table_take_list(
        table, &cells,
        (pb_table_cells){.name = which == SIZE_MAX ? "prompt" : t->call->rest[which].name});
}

static pb_status call_prompts(pb_call *call, pb_value **result, pb_error **error)
{
    prompt_template t;
    fillings f = {0};
    pb_status status = read_template(call, &t, error);
    if (!status)
        status = take_fillings(&t, &f, error);
    if (!status) {
        pb_table_builder table = {.keeper = call->keeper};
        set_column(&t, &f, SIZE_MAX, &table);
        for (size_t i = 0; i < f.n; i++)
            set_column(&t, &f, i, &table);
        status = pb_table_finish(&table, result, error);
    }
    fillings_free(&f);
    free(t.pieces);
    return status;
}

const pb_builtin pb_builtins_set[] = {
    {.name = "prompts",
     .category = "Prompts and runs",
     .summary = "A set of prompts from a template with holes in braces, and what fills them.",
     .doc = "Gives a table with the column `prompt` and one for each hole. The lists are as long "
            "as one another, and row i is made of their i-th values; a single value is in every "
            "row. With `cross=True` every combination is there, the last hole changing fastest. "
            "For a brace itself write {{ or }}.\n\n"
            "A table with a column `prompt` is a set of prompts, wherever it comes from, and goes "
            "wherever a list of prompts does: `logit(set, set.answer)` gives one number for each "
            "row, `run(set)` their activations over `prompt`.",
     .result = "a table with the column `prompt`",
     .example = "prompts(\"I {v} this {n}\", v=[\"love\", \"hate\"], n=[\"film\", \"book\"], "
                "cross=True).prompt",
     .expected = "['I love this film', 'I love this book', 'I hate this film', 'I hate this book']",
     .see = "table run logit",
     .signature = "(template, hole=[...], ..., cross=False)",
     .parameters = {{.name = "template", .types = PB_TAKES_TEXT, .what = "a text with holes"},
                    {.name = "cross",
                     .types = PB_TAKES_BOOL,
                     .mode = PB_PARAMETER_KEYWORD,
                     .fallback = "False"},
                    {.name = "holes", .types = PB_TAKES_ANY, .mode = PB_PARAMETER_NAMED}},
     .function = call_prompts},
    {0}};
