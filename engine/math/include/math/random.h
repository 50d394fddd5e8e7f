/*
 * Random numbers that are the same bits on every machine: Philox4x32-10 (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", 2011), which makes each block of four from a counter and a
 * key. Normals come out of the inverse of their distribution function, in which no library's log
 * has a say.
 */
#ifndef PB_MATH_RANDOM_H
#define PB_MATH_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void pb_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A stream of numbers: `seed` is the key, and streams of one seed have nothing in common. */
typedef struct pb_random {
    uint32_t key[2], counter[4], block[4];
    unsigned used; /* of the block */
} pb_random;

void pb_random_start(pb_random *random, uint64_t seed, uint64_t stream);
uint32_t pb_random_bits(pb_random *random);
double pb_random_uniform(pb_random *random); /* inside (0, 1), 52 bits */
double pb_random_normal(pb_random *random);
size_t pb_random_below(pb_random *random, size_t n); /* 0 to n - 1, each as likely; n is not 0 */
/* The numbers 0 to n - 1 in an order of chance, the first `first` of it. */
void pb_random_order(pb_random *random, size_t n, size_t first, size_t *order);

/* The x that a normal number is below with probability p, 0 < p < 1, to some 1e-15. */
double pb_normal_quantile(double p);

#endif
