/*
 * Operations that are stopped on the way. The values of a tensor lie in pages of which two may not
 * be read: reading the one a quarter of the way in raises the stop flag, and reading the last one
 * says that nobody heard. Nothing here depends on time.
 */
#include "tensor_support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "math/npy.h"

enum { SIDE = 1024 };

static const size_t size = SIDE * SIDE * sizeof(float);

static struct {
    char *bytes;
    size_t page;
    atomic_bool stop;
    atomic_bool reached_end;
    struct sigaction old;
} trap;

static bool is_in(const char *address, size_t start)
{
    return address >= trap.bytes + start && address < trap.bytes + start + trap.page;
}

/* mprotect() is not among the functions that POSIX promises here, and works on every system. */
static void on_fault(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    const char *address = info->si_addr;
    size_t at = is_in(address, size / 4) ? size / 4 : size - trap.page;
    if (!is_in(address, at))
        _exit(99);
    atomic_store(at == size / 4 ? &trap.stop : &trap.reached_end, true);
    mprotect(trap.bytes + at, trap.page, PROT_READ | PROT_WRITE);
}

/* cmocka has a handler of its own while a test runs. */
static void take_faults(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    assert_int_equal(sigaction(SIGSEGV, &action, &trap.old), 0);
}

static void leave_faults(void)
{
    assert_int_equal(sigaction(SIGSEGV, &trap.old, NULL), 0);
}

static void set_trap(void)
{
    atomic_store(&trap.stop, false);
    atomic_store(&trap.reached_end, false);
    assert_int_equal(mprotect(trap.bytes + size / 4, trap.page, PROT_NONE), 0);
    assert_int_equal(mprotect(trap.bytes + size - trap.page, trap.page, PROT_NONE), 0);
}

static int start(void **state)
{
    (void)state;
    trap.page = (size_t)sysconf(_SC_PAGESIZE);
    trap.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trap.bytes == MAP_FAILED)
        return -1;
    for (size_t i = 0; i < SIDE * SIDE; i++)
        ((float *)trap.bytes)[i] = (float)(i % 997) / 997;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    return munmap(trap.bytes, size);
}

/* ---- operations ---- */

typedef struct input {
    const pb_tensor *square; /* [a, b] over the trap */
    const pb_tensor *row;    /* [b] */
    const pb_watch *watch;
} input;

static pb_status unary(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_unary(PB_EXP, in->square, in->watch, result, error);
}

static pb_status binary(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_binary(PB_ADD, in->square, in->row, in->watch, result, error);
}

static pb_status binary_itself(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_binary(PB_MUL, in->square, in->square, in->watch, result, error);
}

static pb_status with_number(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_binary_number(PB_MOD, in->square, 3, false, in->watch, result, error);
}

static pb_status where(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_where(in->square, in->row, in->row, in->watch, result, error);
}

static pb_status sum(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_reduce(PB_SUM, in->square, 0, NULL, in->watch, result, error);
}

static pb_status deviation(const input *in, pb_tensor **result, pb_error **error)
{
    const char *over[] = {"a"};
    return pb_tensor_reduce(PB_STD, in->square, 1, over, in->watch, result, error);
}

static pb_status place(const input *in, pb_tensor **result, pb_error **error)
{
    const char *over[] = {"b"};
    return pb_tensor_reduce(PB_ARGMAX, in->square, 1, over, in->watch, result, error);
}

static pb_status softmax_down(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_softmax(in->square, "a", true, in->watch, result, error);
}

static pb_status softmax_along(const input *in, pb_tensor **result, pb_error **error)
{
    return pb_tensor_softmax(in->square, "b", false, in->watch, result, error);
}

static pb_status every_second(const input *in, pb_tensor **result, pb_error **error)
{
    const char *names[] = {"b"};
    const pb_select select = {.kind = PB_SELECT_SLICE, .step = 2};
    return pb_tensor_select(in->square, 1, names, &select, in->watch, result, error);
}

static pb_status some_rows(const input *in, pb_tensor **result, pb_error **error)
{
    const char *names[] = {"a"};
    const pb_select select = {.kind = PB_SELECT_SLICE, .step = 2};
    return pb_tensor_select(in->square, 1, names, &select, in->watch, result, error);
}

static pb_status transpose(const input *in, pb_tensor **result, pb_error **error)
{
    const char *names[] = {"b", "a"};
    return pb_tensor_transpose(in->square, names, in->watch, result, error);
}

static pb_status stack(const input *in, pb_tensor **result, pb_error **error)
{
    const pb_tensor *parts[] = {in->square, in->square};
    pb_axis *axis = make_axis("part=2");
    pb_status status = pb_tensor_stack(axis, parts, in->watch, result, error);
    pb_axis_release(&axis);
    return status;
}

static pb_status top(const input *in, pb_tensor **result, pb_error **error)
{
    size_t *offsets = NULL, count = 0;
    *result = NULL;
    pb_status status =
        pb_tensor_top(in->square, 10, PB_BY_VALUE, in->watch, &offsets, &count, error);
    assert_true(!status || !offsets);
    free(offsets);
    return status;
}

static pb_status write_npy(const input *in, pb_tensor **result, pb_error **error)
{
    pb_buffer file = PB_BUFFER_EMPTY;
    *result = NULL;
    pb_status status = pb_npy_write(&file, in->square, PB_NPY_FLOAT64, in->watch, error);
    pb_buffer_free(&file);
    return status;
}

