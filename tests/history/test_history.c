/* The history: what is asked for comes back, across sessions, bounded, and never in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "history/history.h"

typedef struct {
    char folder[64];
    char path[128];
    int warnings;
    pb_log log;
} fixture;

static void count_warning(void *user, pb_log_level level, const char *line)
{
    (void)line;
    fixture *f = user;
    f->warnings += level == PB_LOG_WARNING;
}

static int setup(void **state)
{
    fixture *f = pb_calloc(1, sizeof *f);
    if (!f)
        return -1;
    strcpy(f->folder, "/tmp/patchbay-history-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/deep/er/history.sqlite", f->folder);
    f->log = (pb_log){.least = PB_LOG_DEBUG, .write = count_warning, .user = f};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    char command[256];
    snprintf(command, sizeof command, "rm -r %s", f->folder);
    int code = system(command);
    free(f);
    return code;
}

static pb_history *open_history(fixture *f, const char *path)
{
    pb_history *history = NULL;
    assert_int_equal(pb_history_open(path, &f->log, &history, NULL), PB_OK);
    assert_non_null(history);
    return history;
}

static void add(pb_history *history, int64_t line, const char *source, const char *output)
{
    pb_history_add(history, line, source, strlen(source), output, output ? strlen(output) : 0);
}

/* Compares the sources of a list, oldest first, with words separated by commas; ends the list. */
static void assert_sources(pb_history_list *list, const char *expected)
{
    char got[512] = "";
    for (size_t i = 0; i < list->count; i++) {
        strcat(got, i ? "," : "");
        strcat(got, list->cells[i].source);
    }
    assert_string_equal(got, expected);
    pb_history_list_destroy(&list);
    assert_null(list);
}

static pb_history_list *tail(pb_history *history, size_t n)
{
    pb_history_list *list = NULL;
    assert_int_equal(pb_history_tail(history, n, false, &list, NULL), PB_OK);
    return list;
}

static pb_history_list *search(pb_history *history, const char *pattern, size_t n, bool unique)
{
    pb_history_list *list = NULL;
    assert_int_equal(pb_history_search(history, pattern, strlen(pattern), n, unique, &list, NULL),
                     PB_OK);
    return list;
}

static pb_history_list *range(pb_history *history, int64_t session, int64_t start, int64_t stop)
{
    pb_history_list *list = NULL;
    assert_int_equal(pb_history_range(history, session, start, stop, &list, NULL), PB_OK);
    return list;
}

static void test_questions(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, f->path);
    add(history, 1, "a", NULL);
    add(history, 2, "b", "two");
    add(history, 3, "ab", NULL);
    add(history, 4, "a", "again");

    assert_sources(tail(history, 2), "ab,a");
    assert_sources(tail(history, 99), "a,b,ab,a");
    assert_sources(tail(history, 0), "");
    assert_sources(search(history, "a*", 10, false), "a,ab,a");
    assert_sources(search(history, "a*", 10, true), "ab,a");
    assert_sources(search(history, "a*", 1, false), "a");
    assert_sources(search(history, "no", 10, false), "");
    assert_sources(range(history, 0, 2, 4), "b,ab");
    assert_sources(range(history, 0, 2, -1), "b,ab,a");
    assert_sources(range(history, 77, 0, -1), "");
    assert_sources(range(history, INT64_MIN, 0, -1), "");

    pb_history_list *list = tail(history, 4);
    assert_int_equal(list->cells[1].session, pb_history_session(history));
    assert_int_equal(list->cells[1].line, 2);
    assert_string_equal(list->cells[1].output, "two");
    assert_null(list->cells[0].output);
    pb_history_list_destroy(&list);
    assert_int_equal(f->warnings, 0);
    pb_history_close(&history);
    assert_null(history);
}

static void test_sessions_persist(void **state)
{
    fixture *f = *state;
    pb_history *first = open_history(f, f->path);
    add(first, 1, "old", NULL);
    int64_t number = pb_history_session(first);
    pb_history_close(&first);

    pb_history *second = open_history(f, f->path);
    assert_int_equal(pb_history_session(second), number + 1);
    add(second, 1, "new", NULL);
    assert_sources(tail(second, 10), "old,new");
    assert_sources(range(second, -1, 0, -1), "old");
    assert_sources(range(second, number, 1, 2), "old");
    assert_sources(range(second, -2, 0, -1), "");
    pb_history_close(&second);

    struct stat facts;
    assert_int_equal(stat(f->path, &facts), 0);
    assert_int_equal(facts.st_mode & 0777, 0600);
}

