/*
 * Inside study: the components of the residual stream, whose writes sum to it. They are the model's
 * sites whose rows name one, in the order of the component axis: those without layers, then layer
 * by layer those with layers, then ln_final_bias of unfolded norms.
 */
#ifndef STUDY_COMPONENTS_H
#define STUDY_COMPONENTS_H

#include "study/attribute.h"

/* Without ln_final_bias, which no site shows. */
/* Those of them that are written below a layer. */
size_t pb_components_before(const pb_model *model, size_t layer);
size_t pb_components_written(const pb_model *model);

/* Which component the site is at a layer; SIZE_MAX: none. */
size_t pb_component_of(const pb_model *model, pb_site site, size_t layer);

#endif
