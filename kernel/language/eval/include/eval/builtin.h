/*
 * The row of a built-in word, and what its function sees of a call.
 *
 * A row is all there is to a built-in: the evaluator binds and checks arguments against it, and
 * completion, inspection, help(), error messages, the reference in docs/ and the tests of examples
 * read it. Rows stand in static arrays beside their functions, one array a file; a layer's
 * arrays are gathered in its table (lexicon.h). x.f(y) calls the row f with x as its first
 * argument.
 *
 *     static pb_status call_upper(pb_call *call, pb_value **result, pb_error **error);
 *
 *     const pb_builtin pb_builtins_text[] = {
 *         {.name = "upper", .category = "Text", .summary = "The text in capital letters.",
 *          .parameters = {{.name = "text", .types = PB_TAKES_STRING}},
 *          .result = "a string", .example = "upper(\"cat\")", .expected = "'CAT'",
 *          .function = call_upper},
 *         {0}};
 */
#ifndef PB_EVAL_BUILTIN_H
#define PB_EVAL_BUILTIN_H

#include "base/watch.h"
#include "value/names.h"
#include "value/object.h"
#include "value/value.h"

typedef struct pb_session pb_session; /* session/session.h */
typedef struct pb_host pb_host;       /* session/session.h */
typedef struct pb_lexicon pb_lexicon; /* lexicon.h */

/* What a parameter takes: any of these, or an object of the types it lists. */
enum {
    PB_TAKES_NONE = 1u << PB_NONE,
    PB_TAKES_BOOL = 1u << PB_BOOL,
    PB_TAKES_NUMBER = 1u << PB_NUMBER, /* a bool is taken too */
    PB_TAKES_STRING = 1u << PB_STRING,
    PB_TAKES_LIST = 1u << PB_LIST,
    PB_TAKES_TENSOR = 1u << PB_TENSOR,
    PB_TAKES_TABLE = 1u << PB_TABLE,
    PB_TAKES_RECORD = 1u << PB_RECORD,
    PB_TAKES_SELECTOR = 1u << PB_SELECTOR,
    PB_TAKES_FUNCTION = (1u << PB_FUNCTION) | (1u << PB_BUILTIN),
    PB_TAKES_OBJECT = 1u << PB_OBJECT, /* of any type */
    PB_TAKES_INTEGER = 1u << 20,       /* a number without a fraction */
    /* Its strings are content: bytes with a length, among which NULs may be. All others are names,
     * of files, axes, places, words, which nothing with a NUL in it is: binding refuses those, so
     * that a function may read them as C strings. */
    PB_TAKES_NUL = 1u << 21,
    PB_TAKES_TEXT = PB_TAKES_STRING | PB_TAKES_NUL,
    PB_TAKES_ANY_NAME = (1u << 20) - 1,
    PB_TAKES_ANY = PB_TAKES_ANY_NAME | PB_TAKES_NUL
};

typedef enum pb_parameter_mode {
    PB_PARAMETER_NORMAL,
    PB_PARAMETER_KEYWORD, /* only by name */
    PB_PARAMETER_REST,    /* any number of further positional arguments: print(a, b, c) */
    PB_PARAMETER_NAMED    /* any further keyword arguments: table(a=..., b=...) */
} pb_parameter_mode;

/* What a row's suggest() is told of the call that is being written. */
typedef struct pb_asked {
    pb_session *session;
    const char *typed; /* the string so far, as it is written */
    /* The value of an argument that stands before it, of this call or of one around it, if that is
     * known without running anything: a reference, or NULL. `name` NULL: this call's first. */
    pb_value *(*argument)(const struct pb_asked *asked, const char *name);
    const void *place; /* the asker's own */
} pb_asked;

typedef struct pb_parameter {
    const char *name;
    unsigned types;
    pb_parameter_mode mode;
    /* What it is when left out, as code: "10", "None", "each", "\"head\"". NULL: it is required.
     * Where the default is "None", None is taken though `types` does not say so. */
    const char *fallback;
    const char *what; /* "a prompt", "a site": how errors name what is wanted. NULL: from types */
    const char
        *choices; /* the strings it may be, one space between: "component head". May be NULL */
    const pb_object_type *objects[6]; /* object types taken, NULL-terminated */
    /* Adds strings worth completing, or for PB_PARAMETER_NAMED names; may be NULL. Safe on any
     * thread. */
    void (*suggest)(const pb_asked *asked, pb_names *names);
} pb_parameter;

#define PB_MAX_PARAMETERS 24 /* of a row, those of its groups included */
#define PB_MAX_GROUPS     2

typedef struct pb_call pb_call;
typedef pb_status pb_builtin_function(pb_call *call, pb_value **result, pb_error **error);

