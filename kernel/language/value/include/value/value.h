/*
 * Values of the language: immutable and atomically counted.
 *
 * A function that gives a value through `pb_value **result` gives the caller one reference;
 * arguments are borrowed unless the name says `take`. Because values never change, they cannot form
 * cycles, and may be read from any thread.
 *
 * The kinds below are those the language itself works on. Everything that belongs to words (a
 * model, a run, an edit, a metric, a prompt of ids) is a PB_OBJECT: data with a pb_object_type, see
 * object.h. A tensor that is a result (an attribution, a patch sweep) is a tensor whose pb_meta
 * carries its look, its caption and its named fields. Neither needs a change here.
 */
#ifndef PB_VALUE_VALUE_H
#define PB_VALUE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "math/tensor.h"
#include "value/keeper.h"

typedef struct pb_object_type pb_object_type;     /* object.h */
typedef struct pb_function_type pb_function_type; /* object.h */
typedef struct pb_look pb_look;                   /* object.h */
typedef struct pb_builtin pb_builtin;             /* the row of a word: eval/builtin.h */

/* Bounds on one value. */
#define PB_MAX_LIST_LENGTH   4000000 /* items */
#define PB_MAX_TABLE_COLUMNS 16384
#define PB_MAX_VALUE_DEPTH   1000 /* values within one another: walking one needs so much stack */
#define PB_MAX_STRING_LENGTH (64u << 20)

typedef enum pb_kind {
    PB_NONE,
    PB_BOOL,
    PB_NUMBER,
    PB_STRING,
    PB_LIST,
    PB_TENSOR,
    PB_TABLE,
    PB_RECORD,
    PB_SELECTOR, /* each, all, at(" John", 2), per([...]), a slice */
    PB_FUNCTION, /* defined by the user: f(x) = ..., lambda */
    PB_BUILTIN,
    PB_OBJECT
} pb_kind;

pb_kind pb_value_kind(const pb_value *value);
pb_value *pb_value_retain(const pb_value *value); /* NULL is fine; returns its argument */
void pb_value_release(pb_value **value);          /* nulls it; NULL is fine */

/* How deep it nests: 0 for what holds no values and for NULL, else one more than the deepest of
 * them. */
unsigned pb_value_depth(const pb_value *value);

/* What a person calls it: "number", "string", "model", ... Static or owned by the type. */
const char *pb_value_type_name(const pb_value *value);
/* The same with its article and, for lists, tensors and tables, what is in them: "a list of 2
 * strings", "a tensor [layer 8, head 8]". Written into `buffer`, which is returned. */
const char *pb_value_describe(const pb_value *value, char *buffer, size_t size);

/* ---- none, bool, number ---- */

pb_status pb_value_none(pb_value **result, pb_error **error);
pb_status pb_value_bool(bool truth, pb_value **result, pb_error **error);

/* How a number is written, and what arithmetic keeps: integers are exact to 2^53; PB_SINGLE came
 * out of a tensor and prints the digits a float32 has. */
typedef enum pb_precision { PB_INTEGER, PB_DOUBLE, PB_SINGLE } pb_precision;

pb_status pb_value_number(double number, pb_precision precision, pb_value **result,
                          pb_error **error);
/* An integer; beyond 2^53 it becomes a PB_DOUBLE. */
pb_status pb_value_integer(int64_t number, pb_value **result, pb_error **error);

bool pb_value_is_none(const pb_value *value);      /* NULL counts as none */
bool pb_value_is_integer(const pb_value *value);   /* a PB_INTEGER, or a bool */
bool pb_value_get_bool(const pb_value *value);     /* of a PB_BOOL */
double pb_value_get_number(const pb_value *value); /* of a PB_NUMBER or PB_BOOL; else NaN */
pb_precision pb_value_precision(const pb_value *value);

/* ---- strings: bytes, UTF-8 by custom, which may hold NULs ---- */

pb_status pb_value_string(const char *text, size_t length, pb_value **result, pb_error **error);
pb_status pb_value_text(const char *text, pb_value **result, pb_error **error); /* NUL-terminated */
/* Whether there may be a string of so many bytes: asked before one is put together. PB_LIMIT if it
 * would be too long, PB_MEMORY if the session's values leave no room for it. */
