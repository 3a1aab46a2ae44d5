/* SPDX-License-Identifier: MIT */
/* The reasons for closing connections to servers, by name. */
#include "close_internal.h"

const char *backend_close_token(int reason)
{
    static const char *const tokens[] = {
#define X(name, token) token,
        BACKEND_CLOSE_TABLE(X)
#undef X
    };
    return reason < 0 ? error_token((enum error)reason) : tokens[reason];
}
