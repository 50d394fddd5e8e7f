/* Tensors are immutable and atomically counted: threads share them without a lock. The thread
 * sanitizer watches this test; without it, a lost count shows as a wrong number of releases. */
#include "tensor_support.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 2000 };

static void count_release(void *user)
{
    atomic_fetch_add((atomic_int *)user, 1);
}

/* Owns one reference to the tensor, and ends it. Returns NULL when every sum was right. */
static void *work(void *argument)
{
    pb_tensor *shared = argument;
    void *fault = NULL;
    for (int i = 0; i < ROUNDS && !fault; i++) {
        pb_tensor *own = pb_tensor_retain(shared), *renamed = NULL, *sum = NULL, *total = NULL;
        if (pb_tensor_rename(own, "pos", "key", &renamed, NULL) ||
            pb_tensor_binary(PB_ADD, own, own, NULL, &sum, NULL) ||
            pb_tensor_reduce(PB_SUM, sum, 0, NULL, NULL, &total, NULL) ||
            pb_tensor_data(total)[0] != 30)
            fault = shared;
        pb_tensor_release(&own);
        pb_tensor_release(&renamed);
        pb_tensor_release(&sum);
        pb_tensor_release(&total);
    }
    pb_tensor_release(&shared);
    return fault;
}

static void threads_share_a_tensor(void **state)
{
    (void)state;
    static const float values[] = {0, 1, 2, 3, 4, 5};
    atomic_int released = 0;
    pb_axis *axes[] = {make_axis("layer=2"), make_axis("pos=I/ love/ it")};
    pb_tensor *tensor = NULL;
    pthread_t threads[THREADS];
    assert_int_equal(pb_tensor_borrow(2, axes, values, count_release, &released, &tensor, NULL),
                     PB_OK);
    pb_axis_release(&axes[0]);
    pb_axis_release(&axes[1]);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, pb_tensor_retain(tensor)), 0);
    pb_tensor_release(&tensor);
    for (size_t i = 0; i < THREADS; i++) {
        void *fault = NULL;
        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
    assert_int_equal(atomic_load(&released), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_share_a_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