pb_status pb_string_fits(double length, pb_error **error);
/* Takes the buffer's bytes; the buffer is empty afterwards, also on failure. */
pb_status pb_value_take_buffer(pb_buffer *buffer, pb_value **result, pb_error **error);
const char *pb_value_get_text(const pb_value *value, size_t *length); /* length may be NULL */
bool pb_value_is_text(const pb_value *value, const char *text);
/* PB_VALUE if it is a string with a NUL, or a list that holds one: that is the name of nothing, and
 * as a C string it would be another one. */
pb_status pb_value_check_names(const pb_value *value, pb_error **error);

/* ---- lists ---- */

/* Takes the references in items[0..count), also on failure; the array itself is copied. */
pb_status pb_value_take_list(pb_value **items, size_t count, pb_value **result, pb_error **error);
size_t pb_list_count(const pb_value *list);
pb_value *pb_list_item(const pb_value *list, size_t index); /* borrowed */
/* A column is a list whose operators work element by element, as a table's do. */
bool pb_list_is_column(const pb_value *list);
bool pb_list_of(const pb_value *list, pb_kind kind); /* a list, and every item of this kind */

/* A list being made: {.keeper = ...} or {0}. What fails is remembered, and what comes after it does
 * nothing: the one check is at the end, pb_list_finish(). A loop that does more than taking ends at
 * `status` too. */
typedef struct pb_list_builder {
    pb_keeper *keeper; /* whose cell makes it: a long list can be stopped. May be NULL */
    pb_value **items;  /* so far */
    size_t count, capacity;
    pb_status status; /* of what failed first; a caller may set it, with `error`, for its own */
    pb_error *error;
} pb_list_builder;

/* Takes the reference; `value` NULL fails with memory. Whether the cell was stopped is looked at
 * every so many items. */
void pb_list_take(pb_list_builder *builder, pb_value *value);
void pb_list_take_text(pb_list_builder *builder, const char *text);
void pb_list_take_number(pb_list_builder *builder, double number, pb_precision precision);
/* The items [start, end) of a list. */
void pb_list_take_items(pb_list_builder *builder, const pb_value *list, size_t start, size_t end);
/* Empties the builder, also on failure. */
pb_status pb_list_finish(pb_list_builder *builder, bool column, pb_value **result,
                         pb_error **error);
void pb_list_discard(pb_list_builder *builder);

/* ---- tensors with what is known about them ---- */

/* What is done to a field when the tensor it is part of is computed with (value_carry.c). */
typedef enum pb_field_kind {
    PB_FIELD_SAID,   /* says something of the result. Lists (.checks) and truths stay; what runs
                        along axes, or is a number, is only picked, not computed with */
    PB_FIELD_LEVEL,  /* what the numbers are measured from, the end of a sweep: shifted, scaled and
                        averaged as they are */
    PB_FIELD_AMOUNT, /* a change, or a part that adds up with the numbers: scaled, not shifted */
    PB_FIELD_APART   /* measured in other units: averaged and subtracted, not scaled */
} pb_field_kind;

/* A named field of a tensor, answered as .name. With `axis` it holds one value for each place along
 * that axis (a coordinate: `layer` and `part` along `component`) and follows it through indexing
 * and arithmetic. Without, a part of the tensor keeps it: indexed alike along the axes it shares
 * with the tensor (.change, .into over prompts), as it is where it has none (.into of one prompt);
 * and what is done to the numbers is done to it, as its kind says. */
typedef struct pb_field {
    const char *name;
    const char *axis;
    pb_value *value;
    pb_field_kind kind;
    bool whole; /* said of all places along the axes it lacks (.check): a part of those has none */
    int64_t extent; /* with `axis`, of integers: what negative ones count from; 0 for none */
} pb_field;

/* All of it may be zero. */
typedef struct pb_meta {
    pb_value *model;     /* the model it came from; operators refuse to mix two */
    const pb_look *look; /* how it shows; kept by +, -, scaling and indexing */
    const char *units;   /* "logits" */
    const char *caption; /* one sentence: what this is */
    size_t n_fields;
    const pb_field *fields;
} pb_meta;

/* Retains the tensor and copies the meta (NULL for none), retaining what it holds. */
pb_status pb_value_tensor(pb_tensor *tensor, const pb_meta *meta, pb_value **result,
                          pb_error **error);
