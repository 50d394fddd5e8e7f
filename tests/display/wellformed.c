/* A strict reader of the markup the display layer writes. */
#include "wellformed.h"

#include <string.h>

#include "base/utf8.h"

enum { DEEPEST = 64, MOST_ATTRIBUTES = 24, LONGEST_NAME = 32 };

typedef struct reader {
    const char *text;
    size_t at, length;
    char open[DEEPEST][LONGEST_NAME];
    size_t depth;
} reader;

static bool known(const char *const *names, const char *name)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

static const char *const elements[] = {
    "html", "head",  "body",  "meta",  "title",  "style",    "script", "div", "span", "bdi",
    "wbr",  "table", "thead", "tbody", "tr",     "th",       "td",     "img", "pre",  "svg",
    "g",    "path",  "rect",  "line",  "circle", "polyline", "text",   NULL};

static const char *const attributes[] = {"style",
                                         "class",
                                         "id",
                                         "title",
                                         "role",
                                         "aria-label",
                                         "src",
                                         "alt",
                                         "colspan",
                                         "xmlns",
                                         "viewBox",
                                         "width",
                                         "height",
                                         "x",
                                         "y",
                                         "x1",
                                         "x2",
                                         "y1",
                                         "y2",
                                         "cx",
                                         "cy",
                                         "r",
                                         "rx",
                                         "d",
                                         "points",
                                         "fill",
                                         "fill-opacity",
                                         "stroke",
                                         "stroke-opacity",
                                         "stroke-width",
                                         "stroke-dasharray",
                                         "transform",
                                         "shape-rendering",
                                         "vector-effect",
                                         "font-size",
                                         "font-weight",
                                         "font-family",
                                         "text-anchor",
                                         "color",
                                         "lang",
                                         "charset",
                                         "name",
                                         "content",
                                         "data-cell",
                                         "data-name",
                                         "data-head",
                                         "data-pattern",
                                         "data-position",
                                         NULL};

static bool starts(const reader *r, const char *prefix)
{
    return strncmp(r->text + r->at, prefix, strlen(prefix)) == 0;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

static bool read_name(reader *r, char name[LONGEST_NAME])
{
    size_t length = 0;
    while (is_name_byte(r->text[r->at]) && length + 1 < LONGEST_NAME)
        name[length++] = r->text[r->at++];
    name[length] = '\0';
    return length > 0;
}

static bool read_entity(reader *r)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++)
        if (starts(r, entities[i])) {
            r->at += strlen(entities[i]);
            return true;
        }
    return false;
}

static const char *read_value(reader *r)
{
    if (r->text[r->at++] != '"')
        return "an attribute without quotes";
    while (r->at < r->length && r->text[r->at] != '"') {
        if (r->text[r->at] == '<' || r->text[r->at] == '>' || r->text[r->at] == '\'')
            return "an unescaped character in an attribute";
        if (r->text[r->at] == '&' ? !read_entity(r) : (r->at++, false))
            return "a bare & in an attribute";
    }
    r->at++;
    return NULL;
}

static const char *read_attributes(reader *r)
{
    char seen[MOST_ATTRIBUTES][LONGEST_NAME];
    for (size_t count = 0; r->text[r->at] == ' '; count++) {
        r->at++;
        if (count == MOST_ATTRIBUTES || !read_name(r, seen[count]))
            return "an attribute without a name";
        if (!known(attributes, seen[count]))
            return "an attribute nobody means to write";
        for (size_t i = 0; i < count; i++)
            if (strcmp(seen[i], seen[count]) == 0)
                return "an attribute written twice";
        if (r->text[r->at++] != '=')
            return "an attribute without a value";
        const char *fault = read_value(r);
        if (fault)
            return fault;
    }
    return NULL;
}

/* Scripts and styles are read raw, up to their end tag. */
static const char *skip_raw(reader *r, const char *end)
{
    const char *found = strstr(r->text + r->at, end);
    if (!found)
        return "a script or style without an end";
    r->at = (size_t)(found - r->text);
    return NULL;
}

static const char *read_open_tag(reader *r)
{
    char *name = r->open[r->depth];
    if (r->depth + 1 == DEEPEST || !read_name(r, name))
        return "a bare <";
    if (!known(elements, name))
        return "an element nobody means to write";
    const char *fault = read_attributes(r);
    if (fault)
        return fault;
    if (starts(r, "/>")) {
        r->at += 2;
        return NULL;
    }
    if (r->text[r->at++] != '>')
        return "a tag without its >";
    r->depth++;
    if (strcmp(name, "script") == 0)
        return skip_raw(r, "</script>");
    return strcmp(name, "style") == 0 ? skip_raw(r, "</style>") : NULL;
}

static const char *read_close_tag(reader *r)
{
    char name[LONGEST_NAME];
    if (!read_name(r, name) || r->text[r->at++] != '>')
        return "a broken end tag";
    if (r->depth == 0 || strcmp(r->open[--r->depth], name) != 0)
        return "an end tag that closes nothing";
    return NULL;
}

const char *markup_fault(const char *text, size_t *at)
{
    reader r = {.text = text, .length = strlen(text)};
    const char *fault = NULL;
    *at = pb_utf8_valid_prefix(text, r.length);
    if (*at != r.length)
        return "invalid UTF-8";
    if (starts(&r, "<!DOCTYPE html>"))
        r.at += strlen("<!DOCTYPE html>");
    while (!fault && r.at < r.length) {
        unsigned char c = (unsigned char)text[r.at];
        if (starts(&r, "</"))
            r.at += 2, fault = read_close_tag(&r);
        else if (c == '<')
            r.at += 1, fault = read_open_tag(&r);
        else if (c == '>')
            fault = "a bare >";
        else if (c == '&')
            fault = read_entity(&r) ? NULL : "a bare &";
        else if ((c < 0x20 && c != '\n') || c == 0x7F)
            fault = "a control character";
        else
            r.at++;
    }
    *at = r.at;
    return fault ? fault : r.depth ? "an element left open" : NULL;
}
