/* Tables and records of the language as the display layer's tables. */
#ifndef PB_SHOW_SHOW_TABLE_H
#define PB_SHOW_SHOW_TABLE_H

#include "display/bundle.h"
#include "value/value.h"

/* A new bundle, the caller's. Long tables show their first rows and say how many there are. */
pb_status pb_show_table_value(const pb_value *table, pb_bundle **bundle, pb_error **error);
pb_status pb_show_record_value(const pb_value *record, pb_bundle **bundle, pb_error **error);

#endif
