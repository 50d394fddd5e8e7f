/* Bags of names. */
#include "value/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "base/utf8.h"

struct pb_names {
    pb_name *items;
    size_t count, capacity;
};

pb_names *pb_names_create(void)
{
    return pb_calloc(1, sizeof(pb_names));
}

static void free_name(pb_name *name)
{
    free(name->text);
    free(name->type);
    free(name->signature);
}

void pb_names_destroy(pb_names **names)
{
    pb_names *old = *names;
    *names = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->count; i++)
        free_name(&old->items[i]);
    free(old->items);
    free(old);
}

void pb_names_add(pb_names *names, const char *text, const char *type, const char *signature)
{
    if (pb_utf8_valid_prefix(text, strlen(text)) != strlen(text))
        return; /* half of a character cannot be typed */
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 32;
        pb_name *items = pb_realloc(names->items, capacity, sizeof *items);
        if (!items)
            return;
        names->items = items;
        names->capacity = capacity;
    }
    pb_name name = {strdup(text), strdup(type), strdup(signature ? signature : "")};
    if (!name.text || !name.type || !name.signature) {
        free_name(&name);
        return;
    }
    names->items[names->count++] = name;
}

size_t pb_names_count(const pb_names *names)
{
    return names->count;
}

const pb_name *pb_names_item(const pb_names *names, size_t index)
{
    return &names->items[index];
}

const char *pb_names_nearest(const pb_names *names, const char *wanted)
{
    const char **texts = pb_calloc(names->count, sizeof *texts);
    if (!texts)
        return NULL;
    for (size_t i = 0; i < names->count; i++)
        texts[i] = names->items[i].text;
    const char *near = pb_nearest(wanted, texts, names->count);
    free(texts);
    return near;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const pb_name *)a)->text, ((const pb_name *)b)->text);
}

void pb_names_sort(pb_names *names)
{
    size_t kept = 0;
    if (names->count == 0)
        return;
    qsort(names->items, names->count, sizeof *names->items, by_text);
    for (size_t i = 1; i < names->count; i++) {
        if (strcmp(names->items[kept].text, names->items[i].text) == 0)
            free_name(&names->items[i]);
        else
            names->items[++kept] = names->items[i];
    }
    names->count = kept + 1;
}
