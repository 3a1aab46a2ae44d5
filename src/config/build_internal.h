/* SPDX-License-Identifier: MIT */
/* What setters share while a model is built from a tree: levels, lists, messages. */
#ifndef CONFIG_BUILD_INTERNAL_H
#define CONFIG_BUILD_INTERNAL_H

#include "config/model.h"
#include "grammar_internal.h"

struct seen;
struct tenant_build;
struct server_build;

/* A list that grows in the scratch arena and is copied to the model once its length is known.
 * Items move when it grows: keep indices. */
struct list {
    void *items;
    uint32_t count;
    uint32_t capacity;
};

/* Pairs of certificate and key as far as they were read; both inherit together. */
struct certificate_words {
    const struct config_directive **certificates;
    const struct config_directive **keys;
    uint32_t certificate_count;
    uint32_t key_count;
};

/* A block that is being read. Settings are its outer level's until it changes one. */
struct level {
    struct level *outer;
    enum context context;
    const struct config_block *block;
    const struct config_settings *settings;
    struct config_settings *own;       /* NULL: nothing changed yet */
    struct config_header *set_headers; /* this level's own, being filled; NULL: inherited */
    struct config_header *add_headers;
    struct slice *hide_headers;
    struct config_limit_req *limit_reqs;
    struct config_limit_conn *limit_conns;
    struct config_access_log *access_logs;
    struct certificate_words words;                          /* this level's own */
    const struct config_directive *first[GRAMMAR_RULES_MAX]; /* by rule, for duplicates */
};

#define BUILD_FILES 4 /* remembered; a tenant is rarely in more */

struct build {
    void (*read_level)(struct build *build); /* levels.c: by the grammar, whose setters build */
    struct arena *arena;                     /* the model's */
    struct arena scratch;                    /* dies with the build */
    struct diag_list *diags;
    struct slice folder;
    struct level *level;
    const struct rule *rule;  /* of the directive that a setter reads */
    struct config_main *main; /* while a main file is read */
    struct list globs;        /* struct slice: of `tenants` */
    struct list formats;      /* const struct config_directive *: log_format beside `defaults` */
    struct list observes;     /* struct config_observe */
    struct config_tenant *tenant; /* while a tenant (or defaults) is read */
    struct tenant_build *parts;   /* of the tenant */
    struct server_build *server;  /* in server and location */
    struct config_location *location;
    struct config_upstream *upstream;
    struct list endpoints; /* struct config_endpoint: of the upstream block */
    /* Files whose names went to the model: as the tree has them, and the copies. */
    const char *files[BUILD_FILES];
    const char *file_copies[BUILD_FILES];
    unsigned file_next;
};

/* levels.c; build_end frees it. */
void levels_init(struct build *build, struct arena *arena, struct slice folder,
                 struct diag_list *diags);
void build_end(struct build *build);

/* Reads a block as a level inside the current one, with its settings: checks every directive
 * against the grammar and calls its setter, simple directives before blocks. */
void build_level(struct build *build, struct level *level, enum context context,
                 const struct config_block *block);

/* The current level's own settings, copied from the outer's at first use. */
struct config_settings *build_settings(struct build *build);

/* setters.c: the field that the rule names. */
void *build_field(struct build *build);

/* process.c: the main file is read: formats without a `defaults` block are tenants' too. */
void main_finish_defaults(struct build *build);

/* How many directives of that name the current level has. */
uint32_t build_count(const struct build *build, struct slice name);

/* For the model: the place with its file name in the model's arena. */
struct diag_place build_place(struct build *build, struct diag_place place);

/* A path made absolute, in the model's arena. */
struct slice build_path(struct build *build, struct slice path);

/* An error at a word, which the message begins with, in quotes. */
void build_refuse(struct build *build, const struct config_word *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether a word can be a file's path; tells that the directive names no file if not. */
bool build_names_file(struct build *build, const struct config_word *word);

/* A new zeroed item at the end. */
void *list_add(struct list *list, struct arena *scratch, size_t size);
/* Adds a copy of the variable `item`. */
#define list_push(list, scratch, item)                                                             \
    memcpy(list_add(list, scratch, sizeof(item)), &(item), sizeof(item))
/* An exact copy in the arena; NULL for none. */
void *list_copy(const struct list *list, struct arena *arena, size_t size);

/* Adds a key (copied to the scratch arena) to a set, of which NULL is the empty one. Returns NULL
 * when it is new, or where it was first seen. */
const struct diag_place *seen_add(struct seen **set, struct arena *scratch, struct slice key,
                                  struct diag_place place);
void seen_free(struct seen **set);

/* RFC 9110 section 5.6.2 */
bool build_is_token(struct slice text);
/* No control byte but tab: fit to stand in a head or a message. */
bool build_is_clean(struct slice text);
/* The same, and not empty. */
bool build_is_text(struct slice text);

#endif
