/*
 * What the words about models share: the types of its objects, and how arguments such as prompts,
 * targets, places and edits become what the engine wants.
 *
 * The ..._take() functions read one argument of a call. They put the caret under that argument when
 * they fail, and what they fill is freed with the matching ..._free(), which takes zeroed structs
 * too.
 */
#ifndef PB_ANALYSIS_DOMAIN_H
#define PB_ANALYSIS_DOMAIN_H

#include "eval/builtin.h"
#include "eval/interp.h"
#include "model/forward.h"
#include "model/model.h"
#include "model/run.h"
#include "study/edit.h"
#include "study/metric.h"
#include "study/where.h"

/* ---- the types of objects, each in the file that makes it ---- */

extern const pb_object_type pb_model_type;   /* model.c */
extern const pb_object_type pb_run_type;     /* run.c */
extern const pb_object_type pb_runs_type;    /* runs.c */
extern const pb_object_type pb_prompt_type;  /* run.c */
extern const pb_object_type pb_tokens_type;  /* predict.c */
extern const pb_object_type pb_edit_type;    /* edit.c */
extern const pb_object_type pb_metric_type;  /* metric.c */
extern const pb_object_type pb_any_of_type;  /* any_of.c */
extern const pb_object_type pb_ranking_type; /* ranking.c */

/* Groups of parameters that words end with (arguments.c): model=, where a word can be about another
 * model than the current one; and edit=, model= and bos= of a word with a prompt. */
extern const pb_parameter pb_model_group[];
extern const pb_parameter pb_prompt_group[];

/* ---- models ---- */

typedef struct pb_model_data {
    pb_model *model;
    bool bos;    /* prompts get the start token unless they say otherwise */
    char *label; /* "reviews-4m", "reviews-4m (raw)" */
} pb_model_data;

/* A model as a value; retains it. */
pb_status pb_model_value(pb_model *model, bool bos, pb_value **result, pb_error **error);

/* The model a call is about: its model=, or the current one. A reference in *model; PB_VALUE with
 * the line to type if none is loaded. */
pb_status pb_call_model(pb_call *call, pb_value **model, pb_error **error);
/* The current one, for what runs beside cells: a reference, or NULL. Loads none. */
pb_value *pb_current_model(pb_session *session);
pb_model *pb_model_of(const pb_value *model); /* borrowed */
bool pb_model_adds_bos(const pb_value *model);
/* What captions and messages call it: "reviews-4m", "reviews-4m (raw)". */
const char *pb_model_value_name(const pb_value *model);

/* The engine's context for this call: the watch, and scratch memory kept with the session. */
pb_context pb_call_context(pb_call *call);

/* ---- prompts ---- */

typedef struct pb_prompts {
    pb_value *model;  /* the one they run on; owned */
    pb_model *engine; /* borrowed from `model` */
    bool many;        /* a list was given: results go over `axis` */
    size_t count;
    pb_run **runs;
    char **texts;  /* what each is called: its text, or its tokens joined; a NUL as \x00 */
    pb_axis *axis; /* "prompt", labels: the texts; NULL unless many */
    char *edits;   /* what they are edited with, in words; NULL if they are not */
} pb_prompts;

enum {
    PB_PROMPTS_KEEP_QKV = 1, /* for sweeps */
    PB_PROMPTS_IGNORE_EDIT = 2
};

/*
 * Runs the prompts given as `name`, under the call's edit=, model= and bos=. `like` (may be NULL)
 * are prompts taken before, whose model these must share.
 */
pb_status pb_prompts_take(pb_call *call, const char *name, unsigned flags, const pb_prompts *like,
                          pb_prompts *prompts, pb_error **error);
void pb_prompts_free(pb_prompts *prompts);

/* A prompt's text, malloc'ed: up to the place that `at` names, if that is one position and not the
 * last. NULL when memory is out. */
char *pb_prompts_text(const pb_prompts *prompts, size_t which, const pb_select *at);
/* The same for captions: quoted, and cut to about `width` columns. */
char *pb_prompts_title(const pb_prompts *prompts, size_t which, const pb_select *at, size_t width);
/* Appends the bytes of a run's prompt, which is called so: NULs as they are. */
pb_status pb_prompt_bytes(const pb_run *run, const char *called, pb_buffer *out, pb_error **error);
/* " Edited: zero z at L4H0, all positions." if the prompts are. */
void pb_prompts_edits(const pb_prompts *prompts, pb_buffer *out);

/* What was made of each prompt: the one, or of several all over `prompt`, where what a shorter one
 * lacks are gaps. Releases the parts, and frees the array. */
pb_status pb_prompts_join(const pb_prompts *prompts, pb_tensor **parts, const pb_watch *watch,
                          pb_status status, pb_tensor **joined, pb_error **error);

/* The prompts a value stands for: the column `prompt` of a table, the runs of a set of runs, and
 * otherwise the value itself. Borrowed. PB_NAME for a table without that column. */
pb_status pb_prompt_column(pb_call *call, const pb_value *value, const pb_value **prompts,
                           pb_error **error);