static void test_two_kernels_share_the_file(void **state)
{
    fixture *f = *state;
    pb_history *one = open_history(f, f->path), *two = open_history(f, f->path);
    assert_int_not_equal(pb_history_session(one), pb_history_session(two));
    add(one, 1, "one", NULL);
    add(two, 1, "two", NULL);
    assert_sources(tail(one, 5), "one,two");
    assert_sources(range(two, 0, 0, -1), "two");
    pb_history_close(&one);
    pb_history_close(&two);
    assert_int_equal(f->warnings, 0);
}

static void test_any_text_returns(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, NULL);
    const char source[] = "a\0b '; DROP TABLE cells; -- é 🙂";
    pb_history_add(history, 1, source, sizeof source - 1, "x\0y", 3);
    pb_history_list *list = tail(history, 1);
    assert_int_equal(list->cells[0].source_length, sizeof source - 1);
    assert_memory_equal(list->cells[0].source, source, sizeof source);
    assert_int_equal(list->cells[0].output_length, 3);
    assert_memory_equal(list->cells[0].output, "x\0y", 4);
    pb_history_list_destroy(&list);
    pb_history_close(&history);
}

static void test_long_texts_are_cut_between_characters(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, NULL);
    size_t length = PB_HISTORY_SOURCE + 2;
    char *source = pb_malloc(length, 1);
    assert_non_null(source);
    memset(source, 'x', length);
    memcpy(source + PB_HISTORY_SOURCE - 1, "é", 2); /* lies across the limit */
    pb_history_add(history, 1, source, length, source, length);
    pb_history_list *list = tail(history, 1);
    assert_int_equal(list->cells[0].source_length, PB_HISTORY_SOURCE - 1);
    assert_int_equal(list->cells[0].output_length, PB_HISTORY_OUTPUT);
    pb_history_list_destroy(&list);
    free(source);
    pb_history_close(&history);
}

