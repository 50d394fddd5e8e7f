/* What a kernel needs of the system. ZeroMQ ends the process without a word where it gets no
 * descriptor, thread or memory; so this looks first whether there are enough, and says what is
 * missing. To be called before all else. */
#ifndef PB_PROTOCOL_MEANS_H
#define PB_PROTOCOL_MEANS_H

#include "base/error.h"

#define PB_MEANS_DESCRIPTORS 64                  /* to be free: some 40 are used, and 5 a client */
#define PB_MEANS_BYTES       ((size_t)192 << 20) /* of address space, thread's stacks included */
#define PB_MEANS_STACK       ((size_t)256 << 10) /* of a thread */

pb_status pb_means_check(pb_error **error);

#endif
