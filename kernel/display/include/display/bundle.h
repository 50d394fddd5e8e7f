/* A MIME bundle: one thing to show, in several forms, from which the front end picks one. */
#ifndef PB_DISPLAY_BUNDLE_H
#define PB_DISPLAY_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct pb_bundle pb_bundle; /* not shared between threads while it is being filled */

/* One form. `data` is UTF-8 text, except that with `json` set it is the text of a JSON value. */
typedef struct pb_form {
    const char *mime; /* "text/plain", "text/html", "image/svg+xml", ... */
    const char *data; /* NUL-terminated, valid UTF-8 */
    size_t length;
    bool json;
} pb_form;

pb_bundle *pb_bundle_create(void); /* NULL when memory is out */

/* Adds or replaces a form. pb_bundle_add copies; pb_bundle_give takes `data` (malloc'ed), also when
 * it fails; NULL data is an allocation that failed. */
pb_status pb_bundle_add(pb_bundle *bundle, const char *mime, const char *data, pb_error **error);
pb_status pb_bundle_give(pb_bundle *bundle, const char *mime, char *data, bool json,
                         pb_error **error);

size_t pb_bundle_count(const pb_bundle *bundle);
pb_form pb_bundle_form(const pb_bundle *bundle, size_t index); /* borrowed */
const char *pb_bundle_find(const pb_bundle *bundle,
                           const char *mime); /* borrowed; NULL if absent */

/* The bundle's metadata as the text of a JSON object, or NULL. Set copies. */
pb_status pb_bundle_set_metadata(pb_bundle *bundle, const char *json, pb_error **error);
const char *pb_bundle_metadata(const pb_bundle *bundle);

/* Moves the forms of *other into `bundle` and destroys it, also on failure. */
pb_status pb_bundle_absorb(pb_bundle *bundle, pb_bundle **other, pb_error **error);

/* Gives `bundle` what the parts show, one below the other, each under its name where that is not
 * NULL: as HTML and as text. */
pb_status pb_bundle_stack(pb_bundle *bundle, size_t n, const char *const *names,
                          pb_bundle *const *parts, pb_error **error);

void pb_bundle_destroy(pb_bundle **bundle);

#endif
