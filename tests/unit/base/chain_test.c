/* SPDX-License-Identifier: MIT */
/* Chains: whatever is moved, shared, split and compacted, the bytes stay the same, and the pool
 * gets everything back. */
#include "base/chain.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct chain_pool pool;

static void start(void)
{
    chain_pool_init(&pool);
}

static void stop(void)
{
    chain_pool_free(&pool);
    cr_assert_eq(pool.held, 0, "%zu bytes of buffers were not given back", pool.held);
}

TestSuite(chain, .init = start, .fini = stop);

static void assert_bytes(const struct chain *chain, const char *bytes, size_t len)
{
    cr_assert_eq(chain->len, len);
    char *copy = malloc(len + 1);
    chain_peek(chain, 0, copy, len);
    cr_assert_eq(memcmp(copy, bytes, len), 0);
    free(copy);
}

Test(chain, appends_over_buffers)
{
    struct chain chain;
    chain_init(&chain, &pool);
    char *bytes = malloc(50000);
    for (size_t i = 0; i < 50000; i++)
        bytes[i] = (char)(i * 7);
    for (size_t at = 0; at < 50000; at += 1000)
        chain_append(&chain, bytes + at, 1000);
    assert_bytes(&chain, bytes, 50000);
    chain_consume(&chain, 20001);
    assert_bytes(&chain, bytes + 20001, 29999);
    chain_clear(&chain);
    cr_assert_eq(chain_first(&chain).len, 0);
    free(bytes);
}

Test(chain, reserve_without_bytes_leaves_nothing)
{
    struct chain chain;
    chain_init(&chain, &pool);
    size_t room;
    cr_assert_not_null(chain_reserve(&chain, 1, &room));
    cr_assert_eq(room, BUFFER_SIZE);
    chain_commit(&chain, 0);
    cr_assert(TAILQ_EMPTY(&chain.segments));
}

