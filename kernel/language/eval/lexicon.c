/* The words of a session, gathered once from the tables that its layers hand in. */
#include "eval/lexicon.h"

#include <string.h>

#include "base/map.h"
#include "base/memory.h"

struct pb_lexicon {
    pb_map *builtins;                   /* name -> const pb_builtin *, in the order of the tables */
    pb_map *constants;                  /* name -> const pb_constant * */
    pb_map *usual;                      /* name -> const pb_parameter * */
    const pb_word_table *const *tables; /* whose habits are walked */
    size_t n_tables;
};

/* Adds a row, unless there is one of that name already. False: memory is out. */
static bool put(pb_map *map, const char *name, const void *row)
{
    uint64_t found;
    size_t length = strlen(name);
    return pb_map_get(map, name, length, &found) ||
           pb_map_put(map, name, length, (uint64_t)(uintptr_t)row);
}

static bool put_table(pb_lexicon *lexicon, const pb_word_table *table)
{
    for (size_t i = 0; table->builtins && table->builtins[i]; i++)
        for (const pb_builtin *row = table->builtins[i]; row->name; row++)
            if (!put(lexicon->builtins, row->name, row))
                return false;
    for (const pb_constant *row = table->constants; row && row->name; row++)
        if (!put(lexicon->constants, row->name, row))
            return false;
    for (const pb_parameter *row = table->usual; row && row->name; row++)
        if (!put(lexicon->usual, row->name, row))
            return false;
    return true;
}

pb_status pb_lexicon_create(const pb_word_table *const *tables, size_t count, pb_lexicon **lexicon,
                            pb_error **error)
{
    *lexicon = pb_calloc(1, sizeof **lexicon);
    if (!*lexicon)
        return pb_fail_memory(error);
    (*lexicon)->tables = tables;
    (*lexicon)->n_tables = count;
    (*lexicon)->builtins = pb_map_create(256);
    (*lexicon)->constants = pb_map_create(8);
    (*lexicon)->usual = pb_map_create(32);
    bool whole = (*lexicon)->builtins && (*lexicon)->constants && (*lexicon)->usual;
    for (size_t i = 0; whole && i < count; i++)
        whole = put_table(*lexicon, tables[i]);
    if (whole)
        return PB_OK;
    pb_lexicon_destroy(lexicon);
    return pb_fail_memory(error);
}

void pb_lexicon_destroy(pb_lexicon **lexicon)
{
    pb_lexicon *old = *lexicon;
    *lexicon = NULL;
    if (!old)
        return;
    pb_map_destroy(&old->builtins);
    pb_map_destroy(&old->constants);
    pb_map_destroy(&old->usual);
    free(old);
}

static const void *look_up(const pb_map *map, const char *name)
{
    uint64_t found = 0;
    return pb_map_get(map, name, strlen(name), &found) ? (const void *)(uintptr_t)found : NULL;
}

static const void *next(const pb_map *map, size_t *at)
{
    const char *key;
    size_t length;
    uint64_t row = 0;
    return pb_map_next(map, at, &key, &length, &row) ? (const void *)(uintptr_t)row : NULL;
}

const pb_builtin *pb_lexicon_builtin(const pb_lexicon *lexicon, const char *name)
{
    return look_up(lexicon->builtins, name);
}

const pb_builtin *pb_lexicon_next_builtin(const pb_lexicon *lexicon, size_t *at)
{
    return next(lexicon->builtins, at);
}

const pb_constant *pb_lexicon_constant(const pb_lexicon *lexicon, const char *name)
{
    return look_up(lexicon->constants, name);
}

const pb_constant *pb_lexicon_next_constant(const pb_lexicon *lexicon, size_t *at)
{
    return next(lexicon->constants, at);
}

const pb_parameter *pb_lexicon_usual(const pb_lexicon *lexicon, const char *name)
{
    return look_up(lexicon->usual, name);
}

const pb_habit *pb_lexicon_next_habit(const pb_lexicon *lexicon, size_t *at)
{
    size_t left = *at;
    for (size_t i = 0; i < lexicon->n_tables; i++)
        for (const pb_habit *row = lexicon->tables[i]->habits; row && row->typed; row++)
            if (left-- == 0) {
                ++*at;
                return row;
            }
    return NULL;
}