static const struct {
    const char *name;
    pb_status (*run)(const input *in, pb_tensor **result, pb_error **error);
    bool out_of_order; /* it reads the end early, so only the outcome counts */
} operations[] = {
    {"unary", unary, false},
    {"binary", binary, false},
    {"binary of equal shapes", binary_itself, false},
    {"with a number", with_number, false},
    {"where", where, false},
    {"sum", sum, false},
    {"std", deviation, false},
    {"argmax", place, false},
    {"softmax down", softmax_down, false},
    {"softmax along", softmax_along, false},
    {"select columns", every_second, false},
    {"select rows", some_rows, false},
    {"transpose", transpose, true},
    {"stack", stack, false},
    {"top", top, false},
    {"npy", write_npy, false},
};

static void operations_stop_on_the_way(void **state)
{
    (void)state;
    pb_axis *axes[] = {make_axis("a=1024"), make_axis("b=1024")};
    pb_watch watch = {.stop = &trap.stop};
    pb_tensor *square = NULL, *row = NULL;
    float *zeros = NULL;
    assert_int_equal(
        pb_tensor_borrow(2, axes, (const float *)trap.bytes, NULL, NULL, &square, NULL), PB_OK);
    assert_int_equal(pb_tensor_create(1, &axes[1], &row, &zeros, NULL), PB_OK);
    input in = {square, row, &watch};
    take_faults();
    for (size_t i = 0; i < COUNT(operations); i++) {
        pb_tensor *result = NULL;
        pb_error *error = NULL;
        set_trap();
        pb_status status = operations[i].run(&in, &result, &error);
        if (status != PB_INTERRUPTED || result || pb_error_code(error) != PB_INTERRUPTED)
            fail_msg("%s was not stopped", operations[i].name);
        if (!operations[i].out_of_order && atomic_load(&trap.reached_end))
            fail_msg("%s went on to the end", operations[i].name);
        pb_error_destroy(&error);

        /* Nobody stops it: the same work comes to its end. */
        in.watch = NULL;
        assert_int_equal(operations[i].run(&in, &result, &error), PB_OK);
        pb_tensor_release(&result);
        in.watch = &watch;
    }
    leave_faults();
    pb_tensor_release(&square);
    pb_tensor_release(&row);
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
}

/* A header in front of the values, which end where the trap's pages do. */
static void reading_npy_stops_on_the_way(void **state)
{
    (void)state;
    pb_watch watch = {.stop = &trap.stop};
    pb_buffer file = PB_BUFFER_EMPTY;
    pb_tensor *tensor = NULL;
    pb_error *error = NULL;
    size_t header = 128, values = (size - header) / sizeof(float);
    char *kept = malloc(header);
    assert_non_null(kept);
    memcpy(kept, trap.bytes, header);
    pb_buffer_format(&file, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu,), }", values);
    memset(trap.bytes, ' ', header);
    memcpy(trap.bytes, "\x93NUMPY\x01\x00", 8);
    trap.bytes[8] = (char)(header - 10);
    trap.bytes[9] = 0;
    memcpy(trap.bytes + 10, file.data, file.length);
    trap.bytes[header - 1] = '\n';
    take_faults();
    set_trap();
    assert_int_equal(pb_npy_read(trap.bytes, size, &watch, &tensor, &error), PB_INTERRUPTED);
    assert_null(tensor);
    assert_false(atomic_load(&trap.reached_end));
    pb_error_destroy(&error);
    assert_int_equal(pb_npy_read(trap.bytes, size, NULL, &tensor, &error), PB_OK);
    assert_int_equal(pb_tensor_size(tensor), values);
    leave_faults();
    pb_tensor_release(&tensor);
    memcpy(trap.bytes, kept, header);
    free(kept);
    pb_buffer_free(&file);
}

/* A walk cuts what is longer than its step: every value comes once, and results are the same. */
static void long_rows_come_whole(void **state)
{
    (void)state;
    atomic_bool stop = false;
    pb_watch watch = {.stop = &stop};
    pb_axis *axes[] = {make_axis("a=3"), make_axis("b=200003")};
    pb_tensor *t = NULL, *doubled = NULL, *whole = NULL, *part = NULL, *total = NULL;
    float *data = NULL;
    const char *const over[] = {"b"};
    assert_int_equal(pb_tensor_create(2, axes, &t, &data, NULL), PB_OK);
    for (size_t i = 0; i < pb_tensor_size(t); i++)
        data[i] = (float)(i % 8191);
    assert_int_equal(pb_tensor_binary(PB_ADD, t, t, &watch, &doubled, NULL), PB_OK);
    for (size_t i = 0; i < pb_tensor_size(t); i++)
        assert_true(pb_tensor_data(doubled)[i] == 2 * data[i]);
    const char *const names[] = {"a"};
    const pb_select second = {.kind = PB_SELECT_INDEX, .index = 1};
    assert_int_equal(pb_tensor_select(doubled, 1, names, &second, &watch, &part, NULL), PB_OK);
    assert_int_equal(pb_tensor_binary(PB_SUB, doubled, part, &watch, &whole, NULL), PB_OK);
    assert_int_equal(pb_tensor_reduce(PB_NORM, whole, 1, over, &watch, &total, NULL), PB_OK);
    assert_true(pb_tensor_data(total)[1] == 0);
    assert_true(pb_tensor_data(total)[0] > 0 && pb_tensor_data(total)[2] > 0);
    pb_tensor_release(&t);
    pb_tensor_release(&doubled);
    pb_tensor_release(&whole);
    pb_tensor_release(&part);
    pb_tensor_release(&total);
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_stop_on_the_way),
        cmocka_unit_test(reading_npy_stops_on_the_way),
        cmocka_unit_test(long_rows_come_whole),
    };
    return cmocka_run_group_tests(tests, start, finish);
}
