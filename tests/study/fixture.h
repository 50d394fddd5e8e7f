/* What the study layer's tests share: a model with its golden file, runs, and comparisons. */
#ifndef PB_TESTS_STUDY_FIXTURE_H
#define PB_TESTS_STUDY_FIXTURE_H

#include "../model/golden.h"
#include "model/run.h"
#include "study/patch.h"

typedef struct fixture {
    golden g;
    pb_model *model;
    pb_run *into, *from, *other, *repeat; /* the golden's prompts */
    int32_t good, bad;                    /* its words */
} fixture;

/* NAME is "reviews-4m" or "random-3l5h". Fails the test on any error. */
fixture fixture_open(const char *name);
/* The golden study-NAME, of the model in a folder. */
fixture fixture_open_in(const char *name, const char *folder);
void fixture_close(fixture *f);

/* A run of these tokens. */
pb_run *run_tokens(pb_model *model, const int32_t *tokens, size_t n);

/* Fails the test with the error's text unless status is PB_OK. */
void must(pb_status status, pb_error *error);

/* Fails unless got has the status and its text holds `part`; destroys the error. */
void must_fail(pb_status got, pb_status expected, pb_error **error, const char *part);

/* The entry "study ABOUT NAME". */
const golden_entry *find_entry(const fixture *f, const char *about, const char *name);

/* The tensor's values are the entry's. */
void compare_tensor(const fixture *f, const char *about, const char *name, const pb_tensor *tensor,
                    double unit);

/* A patch of from into into at a site, its default walks, the good word's logit as metric. `metric`
 * must outlive the spec. */
pb_patch_spec patch_of(fixture *f, pb_site site, const pb_metric *metric);
pb_metric good_logit(const fixture *f);

/* max |a - b| / max(1, |b|); NaN against NaN is 0. */
double furthest(const pb_tensor *a, const pb_tensor *b);

pb_select at_index(int64_t index);
/* A walk over places; NULL: over all of them. */
pb_select each_of(const pb_select *places);
/* One place for each of n prompts. */
pb_select per_prompt(const pb_select *places, size_t n);

#endif
