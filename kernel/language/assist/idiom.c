/* Pages of Python that are one line here: which row fits the code, and what of it goes into the
 * line. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "advise_private.h"
#include "syntax/parser.h"
#include "value/value.h"

#define MOST_PROMPTS 8
#define MOST_WORDS   6

/* A prompt as a line writes it, and its text. */
typedef struct pb_prompt_seen {
    char *written, *text;
    char *literal; /* of a name that the code itself gives: what it is given */
} pb_prompt_seen;

typedef struct pb_page {
    const pb_scan *scan;
    const pb_snapshot *snapshot;
    pb_prompt_seen prompts[MOST_PROMPTS];
    size_t n_prompts;
    char *words[MOST_WORDS];
    size_t n_words;
} pb_page;

/* ---- prompts ---- */

/* Three words at least, on one line, and no pieces that are filled in. */
static bool is_sentence(const char *text)
{
    size_t gaps = 0;
    for (const char *c = text; *c; c++)
        gaps += *c == ' ' && c > text && c[-1] != ' ' && c[1];
    return gaps >= 2 && !strpbrk(text, "\n{}\\") && strlen(text) < 200;
}

/* Takes its texts. A prompt that is there already is not added. */
static void add_prompt(pb_page *page, char *written, char *text, char *literal)
{
    bool known = !written || !text || page->n_prompts == MOST_PROMPTS || !is_sentence(text);
    for (size_t i = 0; !known && i < page->n_prompts; i++)
        known = strcmp(page->prompts[i].text, text) == 0;
    if (!known) {
        page->prompts[page->n_prompts++] = (pb_prompt_seen){written, text, literal};
        return;
    }
    free(written);
    free(text);
    free(literal);
}

static char *body_of(const pb_scan *scan, size_t which)
{
    pb_span body = scan->tokens[which].body;
    return strndup(scan->lexer.text + body.start, body.end - body.start);
}

static bool is_string(const pb_scan *scan, size_t which)
{
    return which < scan->count && scan->tokens[which].kind == PB_TOKEN_STRING &&
           !scan->tokens[which].formatted;
}

/* A string is a prompt where a name is given it, or where it is passed on by place, but not to
 * what only writes it out. */
static void see_string(pb_page *page, size_t which)
{
    const pb_scan *scan = page->scan;
    size_t open = pb_scan_bracket(scan, which);
    bool named = which >= 2 && pb_scan_is(scan, which - 1, "=") &&
                 scan->tokens[which - 2].kind == PB_TOKEN_NAME;
    bool passed =
        which > 0 && (pb_scan_is(scan, which - 1, "(") || pb_scan_is(scan, which - 1, "[") ||
                      pb_scan_is(scan, which - 1, ","));
    if (named && open == SIZE_MAX)
        add_prompt(page, pb_scan_text(scan, which - 2), body_of(scan, which),
                   pb_scan_text(scan, which));
    else if (passed && open != SIZE_MAX && !(open > 0 && pb_scan_is(scan, open - 1, "print")))
        add_prompt(page, pb_scan_text(scan, which), body_of(scan, which), NULL);
}

static void add_session_name(pb_page *page, pb_entry entry)
{
    const char *text =
        pb_value_kind(entry.value) == PB_STRING ? pb_value_get_text(entry.value, NULL) : NULL;
    if (text)
        add_prompt(page, strdup(entry.name), strdup(text), NULL);
}

static void find_prompts(pb_page *page)
{
    static const char *const usual[] = {"I love this movie because it is",
                                        "I hate this movie because it is"};
    const pb_scan *scan = page->scan;
    for (size_t i = 0; i < scan->count; i++) {
        if (is_string(scan, i))
            see_string(page, i);
        for (size_t n = 0; scan->tokens[i].kind == PB_TOKEN_NAME && n < page->snapshot->n_names;
             n++)
            if (pb_token_text_is(&scan->lexer, &scan->tokens[i], page->snapshot->names[n].name))
                add_session_name(page, page->snapshot->names[n]);
    }
    for (size_t n = 0; page->n_prompts < 2 && n < page->snapshot->n_names; n++)
        add_session_name(page, page->snapshot->names[n]);
    for (size_t i = 0; page->n_prompts < 2 && i < 2; i++) {
        pb_buffer quoted = PB_BUFFER_EMPTY;
        pb_buffer_format(&quoted, "\"%s\"", usual[i]);
        add_prompt(page, pb_buffer_take(&quoted), strdup(usual[i]), NULL);
    }
}

/* ---- words ---- */

