/* Philox4x32-10, and what is drawn from it. Compiled so that no product is fused with a sum: the
 * numbers are the same bits wherever double is IEEE's. */
#include "math/random.h"

#include <math.h>

/* ---- the generator ---- */

void pb_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]}, k[2] = {key[0], key[1]};
    for (int round = 0; round < 10; round++) {
        uint64_t a = UINT64_C(0xD2511F53) * c[0], b = UINT64_C(0xCD9E8D57) * c[2];
        uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k[0], (uint32_t)b,
                            (uint32_t)(a >> 32) ^ c[3] ^ k[1], (uint32_t)a};
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k[0] += 0x9E3779B9;
        k[1] += 0xBB67AE85;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

void pb_random_start(pb_random *random, uint64_t seed, uint64_t stream)
{
    *random = (pb_random){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                          .counter = {0, 0, (uint32_t)stream, (uint32_t)(stream >> 32)},
                          .used = 4};
}

uint32_t pb_random_bits(pb_random *random)
{
    if (random->used == 4) {
        pb_philox(random->counter, random->key, random->block);
        random->used = 0;
        if (++random->counter[0] == 0)
            random->counter[1]++;
    }
    return random->block[random->used++];
}

/* In the middle of one of 2^52 equal parts, so never 0 or 1. */
double pb_random_uniform(pb_random *random)
{
    uint64_t high = pb_random_bits(random), low = pb_random_bits(random);
    uint64_t part = (high << 32 | low) >> 12;
    return ((double)part + 0.5) * 0x1p-52;
}

double pb_random_normal(pb_random *random)
{
    return pb_normal_quantile(pb_random_uniform(random));
}

/* What would make some of the n likelier is drawn again. */
size_t pb_random_below(pb_random *random, size_t n)
{
    uint64_t most = n, fair = UINT64_MAX - UINT64_MAX % most, drawn;
    do {
        uint64_t high = pb_random_bits(random);
        drawn = high << 32 | pb_random_bits(random);
    } while (drawn >= fair);
    return (size_t)(drawn % most);
}

void pb_random_order(pb_random *random, size_t n, size_t first, size_t *order)
{
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = 0; i < first && i + 1 < n; i++) {
        size_t other = i + pb_random_below(random, n - i), held = order[i];
        order[i] = order[other];
        order[other] = held;
    }
}

/* ---- normals ---- */

/* log(x) = e log(2) + 2 atanh((m - 1) / (m + 1)), x = m 2^e with m about 1: a series whose 13th
 * term is past a double's digits. */
static double own_log(double x)
{
    int exponent;
    double mantissa = frexp(x, &exponent), sum = 0;
    if (mantissa < 0.70710678118654752440) {
        mantissa *= 2;
        exponent--;
    }
    double s = (mantissa - 1) / (mantissa + 1), square = s * s;
    for (int term = 25; term > 0; term -= 2)
        sum = sum * square + 1.0 / term;
    return exponent * 0.69314718055994530942 + 2 * s * sum;
}

/* The polynomials of Wichura's algorithm AS 241 (PPND16, Applied Statistics 37, 1988): for the
 * middle, for what is beside it, and for the tails; numerator, denominator, from r^0 up. */
static const double ratios[3][2][8] = {
    {{3.3871328727963666080e0, 1.3314166789178437745e+2, 1.9715909503065514427e+3,
      1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
      3.3430575583588128105e+4, 2.5090809287301226727e+3},
     {1.0, 4.2313330701600911252e+1, 6.8718700749205790830e+2, 5.3941960214247511077e+3,
      2.1213794301586595867e+4, 3.9307895800092710610e+4, 2.8729085735721942674e+4,
      5.2264952788528545610e+3}},
    {{1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
      3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
      2.27238449892691845833e-2, 7.74545014278341407640e-4},
     {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
      1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
      1.05075007164441684324e-9}},
    {{6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
      2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
      2.71155556874348757815e-5, 2.01033439929228813265e-7},
     {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
      7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
      2.04426310338993978564e-15}}};

static double ratio(const double of[2][8], double r)
{
    double above = 0, below = 0;
    for (int i = 7; i >= 0; i--) {
        above = above * r + of[0][i];
        below = below * r + of[1][i];
    }
    return above / below;
}

double pb_normal_quantile(double p)
{
    double q = p - 0.5;
    if (fabs(q) <= 0.425)
        return q * ratio(ratios[0], 0.180625 - q * q);
    double r = sqrt(-own_log(q < 0 ? p : 1 - p));
    double x = r <= 5 ? ratio(ratios[1], r - 1.6) : ratio(ratios[2], r - 5);
    return q < 0 ? -x : x;
}
