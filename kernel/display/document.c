/* Bundles as files. */
#include "display/document.h"

#include <string.h>

#include "markup.h"

/* The fragment that shows a bundle in a page: its html, or its plain text set as code. */
static void append_html(pb_markup *markup, const pb_bundle *bundle)
{
    const char *html = pb_bundle_find(bundle, "text/html");
    const char *plain = pb_bundle_find(bundle, "text/plain");
    if (html) {
        pb_markup_raw(markup, html);
        return;
    }
    pb_markup_open(markup, "pre");
    for (const char *line = plain ? plain : ""; *line;) {
        size_t length = strcspn(line, "\n");
        pb_markup_span(markup, line, length);
        line += length;
        if (*line == '\n') {
            pb_markup_raw(markup, "\n");
            line++;
        }
    }
    pb_markup_close(markup);
}

static const char page_head[] =
    "<meta charset=\"utf-8\"/>"
    "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"/>"
    "<style>:root{color-scheme:light dark}body{margin:24px;font-family:system-ui,sans-serif;"
    "background:#fff;color:#1f2328}@media (prefers-color-scheme:dark){body{background:#111;"
    "color:#e1e1e1}}</style>";

pb_status pb_html_page(const char *title, const pb_bundle *bundle, char **page, pb_error **error)
{
    pb_markup markup = PB_MARKUP_EMPTY;
    pb_markup_raw(&markup, "<!DOCTYPE html>\n");
    pb_markup_open(&markup, "html");
    pb_markup_attribute(&markup, "lang", "en");
    pb_markup_open(&markup, "head");
    pb_markup_raw(&markup, page_head);
    pb_markup_element(&markup, "title", NULL, title ? title : "", PB_TEXT_PLAIN);
    pb_markup_close(&markup);
    pb_markup_open(&markup, "body");
    append_html(&markup, bundle);
    pb_markup_close(&markup);
    pb_markup_close(&markup);
    pb_markup_raw(&markup, "\n");
    *page = pb_markup_take(&markup);
    return *page ? PB_OK : pb_fail_memory(error);
}
