/* The weights of a model whose configuration and tokenizer are read already. */
#ifndef PB_MODEL_LOAD_H
#define PB_MODEL_LOAD_H

#include "model_internal.h"

pb_status pb_load_weights(pb_model *model, const pb_watch *watch, pb_error **error);

#endif
