/* Checks of whole views; see view_checks.h. */
#include "view_checks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wellformed.h"

static void check_form(const char *name, const pb_form *form)
{
    size_t at = 0;
    const char *fault = markup_fault(form->data, &at);
    if (strcmp(form->mime, "text/plain") == 0)
        return;
    if (fault) {
        size_t from = at > 60 ? at - 60 : 0;
        fail_msg("%s, %s: %s at %zu: ...%.120s", name, form->mime, fault, at, form->data + from);
    }
    const char *classes = strstr(form->data, " class=\"mathjax_ignore tex2jax_ignore\"");
    if (!classes || classes > strchr(form->data, '>'))
        fail_msg("%s, %s: mathematics would be typeset in it", name, form->mime);
    assert_null(strstr(form->data, "<script>alert"));
    assert_null(strstr(form->data, "http://evil"));
}

/* Plain text is lines: nothing but newlines among its control characters. */
static void check_plain(const char *name, const char *text)
{
    assert_non_null(text);
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if ((byte < 0x20 && byte != '\n') || byte == 0x7F)
            fail_msg("%s: control character %d in the plain text", name, byte);
    }
}

void check_bundle(const char *name, pb_status status, pb_bundle **bundle)
{
    assert_int_equal(status, PB_OK);
    assert_non_null(pb_bundle_find(*bundle, "text/html"));
    check_plain(name, pb_bundle_find(*bundle, "text/plain"));
    for (size_t i = 0; i < pb_bundle_count(*bundle); i++) {
        pb_form form = pb_bundle_form(*bundle, i);
        check_form(name, &form);
    }
    pb_bundle_destroy(bundle);
}

size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}
