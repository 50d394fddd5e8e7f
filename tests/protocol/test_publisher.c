/* The queue before iopub: what is merged, when it is due, where characters end, and its bound. */
#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "protocol_tests.h"
#include "publisher.h"
#include "thread.h"

#define FOREVER ((int64_t)1 << 60)

typedef struct {
    pb_signer *signer;
    pb_sender sender;
    pb_publisher *publisher;
    pb_frame parent;
} fixture;

static int make(void **state, size_t limit)
{
    fixture *f = pb_calloc(1, sizeof *f);
    if (!f || pb_signer_create(TEST_KEY, strlen(TEST_KEY), &f->signer, NULL) ||
        pb_sender_init(&f->sender, f->signer, NULL))
        return -1;
    static char parent[] = "{\"msg_id\": \"p\"}";
    f->parent = (pb_frame){parent, sizeof parent - 1};
    f->publisher = pb_publisher_create(&f->sender, limit);
    *state = f;
    return f->publisher ? 0 : -1;
}

static int setup(void **state)
{
    return make(state, PB_QUEUE_BYTES);
}

static int setup_small(void **state)
{
    return make(state, 10000);
}

static int teardown(void **state)
{
    fixture *f = *state;
    pb_publisher_destroy(&f->publisher);
    pb_signer_destroy(&f->signer);
    free(f);
    return 0;
}

static void say(fixture *f, int stream, const char *text)
{
    assert_true(pb_publisher_text(f->publisher, &f->parent, stream, text, strlen(text), NULL));
}

static void send_message(fixture *f, const char *topic)
{
    pb_frames frames = PB_FRAMES_EMPTY;
    append_text(&frames, topic);
    assert_true(pb_publisher_send(f->publisher, &frames));
}

/* Takes what is due at `now` and appends it to `told`: streams as their text, messages as topics.
 */
static int take_all(fixture *f, int64_t now, char *told, size_t size)
{
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    while (pb_publisher_take(f->publisher, now, &frames, &wait)) {
        size_t used = strlen(told);
        if (frames.count == 1) {
            snprintf(told + used, size - used, "<%s>", frames.items[0].data);
        } else {
            json_t *content = json_loads(frames.items[6].data, JSON_ALLOW_NUL, NULL);
            assert_non_null(content);
            assert_memory_equal(frames.items[4].data, f->parent.data, f->parent.size);
            snprintf(told + used, size - used, "%s:%s|",
                     json_string_value(json_object_get(content, "name")) + 3,
                     json_string_value(json_object_get(content, "text")));
            json_decref(content);
        }
        pb_frames_clear(&frames);
    }
    return wait;
}

static void assert_told(fixture *f, int64_t now, const char *expected)
{
    char told[1024] = "";
    take_all(f, now, told, sizeof told);
    assert_string_equal(told, expected);
}

static void test_order_and_merging(void **state)
{
    fixture *f = *state;
    say(f, 1, "a");
    say(f, 1, "b");
    say(f, 2, "c");
    say(f, 1, "d");
    send_message(f, "status");
    say(f, 1, "e");
    assert_told(f, 0, "out:ab|err:c|out:d|<status>");
    assert_told(f, FOREVER, "out:e|");
    assert_told(f, FOREVER, "");
}

static void test_other_parents_are_not_merged(void **state)
{
    fixture *f = *state;
    const pb_frame other = FRAME("{\"msg_id\": \"q\"}");
    say(f, 1, "a");
    assert_true(pb_publisher_text(f->publisher, &other, 1, "b", 1, NULL));
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    assert_true(pb_publisher_take(f->publisher, FOREVER, &frames, &wait));
    assert_string_equal(frames.items[4].data, f->parent.data);
    pb_frames_clear(&frames);
    assert_true(pb_publisher_take(f->publisher, FOREVER, &frames, &wait));
    assert_string_equal(frames.items[4].data, other.data);
    pb_frames_clear(&frames);
}

static void say_for(fixture *f, const char *parent, int stream, const char *text)
{
    const pb_frame frame = {(char *)parent, strlen(parent)};
    assert_true(pb_publisher_text(f->publisher, &frame, stream, text, strlen(text), NULL));
}

/* The texts due at `now`, each after its parent. */
static void assert_told_of(fixture *f, int64_t now, const char *expected)
{
    char told[256] = "";
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    while (pb_publisher_take(f->publisher, now, &frames, &wait)) {
        size_t used = strlen(told);
        bool text = frames.count > 1;
        json_t *content = text ? json_loads(frames.items[6].data, 0, NULL) : NULL;
        snprintf(told + used, sizeof told - used, "%s%s ",
                 text ? frames.items[4].data : frames.items[0].data,
                 text ? json_string_value(json_object_get(content, "text")) : "");
        json_decref(content);
        pb_frames_clear(&frames);
    }
    assert_string_equal(told, expected);
}

