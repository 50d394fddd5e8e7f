/*
 * Cells and what they come to, as text files:
 *
 *     %% a title
 *     code
 *     ---
 *     what it writes, shows, and its last value or error
 */
#ifndef PB_TEST_CASE_FILE_H
#define PB_TEST_CASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct one_case {
    const char *title, *code, *expected; /* without their last line ends */
} one_case;

typedef struct case_file {
    char *text; /* what the cases point into */
    one_case *cases;
    size_t count;
} case_file;

/* False if the file cannot be read, or is not of this form. */
bool case_file_read(const char *path, case_file *file);
void case_file_free(case_file *file);

#endif
