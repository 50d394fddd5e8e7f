#include "fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void must(pb_status status, pb_error *error)
{
    if (status)
        fail_msg("%s: %s", pb_status_name(status), error ? pb_error_text(error) : "no error");
}

void must_fail(pb_status got, pb_status expected, pb_error **error, const char *part)
{
    if (got != expected || !*error || !strstr(pb_error_text(*error), part))
        fail_msg("got %s: '%s'; expected %s with '%s'", pb_status_name(got),
                 *error ? pb_error_text(*error) : "no error", pb_status_name(expected), part);
    pb_error_destroy(error);
}

pb_run *run_tokens(pb_model *model, const int32_t *tokens, size_t n)
{
    pb_prompt prompt = {.tokens = tokens, .n = n};
    pb_run *run = NULL;
    pb_error *error = NULL;
    must(pb_run_create(model, &prompt, NULL, NULL, &run, &error), error);
    return run;
}

static pb_run *run_prompt(const fixture *f, const char *key)
{
    int32_t ids[GOLDEN_WORDS];
    size_t n = golden_prompt(&f->g, key, ids);
    return run_tokens(f->model, ids, n);
}

static int32_t word(const fixture *f, const char *key)
{
    for (size_t i = 0; i < f->g.n; i++) {
        const golden_entry *entry = &f->g.entries[i];
        if (!strcmp(entry->words[0], "word") && !strcmp(entry->words[1], key))
            return (int32_t)strtol(entry->words[2], NULL, 10);
    }
    fail_msg("no word %s", key);
    return 0;
}

fixture fixture_open(const char *name)
{
    char folder[64];
    snprintf(folder, sizeof folder, "%smodels/%s", strcmp(name, "reviews-4m") ? "tests/" : "",
             name);
    return fixture_open_in(name, folder);
}

fixture fixture_open_in(const char *name, const char *folder)
{
    char file[64];
    snprintf(file, sizeof file, "study-%s", name);
    fixture f = {.g = golden_read(file)};
    pb_error *error = NULL;
    must(pb_model_load(folder, NULL, NULL, &f.model, &error), error);
    f.into = run_prompt(&f, "into");
    f.from = run_prompt(&f, "from");
    f.other = run_prompt(&f, "other");
    f.repeat = run_prompt(&f, "repeat");
    f.good = word(&f, "good");
    f.bad = word(&f, "bad");
    return f;
}

void fixture_close(fixture *f)
{
    pb_run_release(&f->into);
    pb_run_release(&f->from);
    pb_run_release(&f->other);
    pb_run_release(&f->repeat);
    pb_model_release(&f->model);
    golden_free(&f->g);
}

const golden_entry *find_entry(const fixture *f, const char *about, const char *name)
{
    for (size_t i = 0; i < f->g.n; i++) {
        const golden_entry *entry = &f->g.entries[i];
        if (!strcmp(entry->words[0], "study") && !strcmp(entry->words[1], about) &&
            !strcmp(entry->words[2], name))
            return entry;
    }
    fail_msg("no golden %s %s", about, name);
    return NULL;
}

void compare_tensor(const fixture *f, const char *about, const char *name, const pb_tensor *tensor,
                    double unit)
{
    golden_compare(find_entry(f, about, name), pb_tensor_data(tensor), pb_tensor_size(tensor),
                   unit);
}

pb_metric good_logit(const fixture *f)
{
    return (pb_metric){.kind = PB_METRIC_LOGIT, .targets = &f->good, .n_targets = 1};
}

pb_patch_spec patch_of(fixture *f, pb_site site, const pb_metric *metric)
{
    pb_patch_spec spec = {.into = &f->into,
                          .n_into = 1,
                          .from = &f->from,
                          .n_from = 1,
                          .site = site,
                          .metric = metric};
    pb_patch_defaults(site, &spec);
    return spec;
}

double furthest(const pb_tensor *a, const pb_tensor *b)
{
    double most = 0;
    assert_int_equal(pb_tensor_size(a), pb_tensor_size(b));
    for (size_t i = 0; i < pb_tensor_size(a); i++) {
        double x = pb_tensor_data(a)[i], y = pb_tensor_data(b)[i];
        if (isnan(x) && isnan(y))
            continue;
        double off = fabs(x - y) / fmax(1, fabs(y));
        if (!(off <= most))
            most = isnan(off) ? INFINITY : off;
    }
    return most;
}

pb_select at_index(int64_t index)
{
    return (pb_select){.kind = PB_SELECT_INDEX, .index = index};
}

pb_select each_of(const pb_select *places)
{
    return (pb_select){.kind = PB_SELECT_EACH, .items = places, .n_items = places ? 1 : 0};
}

pb_select per_prompt(const pb_select *places, size_t n)
{
    return (pb_select){.kind = PB_SELECT_PER, .items = places, .n_items = n};
}