/* Whether a value is a table with a column `prompt`. */
bool pb_is_prompt_table(const pb_value *value);
/* Says of which item of a list of several an error is: "row 3: ", from 0 as rows are counted. */
void pb_name_row(const pb_value *list, size_t which, pb_error **error);

/* Only the tokens: ids[i] has counts[i] of them. For words that need no forward pass. */
typedef struct pb_token_lists {
    pb_value *model;
    bool many;
    size_t count;
    int32_t **ids;
    size_t *counts;
    char **texts;
} pb_token_lists;
pb_status pb_token_lists_take(pb_call *call, const char *name, pb_token_lists *lists,
                              pb_error **error);
/* The same of prompts that are to be run, and so fit into the context. */
pb_status pb_runnable_lists_take(pb_call *call, const char *name, pb_token_lists *lists,
                                 pb_error **error);
void pb_token_lists_free(pb_token_lists *lists);

/* A run as a value. Takes *run, also on failure. `text` and `edits`, which may be NULL, are copied.
 */
pb_status pb_run_value(pb_run **run, pb_value *model, const char *text, const char *edits,
                       pb_value **result, pb_error **error);
/* The runs of some prompts as a list of values. */
pb_status pb_runs_list(const pb_prompts *prompts, pb_value **result, pb_error **error);
pb_run *pb_run_of(const pb_value *value); /* borrowed; NULL if it is no run */
const char *pb_run_text(const pb_value *value);
const char *pb_run_edits_text(const pb_value *value); /* NULL if it was not edited */
pb_value *pb_run_model_value(const pb_value *run);    /* borrowed */
/* Refuses a name that people try for an activation, and says what it is called; PB_OK for others.
 */
pb_status pb_run_called_otherwise(const char *tried, pb_error **error);
/* run.name[layer=4, ...] without the other layers, run.logits[pos=-1] without the other positions
 * (metric_own.c). */
pb_status pb_part_of_run(pb_interp *interp, const pb_value *run, const char *name, size_t count,
                         const pb_index_entry *entries, pb_value **result, pb_error **error);
/* The ids of a prompt(ids), borrowed; NULL if it is none. */
const int32_t *pb_prompt_value_ids(const pb_value *value, size_t *count);

/* ---- targets: words that are one token ---- */

typedef struct pb_targets {
    int32_t *ids;
    size_t count;
    bool many;    /* a list was given */
    size_t *ends; /* where some are any_of([...]): the i-th is ids up to ends[i]; else NULL */
} pb_targets;

/* One token for a value (a string or an id); the caret is the caller's to place. */
pb_status pb_target_of(pb_model *model, const pb_value *value, int32_t *id, pb_error **error);
pb_status pb_targets_of(pb_model *model, const pb_value *value, pb_targets *targets,
                        pb_error **error);
/* The same, where any_of([...]) is a target too. */
pb_status pb_word_sets_of(pb_model *model, const pb_value *value, pb_targets *targets,
                          pb_error **error);
/* The argument `name`; with n_prompts > 0 its count must be 1 or that. */
pb_status pb_targets_take(pb_call *call, const char *name, pb_model *model, size_t n_prompts,
                          pb_targets *targets, pb_error **error);
pb_status pb_word_sets_take(pb_call *call, const char *name, pb_model *model, size_t n_prompts,
                            pb_targets *targets, pb_error **error);
/* The words of an any_of([...]), borrowed; NULL if it is none. */
const pb_value *pb_any_of_words(const pb_value *value);
void pb_targets_free(pb_targets *targets);
/* Warns on stderr where " great" was probably meant and "great" was given. */
void pb_note_missing_space(pb_interp *interp, pb_model *model, const pb_value *target);

/* ---- places ---- */

/* A value as places along `axis`, the caller's to destroy; NULL for None. */
pb_status pb_places_of(const pb_value *value, const char *axis, pb_select **places,
                       pb_error **error);
/* The argument `name` as places along `axis`. */
pb_status pb_places_take(pb_call *call, const char *name, const char *axis, pb_select **places,
                         pb_error **error);
typedef enum pb_positions_wanted { PB_ONE_POSITION, PB_SOME_POSITIONS } pb_positions_wanted;
/* The same for places that go by two names, of which one may be given: pos and query. */
pb_status pb_either_take(pb_call *call, const char *one, const char *other, const char *axis,
                         pb_select **places, pb_error **error);
/* The argument `name` as positions of prompts. With PB_ONE_POSITION all, lists and slices are
 * refused. */
pb_status pb_positions_take(pb_call *call, const char *name, pb_positions_wanted wanted,
                            pb_select **places, pb_error **error);
/* Refuses what is not one position, given as argument `name`. */
pb_status pb_positions_check(const pb_call *call, const char *name, const pb_select *places,
                             pb_error **error);
/* Puts before an error which of several prompts it is about, and its text if that is known. */
void pb_error_in_prompt(pb_error *error, size_t which, const char *text);
/* pb_place_argument() for what the engine answers about prompts: it says which arguments have
 * places that are not there, and in which prompt, which is named if there are several. */
