/*
 * What tensors do when memory runs out: every operation is run again and again, with the first,
 * the second, ... allocation failing, until it succeeds. Each failure must be PB_MEMORY, set no
 * result, and free whatever was allocated before it.
 *
 * The linker sends the engine's malloc and its like through the functions below.
 */
#include "tensor_support.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "math/format.h"
#include "math/npy.h"

/* ---- the limiting allocator ---- */

static struct {
    long allowed; /* allocations until one fails; negative: never */
    long live;    /* blocks not freed yet */
} heap = {-1, 0};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);

static bool is_refused(void)
{
    if (heap.allowed == 0)
        return true;
    if (heap.allowed > 0)
        heap.allowed--;
    return false;
}

static void *counted(void *block)
{
    heap.live += block != NULL;
    return block;
}

void *__wrap_malloc(size_t size)
{
    return is_refused() ? NULL : counted(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : counted(__real_calloc(count, size));
}

void *__wrap_realloc(void *old, size_t size)
{
    if (is_refused())
        return NULL;
    void *block = __real_realloc(old, size);
    heap.live += block != NULL && old == NULL;
    return block;
}

void __wrap_free(void *block)
{
    heap.live -= block != NULL;
    __real_free(block);
}

/* ---- operations ---- */

/* What the operations work on, made while memory is plentiful. */
typedef struct materials {
    pb_tensor *love, *hate, *weights, *mask;
    pb_axis *prompts;
    const pb_watch *watch; /* NULL while memory is what is short */
} materials;

static pb_status create(const materials *m, pb_tensor **result, pb_error **error)
{
    const int64_t coordinates[] = {5, 3, 9};
    const char *const labels[] = {"L5", "L3", "L9"};
    pb_axis *axis = NULL;
    float *data;
    (void)m;
    pb_status status = pb_axis_create("layer", 3, coordinates, labels, &axis, error);
    if (!status)
        status = pb_tensor_create(1, &axis, result, &data, error);
    pb_axis_release(&axis);
    return status;
}

static pb_status select_list(const materials *m, pb_tensor **result, pb_error **error)
{
    const pb_select items[] = {{.kind = PB_SELECT_LABEL, .label = " love"},
                               {.kind = PB_SELECT_INDEX, .index = 0}};
    const char *const names[] = {"pos", "d"};
    const pb_select selects[] = {{.kind = PB_SELECT_LIST, .items = items, .n_items = 2},
                                 {.kind = PB_SELECT_INDEX, .index = 1}};
    return pb_tensor_select(m->love, 2, names, selects, m->watch, result, error);
}

static pb_status select_shared(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_select(m->love, 0, NULL, NULL, m->watch, result, error);
}

static pb_status subtract(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_binary(PB_SUB, m->love, m->hate, m->watch, result, error);
}

static pb_status where(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_where(m->mask, m->love, m->hate, m->watch, result, error);
}

static pb_status deviation(const materials *m, pb_tensor **result, pb_error **error)
{
    const char *over[] = {"d"};
    return pb_tensor_reduce(PB_STD, m->love, 1, over, m->watch, result, error);
}

static pb_status mean(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_reduce(PB_MEAN, m->love, 0, NULL, m->watch, result, error);
}

/* Two summed axes out of step, so that both sides are packed. */
static pb_status product(const materials *m, pb_tensor **result, pb_error **error)
{
    const char *over[] = {"d", "pos"};
    pb_tensor *turned = NULL;
    const char *const names[] = {"d", "out", "pos"};
    pb_status status = pb_tensor_transpose(m->weights, names, m->watch, &turned, error);
    if (!status)
        status = pb_tensor_dot(m->love, turned, 2, over, m->watch, result, error);
    pb_tensor_release(&turned);
    return status;
}

static pb_status stack(const materials *m, pb_tensor **result, pb_error **error)
{
    const pb_tensor *parts[] = {m->love, m->hate};
    return pb_tensor_stack(m->prompts, parts, m->watch, result, error);
}

static pb_status rename_axis(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_rename(m->love, "pos", "key", result, error);
}

static pb_status softmax(const materials *m, pb_tensor **result, pb_error **error)
{
    return pb_tensor_softmax(m->love, "pos", false, m->watch, result, error);
}

static pb_status place_of_largest(const materials *m, pb_tensor **result, pb_error **error)
{
    const char *over[] = {"pos"};
    return pb_tensor_reduce(PB_ARGMAX, m->love, 1, over, m->watch, result, error);
}

static pb_status top(const materials *m, pb_tensor **result, pb_error **error)
{
    size_t *offsets = NULL, count;
    pb_status status = pb_tensor_top(m->love, 2, PB_BY_VALUE, m->watch, &offsets, &count, error);
    free(offsets);
    *result = NULL;
    return status;
}

static pb_status through_npy(const materials *m, pb_tensor **result, pb_error **error)
{
    pb_buffer file = PB_BUFFER_EMPTY;
    pb_status status = pb_npy_write(&file, m->love, PB_NPY_FLOAT64, m->watch, error);
    if (!status)
        status = pb_npy_read(file.data, file.length, m->watch, result, error);
    pb_buffer_free(&file);
    return status;
}

/* A file in Fortran order, which is turned around after it was read. */
static pb_status read_fortran(const materials *m, pb_tensor **result, pb_error **error)
{
    static const char file[] = "\x93NUMPY\x01\x00\x3d\x00"
                               "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2), }  \n"
                               "abcd";
    (void)m;
    return pb_npy_read(file, sizeof file - 1, m->watch, result, error);
}

static pb_status write_text(const materials *m, pb_tensor **result, pb_error **error)
{
    pb_buffer text = PB_BUFFER_EMPTY;
    pb_tensor_write_text(&text, m->love, "resid", NULL, NULL);
    pb_tensor_write_text(&text, m->weights, "W", NULL, NULL);
    pb_status status = pb_buffer_status(&text, error);
    pb_buffer_free(&text);
    *result = NULL;
    return status;
}

typedef pb_status (*operation)(const materials *, pb_tensor **, pb_error **);

/* Fails the n-th allocation for n = 0, 1, ... and returns how many the operation makes. */
static long starve(operation run, const materials *m)
{
    for (long n = 0; n < 1000; n++) {
        pb_tensor *result = NULL;
        pb_error *error = NULL;
        long before = heap.live;
        heap.allowed = n;
        pb_status status = run(m, &result, &error);
        heap.allowed = -1;
        if (status) {
            assert_int_equal(status, PB_MEMORY);
            assert_null(result);
            assert_int_equal(pb_error_code(error), PB_MEMORY);
        }
        pb_error_destroy(&error);
        pb_tensor_release(&result);
        assert_int_equal(heap.live, before);
        if (!status)
            return n;
    }
    fail_msg("the operation never had enough memory");
    return -1;
}

static materials make_materials(void)
{
    return (materials){make_tensor("pos=I/ love/ it d=4", NULL),
                       make_tensor("pos=I/ hate/ it d=4", NULL),
                       make_tensor("pos=3 d=4 out=5", NULL),
                       make_tensor("d=4", VALUES(1, 0, 0, 1)),
                       make_axis("prompt=love/hate"),
                       NULL};
}

static void free_materials(materials *m)
{
    pb_tensor_release(&m->love);
    pb_tensor_release(&m->hate);
    pb_tensor_release(&m->weights);
    pb_tensor_release(&m->mask);
    pb_axis_release(&m->prompts);
}

static void operations_survive_without_memory(void **state)
{
    (void)state;
    materials m = make_materials();
    const operation operations[] = {create, select_list, select_shared, subtract,
                                    where,  deviation,   mean,          product,
                                    stack,  rename_axis, softmax,       place_of_largest,
                                    top,    through_npy, read_fortran,  write_text};
    for (size_t i = 0; i < COUNT(operations); i++)
        assert_true(starve(operations[i], &m) > 0);
    free_materials(&m);
}

/* Stopped before the first value, or anywhere in between as test_tensor_stop.c does: what was made
 * so far goes. */
static void operations_let_go_when_stopped(void **state)
{
    (void)state;
    atomic_bool stop = true;
    const pb_watch watch = {.stop = &stop};
    materials m = make_materials();
    m.watch = &watch;
    const operation operations[] = {select_list, subtract,    where,   deviation,        mean,
                                    product,     stack,       softmax, place_of_largest, top,
                                    through_npy, read_fortran};
    for (size_t i = 0; i < COUNT(operations); i++) {
        pb_tensor *result = NULL;
        pb_error *error = NULL;
        long before = heap.live;
        assert_int_equal(operations[i](&m, &result, &error), PB_INTERRUPTED);
        assert_null(result);
        assert_int_equal(pb_error_code(error), PB_INTERRUPTED);
        pb_error_destroy(&error);
        assert_int_equal(heap.live, before);
    }
    free_materials(&m);
}

/* A message needs memory too: without it the error may say less, but it stays an error. */
static void errors_survive_without_memory(void **state)
{
    (void)state;
    pb_tensor *t = make_tensor("pos=I/ love/I d=4", NULL), *other = make_tensor("pos=2", NULL);
    const char *const names[] = {"pos"}, *const wrong[] = {"ops"};
    const pb_select selects[] = {{.kind = PB_SELECT_LABEL, .label = "love"},
                                 {.kind = PB_SELECT_LABEL, .label = "I"},
                                 {.kind = PB_SELECT_INDEX, .index = 7}};
    for (long n = 0; n < 60; n++) {
        for (size_t i = 0; i < COUNT(selects) + 2; i++) {
            pb_tensor *result = NULL;
            pb_error *error = NULL;
            long before = heap.live;
            heap.allowed = n;
            pb_status status = i < COUNT(selects) ? pb_tensor_select(t, 1, names, &selects[i], NULL,
                                                                     &result, &error)
                               : i == COUNT(selects)
                                   ? pb_tensor_select(t, 1, wrong, selects, NULL, &result, &error)
                                   : pb_tensor_binary(PB_ADD, t, other, NULL, &result, &error);
            heap.allowed = -1;
            assert_int_not_equal(status, PB_OK);
            assert_non_null(error);
            assert_null(result);
            pb_error_destroy(&error);
            assert_int_equal(heap.live, before);
        }
    }
    pb_tensor_release(&t);
    pb_tensor_release(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_survive_without_memory),
        cmocka_unit_test(operations_let_go_when_stopped),
        cmocka_unit_test(errors_survive_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
