/* SPDX-License-Identifier: MIT */
/* What one owner (a tenant, say) holds of this process's memory, against a bound. Whoever takes a
 * piece of memory for it says so, and says so again when the piece goes: an addition for each
 * buffer, block or connection, not for each byte. */
#ifndef BASE_ACCOUNT_H
#define BASE_ACCOUNT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCOUNT_UNBOUNDED SIZE_MAX

struct account {
    size_t held;
    size_t standing; /* of it, what connections and requests take by being there */
    size_t most;     /* beyond it is_over */
    size_t low;      /* down to which it stays so */
    bool is_over;
    bool is_left; /* nobody owns it: it goes when nothing is held */
    /* Set by who bounds it: is_over has changed. Called in the midst of allocations: it may note
     * that, no more. */
    void (*on_change)(void *owner);
    void *owner;
};

/* Holds nothing, and is not bounded. */
struct account *account_new(void);

/* The owner goes. What is held may be given back later. */
void account_leave(struct account *account);

/* Another bound, from now on. */
void account_bound(struct account *account, size_t most);

static inline bool account_is_bounded(const struct account *account)
{
    return account && account->most != ACCOUNT_UNBOUNDED;
}

/* For the functions below: the bound was passed, one way or the other, or the owner has left. */
void account_settle(struct account *account);

/* Memory was allocated, or has been freed. NULL: it is nobody's. */
static inline void account_take(struct account *account, size_t bytes)
{
    if (!account)
        return;
    account->held += bytes;
    if (account->held > account->most && !account->is_over)
        account_settle(account);
}
static inline void account_give(struct account *account, size_t bytes)
{
    if (!account)
        return;
    assert(account->held >= bytes);
    account->held -= bytes;
    if (account->is_over || account->is_left)
        account_settle(account);
}

/* The same for what stands for a connection or a request. */
static inline void account_take_standing(struct account *account, size_t bytes)
{
    if (account)
        account->standing += bytes;
    account_take(account, bytes);
}
static inline void account_give_standing(struct account *account, size_t bytes)
{
    if (account)
        account->standing -= bytes;
    account_give(account, bytes);
}

#endif
