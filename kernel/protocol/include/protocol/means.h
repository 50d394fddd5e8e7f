/* What a kernel needs of the system. ZeroMQ ends the process where it gets no descriptor, thread or
 * memory; so it is made sure that there are some, in words. To be called before all else. */
#ifndef PB_PROTOCOL_MEANS_H
#define PB_PROTOCOL_MEANS_H

#include "base/error.h"

#define PB_MEANS_DESCRIPTORS 64                  /* to be free: some 40 are used, and 5 a client */
#define PB_MEANS_BYTES       ((size_t)192 << 20) /* of address space, thread's stacks included */
#define PB_MEANS_STACK       ((size_t)256 << 10) /* of a thread */

pb_status pb_means_check(pb_error **error);

#endif
