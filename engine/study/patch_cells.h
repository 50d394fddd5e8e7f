/* Inside study: the cells of a sweep that is laid out; see patch_plan.h. */
#ifndef STUDY_PATCH_CELLS_H
#define STUDY_PATCH_CELLS_H

#include "patch_plan.h"

/* A cell for every place of the result: fills the plan's cells, n_closed and row_layers. */
pb_status pb_patch_plan_cells(pb_patch_plan *plan, pb_error **error);

/* Row-layers a cell costs: its rows through every layer but the last, and in the last the rows the
 * metric reads. */
size_t pb_cell_row_layers(const pb_patch_plan *plan, const pb_cell *cell);

/* Is the item one of an ascending group? */
bool pb_positions_have(const pb_positions *group, size_t item);

#endif
