/* SPDX-License-Identifier: MIT */
/* Accounts: bounds, with room before reading goes on, and an end that waits for what is held. */
#include "base/account.h"
#include "base/arena.h"
#include "base/chain.h"

#include <criterion/criterion.h>

static int changes;

static void on_change(void *owner)
{
    cr_assert_eq(owner, &changes);
    changes++;
}

static struct account *make(size_t most)
{
    struct account *account = account_new();

    account->on_change = on_change;
    account->owner = &changes;
    changes = 0;
    account_bound(account, most);
    return account;
}

Test(account, nothing_is_bounded_at_first)
{
    struct account *account = account_new();

    account_take(account, SIZE_MAX / 2);
    cr_assert(!account->is_over);
    account_give(account, SIZE_MAX / 2);
    account_take(NULL, 1);
    account_give_standing(NULL, 1);
    account_leave(account);
    cr_assert_eq(changes, 0);
}

Test(account, it_is_over_until_an_eighth_is_free)
{
    struct account *account = make(800);

    account_take(account, 800);
    cr_assert(!account->is_over);
    account_take(account, 1);
    cr_assert(account->is_over);
    account_give(account, 100);
    cr_assert(account->is_over);
    account_give(account, 1);
    cr_assert(!account->is_over);
    account_take(account, 100);
    cr_assert(!account->is_over);
    cr_assert_eq(changes, 2);
    account_give(account, 800);
    account_leave(account);
}

Test(account, another_bound_counts_at_once)
{
    struct account *account = make(ACCOUNT_UNBOUNDED);

    account_take(account, 1000);
    account_bound(account, 999);
    cr_assert(account->is_over);
    account_bound(account, 1100);
    cr_assert(account->is_over, "it is above seven eighths");
    account_bound(account, 2000);
    cr_assert(!account->is_over);
    account_bound(account, 10);
    account_bound(account, ACCOUNT_UNBOUNDED);
    cr_assert(!account->is_over);
    cr_assert_eq(changes, 4);
    account_give(account, 1000);
    account_leave(account);
}

Test(account, what_stands_is_held_too)
{
    struct account *account = make(100);

    account_take_standing(account, 60);
    account_take(account, 41);
    cr_assert(account->is_over);
    cr_assert_eq(account->standing, 60);
    cr_assert_eq(account->held, 101);
    account_give_standing(account, 60);
    cr_assert_eq(account->standing, 0);
    cr_assert_eq(account->held, 41);
    account_give(account, 41);
    account_leave(account);
}

/* Under the sanitizer this shows a leak, or a use of what is gone. */
Test(account, it_outlives_its_owner_while_something_is_held)
{
    struct account *account = make(10);

    account_take(account, 5);
    account_leave(account);
    account_give(account, 3);
    account_take(account, 20);
    cr_assert_eq(changes, 0, "nobody is told any more");
    account_give(account, 22);
}

Test(account, buffers_are_held_by_who_took_them)
{
    struct account *first = make(ACCOUNT_UNBOUNDED), *second = make(ACCOUNT_UNBOUNDED);
    struct chain_pool pool;
    struct chain a, b, shared;

    chain_pool_init(&pool);
    chain_init(&a, &pool);
    chain_init(&b, &pool);
    chain_init(&shared, &pool);
    pool.account = first;
    chain_append(&a, "one", 3);
    cr_assert_eq(first->held, BUFFER_SIZE);
    chain_append(&a, "two", 3);
    cr_assert_eq(first->held, BUFFER_SIZE, "not for each byte");
    pool.account = second;
    chain_reserve(&b, BUFFER_SIZE, &(size_t){0});
    chain_commit(&b, BUFFER_SIZE);
    cr_assert_eq(second->held, BUFFER_SIZE);
    chain_share(&shared, &b, 0, BUFFER_SIZE);
    cr_assert_eq(second->held, BUFFER_SIZE, "shared, not copied");
    chain_clear(&b);
    cr_assert_eq(second->held, BUFFER_SIZE);
    pool.account = NULL;
    chain_clear(&shared);
    cr_assert_eq(second->held, 0);
    chain_compact(&a);
    cr_assert_eq(first->held, 0, "the copy is of who made it: nobody");
    chain_clear(&a);
    chain_append(&a, "three", 5);
    cr_assert_eq(first->held + second->held, 0);
    chain_clear(&a);
    chain_pool_free(&pool);
    account_leave(first);
    account_leave(second);
}

Test(account, the_blocks_of_an_arena_stand_in_one)
{
    struct account *account = make(ACCOUNT_UNBOUNDED);
    struct arena arena;

    arena_init(&arena, 1024);
    arena_alloc(&arena, 10);
    arena_charge(&arena, account);
    cr_assert_eq(account->standing, arena_footprint(&arena));
    arena_alloc(&arena, 5000);
    cr_assert_eq(account->standing, arena_footprint(&arena));
    arena_reset(&arena);
    cr_assert_eq(account->standing, arena_footprint(&arena));
    arena_alloc(&arena, 10);
    cr_assert_gt(account->standing, 1024);
    arena_charge(&arena, NULL);
    cr_assert_eq(account->held, 0);
    arena_charge(&arena, account);
    arena_free(&arena);
    cr_assert_eq(account->held, 0);
    account_leave(account);
}
