/* SPDX-License-Identifier: MIT */
/* The table of errors, looked up. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *token;
    const char *text;
    int status;
} table[] = {{"-", "no error", 0},
#define X(name, status, token, text) {token, text, status},
             ERROR_TABLE(X)
#undef X
};

/* The row of an error; the first for what is none. */
static int row(enum error error)
{
    return error > ERROR_FIRST_ && error < ERROR_LAST_ ? (int)error - (int)ERROR_FIRST_ : 0;
}

const char *error_text(enum error error)
{
    return table[row(error)].text;
}

const char *error_token(enum error error)
{
    return table[row(error)].token;
}

int error_status(enum error error)
{
    return table[row(error)].status;
}

const char *error_reason(int number)
{
    const char *text = strerrordesc_np(number);

    return text ? text : "unknown error";
}

bool error_is_shortage(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}
