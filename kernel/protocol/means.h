/* What a kernel needs of the system before it begins. ZeroMQ ends the process where it gets no
 * descriptor, thread or memory; so it is made sure first that there are some, in words. */
#ifndef PB_PROTOCOL_MEANS_H
#define PB_PROTOCOL_MEANS_H

#include "base/error.h"

#define PB_MEANS_DESCRIPTORS 64                  /* to be free: some 40 are used, and 5 a client */
#define PB_MEANS_BYTES       ((size_t)64 << 20)  /* of address space, thread's stacks included */
#define PB_MEANS_STACK       ((size_t)256 << 10) /* of a thread */

pb_status pb_means_check(pb_error **error);

#endif
