/* The inside of a value, for the files that make the kinds. */
#ifndef PB_VALUE_VALUE_PRIVATE_H
#define PB_VALUE_VALUE_PRIVATE_H

#include <stdatomic.h>

#include "value/value.h"

typedef struct pb_tensor_value pb_tensor_value; /* value_tensor.c */
typedef struct pb_table_value pb_table_value;   /* value_table.c */
typedef struct pb_record_value pb_record_value; /* value_record.c */

struct pb_value {
    atomic_size_t references;
    unsigned char kind;      /* pb_kind */
    unsigned char precision; /* pb_precision, of a number */
    bool truth;              /* of a bool; of a list: it is a column */
    unsigned depth; /* 0 for what holds no values, else one more than the deepest of them */
    union {
        double number;
        struct {
            char *bytes;
            size_t length;
        } string;
        struct {
            pb_value **items;
            size_t count;
        } list;
        pb_tensor_value *tensor;
        pb_table_value *table;
        pb_record_value *record;
        pb_select *selector;
        struct {
            const pb_builtin *row;
            const char *name;
        } builtin;
        struct {
            const pb_function_type *type;
            void *data;
        } function;
        struct {
            const pb_object_type *type;
            void *data;
        } object;
    } as;
};

/* An empty value of a kind with one reference; NULL when memory is out. */
pb_value *pb_value_new(pb_kind kind);

/* The depth of what holds something of depth `inner`; PB_LIMIT past the bound. */
pb_status pb_value_set_depth(pb_value *value, unsigned inner, pb_error **error);

/* strdup that keeps NULL. False when memory is out. */
bool pb_copy_text(const char *text, char **copy);

/* The cells of a field with an axis, which ran along `old`, for the places of `tensor`. NULL where
 * they do not fit. */
pb_status pb_field_follow(const pb_field *field, const pb_tensor *old, const pb_tensor *tensor,
                          pb_value **cells, pb_error **error);

/* Appends " Here .into is 1.25, .from is -0.5.": the ends that a caption no longer says. */
void pb_say_levels(const pb_field *fields, size_t count, pb_buffer *out);

void pb_tensor_value_destroy(pb_tensor_value **tensor);
void pb_table_value_destroy(pb_table_value **table);
void pb_record_value_destroy(pb_record_value **record);

/* Before so much work of a comparison, one number being 1: false when it was stopped. */
bool pb_comparison_step(pb_comparison *comparison, size_t work);
bool pb_tensor_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b);
bool pb_table_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b);
bool pb_record_value_equal(pb_comparison *comparison, const pb_value *a, const pb_value *b);

#endif