pb_status pb_place_answer(const pb_call *call, const char *name, const pb_prompts *prompts,
                          pb_status status, pb_error **error);
/* Appends ", layer 3", ", position 2 (\xC2\xB7love)", ", all heads"; nothing for each. `written` is
 * the argument; `run` may be NULL. */
void pb_places_phrase(const char *word, const pb_select *places, const pb_value *written,
                      const pb_run *run, pb_buffer *out);
/* NULL where every place is meant. */
static inline const pb_select *pb_places_chosen(const pb_select *places)
{
    return pb_select_is_every(places) ? NULL : places;
}

/* The list of heads a ranking names, borrowed; NULL if it is not one of heads. */
pb_value *pb_ranking_heads(const pb_value *ranking);
/* "L9H6", a list of such, or a ranking's heads, each once. *heads is malloc'ed; NULL and 0 for
 * None. PB_VALUE for an empty list. */
pb_status pb_heads_take(pb_call *call, const char *name, pb_model *model, pb_head **heads,
                        size_t *count, pb_error **error);

/* The same where no heads are a set too: *heads is not NULL, *count 0. */
pb_status pb_head_set_take(pb_call *call, const char *name, pb_model *model, pb_head **heads,
                           size_t *count, pb_error **error);

/* The argument `name` as a site. */
pb_status pb_site_take(pb_call *call, const char *name, pb_site *site, pb_error **error);
void pb_suggest_sites(const pb_asked *asked, pb_names *names);
/* The tokens of a run's prompt; tokens of the vocabulary that begin as `typed` does (usual.c). */
void pb_suggest_run_tokens(const pb_run *run, pb_names *names);
void pb_suggest_vocabulary(const pb_model *model, const char *typed, pb_names *names);

/* An argument that names places of a site, and what the site needs to have for it. */
typedef struct pb_site_argument {
    const char *name;
    bool given;
    pb_along along;
} pb_site_argument;
/* Refuses the first argument that is given for what the site does not have. */
pb_status pb_site_arguments_check(const pb_call *call, const pb_model *model, pb_site site,
                                  const pb_site_argument *arguments, size_t n, pb_error **error);
/* Refuses kv_head= at a site whose heads are not those of keys and values. */
pb_status pb_kv_heads_check(const pb_call *call, pb_site site, pb_error **error);
/* Hints for what TransformerLens' users type: cache["blocks.2.attn.hook_z"], cache["z", 2], and
 * for the argument `name` a hook or a head where a site is wanted (hooks.c). */
void pb_hint_activation(size_t count, const pb_index_entry *entries, pb_error *error);
void pb_hint_site(const char *name, const char *text, pb_error *error);

/* ---- edits and metrics as values ---- */

typedef struct pb_edits {
    pb_edit **items; /* borrowed from the values */
    size_t count;
} pb_edits;
pb_status pb_edits_take(pb_call *call, const char *name, const pb_value *model, pb_edits *edits,
                        pb_error **error);
void pb_edits_free(pb_edits *edits);

/* A function as what an edit writes; the caller's, to be given back with call->release()
 * (edit_function.c). */
pb_status pb_edit_function_create(pb_value *function, pb_value *model, pb_edit_call *call,
                                  pb_error **error);

/* A metric bound to a model and prompts; what pb_metric points into. */
typedef struct pb_bound_metric {
    pb_metric metric;
    struct pb_bound_metric *terms; /* of a sum */
    pb_metric_part *parts;
    size_t n_terms;
    pb_targets targets, against;
    pb_select *positions;
    pb_prompts reference;
    const char *units;               /* "logits", "nats", ... */
    char *name;                      /* "logit of · great" */
    struct pb_metric_caller *caller; /* of a user's function */
} pb_bound_metric;

/* The argument `name` (a metric or a function) for these prompts. */
pb_status pb_metric_take(pb_call *call, const char *name, const pb_prompts *prompts,
                         pb_bound_metric *bound, pb_error **error);
void pb_bound_metric_free(pb_bound_metric *bound);

/* ---- results ---- */

/* A tensor of the engine's as a value of this model. Takes *tensor, also on failure. */
pb_status pb_result_tensor(pb_tensor **tensor, pb_value *model, const pb_look *look,
                           const char *units, const char *caption, size_t n_fields,
                           const pb_field *fields, pb_value **result, pb_error **error);

/* The same, also taking the caption. */
pb_status pb_result_captioned(pb_tensor **tensor, pb_value *model, const pb_look *look,
                              const char *units, pb_buffer *caption, size_t n_fields,
                              const pb_field *fields, pb_value **result, pb_error **error);

/* A tensor, which is retained, as a value for a field: a number where it has no axes. */
pb_status pb_tensor_field(pb_tensor *tensor, pb_value *model, const char *units, pb_value **result,
                          pb_error **error);

/* Takes away an axis of length one, if `drop`: a single prompt or word leaves none. */
pb_status pb_drop_single_axis(pb_tensor **tensor, const char *axis, bool drop, pb_error **error);

/* Text of a token with its space visible, malloc'ed; NULL when memory is out. */
char *pb_token_text(const pb_model *model, int32_t id);

#endif
