/* SPDX-License-Identifier: MIT */
/* Accounts of memory: when the bound is passed, and when there is room again. */
#include "base/account.h"

#include "base/memory.h"

#include <stdlib.h>

struct account *account_new(void)
{
    struct account *account = memory_zeroed(1, sizeof(*account));

    account->most = ACCOUNT_UNBOUNDED;
    account->low = ACCOUNT_UNBOUNDED;
    return account;
}

void account_leave(struct account *account)
{
    account->is_left = true;
    account_settle(account);
}

void account_bound(struct account *account, size_t most)
{
    account->most = most;
    /* An eighth of room, so that what goes on does not stop again at once. */
    account->low = most == ACCOUNT_UNBOUNDED ? most : most - most / 8;
    account_settle(account);
}

void account_settle(struct account *account)
{
    bool is_over = account->held > (account->is_over ? account->low : account->most);

    if (account->is_left) {
        if (account->held == 0)
            free(account);
        return;
    }
    if (is_over == account->is_over)
        return;
    account->is_over = is_over;
    account->on_change(account->owner);
}
