/* SPDX-License-Identifier: MIT */
/* The table of errors, looked up. */
#include "base/error.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *token;
    const char *text;
    int status;
} table[] = {
#define X(name, status, token, text) {token, text, status},
    ERROR_TABLE(X)
#undef X
};

/* The row of an error; -1 for what is none. */
static int row(enum error error)
{
    if (error <= ERROR_FIRST_ || error >= ERROR_LAST_)
        return -1;
    return (int)error - (int)ERROR_FIRST_ - 1;
}

const char *error_text(enum error error)
{
    int i = row(error);
    return i < 0 ? "no error" : table[i].text;
}

const char *error_token(enum error error)
{
    int i = row(error);
    return i < 0 ? "-" : table[i].token;
}

int error_status(enum error error)
{
    int i = row(error);
    return i < 0 ? 0 : table[i].status;
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
