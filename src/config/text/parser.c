/* SPDX-License-Identifier: MIT */
/* Builds the tree from words and marks, follows `include`, and goes on behind syntax errors. */
#include "text/lexer_internal.h"

#include "base/error.h"
#include "base/memory.h"

#include <stdlib.h>

#define INCLUDE_DEPTH_MAX 8
#define INCLUDE_FILES_MAX 1000 /* of one tree; a file that includes itself twice is 2^8 files */
#define BLOCK_DEPTH_MAX   16

struct parser {
    struct config_tree *tree;
    const struct config_loader *loader;
    struct diag_list *diags;
    unsigned files;
    unsigned depth; /* of includes */
};

/* A block that is open. */
struct open_block {
    struct config_block *block; /* NULL: its content is parsed and forgotten */
    struct diag_place place;
    struct slice name;
};

/* One file while it is read. */
struct source {
    struct parser *parser;
    struct lexer lexer;
    struct open_block open[BLOCK_DEPTH_MAX];
    unsigned open_count;       /* open[0] is what the file is parsed into */
    unsigned too_deep;         /* blocks that are open below the deepest that is kept */
    struct config_word *words; /* of the directive being read */
    uint32_t word_count;
    uint32_t word_capacity;
};

static void parse_source(struct parser *parser, const char *path, struct slice text,
                         struct config_block *into);

static void add_word(struct source *source, const struct config_word *word)
{
    source->words = memory_room(source->words, source->word_count, &source->word_capacity,
                                sizeof(*source->words));
    source->words[source->word_count++] = *word;
}

static struct config_block *innermost(const struct source *source)
{
    return source->too_deep ? NULL : source->open[source->open_count - 1].block;
}

/* Puts the words read so far into the tree as a directive; NULL where they are to be forgotten. */
static struct config_directive *end_directive(struct source *source)
{
    struct arena *arena = &source->parser->tree->arena;
    struct config_block *block = innermost(source);
    uint32_t count = source->word_count;

    source->word_count = 0;
    if (!block || count == 0)
        return NULL;

    struct config_directive *directive = ARENA_NEW(arena, struct config_directive);

    directive->words = ARENA_ARRAY(arena, struct config_word, count);
    memcpy(directive->words, source->words, count * sizeof(*source->words));
    directive->word_count = count;
    STAILQ_INSERT_TAIL(block, directive, next);
    return directive;
}

/* ---- include ---- */

static void include_file(struct source *source, const struct config_word *word, const char *path)
{
    struct parser *parser = source->parser;
    struct slice text;
    const char *why = "unknown";

    if (parser->files >= INCLUDE_FILES_MAX) {
        if (parser->files++ == INCLUDE_FILES_MAX)
            diag_error(parser->diags, word->place, "more than %d files are included",
                       INCLUDE_FILES_MAX);
        return;
    }
    parser->files++;
    if (parser->loader->read(parser->loader->context, &parser->tree->arena, path, &text, &why) !=
        0) {
        diag_error(parser->diags, word->place, "cannot read the included file \"%s\": %s", path,
                   why);
        return;
    }
    parser->depth++;
    parse_source(parser, path, text, innermost(source));
    parser->depth--;
}

/* A relative pattern starts from the folder of the including file. */
static char *include_pattern(struct source *source, struct slice pattern)
{
    struct arena *arena = &source->parser->tree->arena;
    const char *slash = strrchr(source->lexer.file, '/');

    if (slash && pattern.data[0] != '/')
        return arena_text(arena, arena_printf(arena, "%.*s/%.*s", (int)(slash - source->lexer.file),
                                              source->lexer.file, SLICE_PRINTF(pattern)));
    return arena_text(arena, pattern);
}

static void include(struct source *source)
{
    struct parser *parser = source->parser;
    const struct config_loader *loader = parser->loader;
    struct config_word name = source->words[0];
    struct config_word word = source->words[source->word_count - 1];
    uint32_t arguments = source->word_count - 1;
    const char *why = "unknown";
    struct config_paths paths;

    source->word_count = 0;
    if (!innermost(source))
        return;
    if (arguments != 1) {
        diag_error(parser->diags, name.place, "\"include\" takes 1 argument, found %u", arguments);
        return;
    }
    if (word.text.len == 0) {
        diag_error(parser->diags, word.place, "\"include\" names no file");
        return;
    }
    if (parser->depth >= INCLUDE_DEPTH_MAX) {
        diag_error(parser->diags, word.place, "\"include\" is nested more than %d deep",
                   INCLUDE_DEPTH_MAX);
        return;
    }

    char *pattern = include_pattern(source, word.text);

    if (!strpbrk(pattern, "*?[")) {
        include_file(source, &word, pattern);
        return;
    }
    if (loader->expand(loader->context, &parser->tree->arena, pattern, &paths, &why) != 0) {
        diag_error(parser->diags, word.place, "cannot look for \"%s\": %s", pattern, why);
        return;
    }
    for (size_t i = 0; i < paths.count; i++)
        include_file(source, &word, paths.items[i]);
}

/* ---- marks ---- */

static void on_semicolon(struct source *source, struct diag_place place)
{
    if (source->word_count == 0)
        diag_error(source->parser->diags, place, "unexpected \";\": there is no directive before");
    else if (slice_equal(source->words[0].text, SLICE("include")))
        include(source);
    else
        end_directive(source);
}

