/* Bundles put together, and bundles as files. */
#ifndef PB_DISPLAY_DOCUMENT_H
#define PB_DISPLAY_DOCUMENT_H

#include "display/bundle.h"

/* One bundle that shows several below each other (html and plain forms). The parts are borrowed. */
pb_status pb_show_stack(const pb_bundle *const *parts, size_t count, pb_bundle **bundle,
                        pb_error **error);

/* A paragraph of text as html and plain. */
pb_status pb_show_text(const char *text, pb_bundle **bundle, pb_error **error);

/* A whole HTML page around a bundle's html form (or its plain text), for saving. It follows the
 * reader's light or dark setting. malloc'ed, the caller's. */
pb_status pb_html_page(const char *title, const pb_bundle *bundle, char **page, pb_error **error);

#endif
