/*
 * Cells and everything they come to, whole error messages included, from text files:
 *
 *     %% a title
 *     code
 *     ---
 *     what it writes, shows, and its last value or error
 *
 * With PATCHBAY_UPDATE_CASES set the files are written anew with what came; read the difference.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

#define CASES "tests/language/cases"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t length = 0;
    if (!file)
        return NULL;
    for (size_t got = 1; got > 0; length += got) {
        text = realloc(text, length + 4097);
        assert_non_null(text);
        got = fread(text + length, 1, 4096, file);
    }
    text[length] = '\0';
    fclose(file);
    return text;
}

/* The next line's start; the line itself is ended in place. */
static char *end_line(char *line)
{
    char *end = strchr(line, '\n');
    if (!end)
        return line + strlen(line);
    *end = '\0';
    return end + 1;
}

typedef struct one_case {
    char *title, *code, *expected; /* in place; code and expected without their last line end */
} one_case;

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
}

/* Splits off the case at *at, which is at a line "%% title". */
static bool next_case(char **at, one_case *c)
{
    char *start = strstr(*at, "%% ");
    if (!start)
        return false;
    c->title = start + 3;
    c->code = end_line(c->title);
    char *cut = strstr(c->code, "\n---");
    if (!cut)
        return false;
    *cut = '\0';
    c->expected = cut + 4 + strcspn(cut + 4, "\n");
    c->expected += *c->expected == '\n';
    char *next = strncmp(c->expected, "%% ", 3) == 0 ? c->expected : strstr(c->expected, "\n%% ");
    *at = next ? next + (next != c->expected) : c->expected + strlen(c->expected);
    if (next == c->expected)
        c->expected = (char *)"";
    else if (next)
        *next = '\0';
    if (*c->expected)
        trim(c->expected);
    return true;
}

static int check_case(const char *path, const one_case *c, FILE *update)
{
    char *came = run_alone(c->code);
    assert_non_null(came);
    trim(came);
    int failed = strcmp(came, c->expected) != 0;
    if (update)
        fprintf(update, "%%%% %s\n%s\n---\n%s\n\n", c->title, c->code, came);
    else if (failed)
        print_error("%s: %s\n--- code\n%s\n--- expected\n%s\n--- came\n%s\n", path, c->title,
                    c->code, c->expected, came);
    free(came);
    return update ? 0 : failed;
}

static int check_file(const char *path)
{
    char *text = read_file(path), *at = text;
    one_case c;
    int failed = 0, count = 0;
    assert_non_null(text);
    FILE *update = getenv("PATCHBAY_UPDATE_CASES") ? fopen(path, "wb") : NULL;
    for (; next_case(&at, &c); count++)
        failed += check_case(path, &c, update);
    if (update)
        fclose(update);
    free(text);
    assert_true(count > 0);
    return failed;
}

static void test_cases(void **state)
{
    struct dirent **files = NULL;
    int failed = 0, checked = 0;
    (void)state;
    int count = scandir(CASES, &files, NULL, alphasort);
    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        char path[512];
        const char *dot = strrchr(files[i]->d_name, '.');
        snprintf(path, sizeof path, CASES "/%s", files[i]->d_name);
        if (dot && strcmp(dot, ".txt") == 0) {
            failed += check_file(path);
            checked++;
        }
        free(files[i]);
    }
    free(files);
    assert_true(checked > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
