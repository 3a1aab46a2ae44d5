/* SPDX-License-Identifier: MIT */
/* The table of reasons for a close, looked up. */
#include "base/close.h"

static const struct {
    enum close_manner manner;
    enum error error;
    const char *token;
    const char *text;
} table[CLOSE_REASONS] = {{CLOSE_MANNER_NOW, ERROR_NONE, "-", "it is open"},
#define X(name, manner, error, token, text) {CLOSE_MANNER_##manner, ERROR_##error, token, text},
                          CLOSE_TABLE(X)
#undef X
};

enum close_manner close_manner(enum close_reason reason)
{
    return table[reason].manner;
}

enum error close_error(enum close_reason reason)
{
    return table[reason].error;
}

const char *close_token(enum close_reason reason)
{
    return table[reason].token;
}

const char *close_text(enum close_reason reason)
{
    return table[reason].text;
}
