/* Messages: what is built is parsed back, and what is wrong is refused for the right reason. */
#include "protocol_tests.h"

typedef struct {
    pb_signer *signer;
    pb_sender sender;
} fixture;

static int setup(void **state)
{
    fixture *f = pb_calloc(1, sizeof *f);
    if (!f || pb_signer_create(TEST_KEY, strlen(TEST_KEY), &f->signer, NULL))
        return -1;
    *state = f;
    return pb_sender_init(&f->sender, f->signer, NULL);
}

static int teardown(void **state)
{
    fixture *f = *state;
    pb_signer_destroy(&f->signer);
    free(f);
    return 0;
}

static void build(fixture *f, const char *type, const char *content, pb_frames *frames)
{
    assert_int_equal(pb_message_build(&f->sender, type, NULL, NULL, strdup(content), frames, NULL),
                     PB_OK);
}

/* Signs four texts as a front end would, without a route. */
static void compose(fixture *f, const char *header, const char *parent, const char *metadata,
                    const char *content, pb_frames *frames)
{
    append_text(frames, "<IDS|MSG>");
    append_text(frames, "");
    append_text(frames, header);
    append_text(frames, parent);
    append_text(frames, metadata);
    append_text(frames, content);
    char signature[PB_SIGNATURE_LENGTH + 1];
    assert_int_equal(pb_signer_sign(f->signer, &frames->items[2], signature, NULL), PB_OK);
    free(frames->items[1].data);
    frames->items[1] = (pb_frame){strdup(signature), PB_SIGNATURE_LENGTH};
}

static void test_built_messages_are_parsed(void **state)
{
    fixture *f = *state;
    pb_frames frames = PB_FRAMES_EMPTY;
    append_text(&frames, "route");
    append_text(&frames, "");
    build(f, "execute_request", "{\"code\":\"1\"}", &frames);
    append_text(&frames, "a buffer");
    pb_message *message = NULL;
    assert_int_equal(pb_message_parse(f->signer, &frames, &message, NULL), PB_OK);
    assert_int_equal(frames.count, 0);
    assert_int_equal(message->n_identities, 2);
    assert_string_equal(message->type.data, "execute_request");
    assert_null(message->subshell.data);
    assert_null(message->fault);
    assert_string_equal(json_string_value(json_object_get(message->content, "code")), "1");
    assert_string_equal(message->frames.items[message->frames.count - 1].data, "a buffer");
    assert_ptr_equal(message->header, &message->frames.items[4]);
    pb_message_destroy(&message);
    assert_null(message);
}

static void test_ids_are_unique(void **state)
{
    fixture *f = *state;
    char ids[3][128];
    for (int i = 0; i < 3; i++) {
        pb_frames frames = PB_FRAMES_EMPTY;
        pb_message *message = NULL;
        build(f, "x", "{}", &frames);
        assert_int_equal(pb_message_parse(f->signer, &frames, &message, NULL), PB_OK);
        snprintf(ids[i], sizeof ids[i], "%s", message->id.data);
        pb_message_destroy(&message);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[1], ids[2]);
    assert_memory_equal(ids[0], f->sender.session, 36);
    char one[37], two[37];
    assert_int_equal(pb_uuid(one, NULL), PB_OK);
    assert_int_equal(pb_uuid(two, NULL), PB_OK);
    assert_string_not_equal(one, two);
    assert_int_equal(one[14], '4');
}

/* Parses frames that must be refused; they are freed all the same. */
static void assert_dropped(fixture *f, pb_frames *frames, pb_status expected)
{
    pb_message *message = NULL;
    pb_error *error = NULL;
    assert_int_equal(pb_message_parse(f->signer, frames, &message, &error), expected);
    assert_null(message);
    assert_non_null(error);
    assert_int_equal(frames->count, 0);
    pb_error_destroy(&error);
}

/* Without a key there is no signature to be wrong: the number of frames is all that tells. */
static void test_a_frame_too_few_without_a_key(void **state)
{
    (void)state;
    fixture open = {.signer = NULL};
    assert_int_equal(pb_signer_create("", 0, &open.signer, NULL), PB_OK);
    static const char header[] = "{\"msg_id\": \"1\", \"msg_type\": \"x\", \"session\": \"s\", "
                                 "\"username\": \"u\", \"date\": \"\", \"version\": \"5.5\"}";
    const char *const texts[] = {"<IDS|MSG>", "", header, "{}", "{}", "{}"};
    for (size_t count = 1; count < sizeof texts / sizeof *texts; count++) {
        pb_frames frames = PB_FRAMES_EMPTY;
        for (size_t i = 0; i < count; i++)
            append_text(&frames, texts[i]);
        assert_dropped(&open, &frames, PB_FORMAT);
    }
    pb_signer_destroy(&open.signer);
}