/* ' great' or " great" anywhere, f-strings included. */
static void find_words(pb_page *page)
{
    const char *text = page->scan->lexer.text;
    for (size_t i = 0; text[i]; i++) {
        size_t letters = 0;
        if ((text[i] != '"' && text[i] != '\'') || text[i + 1] != ' ')
            continue;
        while (isalpha((unsigned char)text[i + 2 + letters]))
            letters++;
        if (letters == 0 || text[i + 2 + letters] != text[i])
            continue;
        pb_buffer word = PB_BUFFER_EMPTY;
        pb_buffer_format(&word, "\"%.*s\"", (int)letters + 1, text + i + 1);
        char *made = pb_buffer_take(&word);
        bool known = !made || page->n_words == MOST_WORDS;
        for (size_t w = 0; !known && w < page->n_words; w++)
            known = strcmp(page->words[w], made) == 0;
        if (known)
            free(made);
        else
            page->words[page->n_words++] = made;
    }
}

/* ---- the function they define ---- */

static bool has_part(const char *name, const char *const *parts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

/* f(x: int, y: str = "a") -> float: without its types; {p}, {t} and {m} from its parameters. */
static void fill_definition(const pb_scan *scan, pb_blanks *blanks)
{
    static const char *const prompts[] = {"prompt", "text", "sentence", "string"};
    static const char *const targets[] = {"target", "word", "answer", "label"};
    size_t at = 0;
    while (at < scan->count && !pb_scan_is(scan, at, "def"))
        at++;
    size_t open = at + 2, close = pb_scan_is(scan, open, "(") ? pb_scan_closing(scan, open) : 0;
    if (at >= scan->count || close == 0 || close == SIZE_MAX)
        return;
    pb_buffer head = PB_BUFFER_EMPTY;
    char *name = pb_scan_text(scan, at + 1), *prompt = NULL, *target = NULL;
    bool model = false;
    pb_buffer_format(&head, "%s(", name ? name : "f");
    free(name);
    for (size_t i = open + 1; i < close; i++) {
        size_t end = i;
        while (end < close && !(pb_scan_is(scan, end, ",") && pb_scan_bracket(scan, end) == open))
            end++;
        char *parameter = pb_scan_text(scan, i);
        size_t equals = i;
        while (equals < end &&
               !(pb_scan_is(scan, equals, "=") && pb_scan_bracket(scan, equals) == open))
            equals++;
        char *fallback = pb_scan_span_text(scan, equals + 1, end);
        if (parameter)
            pb_buffer_format(&head, "%s%s%s%s", i > open + 1 ? ", " : "", parameter,
                             fallback ? "=" : "", fallback ? fallback : "");
        model = model || (parameter && strcmp(parameter, "model") == 0);
        if (parameter && !prompt && has_part(parameter, prompts, 4))
            prompt = strdup(parameter);
        else if (parameter && !target && has_part(parameter, targets, 4))
            target = strdup(parameter);
        free(parameter);
        free(fallback);
        i = end;
    }
    pb_buffer_text(&head, ")");
    pb_blank_buffer(blanks, "def", &head);
    pb_blank(blanks, "p", prompt);
    pb_blank(blanks, "t", target);
    pb_blank(blanks, "m", strdup(model ? ", model=model" : ""));
}

/* ---- other parts ---- */

/* a[...] - b[...] */
static void fill_difference(const pb_scan *scan, pb_blanks *blanks)
{
    for (size_t i = 1; i + 2 < scan->count; i++) {
        if (!pb_scan_is(scan, i, "-") || !pb_scan_is(scan, i - 1, "]") ||
            scan->tokens[i + 1].kind != PB_TOKEN_NAME || !pb_scan_is(scan, i + 2, "["))
            continue;
        size_t open = pb_scan_bracket(scan, i - 1);
        if (open == SIZE_MAX || open == 0 || scan->tokens[open - 1].kind != PB_TOKEN_NAME)
            continue;
        pb_blank(blanks, "a", pb_scan_text(scan, open - 1));
        pb_blank(blanks, "b", pb_scan_text(scan, i + 1));
        return;
    }
}

/* [("a prompt", "a label"), ...] as two lists. */
static void fill_pairs(const pb_scan *scan, pb_blanks *blanks)
{
    pb_buffer texts = PB_BUFFER_EMPTY, labels = PB_BUFFER_EMPTY;
    for (size_t i = 1; i + 4 < scan->count; i++) {
        bool pair = pb_scan_is(scan, i, "(") && is_string(scan, i + 1) &&
                    pb_scan_is(scan, i + 2, ",") && is_string(scan, i + 3) &&
                    pb_scan_is(scan, i + 4, ")") &&
                    (pb_scan_is(scan, i - 1, "[") || pb_scan_is(scan, i - 1, ","));
        if (!pair)
            continue;
        char *text = pb_scan_text(scan, i + 1), *label = pb_scan_text(scan, i + 3);
        pb_buffer_format(&texts, "%s%s", texts.length ? ", " : "[", text ? text : "\"\"");
        pb_buffer_format(&labels, "%s%s", labels.length ? ", " : "[", label ? label : "\"\"");
        free(text);
        free(label);
    }
    if (texts.length > 0) {
        pb_buffer_byte(&texts, ']');
        pb_buffer_byte(&labels, ']');
    }
    pb_blank_buffer(blanks, "texts", &texts);
    pb_blank_buffer(blanks, "labels", &labels);
}

/* "positive" if ... else "negative" */
static void fill_labels(const pb_scan *scan, pb_blanks *blanks)
{
    for (size_t i = 0; i + 1 < scan->count; i++) {
        size_t end = i + 1;
        if (!is_string(scan, i) || !pb_scan_is(scan, end, "if"))
            continue;
        while (end < scan->count && !pb_scan_is(scan, end, "else") &&
               scan->tokens[end].kind != PB_TOKEN_NEWLINE)
            end++;
        if (!pb_scan_is(scan, end, "else") || !is_string(scan, end + 1))
            continue;
        pb_blank(blanks, "label", pb_scan_text(scan, i));
        pb_blank(blanks, "label2", pb_scan_text(scan, end + 1));
        return;
    }
}

/* title="..." of a picture. */
static void fill_title(const pb_scan *scan, pb_blanks *blanks)
{
    for (size_t i = 0; i + 2 < scan->count; i++)
        if (pb_scan_is(scan, i, "title") && pb_scan_is(scan, i + 1, "=") &&
            is_string(scan, i + 2)) {
            pb_blank(blanks, "title", pb_scan_text(scan, i + 2));
            return;
        }
    pb_blank(blanks, "title", strdup("\"Difference\""));
}

/* "blocks.{layer}.hook_resid_post" names a site. */
static void fill_site(const pb_scan *scan, pb_blanks *blanks)
{
    const char *found = strstr(scan->lexer.text, "hook_resid_");
    size_t length = 0;
    while (found && (islower((unsigned char)found[5 + length]) || found[5 + length] == '_'))
        length++;
    pb_blank(blanks, "site", found ? strndup(found + 5, length) : strdup("resid_post"));
}

/* The first word in which two prompts differ, as a token with its space; the last position where
 * that is the first word or none. */
static void fill_place(const pb_page *page, pb_blanks *blanks)
{
    const char *a = page->prompts[0].text, *b = page->prompts[1].text;
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    while (at > 0 && a[at] != ' ')
        at--;
    size_t length = a[at] == ' ' ? 1 + strcspn(a + at + 1, " ") : 0;
    pb_buffer place = PB_BUFFER_EMPTY;
    if (length > 1)
        pb_buffer_format(&place, "\"%.*s\"", (int)length, a + at);
    else
        pb_buffer_text(&place, "-1");
    pb_blank_buffer(blanks, "place", &place);
}

/* " great" as a name of a column: great. */
static void fill_column(pb_blanks *blanks, const char *hole, const char *word)
{
    size_t length = word ? strlen(word) : 0;
    if (length < 4)
        return;
    char *name = strndup(word + 2, length - 3);
    if (name && pb_is_reserved(name, strlen(name))) {
        free(name);
        name = strdup(hole);
    }
    pb_blank(blanks, hole, name);
}

static void fill_prompts(const pb_page *page, pb_blanks *blanks)
{
    pb_buffer list = PB_BUFFER_EMPTY, names = PB_BUFFER_EMPTY, words = PB_BUFFER_EMPTY;
    for (size_t i = 0; i < page->n_prompts; i++) {
        const pb_prompt_seen *prompt = &page->prompts[i];
        pb_buffer_format(&list, "%s%s", i ? ", " : "[", prompt->written);
        if (prompt->literal)
            pb_buffer_format(&names, "%s = %s; ", prompt->written, prompt->literal);
    }
    pb_buffer_byte(&list, ']');
    for (size_t i = 0; i < page->n_words; i++)
        pb_buffer_format(&words, "%s%s", i ? ", " : "[", page->words[i]);
    pb_buffer_text(&words, page->n_words ? "]" : "[\" great\", \" bad\"]");
    pb_blank(blanks, "prompt", strdup(page->prompts[0].written));
    pb_blank(blanks, "other", strdup(page->prompts[1].written));
    pb_blank_buffer(blanks, "prompts", &list);
    if (names.length == 0)
        pb_blank(blanks, "names", strdup(""));
    else
        pb_blank_buffer(blanks, "names", &names);
    pb_buffer_free(&names);
    pb_blank(blanks, "word", strdup(page->n_words > 0 ? page->words[0] : "\" great\""));
    pb_blank(blanks, "word2", strdup(page->n_words > 1 ? page->words[1] : "\" bad\""));
    pb_blank_buffer(blanks, "words", &words);
    fill_column(blanks, "column1", pb_blank_text(blanks, "word"));
    fill_column(blanks, "column2", pb_blank_text(blanks, "word2"));
}

/* ---- which row ---- */

static bool stands(const pb_scan *scan, const char *name, size_t length)
{
    bool begins = length > 1 && name[length - 1] == '*';
    size_t wanted = begins ? length - 1 : length;
    for (size_t i = 0; i < scan->count; i++) {
        pb_span span = scan->tokens[i].span;
        size_t own = span.end - span.start;
        if (scan->tokens[i].kind == PB_TOKEN_NAME && (begins ? own >= wanted : own == wanted) &&
            memcmp(scan->lexer.text + span.start, name, wanted) == 0)
            return true;
    }
    return false;
}

/* One definition, and nothing behind it: nothing else stands at the start of a line. */
static bool stands_alone(const pb_scan *scan)
{
    size_t outer = 0;
    for (size_t i = 0; i < scan->count; i++) {
        size_t at = scan->tokens[i].span.start;
        outer += scan->tokens[i].kind != PB_TOKEN_NEWLINE &&
                 (at == 0 || scan->lexer.text[at - 1] == '\n');
    }
    return outer == 1;
}

/* return a, b */
static bool returns_several(const pb_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        if (!pb_scan_is(scan, i, "return"))
            continue;
        for (size_t k = i + 1; k < scan->count && scan->tokens[k].kind != PB_TOKEN_NEWLINE; k++)
            if (pb_scan_is(scan, k, ",") && pb_scan_bracket(scan, k) == SIZE_MAX)
                return true;
    }
    return false;
}

