/* Philox's published answers, and the quantiles of the normal distribution. */
#include <math.h>

#include "math/random.h"
#include "tensor_support.h"

/* The known answers of Random123 (kat_vectors, philox4x32 10). */
static void philox_gives_its_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t out[4];
        pb_philox(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

static void a_stream_is_its_blocks_in_order(void **state)
{
    (void)state;
    pb_random random;
    pb_random_start(&random, UINT64_C(0x299f31d0a4093822), UINT64_C(5));
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, 0, 5, 0}, key[2] = {0xa4093822, 0x299f31d0};
        uint32_t out[4];
        pb_philox(counter, key, out);
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(pb_random_bits(&random), out[i]);
    }
}

/* Python 3.11's statistics.NormalDist().inv_cdf(), with the platform's log, to the last digits. */
static void normals_are_quantiles(void **state)
{
    (void)state;
    static const double cases[][2] = {
        {1e-300, -37.0470962993612},   {1e-20, -9.262340089798405},   {1e-10, -6.361340902404056},
        {0.001, -3.090232306167813},   {0.0249, -1.9616778690637862}, {0.075, -1.4395314709384557},
        {0.0751, -1.4388253927525398}, {0.3, -0.5244005127080407},    {0.5, 0.0},
        {0.6, 0.2533471031357998},     {0.925, 1.439531470938456},    {0.975, 1.9599639845400536},
        {0.999999, 4.753424308817089},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        double x = pb_normal_quantile(cases[i][0]);
        if (!(fabs(x - cases[i][1]) <= 4e-16 * fabs(cases[i][1])))
            fail_msg("at %.17g: %.17g, not %.17g", cases[i][0], x, cases[i][1]);
    }
}

/* The mean of n normals is off by 1 / sqrt(n), of their squares by sqrt(2 / n). */
static void normals_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    enum { N = 100000 };
    pb_random random;
    double sum = 0, squares = 0;
    pb_random_start(&random, 0, 0);
    for (size_t i = 0; i < N; i++) {
        double x = pb_random_normal(&random);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / N) < 4 / sqrt(N));
    assert_true(fabs(squares / N - 1) < 4 * sqrt(2.0 / N));
}

static void an_order_has_each_place_once_and_all_first_places(void **state)
{
    (void)state;
    size_t firsts[5] = {0};
    for (uint64_t seed = 0; seed < 1000; seed++) {
        pb_random random;
        size_t order[5], seen = 0;
        pb_random_start(&random, seed, 0);
        pb_random_order(&random, 5, 5, order);
        for (size_t i = 0; i < 5; i++)
            seen |= (size_t)1 << order[i];
        assert_int_equal(seen, 31);
        firsts[order[0]]++;
    }
    for (size_t i = 0; i < 5; i++) /* 200, give or take 4 times 12.6 */
        assert_in_range(firsts[i], 150, 250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_its_published_answers),
        cmocka_unit_test(a_stream_is_its_blocks_in_order),
        cmocka_unit_test(normals_are_quantiles),
        cmocka_unit_test(normals_have_mean_0_and_variance_1),
        cmocka_unit_test(an_order_has_each_place_once_and_all_first_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