Test(chain, moves_by_sharing)
{
    struct chain from, to;
    chain_init(&from, &pool);
    chain_init(&to, &pool);
    char bytes[10000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    chain_append(&from, bytes, sizeof bytes);
    const char *place = chain_first(&from).data;
    chain_move(&to, &from, 4000);
    cr_assert_eq(chain_first(&to).data, place, "a long part is shared, not copied");
    assert_bytes(&to, bytes, 4000);
    assert_bytes(&from, bytes + 4000, 6000);

    /* The tail of a shared buffer is nobody's to fill. */
    chain_append(&to, "x", 1);
    assert_bytes(&from, bytes + 4000, 6000);
    cr_assert_eq(to.len, 4001);
    chain_clear(&to);
    assert_bytes(&from, bytes + 4000, 6000);
    chain_clear(&from);
}

Test(chain, moves_random_pieces_between_chains)
{
    struct chain chains[3];
    char *bytes = malloc(200000), *copy = malloc(200000);
    srand(1);
    for (size_t i = 0; i < 200000; i++)
        bytes[i] = (char)rand();
    for (int i = 0; i < 3; i++)
        chain_init(&chains[i], &pool);
    chain_append(&chains[0], bytes, 200000);
    while (chains[2].len < 200000) {
        chain_move(&chains[1], &chains[0], (size_t)(rand() % 5000));
        chain_compact(&chains[1]);
        chain_move(&chains[2], &chains[1], (size_t)(rand() % 3000));
    }
    chain_peek(&chains[2], 0, copy, 200000);
    cr_assert_eq(memcmp(bytes, copy, 200000), 0);
    chain_peek(&chains[2], 12345, copy, 54321);
    cr_assert_eq(memcmp(bytes + 12345, copy, 54321), 0);
    struct iovec runs[64];
    size_t total = 0;
    int count = chain_iovec(&chains[2], runs, 64);
    for (int i = 0; i < count; i++)
        total += runs[i].iov_len;
    cr_assert(count <= 64 && total <= 200000);
    for (int i = 0; i < 3; i++)
        chain_clear(&chains[i]);
    free(bytes);
    free(copy);
}

Test(chain, small_reads_do_not_hold_a_large_buffer_each)
{
    struct chain in, pipe;
    chain_init(&in, &pool);
    chain_init(&pipe, &pool);
    char bytes[300] = {0};
    for (int i = 0; i < 200; i++) {
        chain_append(&in, bytes, sizeof bytes);
        chain_move(&pipe, &in, in.len);
    }
    cr_assert_eq(pipe.len, 60000);
    cr_assert_leq(pool.held, (size_t)6 * BUFFER_SIZE);
    chain_clear(&pipe);
}

Test(chain, compacts_what_waits)
{
    struct chain chain;
    chain_init(&chain, &pool);
    chain_append(&chain, "GET / HT", 8);
    chain_compact(&chain);
    assert_bytes(&chain, "GET / HT", 8);
    size_t room;
    chain_reserve(&chain, 1, &room);
    cr_assert_eq(room, BUFFER_SMALL - 8);
    chain_append(&chain, "TP/1.1", 6);
    assert_bytes(&chain, "GET / HTTP/1.1", 14);
    chain_clear(&chain);
}

/* As a head or chunk line comes from a peer that trickles. */
Test(chain, what_trickles_is_held_in_small_buffers)
{
    struct chain chain;
    char bytes[6000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    chain_init(&chain, &pool);
    for (size_t i = 0; i < sizeof bytes; i += 10) {
        size_t room;
        char *to = chain_reserve(&chain, 512, &room);
        memcpy(to, bytes + i, 10);
        chain_commit(&chain, 10);
        chain_compact(&chain);
        size_t used = pool.held - pool.large_count * BUFFER_SIZE - pool.small_count * BUFFER_SMALL;
        cr_assert_leq(used, (i + 10 + BUFFER_SMALL - 1) / BUFFER_SMALL * BUFFER_SMALL);
    }
    assert_bytes(&chain, bytes, sizeof bytes);
    chain_clear(&chain);
}

Test(chain, the_rest_of_something_large_is_held_in_small_buffers)
{
    struct chain chain;
    char *bytes = malloc(40000);
    memset(bytes, 'x', 40000);
    chain_init(&chain, &pool);
    chain_append(&chain, bytes, 40000);
    chain_compact(&chain);
    cr_assert_eq(pool.held, 3 * BUFFER_SIZE, "too much to be copied");
    chain_consume(&chain, 2 * BUFFER_SIZE - 100);
    chain_consume(&chain, 7000);
    chain_append(&chain, "end", 3);
    chain_compact(&chain);
    size_t used = pool.held - pool.large_count * BUFFER_SIZE - pool.small_count * BUFFER_SMALL;
    cr_assert_leq(used, chain.len + BUFFER_SMALL);
    assert_bytes(&chain, memcpy(memset(bytes, 'x', 335) + 332, "end", 3) - 332, 335);
    chain_clear(&chain);
    free(bytes);
}

Test(chain, a_peak_is_given_back)
{
    struct chain chain;
    char *bytes = calloc(40, BUFFER_SIZE);
    chain_init(&chain, &pool);
    chain_append(&chain, bytes, (size_t)40 * BUFFER_SIZE);
    chain_clear(&chain);
    chain_pool_trim(&pool); /* the peak was in this time */
    chain_append(&chain, bytes, (size_t)3 * BUFFER_SIZE);
    chain_clear(&chain);
    cr_assert_eq(pool.held, 40 * BUFFER_SIZE);
    chain_pool_trim(&pool);
    cr_assert_eq(pool.held, 3 * BUFFER_SIZE);
    free(bytes);
}

Test(chain, steady_flow_allocates_nothing)
{
    struct chain in, out;
    chain_init(&in, &pool);
    chain_init(&out, &pool);
    size_t held = 0;
    for (int i = 0; i < 1000; i++) {
        chain_append(&in, "0123456789", 10);
        chain_move(&out, &in, 4);
        chain_move(&out, &in, 6);
        chain_clear(&out);
        if (i == 0)
            held = pool.held;
    }
    cr_assert_eq(pool.held, held);
}

Test(chain, share_leaves_the_source_as_it_is)
{
    struct chain from, to;
    chain_init(&from, &pool);
    chain_init(&to, &pool);
    char *bytes = malloc(40000);
    for (size_t i = 0; i < 40000; i++)
        bytes[i] = (char)(i * 11);
    chain_append(&from, bytes, 40000);
    size_t held = pool.held;
    cr_assert_eq(chain_share(&to, &from, 5000, 30000), 3 * BUFFER_SIZE);
    cr_assert_eq(pool.held, held, "nothing was copied");
    assert_bytes(&from, bytes, 40000);
    assert_bytes(&to, bytes + 5000, 30000);
    /* What is shared is not overwritten by either. */
    chain_append(&from, "xxxx", 4);
    chain_append(&to, "yyyy", 4);
    chain_consume(&from, 40000);
    assert_bytes(&from, "xxxx", 4);
    chain_consume(&to, 30000);
    assert_bytes(&to, "yyyy", 4);
    chain_clear(&from);
    chain_clear(&to);
    free(bytes);
}

Test(chain, share_copies_small_runs)
{
    struct chain from, to;
    chain_init(&from, &pool);
    chain_init(&to, &pool);
    char bytes[4096];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 3);
    chain_append(&from, bytes, sizeof(bytes));
    for (size_t at = 0; at < sizeof(bytes); at += 512)
        cr_assert_eq(chain_share(&to, &from, at, 512), at % BUFFER_SMALL ? 0 : BUFFER_SMALL);
    cr_assert_eq(chain_share(&to, &from, 0, 0), 0);
    chain_clear(&from);
    assert_bytes(&to, bytes, sizeof(bytes));
    chain_clear(&to);
    /* A few bytes between large runs do not take a large buffer each. */
    char *large = malloc(60000);
    memset(large, 'x', 60000);
    chain_append(&from, large, 60000);
    size_t held = pool.held;
    for (size_t at = 0; at + 10100 < 60000; at += 10100) {
        chain_share(&to, &from, at, 10000);
        chain_share(&to, &from, at + 10000, 100);
    }
    cr_assert_leq(pool.held, held + BUFFER_SIZE + 8 * BUFFER_SMALL, "%zu", pool.held - held);
    assert_bytes(&to, large, 50500);
    free(large);
    chain_clear(&from);
    chain_clear(&to);
}