static void test_shapes_that_are_dropped(void **state)
{
    fixture *f = *state;
    pb_frames frames = PB_FRAMES_EMPTY;
    assert_dropped(f, &frames, PB_FORMAT); /* nothing at all */

    append_text(&frames, "no delimiter");
    assert_dropped(f, &frames, PB_FORMAT);

    for (size_t count = 0; count < 1 + PB_SIGNED_FRAMES; count++) {
        append_text(&frames, "<IDS|MSG>");
        for (size_t i = 0; i < count; i++)
            append_text(&frames, "{}");
        assert_dropped(f, &frames, PB_FORMAT);
    }

    char long_route[PB_MESSAGE_IDENTITY + 2];
    memset(long_route, 'r', sizeof long_route - 1);
    long_route[sizeof long_route - 1] = '\0';
    append_text(&frames, long_route);
    build(f, "x", "{}", &frames);
    assert_dropped(f, &frames, PB_LIMIT);

    for (size_t i = 0; i <= PB_MESSAGE_IDENTITIES; i++)
        append_text(&frames, "r");
    build(f, "x", "{}", &frames);
    assert_dropped(f, &frames, PB_LIMIT);

    build(f, "x", "{}", &frames);
    while (frames.count <= PB_MESSAGE_FRAMES)
        append_text(&frames, "");
    assert_dropped(f, &frames, PB_LIMIT);
}

static void test_limits_are_met_exactly(void **state)
{
    fixture *f = *state;
    pb_frames frames = PB_FRAMES_EMPTY;
    pb_message *message = NULL;
    for (size_t i = 0; i < PB_MESSAGE_IDENTITIES; i++)
        append_text(&frames, "r");
    build(f, "x", "{}", &frames);
    while (frames.count < PB_MESSAGE_FRAMES)
        append_text(&frames, "");
    assert_int_equal(pb_message_parse(f->signer, &frames, &message, NULL), PB_OK);
    assert_int_equal(message->n_identities, PB_MESSAGE_IDENTITIES);
    pb_message_destroy(&message);
}

#define GOOD_HEADER "{\"msg_id\": \"1\", \"msg_type\": \"t\"}"

static void test_headers_that_are_dropped(void **state)
{
    fixture *f = *state;
    static const char *const headers[] = {
        "",
        "[]",
        "{}",
        "{\"msg_id\": \"1\"}",
        "{\"msg_type\": \"t\"}",
        "{\"msg_id\": 1, \"msg_type\": \"t\"}",
        "{\"msg_id\": \"1\", \"msg_type\": \"t\\u0000\"}",
        "{\"msg_id\": \"1\", \"msg_type\": \"t\", \"subshell_id\": 3}",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        pb_frames frames = PB_FRAMES_EMPTY;
        compose(f, headers[i], "{}", "{}", "{}", &frames);
        assert_dropped(f, &frames, PB_FORMAT);
    }
}

static void test_what_else_is_broken_is_a_fault(void **state)
{
    fixture *f = *state;
    for (size_t place = 0; place < 3; place++) {
        const char *texts[3] = {"{}", "{}", "{}"};
        texts[place] = "[";
        pb_frames frames = PB_FRAMES_EMPTY;
        pb_message *message = NULL;
        compose(f, GOOD_HEADER, texts[0], texts[1], texts[2], &frames);
        assert_int_equal(pb_message_parse(f->signer, &frames, &message, NULL), PB_OK);
        assert_non_null(message->fault);
        assert_string_equal(message->id.data, "1");
        pb_message_destroy(&message);
    }
}

/* The parent of what is built is the header as it came, spaces and order included. */
static void test_parent_is_echoed(void **state)
{
    fixture *f = *state;
    const char header[] = "{ \"msg_type\":\"t\" ,\n \"msg_id\" : \"\\u0031\"}";
    const pb_frame parent = {(char *)(uintptr_t)header, sizeof header - 1};
    pb_frames frames = PB_FRAMES_EMPTY;
    assert_int_equal(
        pb_message_build(&f->sender, "r", &parent, "{\"m\":1}", strdup("{}"), &frames, NULL),
        PB_OK);
    assert_string_equal(frames.items[3].data, header);
    assert_string_equal(frames.items[4].data, "{\"m\":1}");
    pb_frames_clear(&frames);
}

static void test_content_that_could_not_be_made(void **state)
{
    fixture *f = *state;
    pb_frames frames = PB_FRAMES_EMPTY;
    append_text(&frames, "route");
    assert_int_equal(pb_message_build(&f->sender, "x", NULL, NULL, NULL, &frames, NULL), PB_MEMORY);
    assert_int_equal(frames.count, 0);
}

#define MESSAGE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MESSAGE_TEST(test_built_messages_are_parsed),
        MESSAGE_TEST(test_ids_are_unique),
        cmocka_unit_test(test_a_frame_too_few_without_a_key),
        MESSAGE_TEST(test_shapes_that_are_dropped),
        MESSAGE_TEST(test_limits_are_met_exactly),
        MESSAGE_TEST(test_headers_that_are_dropped),
        MESSAGE_TEST(test_what_else_is_broken_is_a_fault),
        MESSAGE_TEST(test_parent_is_echoed),
        MESSAGE_TEST(test_content_that_could_not_be_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
