/* A result of several parts that shows as a table: what a probe found, how far a mean carries. Its
 * parts are a record, answered as .name; a type of them is a row with these functions. */
#ifndef PB_WORDS_FINDINGS_H
#define PB_WORDS_FINDINGS_H

#include "words.h"

/* Takes both, also on failure, and nulls them. */
pb_status pb_findings_make(const pb_object_type *type, pb_value **parts, pb_value **table,
                           pb_value **result, pb_error **error);

void pb_findings_destroy(void *data);
void pb_findings_repr(const pb_value *self, pb_buffer *out);
pb_status pb_findings_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                           pb_error **error);
pb_status pb_findings_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                pb_value **result, pb_error **error);
bool pb_findings_equal(const pb_value *a, const pb_value *b);
extern const pb_member pb_findings_members[];

#endif