static bool fits(const pb_scan *scan, const pb_habit *row, bool pairs)
{
    for (const char *at = row->typed; *at;) {
        size_t length = strcspn(at, " ");
        bool found;
        if (length == 5 && strncmp(at, "alone", 5) == 0)
            found = stands_alone(scan);
        else if (length == 7 && strncmp(at, "return,", 7) == 0)
            found = returns_several(scan);
        else if (length == 5 && strncmp(at, "pairs", 5) == 0)
            found = pairs;
        else
            found = stands(scan, at, length);
        if (!found)
            return false;
        at += length + (at[length] == ' ');
    }
    return true;
}

static void free_page(pb_page *page)
{
    for (size_t i = 0; i < page->n_prompts; i++) {
        free(page->prompts[i].written);
        free(page->prompts[i].text);
        free(page->prompts[i].literal);
    }
    for (size_t i = 0; i < page->n_words; i++)
        free(page->words[i]);
}

void pb_fill_page(const pb_scan *scan, const pb_snapshot *snapshot, pb_blanks *blanks)
{
    pb_page page = {.scan = scan, .snapshot = snapshot};
    find_prompts(&page);
    find_words(&page);
    if (page.n_prompts >= 2) {
        fill_prompts(&page, blanks);
        fill_place(&page, blanks);
    }
    fill_pairs(scan, blanks);
    fill_definition(scan, blanks);
    fill_difference(scan, blanks);
    fill_labels(scan, blanks);
    fill_title(scan, blanks);
    fill_site(scan, blanks);
    free_page(&page);
}

const pb_habit *pb_find_idiom(const pb_scan *scan, const pb_snapshot *snapshot,
                              const pb_blanks *blanks, pb_buffer *line)
{
    const pb_habit *row;
    bool pairs = pb_blank_text(blanks, "texts") != NULL;
    for (size_t at = 0; (row = pb_lexicon_next_habit(snapshot->lexicon, &at));) {
        pb_buffer_clear(line);
        if (row->kind == PB_HABIT_CODE && fits(scan, row, pairs) &&
            pb_fill_line(row->line, blanks, line))
            return row;
    }
    return NULL;
}
