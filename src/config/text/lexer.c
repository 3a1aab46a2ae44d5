/* SPDX-License-Identifier: MIT */
/* Cuts configuration text into words and marks, as ngx_conf_read_token of nginx does. */
#include "text/lexer_internal.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct diag_place place_here(const struct lexer *lexer)
{
    return (struct diag_place){lexer->file, lexer->line,
                               (uint32_t)(lexer->at - lexer->line_start) + 1};
}

static void advance(struct lexer *lexer)
{
    if (lexer->text.data[lexer->at++] == '\n') {
        lexer->line++;
        lexer->line_start = lexer->at;
    }
}

/* White space, and comments: '#' begins one only where a word could begin. */
static void skip_blank(struct lexer *lexer)
{
    bool in_comment = false;

    while (lexer->at < lexer->text.len) {
        char c = lexer->text.data[lexer->at];

        if (in_comment)
            in_comment = c != '\n';
        else if (c == '#')
            in_comment = true;
        else if (!is_space(c))
            return;
        advance(lexer);
    }
}

/* Backslashes stay but before a quote or another backslash, and in \t, \r, \n. */
static struct slice unescape(struct arena *arena, struct slice raw)
{
    if (!raw.len || !memchr(raw.data, '\\', raw.len))
        return raw;

    char *text = arena_alloc(arena, raw.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.data[i];

        if (c == '\\' && i + 1 < raw.len) {
            static const char escaped[] = "\"'\\trn", meant[] = "\"'\\\t\r\n";
            const char *found = strchr(escaped, raw.data[i + 1]);

            if (found && *found) {
                c = meant[found - escaped];
                i++;
            }
        }
        text[len++] = c;
    }
    text[len] = '\0';
    return (struct slice){text, len};
}

static enum lexer_token read_quoted(struct lexer *lexer, struct arena *arena,
                                    struct config_word *word)
{
    char quote = lexer->text.data[lexer->at];

    advance(lexer);
    size_t start = lexer->at;

    while (lexer->at < lexer->text.len) {
        char c = lexer->text.data[lexer->at];

        if (c == quote) {
            word->text =
                unescape(arena, (struct slice){lexer->text.data + start, lexer->at - start});
            word->quoted = true;
            advance(lexer);
            lexer->after_quote = true;
            return LEXER_WORD;
        }
        advance(lexer);
        if (c == '\\' && lexer->at < lexer->text.len)
            advance(lexer);
    }
    return LEXER_UNCLOSED;
}

static enum lexer_token read_plain(struct lexer *lexer, struct arena *arena,
                                   struct config_word *word)
{
    size_t start = lexer->at;
    bool variable = false; /* directly behind '$', where '{' begins a name and not a block */

    while (lexer->at < lexer->text.len) {
        char c = lexer->text.data[lexer->at];

        if (c == '{' && variable) {
            advance(lexer);
            continue;
        }
        if (is_space(c) || c == ';' || c == '{')
            break;
        variable = c == '$';
        advance(lexer);
        if (c == '\\' && lexer->at < lexer->text.len)
            advance(lexer);
    }
    word->text = unescape(arena, (struct slice){lexer->text.data + start, lexer->at - start});
    word->quoted = false;
    return LEXER_WORD;
}

enum lexer_token lexer_next(struct lexer *lexer, struct arena *arena, struct config_word *word)
{
    if (lexer->after_quote && lexer->at < lexer->text.len) {
        char c = lexer->text.data[lexer->at];

        lexer->after_quote = false;
        /* nginx lets ')' follow a quote, for `if ("..." )`. */
        if (!is_space(c) && c != ';' && c != '{' && c != ')') {
            word->place = place_here(lexer);
            word->text = (struct slice){lexer->text.data + lexer->at, 1};
            return LEXER_UNEXPECTED;
        }
    }
    skip_blank(lexer);
    word->place = place_here(lexer);
    if (lexer->at >= lexer->text.len)
        return LEXER_END;
    switch (lexer->text.data[lexer->at]) {
    case ';':
        advance(lexer);
        return LEXER_SEMICOLON;
    case '{':
        advance(lexer);
        return LEXER_OPEN;
    case '}':
        advance(lexer);
        return LEXER_CLOSE;
    case '"':
    case '\'':
        return read_quoted(lexer, arena, word);
    default:
        return read_plain(lexer, arena, word);
    }
}
