/* A log that nobody waits for. */
#include "protocol/journal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "thread.h"

#define KNOWN 16 /* lines that are recognized when they are repeated */

/* A line that was said lately. */
typedef struct {
    char *text; /* NULL: none */
    pb_log_level level;
    int64_t since;    /* when it was said last */
    uint64_t repeats; /* since then */
} saying;

typedef struct {
    char *text;
    pb_log_level level;
} line;

struct pb_journal {
    const pb_log *under;
    pb_log log;
    pthread_t thread;
    pthread_mutex_t lock; /* over all that follows */
    pthread_cond_t news;
    line waiting[PB_JOURNAL_LINES]; /* a ring */
    size_t first, count;
    saying known[KNOWN];
    uint64_t left_out; /* lines that were left out since `noted` */
    int64_t noted;     /* when their number was last logged */
    double allowance;  /* lines that may still be logged at once, as of `allowed` */
    int64_t allowed;   /* when `allowance` was last brought up to date */
    bool closing, finished;
};

/* ---- under the lock ---- */

static void enqueue(pb_journal *journal, pb_log_level level, const char *text)
{
    char *copy = journal->count < PB_JOURNAL_LINES ? strdup(text) : NULL;
    if (!copy) {
        journal->left_out++;
        return;
    }
    size_t place = (journal->first + journal->count++) % PB_JOURNAL_LINES;
    journal->waiting[place] = (line){copy, level};
    pthread_cond_broadcast(&journal->news);
}

/* Says how often a line came that was only counted. */
static void enqueue_repeats(pb_journal *journal, saying *said, int64_t now)
{
    char text[PB_JOURNAL_LINE + 64];
    snprintf(text, sizeof text, "%" PRIu64 " more times: %s", said->repeats, said->text);
    if (said->repeats > 0)
        enqueue(journal, said->level, text);
    said->repeats = 0;
    said->since = now;
}

static void forget(pb_journal *journal, saying *said, int64_t now)
{
    if (said->text)
        enqueue_repeats(journal, said, now);
    free(said->text);
    *said = (saying){.text = NULL};
}

static saying *recognize(pb_journal *journal, pb_log_level level, const char *text)
{
    for (saying *said = journal->known; said < journal->known + KNOWN; said++)
        if (said->text && said->level == level && strcmp(said->text, text) == 0)
            return said;
    return NULL;
}

/* The place of what was said longest ago. */
static saying *oldest(pb_journal *journal)
{
    saying *found = journal->known;
    for (saying *said = journal->known; said < journal->known + KNOWN; said++)
        if (found->text && (!said->text || said->since < found->since))
            found = said;
    return found;
}

static bool is_allowed(pb_journal *journal, int64_t now)
{
    journal->allowance += (double)(now - journal->allowed) * PB_JOURNAL_RATE / 1000;
    journal->allowed = now;
    if (journal->allowance > PB_JOURNAL_BURST)
        journal->allowance = PB_JOURNAL_BURST;
    if (journal->allowance < 1)
        return false;
    journal->allowance -= 1;
    return true;
}

static void say(pb_journal *journal, pb_log_level level, const char *text)
{
    int64_t now = pb_clock_ms();
    saying *said = recognize(journal, level, text);
    if (said) {
        said->repeats++;
    } else if (is_allowed(journal, now)) {
        said = oldest(journal);
        forget(journal, said, now);
        *said = (saying){.text = strdup(text), .level = level, .since = now};
        enqueue(journal, level, text);
    } else {
        journal->left_out++;
    }
}

/* Logs the count of lines that were repeated for PB_JOURNAL_AGAIN_MS, and forgets lines that were
 * not repeated. Gives the time when it is to be called again; INT64_MAX: when somebody logs. */
static int64_t review(pb_journal *journal, int64_t now)
{
    int64_t next = INT64_MAX;
    for (saying *said = journal->known; said < journal->known + KNOWN; said++) {
        if (!said->text)
            continue;
        if (journal->closing || now - said->since >= PB_JOURNAL_AGAIN_MS) {
            if (journal->closing || said->repeats == 0)
                forget(journal, said, now);
            else
                enqueue_repeats(journal, said, now);
        }
        if (said->text && said->since + PB_JOURNAL_AGAIN_MS < next)
            next = said->since + PB_JOURNAL_AGAIN_MS;
    }
    return next;
}

