/* The connection file, read from its text: fields, refusals, endpoints, and secrets that go. */
#include "connection.h"
#include "protocol_tests.h"

#define PORTS                                                                                      \
    "\"shell_port\": 1, \"iopub_port\": 2, \"stdin_port\": 3, \"control_port\": 4, \"hb_port\": "  \
    "65535"

static pb_status read_text(const char *text, pb_connection *connection, char *said, size_t size)
{
    pb_error *error = NULL;
    pb_status status = pb_connection_read(text, strlen(text), connection, &error);
    snprintf(said, size, "%s", error ? pb_error_text(error) : "");
    pb_error_destroy(&error);
    return status;
}

static void test_fields(void **state)
{
    (void)state;
    pb_connection c;
    char said[256], endpoint[PB_ENDPOINT_SIZE];
    assert_int_equal(
        read_text("{\"transport\": \"tcp\", \"ip\": \"10.0.0.7\", \"key\": \"k\\u0000y\","
                  " \"signature_scheme\": \"hmac-sha256\", \"more\": [], " PORTS "}",
                  &c, said, sizeof said),
        PB_OK);
    assert_int_equal(c.key_length, 3);
    assert_memory_equal(c.key, "k\0y", 4);
    assert_false(c.encrypted);
    pb_connection_endpoint(&c, PB_CHANNEL_SHELL, endpoint);
    assert_string_equal(endpoint, "tcp://10.0.0.7:1");
    pb_connection_endpoint(&c, PB_CHANNEL_HEARTBEAT, endpoint);
    assert_string_equal(endpoint, "tcp://10.0.0.7:65535");
    pb_connection_clear(&c);
    const pb_connection empty = {.key_length = 0};
    assert_memory_equal(&c, &empty, sizeof c);
}

static void test_endpoints(void **state)
{
    (void)state;
    pb_connection c = {.transport = "ipc", .ip = "/run/k", .ports = {[PB_CHANNEL_STDIN] = 3}};
    char endpoint[PB_ENDPOINT_SIZE];
    pb_connection_endpoint(&c, PB_CHANNEL_STDIN, endpoint);
    assert_string_equal(endpoint, "ipc:///run/k-3");
    c = (pb_connection){.transport = "tcp", .ip = "::1", .ports = {[PB_CHANNEL_IOPUB] = 5}};
    pb_connection_endpoint(&c, PB_CHANNEL_IOPUB, endpoint);
    assert_string_equal(endpoint, "tcp://[::1]:5");
}

static void test_keys_may_be_missing_on_the_local_machine_only(void **state)
{
    (void)state;
    static const struct {
        const char *place;
        bool good;
    } cases[] = {
        {"", true},
        {"\"ip\": \"127.0.0.1\",", true},
        {"\"ip\": \"127.1.2.3\",", true},
        {"\"ip\": \"localhost\",", true},
        {"\"ip\": \"::1\",", true},
        {"\"transport\": \"ipc\", \"ip\": \"/tmp/x\",", true},
        {"\"ip\": \"0.0.0.0\",", false},
        {"\"ip\": \"*\",", false},
        {"\"ip\": \"10.0.0.1\",", false},
        {"\"ip\": \"\",", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512], said[256];
        pb_connection c;
        snprintf(text, sizeof text, "{%s \"key\": \"\", " PORTS "}", cases[i].place);
        if ((!read_text(text, &c, said, sizeof said)) != cases[i].good)
            fail_msg("%s: %s", text, said);
    }
}

/* Whatever is wrong, the key is in no sentence. */
static void test_no_error_holds_the_key(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "{\"key\": \"SECRET\"",
        "{\"key\": SECRET}",
        "{\"key\": \"SECRET\", \"key\": \"SECRET\"}",
        "{\"key\": \"SECRET\"}",
        "{\"key\": \"SECRET\", \"transport\": \"udp\", " PORTS "}",
        "{\"key\": [\"SECRET\"], " PORTS "}",
        "{\"key\": \"SECRET\", \"signature_scheme\": \"x\", " PORTS "}",
        "{\"key\": \"SECRET\", \"curve_secretkey\": \"SECRET\", " PORTS "}",
        "[\"SECRET\"]",
        "SECRET",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char said[512];
        pb_connection c;
        assert_int_not_equal(read_text(broken[i], &c, said, sizeof said), PB_OK);
        assert_null(strstr(said, "SECRET"));
        assert_int_equal(c.key_length, 0);
    }
}

static void test_encryption_keys(void **state)
{
    (void)state;
    char text[1024], said[256];
    const char key[] = "0123456789012345678901234567890123456789";
    pb_connection c;
    snprintf(text, sizeof text,
             "{\"key\": \"k\", \"curve_publickey\": \"%s\", \"curve_secretkey\": \"%s\", " PORTS
             "}",
             key, key);
    assert_int_equal(read_text(text, &c, said, sizeof said), PB_OK);
    assert_true(c.encrypted);
    assert_string_equal(c.curve_public, key);
    snprintf(text, sizeof text, "{\"key\": \"k\", \"curve_publickey\": \"%s\", " PORTS "}", key);
    assert_int_equal(read_text(text, &c, said, sizeof said), PB_FORMAT); /* one alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_keys_may_be_missing_on_the_local_machine_only),
        cmocka_unit_test(test_no_error_holds_the_key),
        cmocka_unit_test(test_encryption_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