static void test_old_cells_go(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, f->path);
    pb_history_close(&history);
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(f->path, &database), SQLITE_OK);
    char sql[512];
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO cells(session, line, source, bytes) SELECT 1, i, 'cell ' || i, 8 FROM n",
             PB_HISTORY_CELLS + 100);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);

    history = open_history(f, f->path);
    assert_sources(search(history, "cell 100", 1, false), "");
    assert_sources(search(history, "cell 101", 1, false), "cell 101");
    pb_history_list *list = tail(history, SIZE_MAX);
    assert_int_equal(list->count, PB_HISTORY_REPLY);
    pb_history_list_destroy(&list);
    pb_history_close(&history);

    assert_int_equal(sqlite3_open(f->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "UPDATE cells SET bytes = 1 << 20", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    history = open_history(f, f->path);
    list = tail(history, SIZE_MAX);
    assert_int_equal(list->count, PB_HISTORY_BYTES >> 20);
    pb_history_list_destroy(&list);
    pb_history_close(&history);
}

/* Whatever the file is, the history works, and one warning says that it lasts no longer. */
static void assert_works_in_memory(fixture *f, const char *path)
{
    f->warnings = 0;
    pb_history *history = open_history(f, path);
    assert_int_equal(f->warnings, 1);
    add(history, 1, "kept", NULL);
    assert_sources(tail(history, 5), "kept");
    pb_history_close(&history);
}

static void test_unusable_files(void **state)
{
    fixture *f = *state;
    char path[256];
    assert_works_in_memory(f, "/proc/nowhere/history.sqlite");
    assert_works_in_memory(f, f->folder); /* a folder is no file */

    snprintf(path, sizeof path, "%s/garbage", f->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database ", file);
    fclose(file);
    assert_works_in_memory(f, path);

    snprintf(path, sizeof path, "%s/newer", f->folder);
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 2", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    assert_works_in_memory(f, path);
}

/* A file that stops taking writes while it is open: the session goes on. */
static void test_file_that_breaks_later(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, f->path);
    add(history, 1, "before", NULL);
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(f->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "DROP TABLE cells", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    add(history, 2, "after", NULL);
    add(history, 3, "later", NULL);
    assert_int_equal(f->warnings, 1);
    assert_sources(tail(history, 5), "after,later");
    assert_sources(range(history, 0, 0, -1), "after,later");
    pb_history_close(&history);
}

static void run_sql(sqlite3 *database, const char *sql)
{
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* A file that somebody else keeps locked: one cell waits for it, the others do not; all are there
 * to be asked for, and in the file once it is free. */
static void test_locked_file(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, f->path);
    sqlite3 *other = NULL;
    add(history, 1, "a", NULL);
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    run_sql(other, "BEGIN IMMEDIATE");
    double begun = now();
    add(history, 2, "b", "two");
    for (int64_t i = 3; i < 103; i++)
        add(history, i, "c", NULL);
    add(history, 103, "d", NULL);
    assert_true(now() - begun < 10); /* and not half a second each */
    assert_int_equal(f->warnings, 1);
    assert_sources(search(history, "*", 10, true), "a,b,c,d");
    assert_sources(range(history, 0, 1, 4), "a,b,c");

    run_sql(other, "COMMIT");
    add(history, 104, "e", NULL);
    pb_history *reader = open_history(f, f->path);
    assert_sources(search(reader, "*", 10, true), "a,b,c,d,e");
    assert_sources(range(reader, -1, 1, 4), "a,b,c");
    run_sql(other, "BEGIN IMMEDIATE"); /* what waits at the end is written at the end */
    add(history, 105, "f", NULL);
    run_sql(other, "COMMIT");
    pb_history_close(&history);
    assert_sources(tail(reader, 2), "e,f");
    pb_history_close(&reader);
    sqlite3_close(other);
}

/* What waits is bounded: the oldest go. */
static void test_locked_for_good(void **state)
{
    fixture *f = *state;
    pb_history *history = open_history(f, f->path);
    sqlite3 *other = NULL;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    run_sql(other, "BEGIN IMMEDIATE");
    char *large = calloc(1, PB_HISTORY_SOURCE);
    assert_non_null(large);
    for (int64_t i = 1; i <= 40; i++)
        pb_history_add(history, i, large, PB_HISTORY_SOURCE, NULL, 0);
    free(large);
    pb_history_list *list = tail(history, 100);
    assert_int_equal(list->count, 16);
    assert_int_equal(list->cells[15].line, 40);
    pb_history_list_destroy(&list);
    pb_history_close(&history);
    assert_int_equal(f->warnings, 2);
    sqlite3_close(other);
}

/* Code that a prepared file brings along is not run. */
static void test_prepared_file(void **state)
{
    static const char *const prepared[] = {
        "CREATE TRIGGER t AFTER INSERT ON cells BEGIN UPDATE cells SET source = 'owned'; END",
        "CREATE TRIGGER t AFTER INSERT ON sessions BEGIN INSERT INTO cells(session, line, source,"
        " bytes) VALUES(1, 99, 'owned', 0); END",
        "CREATE TRIGGER t BEFORE DELETE ON cells BEGIN INSERT INTO cells(session, line, source,"
        " bytes) VALUES(1, 99, 'owned', 0); END",
        "ALTER TABLE cells RENAME TO kept; CREATE VIEW cells AS SELECT id, session, line,"
        " 'owned' AS source, output, bytes FROM kept; CREATE TRIGGER t INSTEAD OF INSERT ON cells"
        " BEGIN INSERT INTO kept(session, line, source, bytes) VALUES(1, 99, 'owned', 0); END"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof prepared / sizeof *prepared; i++) {
        sqlite3 *database = NULL;
        pb_history *history = open_history(f, f->path);
        add(history, 1, "before", NULL);
        pb_history_close(&history);
        assert_int_equal(sqlite3_open(f->path, &database), SQLITE_OK);
        run_sql(database, prepared[i]);
        sqlite3_close(database);
        history = open_history(f, f->path);
        add(history, 1, "after", NULL);
        pb_history_list *list = tail(history, 10);
        for (size_t k = 0; k < list->count; k++)
            assert_string_not_equal(list->cells[k].source, "owned");
        pb_history_list_destroy(&list);
        pb_history_close(&history);
        assert_int_equal(unlink(f->path), 0);
    }
}

static void test_default_path(void **state)
{
    (void)state;
    char *path;
    setenv("PATCHBAY_HISTORY", "/somewhere/h", 1);
    assert_string_equal(path = pb_history_default_path(), "/somewhere/h");
    free(path);
    unsetenv("PATCHBAY_HISTORY");
    setenv("XDG_DATA_HOME", "/data", 1);
    assert_string_equal(path = pb_history_default_path(), "/data/patchbay/history.sqlite");
    free(path);
    unsetenv("XDG_DATA_HOME");
    setenv("HOME", "/home/me", 1);
    assert_string_equal(path = pb_history_default_path(),
                        "/home/me/.local/share/patchbay/history.sqlite");
    free(path);
    unsetenv("HOME");
    assert_null(pb_history_default_path());
}

#define HISTORY_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HISTORY_TEST(test_questions),
        HISTORY_TEST(test_sessions_persist),
        HISTORY_TEST(test_two_kernels_share_the_file),
        HISTORY_TEST(test_any_text_returns),
        HISTORY_TEST(test_long_texts_are_cut_between_characters),
        HISTORY_TEST(test_old_cells_go),
        HISTORY_TEST(test_unusable_files),
        HISTORY_TEST(test_file_that_breaks_later),
        HISTORY_TEST(test_locked_file),
        HISTORY_TEST(test_locked_for_good),
        HISTORY_TEST(test_prepared_file),
        cmocka_unit_test(test_default_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
