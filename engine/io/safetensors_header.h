/* The header of a safetensors file: what there is in it, and where. */
#ifndef PB_IO_SAFETENSORS_HEADER_H
#define PB_IO_SAFETENSORS_HEADER_H

#include "weight_table.h"

/* Checks the header of an open file, and adds its tensors. */
pb_status safetensors_read_header(pb_weights *weights, size_t shard, pb_error **error);

#endif
