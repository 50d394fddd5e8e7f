/* Everything leaves and comes back: save() and read(), and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "recorder.h"

typedef struct fixture {
    char folder[64];
    pb_session *session;
    recorder recorder;
} fixture;

static int start(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->folder, sizeof f->folder, "%s/patchbay-test-XXXXXX", P_tmpdir);
    assert_non_null(mkdtemp(f->folder));
    assert_non_null(f->session = recorder_session((pb_session_options){0}));
    recorder_start(&f->recorder);
    *state = f;
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = {"t.csv", "t.npy", "t.json", "t.txt", "t.html", "t.svg"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(f->folder), 0);
    recorder_end(&f->recorder);
    pb_session_destroy(&f->session);
    free(f);
    return 0;
}

/* Runs code in which every @ is the folder. malloc'ed. */
static char *run(fixture *f, const char *code)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    for (const char *at = code; *at; at++) {
        if (*at == '@')
            pb_buffer_text(&text, f->folder);
        else
            pb_buffer_byte(&text, *at);
    }
    char *came = recorder_run(&f->recorder, f->session, "cell 1", text.data, text.length);
    pb_buffer_free(&text);
    return came;
}

static void expect(fixture *f, const char *code, const char *expected)
{
    char *came = run(f, code);
    assert_string_equal(came, expected);
    free(came);
}

static void expect_part(fixture *f, const char *code, const char *part)
{
    char *came = run(f, code);
    if (!strstr(came, part))
        fail_msg("%s\n%s", code, came);
    free(came);
}

static void test_tables(void **state)
{
    fixture *f = *state;
    expect(f,
           "t = table(w=[\" great\", \"a,b\", \"\\\"q\\\"\\n\", \"12\", \"\"], "
           "x=[0.1, 1e-30, 3, None, True])\nsave(t, \"@/t.csv\")\nread(\"@/t.csv\") == t",
           "True\n");
    expect(f,
           "t.y = [1, float(\"nan\"), float(\"inf\"), None, -float(\"inf\")]\n"
           "save(t, \"@/t.json\")\nu = read(\"@/t.json\")\n"
           "[u.w == t.w, u.x == t.x, u.y, [n != n for n in u.y], u.columns]",
           "[[True, True, True, True, True], [True, True, True, True, True], "
           "[1, nan, inf, None, -inf], [False, True, False, False, False], ['w', 'x', 'y']]\n");
    expect(f, "save(table(patchbay=[1]), \"@/t.json\")\nread(\"@/t.json\").patchbay", "[1]\n");
}

static void test_tensors(void **state)
{
    fixture *f = *state;
    expect(f,
           "t = tensor([[0.1, 2], [3, -4e-20]], axes=[\"layer\", \"head\"])\n"
           "save(t, \"@/t.npy\")\nu = read(\"@/t.npy\")\n[u.values == t.values, u.axes]",
           "[True, ['dim0', 'dim1']]\n");
    expect(f, "save(t > 1, \"@/t.npy\")\nread(\"@/t.npy\").values",
           "[[False, True], [True, False]]\n");
    expect(f,
           "save(t, \"@/t.csv\")\nr = read(\"@/t.csv\")\n[r.columns, tensor(r.value, "
           "axes=\"i\").values == tensor(table(t).value, axes=\"i\").values]",
           "[['layer', 'head', 'value'], True]\n");
    expect(f,
           "t = tensor([1, float(\"nan\"), float(\"inf\"), -float(\"inf\")], axes=\"pos\", "
           "labels=[\"a\", \" b\", \"c\", \"d\"])[pos=1:]\n"
           "save([t, t > 0], \"@/t.json\")\nu = read(\"@/t.json\")\n"
           "[u[0].values, u[0][pos=\" b\"], u[0][pos=3], u[1].values]",
           "[[nan, inf, -inf], nan, -inf, [False, True, False]]\n");
    expect(f,
           "t = tensor([[1, 2]], axes=[\"layer\", \"head\"])\nsave(t, \"@/t.npy\")\n"
           "read(\"@/t.npy\", axes=[\"layer\", \"pos\"]).shape",
           "{'layer': 1, 'pos': 2}\n");
    expect_part(f, "read(\"@/t.npy\")", "have no names in the file");
    expect_part(f, "read(\"@/t.npy\", axes=\"layer\")", "has 2 axes, axes= names 1");
}

