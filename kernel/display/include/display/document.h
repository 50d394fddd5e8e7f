/* Bundles as files. */
#ifndef PB_DISPLAY_DOCUMENT_H
#define PB_DISPLAY_DOCUMENT_H

#include "display/bundle.h"

/* A whole HTML page around a bundle's html form (or its plain text), for saving. It follows the
 * reader's light or dark setting. malloc'ed, the caller's. */
pb_status pb_html_page(const char *title, const pb_bundle *bundle, char **page, pb_error **error);

#endif
