/* SPDX-License-Identifier: MIT */
/* The syntax tree of a configuration: directives with their words, blocks and places. It knows
 * nginx's syntax and nothing of what a directive means. */
#ifndef CONFIG_TREE_H
#define CONFIG_TREE_H

#include "base/arena.h"
#include "base/diag.h"

#include <sys/queue.h>

struct config_word {
    struct slice text; /* quotes and escapes resolved */
    bool quoted;
    struct diag_place place;
};

STAILQ_HEAD(config_block, config_directive);

/* `name arg ...;` or `name arg ... { ... }` */
struct config_directive {
    STAILQ_ENTRY(config_directive) next;
    struct config_word *words;  /* words[0] is the name */
    uint32_t word_count;        /* at least 1 */
    struct config_block *block; /* NULL when it ends with a semicolon */
};

/* Embedded by its owner. Texts and nodes are in the arena. */
struct config_tree {
    struct arena arena;
    struct config_block root;
};

struct config_paths {
    char **items;
    size_t count;
};

/* How the parser gets at files, so that it never opens one itself. */
struct config_loader {
    /* Reads a whole file into the arena. Returns 0, or -1 with a reason in *why (constant or in
     * the arena). */
    int (*read)(void *context, struct arena *arena, const char *path, struct slice *text,
                const char **why);
    /* Files that match a pattern of glob(7), sorted, in the arena; there may be none. Returns 0, or
     * -1 with a reason. */
    int (*expand)(void *context, struct arena *arena, const char *pattern,
                  struct config_paths *paths, const char **why);
    void *context;
};

/* A loader that reads real files: regular files only, opened so that a FIFO or a device cannot
 * hang it, at most 1 MiB each. */
extern const struct config_loader config_files;

void config_tree_init(struct config_tree *tree);
void config_tree_free(struct config_tree *tree);

/* Parses the file at path and, in place of `include GLOB;`, the files that it includes (relative
 * to the including file, at most 8 deep). Syntax errors go to diags and parsing goes on behind
 * them. Returns 0 or ERROR_CONFIG. */
int config_parse(struct config_tree *tree, const struct config_loader *loader, const char *path,
                 struct diag_list *diags);

/* The same for text that is at hand; name stands for the path in messages. */
int config_parse_text(struct config_tree *tree, const struct config_loader *loader,
                      const char *name, struct slice text, struct diag_list *diags);

#endif