static void on_open(struct source *source, struct diag_place place)
{
    struct diag_list *diags = source->parser->diags;
    struct config_directive *directive;
    struct open_block open = {NULL, place, {NULL, 0}};

    if (source->word_count == 0) {
        diag_error(diags, place, "unexpected \"{\": there is no directive before");
    } else {
        open.place = source->words[0].place;
        open.name = source->words[0].text;
    }
    if (slice_equal(open.name, SLICE("include"))) {
        diag_error(diags, open.place, "\"include\" ends with \";\", not with a block");
        source->word_count = 0;
    }
    if (source->too_deep || source->open_count == BLOCK_DEPTH_MAX) {
        if (source->too_deep++ == 0)
            diag_error(diags, open.place, "blocks are nested more than %d deep",
                       BLOCK_DEPTH_MAX - 1);
        source->word_count = 0;
        return;
    }
    directive = end_directive(source);
    if (directive) {
        directive->block = ARENA_NEW(&source->parser->tree->arena, struct config_block);
        STAILQ_INIT(directive->block);
        open.block = directive->block;
    }
    source->open[source->open_count++] = open;
}

/* Words that no mark ended. */
static void on_unfinished(struct source *source, struct diag_place place, const char *before)
{
    struct config_word first = source->words[0];

    diag_error(source->parser->diags, place,
               "unexpected %s: \"%.*s\" of line %u is not ended by \";\"", before,
               SLICE_PRINTF(slice_head(first.text, 64)), first.place.line);
    end_directive(source);
}

static void on_close(struct source *source, struct diag_place place)
{
    if (source->word_count)
        on_unfinished(source, place, "\"}\"");
    if (source->too_deep)
        source->too_deep--;
    else if (source->open_count > 1)
        source->open_count--;
    else
        diag_error(source->parser->diags, place, "unexpected \"}\": no block is open");
}

static void on_end(struct source *source, struct diag_place place)
{
    if (source->word_count)
        on_unfinished(source, place, "end of file");
    while (source->open_count > 1) {
        const struct open_block *open = &source->open[--source->open_count];

        diag_error(source->parser->diags, open->place,
                   "the block of \"%.*s\" is not closed: the file ends without its \"}\"",
                   SLICE_PRINTF(slice_head(open->name, 64)));
    }
}

static void on_unexpected(struct source *source, const struct config_word *word)
{
    unsigned char c = (unsigned char)word->text.data[0];

    if (c > 0x20 && c < 0x7f)
        diag_error(source->parser->diags, word->place,
                   "unexpected \"%c\" behind a closing quote: white space, \";\" or \"{\" must "
                   "follow it",
                   c);
    else
        diag_error(source->parser->diags, word->place,
                   "unexpected byte 0x%02x behind a closing quote: white space, \";\" or \"{\" "
                   "must follow it",
                   c);
}

static void parse_source(struct parser *parser, const char *path, struct slice text,
                         struct config_block *into)
{
    struct source source = {.parser = parser, .open_count = 1, .lexer = {.text = text, .line = 1}};
    enum lexer_token token;
    struct config_word word = {0};

    source.lexer.file = arena_text(&parser->tree->arena, slice_of(path));
    source.open[0].block = into;
    do {
        token = lexer_next(&source.lexer, &parser->tree->arena, &word);
        switch (token) {
        case LEXER_WORD:
            /* Words become C strings: what is behind a NUL would be lost unseen. */
            if (word.text.len && memchr(word.text.data, '\0', word.text.len))
                diag_error(parser->diags, word.place, "the word contains a NUL byte");
            else
                add_word(&source, &word);
            break;
        case LEXER_SEMICOLON:
            on_semicolon(&source, word.place);
            break;
        case LEXER_OPEN:
            on_open(&source, word.place);
            break;
        case LEXER_CLOSE:
            on_close(&source, word.place);
            break;
        case LEXER_UNEXPECTED:
            on_unexpected(&source, &word);
            break;
        case LEXER_UNCLOSED:
            diag_error(parser->diags, word.place,
                       "the quote is not closed before the end of the file");
            /* What it swallowed is unknown, so nothing more is said of what is still open. */
            source.word_count = 0;
            source.open_count = 1;
            break;
        case LEXER_END:
            on_end(&source, word.place);
            break;
        }
    } while (token != LEXER_END);
    free(source.words);
}

/* ---- the door ---- */

void config_tree_init(struct config_tree *tree)
{
    arena_init(&tree->arena, 2048);
    STAILQ_INIT(&tree->root);
}

void config_tree_free(struct config_tree *tree)
{
    arena_free(&tree->arena);
    STAILQ_INIT(&tree->root);
}

int config_parse(struct config_tree *tree, const struct config_loader *loader, const char *path,
                 struct diag_list *diags)
{
    struct parser parser = {.tree = tree, .loader = loader, .diags = diags};
    unsigned before = diags->errors;
    struct slice text;
    const char *why = "unknown";

    if (loader->read(loader->context, &tree->arena, path, &text, &why) != 0)
        diag_error(diags, ((struct diag_place){path, 0, 0}), "cannot be read: %s", why);
    else
        parse_source(&parser, path, text, &tree->root);
    return diags->errors == before ? 0 : ERROR_CONFIG;
}

int config_parse_text(struct config_tree *tree, const struct config_loader *loader,
                      const char *name, struct slice text, struct diag_list *diags)
{
    struct parser parser = {.tree = tree, .loader = loader, .diags = diags};
    unsigned before = diags->errors;

    parse_source(&parser, name, arena_slice(&tree->arena, text), &tree->root);
    return diags->errors == before ? 0 : ERROR_CONFIG;
}
