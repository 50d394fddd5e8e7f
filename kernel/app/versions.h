/* What this program was built with. */
#ifndef PB_APP_VERSIONS_H
#define PB_APP_VERSIONS_H

#include "base/buffer.h"

/* The compiler and the libraries, a line each. */
void pb_versions_write(pb_buffer *out);

#endif
