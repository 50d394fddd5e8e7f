/*
 * What the kernels need to become vector code: functions compiled for several instruction sets and
 * chosen at load time, and an exp() without branches, which a compiler can put into vector lanes.
 */
#ifndef PB_MATH_KERNELS_VECTOR_H
#define PB_MATH_KERNELS_VECTOR_H

#include <stdint.h>
#include <string.h>

/* One body for each x86-64 level. Sanitizers run before the resolvers may, so they get one. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) &&       \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define PB_VECTOR                                                                                  \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#else
#define PB_VECTOR
#endif

/* Rows times columns worth sharing between threads; below, waking them costs more. */
enum { PB_WORTH_THREADS = 1 << 18 };

static inline uint32_t pb_float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float pb_float_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/*
 * exp(x) within 1.5 units in the last place: x = n log 2 + r, |r| <= log(2)/2, 2^n times a
 * polynomial of degree 7 in r (its coefficients: Cephes' expf, S. Moshier). 0 below -87.3, where
 * the result would not be a normal number; x is taken as 88.3 above that. NaN stays NaN.
 */
static inline float pb_expf(float x)
{
    const float shift =
        12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer, in its low bits */
    float bounded = x > 88.3f ? 88.3f : x;
    bounded = bounded < -87.3f ? -87.3f : bounded;
    float shifted = bounded * 1.44269504088896341f + shift;
    float n = shifted - shift;
    float r = bounded - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r;
    p = p + 1.0f;
    float power = pb_float_from_bits((pb_float_bits(shifted) + 127u) << 23);
    float result = p * power;
    return x < -87.3f ? 0.0f : result;
}

#endif
