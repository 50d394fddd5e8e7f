/* Which families of models there are, to whoever reads a config.json. */
#ifndef PB_MODEL_FAMILIES_H
#define PB_MODEL_FAMILIES_H

#include "io/config.h"

/* The keys of config.json that the family of a model_type has; a pb_config_find. PB_UNSUPPORTED
 * says which families are known. */
pb_status pb_family_keys(const char *path, const char *model_type, const pb_config_keys **keys,
                         pb_error **error);

#endif
