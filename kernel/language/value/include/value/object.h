/*
 * How a type joins the language: one static row of functions, in the file that implements the type.
 * Nothing else has to change for it.
 */
#ifndef PB_VALUE_OBJECT_H
#define PB_VALUE_OBJECT_H

#include "base/buffer.h"
#include "base/source.h"
#include "value/value.h"

typedef struct pb_interp pb_interp; /* the running of a cell: eval/interp.h */
typedef struct pb_bundle pb_bundle; /* what is shown: display/bundle.h */

/* One answer to x.name. Rows end with one whose name is NULL. */
typedef struct pb_member {
    const char *name;
    const char *summary; /* one line, for completion and inspection */
    pb_status (*get)(pb_interp *interp, const pb_value *self, pb_value **result, pb_error **error);
} pb_member;

/* One entry of x[...]: positional if name is NULL. */
typedef struct pb_index_entry {
    const char *name;
    pb_value *value;
    pb_span span;
} pb_index_entry;

typedef struct pb_names pb_names; /* a bag of names for completion: names.h */

/* A tensor that x.name will be, as far as that is known before it is computed. */
#define PB_PROSPECT_AXES 5
typedef struct pb_prospect {
    const char *summary; /* one line, static */
    const char *also;    /* what else it is called; may be NULL */
    size_t n_axes;
    const char *axes[PB_PROSPECT_AXES];
} pb_prospect;

/* Every member but `name` and `repr` may be NULL. */
struct pb_object_type {
    const char *name;    /* "model" */
    const char *article; /* "a model", "an edit": how errors say it */
    const char *summary; /* one line, for inspection */
    const char *made_by; /* the word that makes one from a string; NULL if none does */

    void (*destroy)(void *data);

    /* One line, as code where there is code for it: `zero("z", layer=8, head=6)`. */
    void (*repr)(const pb_value *self, pb_buffer *out);
    /* Adds its forms to the bundle, text/plain among them. NULL: the repr. */
    pb_status (*show)(pb_interp *interp, const pb_value *self, pb_bundle *bundle, pb_error **error);
    bool named_in_lists;   /* a list of them shows what each is, and not what each shows */
    bool shown_when_bound; /* a cell that ends in `x = ...` shows it too, as a model's card */

    const pb_member *members; /* static answers to x.name, completed and inspected */
    /* Answers that are found by computing. Leaves *result NULL for a name it does not have. */
    pb_status (*attribute)(pb_interp *interp, const pb_value *self, const char *name,
                           pb_value **result, pb_error **error);
    /* Names of the latter. `self` NULL: of any object of the type, for what a word will give; only
     * types that a row gives need it. Safe on any thread. */
    void (*names)(const pb_value *self, pb_names *names);
    /* What such an answer will be; false for a name it does not have. `self` NULL: of any object of
     * the type. Safe on any thread. */
    bool (*foresee)(const pb_value *self, const char *name, pb_prospect *prospect);
    /* Adds the labels along an axis of such an answer, those that begin as `typed` does where there
     * are many. Safe on any thread. */
    void (*labels)(const pb_value *self, const char *axis, const char *typed, pb_names *names);
    /* x.name[...] at once, where that is less work than the whole of x.name. Leaves *result NULL
     * where it is not, or where something is wrong. */
    pb_status (*part)(pb_interp *interp, const pb_value *self, const char *name, size_t count,
                      const pb_index_entry *entries, pb_value **result, pb_error **error);

    /* Words that take that type and not this one get what become() makes of it. */
    const pb_object_type *stands_for;
    pb_status (*become)(pb_interp *interp, const pb_value *self, pb_value **result,
                        pb_error **error);

    pb_status (*index)(pb_interp *interp, const pb_value *self, size_t count,
                       const pb_index_entry *entries, pb_value **result, pb_error **error);
    pb_status (*call)(pb_interp *interp, const pb_value *self, size_t count,
                      pb_value *const *arguments, pb_value **result, pb_error **error);
    /* One of a, b is of this type. Leaves *result NULL for an operator it does not have. */
    pb_status (*binary)(pb_interp *interp, pb_binary op, const pb_value *a, const pb_value *b,
                        pb_value **result, pb_error **error);
    bool (*equal)(const pb_value *a, const pb_value *b); /* both of this type; NULL: identity */
    pb_status (*items)(pb_interp *interp, const pb_value *self, pb_value **list,
                       pb_error **error); /* to iterate */

    /* Of a value that is computed where it is used: that value. All that uses one is given this,
     * but for x[...], whose index() may go on without computing, and reductions (reduce). */
    pb_status (*settle)(pb_interp *interp, const pb_value *self, pb_value **result,
                        pb_error **error);
    /* op over the named axes, without all of it being there at once. Leaves *result NULL for what
     * is settled first. */
    pb_status (*reduce)(pb_interp *interp, const pb_value *self, pb_reduction op, size_t n,
                        const char *const *over, pb_value **result, pb_error **error);
};

/* A function the user defines, as what evaluates it makes it. */
struct pb_function_type {
    void (*destroy)(void *data);
    const char *(*name)(const void *data);          /* NULL for one without a name */
    void (*text)(const void *data, pb_buffer *out); /* its definition, as it was written */
};

/* How a tensor that is a result shows. Static rows, pointed at by pb_meta.look. */
struct pb_look {
    const char *name;    /* "attribution" */
    const char *article; /* "an attribution" */
    const char *summary;
    /* Adds its forms, text/plain among them. */
    pb_status (*show)(pb_interp *interp, const pb_value *self, pb_bundle *bundle, pb_error **error);
    const pb_member *members; /* beside the tensor's own and its fields; may be NULL */
    /* What one of its numbers is as a cell of a table: the text of a token, for its id. NULL: the
     * number. */
    pb_status (*cell)(const pb_value *self, float number, pb_value **result, pb_error **error);
};

#endif
