/* SPDX-License-Identifier: MIT */
/* The lexer: text in, words and the marks between them out, exactly as nginx cuts them. */
#ifndef CONFIG_LEXER_INTERNAL_H
#define CONFIG_LEXER_INTERNAL_H

#include "config/tree.h"

enum lexer_token {
    LEXER_WORD,
    LEXER_SEMICOLON,
    LEXER_OPEN,
    LEXER_CLOSE,
    LEXER_END,
    LEXER_UNEXPECTED, /* a character right behind a closing quote; it begins the next word */
    LEXER_UNCLOSED    /* the text ends inside quotes; place is the quote's */
};

/* Set up by the caller: text, file, line 1, and the rest zero. Positions count bytes. */
struct lexer {
    struct slice text;
    const char *file;
    size_t at;
    size_t line_start;
    uint32_t line;
    bool after_quote; /* the last token was a quoted word: white space or a mark must follow */
};

/* The next token. *word is set for LEXER_WORD; word->place is set for every token. Texts point
 * into the lexer's, or into the arena when there were escapes. */
enum lexer_token lexer_next(struct lexer *lexer, struct arena *arena, struct config_word *word);

#endif
