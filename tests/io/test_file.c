/* Files: whole, at an offset, and written so that nothing half-written stays. */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "io/file.h"
#include "scratch.h"

static void test_read(void **state)
{
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    const char *path = scratch_write(*state, "x", "a\0b", 3);
    assert_ok(pb_file_read(path, 3, NULL, &bytes, &length, &error), &error);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 4);
    free(bytes);
    assert_error(pb_file_read(path, 2, NULL, &bytes, &length, &error), &error, PB_LIMIT,
                 "has 3 bytes, and at most 2");

    path = scratch_text(*state, "empty", "");
    assert_ok(pb_file_read(path, 0, NULL, &bytes, &length, &error), &error);
    assert_string_equal(bytes, "");
    free(bytes);
}

static void test_read_what_is_no_file(void **state)
{
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    assert_error(pb_file_read(scratch_path(*state, "none"), 9, NULL, &bytes, &length, &error),
                 &error, PB_IO, "No such file or directory");
    assert_error(pb_file_read(*state, 9, NULL, &bytes, &length, &error), &error, PB_IO,
                 "is a folder");
    const char *pipe_path = scratch_path(*state, "pipe");
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_error(pb_file_read(pipe_path, 9, NULL, &bytes, &length, &error), &error, PB_IO,
                 "not a regular file");
    assert_error(pb_file_read("/dev/zero", 9, NULL, &bytes, &length, &error), &error, PB_IO,
                 "not a regular file");
}

static void test_read_at(void **state)
{
    pb_error *error = NULL;
    const char *path = scratch_text(*state, "x", "0123456789");
    int descriptor;
    uint64_t size;
    char bytes[10];
    assert_ok(pb_file_open(path, &descriptor, &size, &error), &error);
    assert_int_equal(size, 10);
    assert_ok(pb_file_read_at(descriptor, path, 3, bytes, 4, &error), &error);
    assert_memory_equal(bytes, "3456", 4);
    assert_int_equal(truncate(path, 5), 0); /* somebody cuts the open file */
    assert_error(pb_file_read_at(descriptor, path, 3, bytes, 4, &error), &error, PB_IO,
                 "ends too early: 4 bytes were expected at offset 3, and 2 are there");
    assert_error(pb_file_read_at(descriptor, path, UINT64_MAX, bytes, 4, &error), &error, PB_IO,
                 "cannot be read past");
    close(descriptor);
}

static void assert_holds(const char *path, const char *expected)
{
    pb_error *error = NULL;
    char *bytes;
    size_t length;
    assert_ok(pb_file_read(path, 1 << 20, NULL, &bytes, &length, &error), &error);
    assert_string_equal(bytes, expected);
    free(bytes);
}

static size_t count_files(const char *folder)
{
    size_t count = 0;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    for (struct dirent *each; (each = readdir(opened));)
        count += each->d_name[0] != '.';
    closedir(opened);
    return count;
}

static void test_write(void **state)
{
    pb_error *error = NULL;
    const char *path = scratch_path(*state, "x");
    assert_ok(pb_file_write(path, "one", 3, NULL, &error), &error);
    assert_holds(path, "one");
    assert_int_equal(chmod(path, 0600), 0);
    assert_ok(pb_file_write(path, "second", 6, NULL, &error), &error);
    assert_holds(path, "second");
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);

    const char *link_path = scratch_path(*state, "link");
    assert_int_equal(symlink("x", link_path), 0);
    assert_ok(pb_file_write(link_path, "third", 5, NULL, &error), &error);
    assert_holds(path, "third");
    assert_int_equal(lstat(link_path, &about), 0);
    assert_true(S_ISLNK(about.st_mode));
    assert_int_equal(count_files(*state), 2);
}

static void test_write_fails(void **state)
{
    pb_error *error = NULL;
    assert_error(pb_file_write(*state, "x", 1, NULL, &error), &error, PB_IO, "it is a folder");
    assert_error(pb_file_write(scratch_path(*state, "no/such"), "x", 1, NULL, &error), &error,
                 PB_IO, "No such file");
}

/* A limit on the size of files stands in for a full disk. */
static void test_full_disk(void **state)
{
    pb_error *error = NULL;
    const char *path = scratch_text(*state, "x", "old");
    char *large = calloc(1, 1 << 20);
    assert_non_null(large);
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    pb_status status = pb_file_write(path, large, 1 << 20, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    free(large);
    assert_error(status, &error, PB_IO, "cannot write");
    assert_holds(path, "old");
    assert_int_equal(count_files(*state), 1);
}

/* Stopped before the end: nothing is read, and a file is as it was. */
static void test_stopped(void **state)
{
    atomic_bool stop = true;
    const pb_watch watch = {.stop = &stop};
    pb_error *error = NULL;
    const char *path = scratch_text(*state, "x", "old");
    assert_error(pb_file_write(path, "new", 3, &watch, &error), &error, PB_INTERRUPTED,
                 "you stopped this");
    assert_holds(path, "old");
    assert_int_equal(count_files(*state), 1);
    char *bytes = NULL;
    size_t length = 0;
    assert_error(pb_file_read(path, 9, &watch, &bytes, &length, &error), &error, PB_INTERRUPTED,
                 "you stopped this");
    assert_null(bytes);
    atomic_store(&stop, false);
    assert_ok(pb_file_write(path, "new", 3, &watch, &error), &error);
    assert_holds(path, "new");
}

static void test_join(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *path = pb_file_join(rows[i][0], rows[i][1]);
        assert_string_equal(path, rows[i][2]);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_read_what_is_no_file, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_read_at, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_write, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_write_fails, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_stopped, scratch_set_up, scratch_tear_down),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