/* Cells that print at once do not cut each other's text into pieces. */
static void test_text_of_several_cells(void **state)
{
    fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        say_for(f, "A", 1, "a");
        say_for(f, "B", 1, "b");
        say_for(f, "C", 2, "c");
    }
    assert_told_of(f, 0, "");
    assert_told_of(f, FOREVER, "Aaaa Bbbb Cccc ");
    say_for(f, "A", 1, "1");
    say_for(f, "B", 1, "2");
    say_for(f, "A", 2, "3"); /* A turns to its other stream: what came before is due */
    assert_told_of(f, 0, "A1 B2 ");
    say_for(f, "B", 1, "4");
    send_message(f, "status");
    say_for(f, "B", 1, "5");
    assert_told_of(f, 0, "A3 B4 status ");
    say_for(f, "A", 1, "6");
    pb_publisher_flush(f->publisher);
    assert_told_of(f, 0, "B5 A6 ");
}

static void test_text_waits_its_time(void **state)
{
    fixture *f = *state;
    int64_t now = pb_clock_ms();
    char told[64] = "";
    say(f, 1, "a");
    int wait = take_all(f, now, told, sizeof told);
    assert_string_equal(told, "");
    assert_true(wait > 0 && wait <= PB_TEXT_AGE_MS + 1000);
    assert_told(f, now + PB_TEXT_AGE_MS + 1000, "out:a|");
    assert_int_equal(take_all(f, now, told, sizeof told), -1);
    say(f, 1, "b");
    pb_publisher_flush(f->publisher);
    assert_told(f, now, "out:b|");
    say(f, 1, "c");
    pb_publisher_close(f->publisher);
    assert_false(pb_publisher_done(f->publisher));
    assert_told(f, now, "out:c|");
    assert_true(pb_publisher_done(f->publisher));
}

static void test_descriptor_says_when_there_is_news(void **state)
{
    fixture *f = *state;
    struct pollfd event = {.fd = pb_publisher_descriptor(f->publisher), .events = POLLIN};
    assert_int_equal(poll(&event, 1, 0), 0);
    say(f, 1, "a");
    assert_int_equal(poll(&event, 1, 0), 1);
    assert_told(f, FOREVER, "out:a|");
    assert_int_equal(poll(&event, 1, 0), 0);
}

/* ---- characters ---- */

static void test_characters_that_come_in_pieces(void **state)
{
    fixture *f = *state;
    say(f, 1, "x\xF0\x9F");
    assert_told(f, FOREVER, "out:x|");
    say(f, 1, "\x99");
    assert_told(f, FOREVER, "");
    say(f, 1, "\x82y");
    assert_told(f, FOREVER, "out:\xF0\x9F\x99\x82y|");
    say(f, 1, "z\xC3");
    send_message(f, "idle"); /* nothing can complete it now */
    assert_told(f, 0, "out:z\xEF\xBF\xBD|<idle>");
}

/* Cut anywhere, a character waits for its rest: each length of one, from its first lead byte on. */
static void test_every_length_of_character_waits_for_its_rest(void **state)
{
    fixture *f = *state;
    static const char *const characters[] = {"\xC2\x80",        "\xDF\xBF",     "\xE0\xA0\x80",
                                             "\xE1\x80\x80",    "\xEF\xBF\xBD", "\xF0\x90\x80\x80",
                                             "\xF4\x8F\xBF\xBF"};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        for (size_t cut = 1; cut < strlen(characters[i]); cut++) {
            char text[8], expected[16];
            snprintf(text, sizeof text, "x%.*s", (int)cut, characters[i]);
            snprintf(expected, sizeof expected, "out:%sy|", characters[i]);
            say(f, 1, text);
            assert_told(f, FOREVER, "out:x|");
            snprintf(text, sizeof text, "%sy", characters[i] + cut);
            say(f, 1, text);
            assert_told(f, FOREVER, expected);
        }
    }
}