/* The same for the result of a computation: releases and nulls *tensor, also on failure; without
 * fields and look, rank 0 becomes a number (or a bool, if the tensor is boolean). */
pb_status pb_value_take_tensor(pb_tensor **tensor, const pb_meta *meta, pb_value **result,
                               pb_error **error);
pb_tensor *pb_value_get_tensor(const pb_value *value); /* borrowed; NULL if it is not one */
/* One number, whatever holds it: a number, a bool, or a result without axes (a sweep of one cell).
 * NaN and false for anything else. */
bool pb_value_scalar(const pb_value *value, double *number);
const pb_meta *pb_value_meta(const pb_value *value); /* borrowed; never NULL for a tensor */
pb_value *pb_meta_field(const pb_meta *meta, const char *name); /* borrowed; NULL if absent */

/* A computed tensor as a value that keeps what is known of `a`, some of whose axes it has: model,
 * look, units and coordinates (picked to fit), but neither caption nor fields. Takes *tensor, also
 * on failure. */
pb_status pb_value_retag(const pb_value *a, pb_tensor **tensor, pb_value **result,
                         pb_error **error);

/* Something done to the numbers of results, which is done to what they carry too: averaging,
 * scaling, a difference, other names for axes (value_carry.c). */
typedef struct pb_operation {
    /* The numbers of a field from those of the operands' fields of its name; of[i] is NULL where
     * operand i carries nothing. *result stays NULL for a field that does not hold of what comes
     * out. */
    pb_status (*apply)(const void *how, const pb_field *field, const pb_tensor *const *of,
                       pb_tensor **result, pb_error **error);
    /* Writes the caption from the operands'; captions[i] is NULL where operand i has none. NULL:
     * that of the first. */
    void (*caption)(const void *how, const char *const *captions, pb_buffer *out);
    const void *how;
    bool arranges;         /* moves numbers, and computes none: every field stays */
    bool speaks;           /* its caption tells of plain numbers too, not of results alone */
    bool keeps_cell;       /* a sweep of one cell stays a sweep, where others become a number */
    const char *from, *to; /* an axis that gets another name; NULL if none does */
} pb_operation;

/* A computed tensor as a value of the meta's model, look and units (its caption and fields do not
 * count) that carries what the operands do. Takes *tensor, also on failure. */
pb_status pb_value_carry(const pb_operation *operation, size_t n, const pb_value *const *operands,
                         const pb_meta *meta, pb_tensor **tensor, pb_value **result,
                         pb_error **error);

/* t[name=select, ...] as a value that keeps what is known of the whole and holds of the part: also
 * its fields, and the caption of a result (of what has a look or fields), which names the places
 * that were picked. A number where no axis is left. */
pb_status pb_value_part(const pb_value *a, size_t n, const char *const *names,
                        const pb_select *selects, const pb_watch *watch, pb_value **result,
                        pb_error **error);

/* ---- tables ---- */

/* How a column is drawn. Numbers without a look are right-aligned with sensible digits. */
typedef enum pb_cells_look {
    PB_CELLS_PLAIN,
    PB_CELLS_KEY,    /* names its row: a component, a layer */
    PB_CELLS_TOKEN,  /* a string shown as a token, spaces visible */
    PB_CELLS_SHADED, /* signed numbers, shaded with zero in the middle */
    PB_CELLS_RANGE,  /* numbers shaded from the column's least to its greatest */
    PB_CELLS_PART,   /* 0 to 1, as a bar */
    PB_CELLS_CHECK   /* booleans as a tick or a cross */
} pb_cells_look;

typedef struct pb_table_cells {
    const char *name;
    pb_value *cells; /* a list; all columns have equally many */
    pb_cells_look look;
    const char *units; /* may be NULL */
} pb_table_cells;

/* A table being made: {.keeper = ..., .rows = ...}. What fails is remembered, and what comes after
 * it does nothing: the one check is at the end, pb_table_finish(). Names are found by hash, and the
 * cell may be stopped at each column. */
