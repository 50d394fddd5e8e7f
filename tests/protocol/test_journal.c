/* The log nobody waits for: what it says of a flood, and what it does when nobody reads. */
#include <pthread.h>

#include "protocol/journal.h"
#include "protocol_tests.h"
#include "thread.h"

#define PATIENCE_MS 5000

/* What is under the journal: remembers lines, and may be held up like a full pipe. */
typedef struct {
    pthread_mutex_t gate; /* held: nobody reads */
    pthread_mutex_t lock;
    pb_buffer said; /* each line with its level and a newline */
    size_t lines;
    pb_log log;
    pb_journal *journal;
} fixture;

static void hear(void *user, pb_log_level level, const char *line)
{
    fixture *f = user;
    pthread_mutex_lock(&f->gate);
    pthread_mutex_lock(&f->lock);
    pb_buffer_format(&f->said, "%d %s\n", (int)level, line);
    f->lines++;
    pthread_mutex_unlock(&f->lock);
    pthread_mutex_unlock(&f->gate);
}

static int setup(void **state)
{
    fixture *f = pb_calloc(1, sizeof *f);
    if (!f)
        return -1;
    pthread_mutex_init(&f->gate, NULL);
    pthread_mutex_init(&f->lock, NULL);
    f->log = (pb_log){.least = PB_LOG_INFO, .write = hear, .user = f};
    *state = f;
    return pb_journal_start(&f->log, &f->journal, NULL) ? -1 : 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    pb_journal_destroy(&f->journal);
    pb_buffer_free(&f->said);
    pthread_mutex_destroy(&f->lock);
    pthread_mutex_destroy(&f->gate);
    free(f);
    return 0;
}

static const pb_log *log_of(const fixture *f)
{
    return pb_journal_log(f->journal);
}

static void end(fixture *f)
{
    assert_true(pb_journal_end(f->journal, PATIENCE_MS));
}

static void test_lines_come_in_order(void **state)
{
    fixture *f = *state;
    pb_log_write(log_of(f), PB_LOG_WARNING, "one %d", 1);
    pb_log_write(log_of(f), PB_LOG_DEBUG, "too quiet");
    pb_log_write(log_of(f), PB_LOG_ERROR, "two");
    end(f);
    assert_string_equal(f->said.data, "2 one 1\n3 two\n");
}

static void test_what_is_repeated_is_counted(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 1000; i++) {
        pb_log_write(log_of(f), PB_LOG_WARNING, "again");
        pb_log_write(log_of(f), PB_LOG_WARNING, "and again");
    }
    pb_log_write(log_of(f), PB_LOG_ERROR, "again"); /* of another level: another line */
    end(f);
    assert_string_equal(f->said.data, "2 again\n2 and again\n3 again\n2 999 more times: again\n"
                                      "2 999 more times: and again\n");
}

static void test_a_flood_of_different_lines_is_cut_short(void **state)
{
    fixture *f = *state;
    int64_t begun = pb_clock_ms();
    for (int i = 0; i < 100000; i++)
        pb_log_write(log_of(f), PB_LOG_WARNING, "line %d", i);
    size_t most = PB_JOURNAL_BURST + (size_t)(pb_clock_ms() - begun + 999) * PB_JOURNAL_RATE / 1000;
    end(f);
    assert_in_range(f->lines, PB_JOURNAL_BURST, most + 1); /* and the note */
    const char *note = strstr(f->said.data, " lines were too many and are left out\n");
    assert_non_null(note);
    while (note > f->said.data && note[-1] != ' ')
        note--;
    assert_int_equal(strtol(note, NULL, 10) + (long)f->lines - 1, 100000);
}

static void test_a_long_line_is_cut(void **state)
{
    fixture *f = *state;
    char *text = pb_calloc(100001, 1);
    assert_non_null(text);
    memset(text, 'x', 100000);
    pb_log_write(log_of(f), PB_LOG_WARNING, "%s", text);
    free(text);
    end(f);
    assert_int_equal(f->said.length, strlen("2 ") + PB_JOURNAL_LINE + strlen("\n"));
}

static void test_nobody_waits_for_who_does_not_read(void **state)
{
    fixture *f = *state;
    pthread_mutex_lock(&f->gate);
    int64_t begun = pb_clock_ms();
    for (int i = 0; i < 2000; i++)
        pb_log_write(log_of(f), PB_LOG_WARNING, "line %d", i);
    assert_false(pb_journal_end(f->journal, 50));
    assert_in_range(pb_clock_ms() - begun, 50, PATIENCE_MS);
    pb_log_write(log_of(f), PB_LOG_WARNING, "after the end");
    pthread_mutex_unlock(&f->gate);
    end(f); /* now it is read, and the thread ends */
    assert_ptr_equal(strstr(f->said.data, "2 line 0\n2 line 1\n"), f->said.data);
}

static void test_destroying_nothing(void **state)
{
    (void)state;
    pb_journal *none = NULL;
    assert_true(pb_journal_end(none, 0));
    pb_journal_destroy(&none);
    assert_null(none);
}

#define JOURNAL_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(test_lines_come_in_order),
        JOURNAL_TEST(test_what_is_repeated_is_counted),
        JOURNAL_TEST(test_a_flood_of_different_lines_is_cut_short),
        JOURNAL_TEST(test_a_long_line_is_cut),
        JOURNAL_TEST(test_nobody_waits_for_who_does_not_read),
        cmocka_unit_test(test_destroying_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