/* Long text is cut into messages, each of whole characters, whatever the pieces it came in. */
static void test_long_text_is_cut_between_characters(void **state)
{
    fixture *f = *state;
    static const char pattern[] = "aé€🙂"; /* 1 + 2 + 3 + 4 bytes */
    const size_t repeats = 50000, size = sizeof pattern - 1;
    char *all = pb_malloc(repeats * size, 1), *got = pb_malloc(repeats * size, 1);
    assert_non_null(all);
    assert_non_null(got);
    for (size_t i = 0; i < repeats; i++)
        memcpy(all + i * size, pattern, size);
    for (size_t at = 0, piece = 1; at < repeats * size; at += piece, piece = piece * 7 % 100003) {
        if (piece > repeats * size - at)
            piece = repeats * size - at;
        assert_true(pb_publisher_text(f->publisher, &f->parent, 1, all + at, piece, NULL));
    }
    pb_publisher_close(f->publisher);
    size_t length = 0, messages = 0;
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    while (pb_publisher_take(f->publisher, 0, &frames, &wait)) {
        json_t *content = json_loads(frames.items[6].data, 0, NULL);
        const json_t *text = json_object_get(content, "text");
        size_t count = json_string_length(text);
        assert_true(count <= PB_TEXT_BYTES + 3);
        assert_true(length + count <= repeats * size);
        memcpy(got + length, json_string_value(text), count);
        length += count;
        messages++;
        json_decref(content);
        pb_frames_clear(&frames);
    }
    assert_int_equal(length, repeats * size);
    assert_memory_equal(got, all, length);
    assert_true(messages >= length / (PB_TEXT_BYTES + 3) && messages <= length / PB_TEXT_BYTES + 2);
    free(all);
    free(got);
}

/* ---- the bound ---- */

typedef struct {
    fixture *f;
    const atomic_bool *stop;
    atomic_bool done;
} writer_thread;

static void *write_one(void *user)
{
    writer_thread *w = user;
    pb_publisher_text(w->f->publisher, &w->f->parent, 1, "late", 4, w->stop);
    atomic_store(&w->done, true);
    return NULL;
}

static void pause_ms(long ms)
{
    const struct timespec pause = {0, ms * 1000000};
    nanosleep(&pause, NULL);
}

static void fill(fixture *f)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 10; i++)
        say(f, 1, text);
}

static void test_a_full_queue_makes_writers_wait_and_takes_messages(void **state)
{
    fixture *f = *state;
    fill(f);
    writer_thread w = {.f = f};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_one, &w), 0);
    send_message(f, "status"); /* does not wait */
    pause_ms(60);
    assert_false(atomic_load(&w.done));
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    assert_true(pb_publisher_take(f->publisher, 0, &frames, &wait));
    pb_frames_clear(&frames);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_told(f, FOREVER, "<status>out:late|");
}

static void *fill_once(void *user)
{
    writer_thread *w = user;
    fill(w->f);
    atomic_store(&w->done, true);
    return NULL;
}

/* Whoever has taken all has emptied the queue, however often. */
static void test_what_is_taken_leaves_its_room(void **state)
{
    fixture *f = *state;
    for (int round = 0; round < 5; round++) {
        writer_thread w = {.f = f};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, fill_once, &w), 0);
        for (int i = 0; i < 500 && !atomic_load(&w.done); i++)
            pause_ms(10);
        assert_true(atomic_load(&w.done));
        assert_int_equal(pthread_join(thread, NULL), 0);
        pb_frames frames = PB_FRAMES_EMPTY;
        int wait;
        while (pb_publisher_take(f->publisher, FOREVER, &frames, &wait))
            pb_frames_clear(&frames);
    }
}

static void test_stopping_frees_a_waiting_writer(void **state)
{
    fixture *f = *state;
    fill(f);
    atomic_bool stop;
    atomic_init(&stop, false);
    writer_thread w = {.f = f, .stop = &stop};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_one, &w), 0);
    pause_ms(30);
    assert_false(atomic_load(&w.done));
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pb_frames frames = PB_FRAMES_EMPTY;
    int wait;
    while (pb_publisher_take(f->publisher, FOREVER, &frames, &wait)) {
        assert_null(strstr(frames.items[6].data, "late"));
        pb_frames_clear(&frames);
    }
}

static void test_closing_frees_a_waiting_writer(void **state)
{
    fixture *f = *state;
    fill(f);
    writer_thread w = {.f = f};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_one, &w), 0);
    pause_ms(30);
    pb_publisher_close(f->publisher);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define PUBLISHER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
#define SMALL_TEST(function)     cmocka_unit_test_setup_teardown(function, setup_small, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PUBLISHER_TEST(test_order_and_merging),
        PUBLISHER_TEST(test_other_parents_are_not_merged),
        PUBLISHER_TEST(test_text_of_several_cells),
        PUBLISHER_TEST(test_text_waits_its_time),
        PUBLISHER_TEST(test_descriptor_says_when_there_is_news),
        PUBLISHER_TEST(test_characters_that_come_in_pieces),
        PUBLISHER_TEST(test_every_length_of_character_waits_for_its_rest),
        PUBLISHER_TEST(test_long_text_is_cut_between_characters),
        SMALL_TEST(test_a_full_queue_makes_writers_wait_and_takes_messages),
        SMALL_TEST(test_what_is_taken_leaves_its_room),
        SMALL_TEST(test_stopping_frees_a_waiting_writer),
        SMALL_TEST(test_closing_frees_a_waiting_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