typedef struct pb_table_builder {
    pb_keeper *keeper;   /* may be NULL */
    size_t rows;         /* of each column */
    const char *caption; /* this and the model are borrowed until the end, and may be NULL */
    pb_value *model;
    pb_table_cells *columns; /* so far */
    size_t count, capacity;
    struct pb_map *names;
    pb_status status; /* of what failed first; a caller may set it, with `error`, for its own */
    pb_error *error;
} pb_table_builder;

/* Takes the cells, and copies the rest; cells NULL fail with memory. PB_VALUE if they are not as
 * many as the rows, or if the name is there already; PB_LIMIT for one column too many. */
void pb_table_take(pb_table_builder *builder, pb_table_cells column);
/* The same for cells being made, which are finished, whatever failed before. The first column says
 * how many rows there are. */
void pb_table_take_list(pb_table_builder *builder, pb_list_builder *cells, pb_table_cells column);
/* Any value as a column, as pb_value_as_column() makes it; in place of one that has the name. */
void pb_table_set(pb_table_builder *builder, const char *name, const pb_value *value);
/* All columns of a table, which outlives the builder, its number of rows, caption and model. */
void pb_table_take_columns(pb_table_builder *builder, const pb_value *table);
bool pb_table_has(const pb_table_builder *builder, const char *name);
pb_status pb_table_finish(pb_table_builder *builder, pb_value **result, pb_error **error);
size_t pb_table_columns(const pb_value *table);
size_t pb_table_rows(const pb_value *table);
const pb_table_cells *pb_table_column(const pb_value *table, size_t index);   /* borrowed */
const pb_table_cells *pb_table_find(const pb_value *table, const char *name); /* or NULL */
const char *pb_table_caption(const pb_value *table);                          /* or NULL */
/* The rows at `rows`, in that order. Here and below, long columns can be stopped through `keeper`,
 * which may be NULL. */
pb_status pb_table_pick(pb_keeper *keeper, const pb_value *table, const size_t *rows, size_t count,
                        pb_value **result, pb_error **error);
/* Whether a value as a column has rows of its own, a list or a tensor, and how many; a single one
 * is there in every row, in a table of single ones once. */
bool pb_value_fills_rows(const pb_value *value, size_t *rows);
/* With a column added, or replaced in its place. `cells` may be a list, a rank-1 tensor, or a
 * single value for every row. A table without columns has the rows it was made with, or gets those
 * of its first column. */
pb_status pb_table_with(pb_keeper *keeper, const pb_value *table, const char *name,
                        const pb_value *cells, pb_value **result, pb_error **error);
/* Any value as a column of cells: a list, a rank-1 tensor (its numbers), or one value `rows` times.
 */
pb_status pb_value_as_column(pb_keeper *keeper, const pb_value *value, size_t rows,
                             pb_value **result, pb_error **error);
/* The values of a tensor in order, as cells. */
pb_status pb_tensor_cells(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                          pb_error **error);
/* A tensor as a table: a key column for each axis, one for each field that lies along all of them,
 * and last its values under `name`. */
pb_status pb_table_from_tensor(pb_keeper *keeper, const pb_value *tensor, const char *name,
                               pb_value **result, pb_error **error);

/* The key columns alone. */
pb_status pb_table_of_places(pb_keeper *keeper, const pb_value *tensor, pb_value **result,
                             pb_error **error);
/* A record of tensors over the same places, such as a check of several prompts, as a table with a
 * row for each. *result is NULL for any other. */
pb_status pb_table_from_record(pb_keeper *keeper, const pb_value *record, pb_value **result,
                               pb_error **error);

/* ---- records: a few named values, in order; {"a": 1} and results such as a check ---- */

typedef struct pb_entry {
    const char *name;
    pb_value *value;
} pb_entry;

/* A record being made: {.keeper = ..., .caption = ...} or {0}. What fails is remembered, as for a
 * list. */
typedef struct pb_record_builder {
    pb_keeper *keeper;   /* may be NULL */
    const char *caption; /* borrowed until the end; may be NULL */
    pb_entry *entries;   /* so far */
    size_t count, capacity;
    pb_status status; /* of what failed first; a caller may set it, with `error`, for its own */
    pb_error *error;
} pb_record_builder;

/* Copies the name, which is not there yet, and takes the reference; `value` NULL fails with memory.
 */
