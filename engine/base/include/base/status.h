/* What a call can come to. Every fallible function returns a pb_status; PB_OK is zero. */
#ifndef PB_BASE_STATUS_H
#define PB_BASE_STATUS_H

typedef enum pb_status {
    PB_OK = 0,
    PB_MEMORY,      /* an allocation failed, or a memory budget would be exceeded */
    PB_IO,          /* a file or socket could not be opened, read or written */
    PB_FORMAT,      /* bytes from outside do not say what they should */
    PB_SYNTAX,      /* a cell does not parse */
    PB_NAME,        /* an unknown name, attribute, axis, site, head or label */
    PB_TYPE,        /* a value of the wrong kind, or a call with the wrong arguments */
    PB_VALUE,       /* a value of the right kind that cannot be used here */
    PB_RANGE,       /* an index, position, layer or head outside what there is */
    PB_LIMIT,       /* recursion, result size or another bound was reached */
    PB_INTERRUPTED, /* the stop flag was raised */
    PB_UNSUPPORTED, /* well formed, but not something Patchbay does */
    PB_INTERNAL     /* a fault of Patchbay's own */
} pb_status;

/* The name a front end shows for a status: "NameError", "Interrupted", ... Static; never NULL. */
const char *pb_status_name(pb_status status);

#endif
