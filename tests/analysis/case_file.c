#include "case_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    size_t length = 0;
    if (!file)
        return NULL;
    for (size_t got = 1; got > 0; length += got) {
        char *longer = realloc(text, length + 4097);
        if (!longer) {
            free(text);
            fclose(file);
            return NULL;
        }
        text = longer;
        got = fread(text + length, 1, 4096, file);
    }
    text[length] = '\0';
    fclose(file);
    return text;
}

/* Ends the line in place; where the next one starts. */
static char *end_line(char *line)
{
    char *end = strchr(line, '\n');
    if (!end)
        return line + strlen(line);
    *end = '\0';
    return end + 1;
}

/* The first line that is `mark` or begins with it, or NULL. */
static char *find_line(char *text, const char *mark)
{
    for (char *at = text; at; at = strchr(at, '\n')) {
        at += at != text || *at == '\n' ? *at == '\n' : 0;
        if (strncmp(at, mark, strlen(mark)) == 0)
            return at;
    }
    return NULL;
}

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && text[length - 1] == '\n')
        text[--length] = '\0';
}

/* Cuts the case whose "%% title" line is at `text`; `next` is where it ends. */
static bool cut_case(char *text, char *next, one_case *found)
{
    if (next)
        next[-1] = '\0';
    found->title = text + strlen("%% ");
    char *code = end_line(text);
    char *mark = find_line(code, "---");
    if (!mark || mark == code)
        return false;
    mark[-1] = '\0';
    char *expected = end_line(mark);
    trim(code);
    trim(expected);
    found->code = code;
    found->expected = expected;
    return true;
}

bool case_file_read(const char *path, case_file *file)
{
    *file = (case_file){.text = read_text(path)};
    char *at = file->text ? find_line(file->text, "%% ") : NULL;
    while (at) {
        char *next = find_line(at + 1, "%% ");
        one_case *longer = realloc(file->cases, (file->count + 1) * sizeof *longer);
        if (longer)
            file->cases = longer;
        if (!longer || !cut_case(at, next, &file->cases[file->count])) {
            case_file_free(file);
            return false;
        }
        file->count++;
        at = next;
    }
    return file->count > 0;
}

void case_file_free(case_file *file)
{
    free(file->text);
    free(file->cases);
    *file = (case_file){0};
}