static void test_values(void **state)
{
    fixture *f = *state;
    expect(f,
           "v = {\"a\": [1, 2.5, None, True], \"b\": \"é\\n\"}\nsave(v, \"@/t.json\")\n"
           "read(\"@/t.json\") == v",
           "True\n");
    expect(f, "save([1, 2], \"@/t.csv\"); read(\"@/t.csv\").value", "[1, 2]\n");
    expect(f, "save(\"text\", \"@/t.txt\"); read(\"@/t.txt\")", "'text'\n");
    expect(f, "save([1, 2], \"@/t.txt\"); read(\"@/t.txt\")", "'[1, 2]'\n");
    expect(f, "save(table(a=[1]), \"@/t.html\")", "");
}

static void test_refusals(void **state)
{
    fixture *f = *state;
    expect_part(f, "save([1], \"@/t.doc\")", "must end in");
    expect_part(f, "save([1], \"@/t.svg\")", "no picture");
    expect_part(f, "save([1], \"@/t.npy\")", "holds a tensor");
    expect_part(f, "save(lambda x: x, \"@/t.json\")", "cannot be written as JSON");
    expect_part(f, "f(n) = [] if n == 0 else [f(n - 1)]\nsave(f(600), \"@/t.json\")",
                "cannot be written as JSON"); /* its reader would not go so deep */
    expect_part(f, "save([1], \"@/nowhere/t.csv\")", "No such file");
    expect_part(f, "read(\"@/none.csv\")", "No such file");
    expect_part(f, "save(\"x\", \"@/t.txt\"); read(\"@\")", "Error");
    expect_part(f, "csv(lambda x: x)", "lambda");
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *name, *bytes, *part;
    } files[] = {
        {"t.csv", "a,b\n1\n", "row 2 of this CSV file has 1 cells, not 2"},
        {"t.csv", "a,b\n\"1,2\n", "not closed"},
        {"t.csv", "a,a\n1,2\n", "two columns called a"},
        {"t.json", "{\"a\": ", "not valid JSON"},
        {"t.json", "{\"a\": [1], \"b\": [1, 2], \"patchbay\": \"table\"}", "has 2 values"},
        {"t.json", "{\"a\": 1, \"patchbay\": \"table\"}", "says that it holds a table"},
        {"t.json", "{\"patchbay\": \"record\", \"names\": [\"a\"], \"values\": []}",
         "says that it holds a record"},
        {"t.json", "{\"patchbay\": \"record\", \"names\": [\"a\\u0000\"], \"values\": [1]}",
         "says that it holds a record"},
        {"t.json", "{\"patchbay\": \"columns\", \"names\": [\"a\"], \"columns\": [1]}",
         "says that it holds a table"},
        {"t.json", "{\"patchbay\": \"bytes\", \"latin1\": \"\xe4\xb8\x80\"}",
         "says that it holds a string"},
        {"t.json", "{\"axes\": [], \"values\": [1, 2], \"patchbay\": \"tensor\"}",
         "says that it holds a tensor"},
        {"t.json", "{\"axes\": [{\"name\": 1}], \"values\": [], \"patchbay\": \"mask\"}",
         "says that it holds a mask"},
        {"t.npy", "\x93NUMPY", "Error"},
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[128], code[160];
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i].name);
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fputs(files[i].bytes, file);
        fclose(file);
        snprintf(code, sizeof code, "read(\"@/%s\")", files[i].name);
        expect_part(f, code, files[i].part);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tables, start, end),
        cmocka_unit_test_setup_teardown(test_tensors, start, end),
        cmocka_unit_test_setup_teardown(test_values, start, end),
        cmocka_unit_test_setup_teardown(test_refusals, start, end),
        cmocka_unit_test_setup_teardown(test_bad_files, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