/* Logs from time to time how many lines were left out. Gives the time when it is to be called
 * again. */
static int64_t note_left_out(pb_journal *journal, int64_t now)
{
    if (journal->left_out == 0)
        return INT64_MAX;
    if (now < journal->noted + PB_JOURNAL_AGAIN_MS && !journal->closing)
        return journal->noted + PB_JOURNAL_AGAIN_MS;
    char text[80];
    snprintf(text, sizeof text, "%" PRIu64 " lines were too many and are left out",
             journal->left_out);
    journal->left_out = 0;
    journal->noted = now;
    enqueue(journal, PB_LOG_WARNING, text);
    return INT64_MAX;
}

static void wait_for_news(pb_journal *journal, int64_t until)
{
    if (until == INT64_MAX)
        pthread_cond_wait(&journal->news, &journal->lock);
    else
        pb_condition_wait(&journal->news, &journal->lock, until);
}

/* Waits for a line, and takes it. False when there is none and none will come. */
static bool take(pb_journal *journal, line *taken)
{
    for (;;) {
        int64_t now = pb_clock_ms();
        int64_t first = review(journal, now), second = note_left_out(journal, now);
        if (journal->count > 0)
            break;
        if (journal->closing)
            return false;
        wait_for_news(journal, first < second ? first : second);
    }
    *taken = journal->waiting[journal->first];
    journal->first = (journal->first + 1) % PB_JOURNAL_LINES;
    journal->count--;
    return true;
}

/* ---- its thread ---- */

static void *run(void *user)
{
    pb_journal *journal = user;
    line taken;
    pthread_mutex_lock(&journal->lock);
    while (take(journal, &taken)) {
        pthread_mutex_unlock(&journal->lock);
        journal->under->write(journal->under->user, taken.level, taken.text);
        free(taken.text);
        pthread_mutex_lock(&journal->lock);
    }
    journal->finished = true;
    pthread_cond_broadcast(&journal->news);
    pthread_mutex_unlock(&journal->lock);
    return NULL;
}

/* ---- from any thread ---- */

static void write_log(void *user, pb_log_level level, const char *text)
{
    pb_journal *journal = user;
    char cut[PB_JOURNAL_LINE + 1];
    snprintf(cut, sizeof cut, "%s", text);
    pthread_mutex_lock(&journal->lock);
    say(journal, level, cut);
    pthread_mutex_unlock(&journal->lock);
}

pb_status pb_journal_start(const pb_log *log, pb_journal **journal, pb_error **error)
{
    pb_journal *new = pb_calloc(1, sizeof *new);
    *journal = new;
    if (!new)
        return pb_fail_memory(error);
    new->under = log;
    new->log = (pb_log){.least = log->least, .write = write_log, .user = new};
    new->allowance = PB_JOURNAL_BURST;
    new->allowed = new->noted = pb_clock_ms();
    pthread_mutex_init(&new->lock, NULL);
    pb_condition_init(&new->news);
    pb_status status = pb_thread_start(&new->thread, "pb-journal", run, new, error);
    if (status)
        pb_journal_destroy(journal);
    return status;
}

const pb_log *pb_journal_log(const pb_journal *journal)
{
    return &journal->log;
}

bool pb_journal_end(pb_journal *journal, int patience_ms)
{
    if (!journal)
        return true;
    int64_t end = pb_clock_ms() + patience_ms;
    pthread_mutex_lock(&journal->lock);
    journal->closing = true;
    pthread_cond_broadcast(&journal->news);
    while (!journal->finished && pb_condition_wait(&journal->news, &journal->lock, end))
        continue;
    bool finished = journal->finished;
    pthread_mutex_unlock(&journal->lock);
    if (finished)
        pthread_join(journal->thread, NULL);
    return finished;
}

void pb_journal_destroy(pb_journal **journal)
{
    if (!*journal)
        return;
    while ((*journal)->count > 0) { /* logged after the end */
        free((*journal)->waiting[(*journal)->first].text);
        (*journal)->first = ((*journal)->first + 1) % PB_JOURNAL_LINES;
        (*journal)->count--;
    }
    for (size_t i = 0; i < KNOWN; i++)
        free((*journal)->known[i].text);
    pthread_cond_destroy(&(*journal)->news);
    pthread_mutex_destroy(&(*journal)->lock);
    free(*journal);
    *journal = NULL;
}
