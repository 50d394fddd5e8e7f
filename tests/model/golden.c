#include "golden.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *read_file(const char *name, const char *suffix, size_t *length)
{
    char path[512];
    const char *folder = getenv("PATCHBAY_GOLDENS");
    snprintf(path, sizeof path, "%s/%s.%s", folder ? folder : "tests/golden", name, suffix);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *length = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*length + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *length, file), *length);
    bytes[*length] = '\0';
    fclose(file);
    return bytes;
}

/* Words before the sizes: "act KEY HOOK SIZE...". */
static size_t head_words(const char *kind)
{
    if (strcmp(kind, "made") == 0 || strcmp(kind, "prompt") == 0)
        return GOLDEN_WORDS;
    return strcmp(kind, "variant") == 0 ? 4 : 3;
}

static size_t cut_line(char *line, golden_entry *entry)
{
    char *rest = line;
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        assert_true(entry->n_words < GOLDEN_WORDS);
        entry->words[entry->n_words++] = word;
    }
    size_t size = entry->n_words > head_words(entry->words[0]) ? 1 : 0;
    for (size_t i = head_words(entry->words[0]); i < entry->n_words; i++)
        size *= (size_t)strtoul(entry->words[i], NULL, 10);
    return size;
}

golden golden_read(const char *name)
{
    golden g = {0};
    size_t length, bytes, used = 0;
    g.text = read_file(name, "txt", &length);
    g.values = (float *)(void *)read_file(name, "f32", &bytes);
    for (const char *c = g.text; *c; c++)
        g.n += *c == '\n';
    g.entries = calloc(g.n, sizeof *g.entries);
    assert_non_null(g.entries);
    char *rest = g.text;
    for (size_t i = 0; i < g.n; i++) {
        golden_entry *entry = &g.entries[i];
        entry->n_values = cut_line(strtok_r(rest, "\n", &rest), entry);
        entry->values = g.values + used;
        used += entry->n_values;
    }
    assert_int_equal(used * sizeof(float), bytes);
    return g;
}

void golden_free(golden *g)
{
    free(g->entries);
    free(g->values);
    free(g->text);
}

size_t golden_prompt(const golden *g, const char *key, int32_t *ids)
{
    for (size_t i = 0; i < g->n; i++) {
        const golden_entry *entry = &g->entries[i];
        if (strcmp(entry->words[0], "prompt") != 0 || strcmp(entry->words[1], key) != 0)
            continue;
        for (size_t w = 2; w < entry->n_words; w++)
            ids[w - 2] = (int32_t)strtol(entry->words[w], NULL, 10);
        return entry->n_words - 2;
    }
    fail_msg("no prompt %s", key);
    return 0;
}

void golden_compare(const golden_entry *entry, const float *got, size_t n, double unit)
{
    if (n != entry->n_values)
        fail_msg("%s %s %s: %zu values, expected %zu", entry->words[0], entry->words[1],
                 entry->words[2], n, entry->n_values);
    for (size_t i = 0; i < n; i++) {
        double expected = (double)entry->values[i], value = (double)got[i];
        if (isnan(expected) || (isinf(expected) && value == expected))
            continue;
        if (!(fabs(value - expected) <= unit * fmax(1.0, fabs(expected))))
            fail_msg("%s %s %s [%zu]: %.9g, expected %.9g", entry->words[0], entry->words[1],
                     entry->words[2], i, value, expected);
    }
}