struct pb_builtin {
    const char *name;
    const char *category;  /* heading in the reference: "Text", "Patching" */
    const char *summary;   /* one line, a sentence */
    const char *doc;       /* paragraphs (Markdown); formulas with what they define. May be NULL */
    const char *signature; /* "(target) or (prompt, target)"; NULL: made from the parameters */
    const char *result;    /* what it gives, with axes: "a tensor [layer, head]" */
    unsigned gives;        /* PB_TAKES_SELECTOR for a word that names places; 0: not said */
    const pb_object_type *gives_object; /* the type of the object it gives; NULL: not said */
    const char *example;                /* code, run as a test */
    const char *expected; /* what the example shows (text/plain of its last value, or what it
                             prints). NULL: only that it runs without an error */
    bool needs_model;     /* the example wants reviews-4m loaded */
    const char *see;      /* related words, one space between. May be NULL */
    void (*more)(pb_buffer *out); /* a paragraph behind `doc`, made from a table. May be NULL */
    pb_parameter parameters[PB_MAX_PARAMETERS]; /* its own; end with one whose name is NULL */
    /* Groups that several words have, behind its own: `.also = {pb_prompt_group}`. Each ends
     * with a parameter whose name is NULL. Read all of them with pb_builtin_parameter(). */
    const pb_parameter *also[PB_MAX_GROUPS];
    bool reduces; /* takes as its first argument also what is not computed yet (object.h: reduce) */
    pb_builtin_function *function;
};

/* A word that is a value: each, all. When called it is the built-in of that name, if there is one.
 * Arrays end with one whose name is NULL. */
typedef struct pb_constant {
    const char *name;
    const char *summary;
    pb_status (*make)(pb_value **result, pb_error **error);
} pb_constant;

/* The row's parameter at a place, its own first and then its groups'; NULL behind the last. */
const pb_parameter *pb_builtin_parameter(const pb_builtin *row, size_t which);
/* Whether a value may be given for a parameter, as binding sees it. */
bool pb_parameter_takes(const pb_parameter *parameter, const pb_value *value);
/* Appends what it takes: "a prompt", "a number or a string". */
void pb_parameter_wanted(const pb_parameter *parameter, pb_buffer *out);
/* Whether x.word() is meaningful: the word's first parameter takes such a value. */
bool pb_builtin_takes_first(const pb_builtin *row, const pb_value *value);
/* The same of a value of which only this is known; `type` is of an object, else NULL. */
bool pb_builtin_takes_kind(const pb_builtin *row, pb_kind kind, const pb_object_type *type);
/* The signature: "(prompt, k=10)". */
void pb_builtin_signature(const pb_builtin *row, pb_buffer *out);

/* ---- a call, as the function sees it: arguments bound by name and checked against the row ---- */

typedef struct pb_argument {
    const char *name; /* of the parameter; of the keyword, for PB_PARAMETER_NAMED */
    pb_value *value;  /* borrowed for the call; the fallback's value if it was left out */
    pb_span span;     /* where it is written; the call's span if it was left out */
    bool given;
    const struct pb_node *node; /* as it is written; NULL where no code wrote it */
} pb_argument;

struct pb_call {
    pb_interp *interp;
    pb_keeper *keeper; /* the same cell, for the making of values */
    const pb_builtin *row;
    pb_argument arguments[PB_MAX_PARAMETERS]; /* one for each parameter, in the row's order */
    size_t n_rest;                            /* for PB_PARAMETER_REST and PB_PARAMETER_NAMED */
    pb_argument *rest;
    pb_span span;      /* the whole call */
    pb_span name_span; /* the word */
    pb_source *source; /* where they lie; NULL for a call that no code wrote */
};

/* The argument of a parameter, by the parameter's name. Never NULL: asking for a parameter the row
 * does not have gives an argument whose value is NULL and not given. */
const pb_argument *pb_argument_of(const pb_call *call, const char *name);

/* Short forms. The row has checked the types already. */
bool pb_given(const pb_call *call, const char *name);
pb_value *pb_argument_value(const pb_call *call, const char *name); /* borrowed */
bool pb_argument_is_none(const pb_call *call, const char *name);
double pb_argument_number(const pb_call *call, const char *name);
int64_t pb_argument_integer(const pb_call *call, const char *name);
bool pb_argument_bool(const pb_call *call, const char *name);
/* NULL if None. As a C string: for names, see PB_TAKES_NUL. */
const char *pb_argument_text(const pb_call *call, const char *name);
/* Which of the row's choices a text is, from 0: rows list them in the order of the enum that the
 * function makes of it. The argument has been checked to be one of them. */
int pb_argument_choice(const pb_call *call, const char *name);

/* A string, or a list of strings, or None (count 0). *texts is malloc'ed, its strings borrowed. */
pb_status pb_argument_texts(const pb_call *call, const char *name, const char *const **texts,
                            size_t *count, pb_error **error);
/* A non-negative count, refused with a caret otherwise. */
pb_status pb_argument_count(const pb_call *call, const char *name, size_t *count, pb_error **error);

/* Fails with a caret under the argument of parameter `name` (NULL: under the whole call). */
pb_status pb_fail_argument(const pb_call *call, const char *name, pb_error **error, pb_status code,
                           const char *text, ...) PB_PRINTF(5, 6);
/* Puts the caret under an argument for an error that came from below: the one it says it is about,
 * if that was given, else `name`. Returns `status`. */
pb_status pb_place_argument(const pb_call *call, const char *name, pb_status status,
                            pb_error **error);

/* A word as a value, for calling it as a cell would. */
pb_status pb_call_word(const pb_call *call, const char *name, pb_value **result, pb_error **error);

/* What the surroundings offer. Any may be absent in tests, except the session and the watch. */
pb_session *pb_call_session(const pb_call *call);
const pb_lexicon *pb_call_lexicon(const pb_call *call);
const pb_host *pb_call_host(const pb_call *call);
const pb_watch *pb_call_watch(const pb_call *call);

#endif
