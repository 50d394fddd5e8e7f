/* The functions of types whose values are a record of parts and a table. */
#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "show/show.h"

typedef struct findings {
    pb_value *parts, *table;
} findings;

static findings *data_of(const pb_value *value)
{
    return pb_value_object(value, pb_value_object_type(value));
}

void pb_findings_destroy(void *data)
{
    findings *found = data;
    if (!found)
        return;
    pb_value_release(&found->parts);
    pb_value_release(&found->table);
    free(found);
}

pb_status pb_findings_make(const pb_object_type *type, pb_value **parts, pb_value **table,
                           pb_value **result, pb_error **error)
{
    findings *found = calloc(1, sizeof *found);
    if (!found) {
        pb_value_release(parts);
        pb_value_release(table);
        return pb_fail_memory(error);
    }
    *found = (findings){*parts, *table};
    *parts = *table = NULL;
    return pb_value_take_object(type, found, result, error);
}

void pb_findings_repr(const pb_value *self, pb_buffer *out)
{
    const char *caption = pb_table_caption(data_of(self)->table);
    pb_buffer_text(out, caption ? caption : pb_value_object_type(self)->article);
}

pb_status pb_findings_show(pb_interp *interp, const pb_value *self, pb_bundle *bundle,
                           pb_error **error)
{
    pb_bundle *table = NULL;
    pb_status status = pb_interp_bundle(interp, data_of(self)->table, &table, error);
    return status ? status : pb_bundle_absorb(bundle, &table, error);
}

pb_status pb_findings_attribute(pb_interp *interp, const pb_value *self, const char *name,
                                pb_value **result, pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(pb_record_find(data_of(self)->parts, name));
    return PB_OK;
}

bool pb_findings_equal(const pb_value *a, const pb_value *b)
{
    return pb_value_equal(data_of(a)->parts, data_of(b)->parts);
}

static pb_status get_table(pb_interp *interp, const pb_value *self, pb_value **result,
                           pb_error **error)
{
    (void)interp;
    (void)error;
    *result = pb_value_retain(data_of(self)->table);
    return PB_OK;
}

const pb_member pb_findings_members[] = {{"table", "What it shows, as a table.", get_table},
                                         {NULL, NULL, NULL}};
