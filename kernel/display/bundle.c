/* MIME bundles: a short list of forms, each owning its text. */
#include "display/bundle.h"

#include <string.h>

#include "base/memory.h"
#include "base/visible.h"

typedef struct pb_representation {
    char *mime, *data;
    size_t length;
    bool json;
} pb_representation;

struct pb_bundle {
    pb_representation *entries;
    size_t count, capacity;
    char *metadata;
};

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = pb_malloc(size, 1);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

static pb_representation *find_entry(const pb_bundle *bundle, const char *mime)
{
    for (size_t i = 0; i < bundle->count; i++)
        if (strcmp(bundle->entries[i].mime, mime) == 0)
            return &bundle->entries[i];
    return NULL;
}

/* Plain text is shown on terminals, which obey what is in it. Takes `data`; NULL when memory is
 * out. */
static char *harmless(const char *mime, char *data)
{
    pb_buffer shown = PB_BUFFER_EMPTY;
    if (!data || strcmp(mime, "text/plain") != 0)
        return data;
    pb_harmless_text(&shown, data, strlen(data), true);
    free(data);
    return pb_buffer_take(&shown);
}

/* The entry of a type, made if it is not there. NULL when memory is out. */
static pb_representation *need_entry(pb_bundle *bundle, const char *mime)
{
    pb_representation *entry = find_entry(bundle, mime);
    if (entry)
        return entry;
    if (bundle->count == bundle->capacity) {
        size_t capacity = bundle->capacity ? bundle->capacity * 2 : 4;
        pb_representation *entries = pb_realloc(bundle->entries, capacity, sizeof *entries);
        if (!entries)
            return NULL;
        bundle->entries = entries;
        bundle->capacity = capacity;
    }
    char *name = copy_text(mime);
    if (!name)
        return NULL;
    entry = &bundle->entries[bundle->count++];
    *entry = (pb_representation){.mime = name};
    return entry;
}

pb_bundle *pb_bundle_create(void)
{
    return pb_calloc(1, sizeof(pb_bundle));
}

pb_status pb_bundle_add(pb_bundle *bundle, const char *mime, const char *data, pb_error **error)
{
    return pb_bundle_give(bundle, mime, copy_text(data), false, error);
}

pb_status pb_bundle_give(pb_bundle *bundle, const char *mime, char *data, bool json,
                         pb_error **error)
{
    data = harmless(mime, data);
    pb_representation *entry = data ? need_entry(bundle, mime) : NULL;
    if (!entry) {
        free(data);
        return pb_fail_memory(error);
    }
    free(entry->data);
    entry->data = data;
    entry->length = strlen(data);
    entry->json = json;
    return PB_OK;
}

pb_status pb_bundle_absorb(pb_bundle *bundle, pb_bundle **other, pb_error **error)
{
    pb_status status = PB_OK;
    for (size_t i = 0; i < (*other)->count && !status; i++) {
        pb_representation *entry = &(*other)->entries[i];
        char *data = entry->data;
        entry->data = NULL;
        status = pb_bundle_give(bundle, entry->mime, data, entry->json, error);
    }
    pb_bundle_destroy(other);
    return status;
}

size_t pb_bundle_count(const pb_bundle *bundle)
{
    return bundle->count;
}

pb_form pb_bundle_form(const pb_bundle *bundle, size_t index)
{
    const pb_representation *entry = &bundle->entries[index];
    return (pb_form){entry->mime, entry->data, entry->length, entry->json};
}

const char *pb_bundle_find(const pb_bundle *bundle, const char *mime)
{
    const pb_representation *entry = find_entry(bundle, mime);
    return entry ? entry->data : NULL;
}

pb_status pb_bundle_set_metadata(pb_bundle *bundle, const char *json, pb_error **error)
{
    char *copy = copy_text(json);
    if (!copy)
        return pb_fail_memory(error);
    free(bundle->metadata);
    bundle->metadata = copy;
    return PB_OK;
}

const char *pb_bundle_metadata(const pb_bundle *bundle)
{
    return bundle->metadata;
}

void pb_bundle_destroy(pb_bundle **bundle)
{
    if (!bundle || !*bundle)
        return;
    for (size_t i = 0; i < (*bundle)->count; i++) {
        free((*bundle)->entries[i].mime);
        free((*bundle)->entries[i].data);
    }
    free((*bundle)->entries);
    free((*bundle)->metadata);
    free(*bundle);
    *bundle = NULL;
}
