/* All built-in words, gathered from the files that have them. A new file adds one line here. */
#include <string.h>

#include "analysis/tables.h"
#include "eval/builtin.h"
#include "eval/members.h"
#include "words/tables.h"

static const pb_builtin *const tables[] = {
    pb_builtins_model,  pb_builtins_run,       pb_builtins_predict,   pb_builtins_ranking,
    pb_builtins_metric, pb_builtins_attribute, pb_builtins_lens,      pb_builtins_edit,
    pb_builtins_patch,  pb_builtins_path,      pb_builtins_heads,     pb_builtins_similar,
    pb_builtins_plot,   pb_builtins_heatmap,   pb_builtins_attention, pb_builtins_place,
    pb_builtins_table,  pb_builtins_tensor,    pb_builtins_reduce,    pb_builtins_number,
    pb_builtins_list,   pb_builtins_text,      pb_builtins_cell,      pb_builtins_file,
    pb_builtins_decode,
};

static const pb_kind_members kind_members[] = {
    {PB_TENSOR, pb_tensor_members},
    {PB_TABLE, pb_table_members},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const pb_builtin *pb_builtin_next(const pb_builtin *row)
{
    size_t table = 0;
    if (row) {
        const pb_builtin *next = row + 1;
        if (next->name)
            return next;
        /* which table `row` ends: tables end with a row without a name */
        for (; table < COUNT(tables); table++) {
            const pb_builtin *at = tables[table];
            while (at->name && at != row)
                at++;
            if (at == row)
                break;
        }
        table++;
    }
    while (table < COUNT(tables) && !tables[table]->name)
        table++;
    return table < COUNT(tables) ? tables[table] : NULL;
}

const pb_builtin *pb_builtin_find(const char *name)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        for (const pb_builtin *row = tables[i]; row->name; row++)
            if (strcmp(row->name, name) == 0)
                return row;
    return NULL;
}

const pb_constant *pb_constants(size_t *count)
{
    *count = pb_constants_place_count;
    return pb_constants_place;
}

const pb_constant *pb_constant_find(const char *name)
{
    for (size_t i = 0; i < pb_constants_place_count; i++)
        if (strcmp(pb_constants_place[i].name, name) == 0)
            return &pb_constants_place[i];
    return NULL;
}

const pb_kind_members *pb_kind_members_next(const pb_kind_members *last)
{
    const pb_kind_members *next = last ? last + 1 : kind_members;
    return next < kind_members + COUNT(kind_members) ? next : NULL;
}
