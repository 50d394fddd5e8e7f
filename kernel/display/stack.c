/* Several bundles as one: what they show, one below the other. */
#include <stdlib.h>
#include <string.h>

#include "base/visible.h"
#include "display/bundle.h"
#include "frame.h"

static void stack_html(pb_markup *html, const char *name, const pb_bundle *part)
{
    const char *page = pb_bundle_find(part, "text/html");
    if (name)
        pb_markup_element(html, "div", "margin:8px 0 2px 0;font-weight:600", name, PB_TEXT_PLAIN);
    if (page)
        pb_markup_raw(html, page);
    else
        pb_markup_element(html, "pre", "margin:4px 0 8px 0", pb_bundle_find(part, "text/plain"),
                          PB_TEXT_PLAIN);
}

/* Texts end in one newline or in none, and stand apart. */
static void stack_text(pb_buffer *plain, const char *name, const pb_bundle *part)
{
    const char *text = pb_bundle_find(part, "text/plain");
    if (plain->length > 0)
        pb_buffer_text(plain, plain->data[plain->length - 1] == '\n' ? "\n" : "\n\n");
    if (name) {
        pb_visible_text(plain, name, strlen(name));
        pb_buffer_text(plain, ":\n");
    }
    pb_buffer_text(plain, text ? text : "");
}

pb_status pb_bundle_stack(pb_bundle *bundle, size_t n, const char *const *names,
                          pb_bundle *const *parts, pb_error **error)
{
    pb_markup html = PB_MARKUP_EMPTY;
    pb_buffer plain = PB_BUFFER_EMPTY;
    pb_markup_open(&html, "div");
    for (size_t i = 0; i < n; i++) {
        stack_html(&html, names[i], parts[i]);
        stack_text(&plain, names[i], parts[i]);
    }
    pb_markup_close(&html);
    pb_status status = pb_bundle_give(bundle, "text/html", pb_markup_take(&html), false, error);
    if (!status)
        status = pb_bundle_give(bundle, "text/plain", pb_buffer_take(&plain), false, error);
    pb_buffer_free(&plain);
    return status;
}
