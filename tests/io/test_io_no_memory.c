/* Every reader with memory that runs out: PB_MEMORY, nothing leaked, nothing half-made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "failing_memory.h"
#include "io/config.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/locate.h"
#include "io/safetensors.h"
#include "model/families.h"
#include "scratch.h"

/* Ends the error. True for PB_OK; anything else but PB_MEMORY is a fault of the test. */
static bool is_done(pb_status status, pb_error *error)
{
    if (status != (error ? pb_error_code(error) : PB_OK) || (status && status != PB_MEMORY)) {
        print_error("%s: %s\n", pb_status_name(status), pb_error_text(error));
        abort();
    }
    pb_error_destroy(&error);
    return !status;
}

static bool read_config(void *unused)
{
    (void)unused;
    pb_config *config = NULL;
    pb_error *error = NULL;
    pb_status status = pb_config_read("models/reviews-4m", pb_family_keys, &config, &error);
    pb_config_destroy(&config);
    return is_done(status, error);
}

static bool open_weights(void *unused)
{
    (void)unused;
    pb_weights *weights = NULL;
    pb_error *error = NULL;
    pb_status status = pb_weights_open("models/reviews-4m", &weights, &error);
    pb_weights_close(&weights);
    return is_done(status, error);
}

static bool open_gguf(void *unused)
{
    (void)unused;
    pb_weights *weights = NULL;
    pb_gguf *gguf = NULL;
    pb_buffer json = PB_BUFFER_EMPTY;
    pb_error *error = NULL;
    pb_status status = pb_weights_open("tests/golden/gguf-types.gguf", &weights, &error);
    if (!status)
        status = pb_gguf_read("tests/golden/gguf-types.gguf", &gguf, &error);
    if (!status)
        status = pb_gguf_config("tests/golden/gguf-types.gguf", &json, &error);
    pb_buffer_free(&json);
    pb_weights_close(&weights);
    pb_gguf_destroy(&gguf);
    return is_done(status, error);
}

static bool locate(void *folder)
{
    pb_locate_paths paths = {.folders = NULL};
    pb_located *models = NULL;
    size_t count = 0;
    char *found = NULL;
    pb_error *error = NULL;
    pb_locate_values values = {.patchbay_models = folder, .hf_home = folder, .home = "/nowhere"};
    pb_status status = pb_locate_paths_from_values(&values, NULL, 0, &paths, &error);
    if (!status)
        status = pb_locate("small", &paths, &found, &error);
    if (!status)
        status = pb_locate_all(&paths, &models, &count, &error);
    free(found);
    pb_located_free(models, count);
    pb_locate_paths_free(&paths);
    return is_done(status, error);
}

static bool write_file(void *path)
{
    pb_error *error = NULL;
    pb_status status = pb_file_write(path, "x", 1, NULL, &error);
    return is_done(status, error);
}

static void test_config(void **state)
{
    (void)state;
    assert_survives_failing_memory(read_config, NULL, 1000);
}

static void test_weights(void **state)
{
    (void)state;
    assert_survives_failing_memory(open_weights, NULL, 1000);
}

static void test_gguf(void **state)
{
    (void)state;
    assert_survives_failing_memory(open_gguf, NULL, 1000);
}

static void test_locate(void **state)
{
    scratch_text(*state, "small/config.json", "{}");
    scratch_text(*state, "small/model.safetensors", "");
    scratch_text(*state, "hub/models--a--b/refs/main", "c");
    scratch_text(*state, "hub/models--a--b/snapshots/c/config.json", "{}");
    scratch_text(*state, "hub/models--a--b/snapshots/c/model.safetensors", "");
    assert_survives_failing_memory(locate, *state, 1000);
}

static void test_file(void **state)
{
    char path[512];
    snprintf(path, sizeof path, "%s/x", (char *)*state);
    assert_survives_failing_memory(write_file, path, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_gguf),
        cmocka_unit_test_setup_teardown(test_locate, scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(test_file, scratch_set_up, scratch_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
