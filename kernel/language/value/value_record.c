/* Records: a few named values, in order. */
#include <stdlib.h>
#include <string.h>

#include "base/budget.h"
#include "base/memory.h"
#include "value_private.h"

struct pb_record_value {
    size_t count;
    pb_entry *entries; /* names and values are owned */
    char *caption;
};

void pb_record_value_destroy(pb_record_value **record)
{
    pb_record_value *old = *record;
    *record = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++) {
        free((char *)old->entries[i].name);
        pb_value_release(&old->entries[i].value);
    }
    pb_let_go(old->entries);
    free(old->caption);
    free(old);
}

static pb_status fill_record(pb_record_value *record, const pb_entry *entries, size_t count,
                             unsigned *deepest, pb_error **error)
{
    for (size_t i = 0; i < count; i++) {
        char *name;
        if (!pb_copy_text(entries[i].name, &name))
            return pb_fail_memory(error);
        record->entries[i] = (pb_entry){name, pb_value_retain(entries[i].value)};
        record->count = i + 1;
        if (pb_value_depth(entries[i].value) > *deepest)
            *deepest = pb_value_depth(entries[i].value);
    }
    return PB_OK;
}

pb_status pb_value_record(const pb_entry *entries, size_t count, const char *caption,
                          pb_value **result, pb_error **error)
{
    unsigned deepest = 0;
    *result = NULL;
    pb_value *value = pb_value_new(PB_RECORD);
    pb_record_value *record = value ? pb_calloc(1, sizeof *record) : NULL;
    if (!record) {
        pb_let_go(value);
        return pb_fail_memory(error);
    }
    value->as.record = record;
    record->entries = pb_hold(pb_calloc(count, sizeof *record->entries));
    pb_status status = record->entries && pb_copy_text(caption, &record->caption)
                           ? fill_record(record, entries, count, &deepest, error)
                           : pb_fail_memory(error);
    if (!status)
        status = pb_value_set_depth(value, deepest, error);
    if (status)
        pb_value_release(&value);
    *result = value;
    return status;
}

size_t pb_record_count(const pb_value *record)
{
    return pb_value_kind(record) == PB_RECORD ? record->as.record->count : 0;
}

pb_entry pb_record_entry(const pb_value *record, size_t index)
{
    return index < pb_record_count(record) ? record->as.record->entries[index]
                                           : (pb_entry){NULL, NULL};
}

pb_value *pb_record_find(const pb_value *record, const char *name)
{
    for (size_t i = 0; i < pb_record_count(record); i++)
        if (strcmp(record->as.record->entries[i].name, name) == 0)
            return record->as.record->entries[i].value;
    return NULL;
}

const char *pb_record_caption(const pb_value *record)
{
    return pb_value_kind(record) == PB_RECORD ? record->as.record->caption : NULL;
}

bool pb_record_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b)
{
    if (pb_record_count(a) != pb_record_count(b))
        return false;
    for (size_t i = 0; i < pb_record_count(a); i++) {
        pb_entry entry = pb_record_entry(a, i);
        const pb_value *other = pb_record_find(b, entry.name);
        if (!other || !pb_comparison_equal(comparison, entry.value, other))
            return false;
    }
    return true;
}