void pb_record_take(pb_record_builder *builder, const char *name, pb_value *value);
/* The same in place of an entry of the name, if there is one. */
void pb_record_set(pb_record_builder *builder, const char *name, pb_value *value);
/* Empties the builder, also on failure. */
pb_status pb_record_finish(pb_record_builder *builder, pb_value **result, pb_error **error);
void pb_record_discard(pb_record_builder *builder);
size_t pb_record_count(const pb_value *record);
pb_entry pb_record_entry(const pb_value *record, size_t index);     /* borrowed */
pb_value *pb_record_find(const pb_value *record, const char *name); /* borrowed; or NULL */
const char *pb_record_caption(const pb_value *record);

/* ---- selectors ---- */

/* Copies the select. */
pb_status pb_value_selector(const pb_select *select, pb_value **result, pb_error **error);
/* per([...]) of a list of places, one for each prompt. */
pb_status pb_value_per(const pb_value *places, pb_value **result, pb_error **error);
const pb_select *pb_value_get_selector(const pb_value *value); /* borrowed; NULL if not one */

/*
 * A value in the place of an index as the pb_select the engine wants: an integer, a string, a list
 * of those, a selector, a boolean tensor or column. *select owns what it holds; it holds nothing on
 * failure. `axis` is for messages; NULL where it is not known yet. `keeper` may be NULL.
 */
pb_status pb_value_to_select(pb_keeper *keeper, const pb_value *value, const char *axis,
                             pb_select *select, pb_error **error);

/* ---- built-ins, functions and objects ---- */

/* `name` is the row's own, and is kept as long as the row is. */
pb_status pb_value_builtin(const pb_builtin *row, const char *name, pb_value **result,
                           pb_error **error);
const pb_builtin *pb_value_get_builtin(const pb_value *value); /* NULL if it is not one */

/* A function the user defines. Takes `data`, also on failure; `depth` is that of the deepest value
 * it holds. */
pb_status pb_value_take_function(const pb_function_type *type, void *data, unsigned depth,
                                 pb_value **result, pb_error **error);
void *pb_value_function_data(const pb_value *value);    /* borrowed; NULL if it is none */
const char *pb_function_name(const pb_value *function); /* "lambda" for one without a name */

/* Takes `data`: type->destroy is called on it when the value goes, and on failure. */
pb_status pb_value_take_object(const pb_object_type *type, void *data, pb_value **result,
                               pb_error **error);
const pb_object_type *pb_value_object_type(const pb_value *value); /* NULL if it is no object */
/* The data, if the value is an object of this very type; else NULL. */
void *pb_value_object(const pb_value *value, const pb_object_type *type);

/* ---- as text ---- */

/* As code would write it, where code can: strings in quotes. Bounded: what is too long is cut with
 * an ellipsis unless `whole`. */
void pb_value_repr(const pb_value *value, bool whole, pb_buffer *out);
/* As displays draw it, a C string: a string's own text, with a picture for each NUL, and the repr
 * of anything else. malloc'ed; NULL when memory is out. */
char *pb_value_drawn(const pb_value *value);
/* A number as Python's repr would write it: the shortest digits that read back the same. */
void pb_number_text(double number, pb_precision precision, pb_buffer *out);
void pb_quote(const char *text, size_t length, pb_buffer *out); /* with quotes and escapes */

/* ---- equality and order ---- */

/* Deep equality as Python's ==: 1 == 1.0 == True; tensors by axes and values; functions by
 * identity. */
bool pb_value_equal(const pb_value *a, const pb_value *b);
/* Equality in a cell that may be stopped: {.keeper = ..., .error = ...}, for one comparison or
 * many. When `status` is not PB_OK, what was said last does not count. */
typedef struct pb_comparison {
    pb_keeper *keeper; /* may be NULL */
    pb_error **error;
    pb_status status;
    size_t left; /* work until the stop flag is looked at again */
} pb_comparison;

bool pb_comparison_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b);

/* -1, 0, 1 for numbers, strings, lists of those; PB_TYPE for what has no order. `keeper`, whose
 * cell may be stopped, may be NULL. */
pb_status pb_value_compare(pb_keeper *keeper, const pb_value *a, const pb_value *b, int *order,
                           pb_error **error);
/* Python's truth: empty and zero are false. A tensor of more than one value has none. */
pb_status pb_value_truth(const pb_value *value, bool *truth, pb_error **error);

#endif
