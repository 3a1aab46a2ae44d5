/* SPDX-License-Identifier: MIT */
/* The grammar: one table of directives, where each may stand, what it takes and who reads it. */
#ifndef CONFIG_GRAMMAR_INTERNAL_H
#define CONFIG_GRAMMAR_INTERNAL_H

#include "config/tree.h"

struct build;
struct rule;

enum context {
    CONTEXT_MAIN = 1 << 0,
    CONTEXT_DEFAULTS = 1 << 1, /* the block of the main file */
    CONTEXT_TENANT = 1 << 2,   /* the top of a tenant's file */
    CONTEXT_SERVER = 1 << 3,
    CONTEXT_LOCATION = 1 << 4,
    CONTEXT_UPSTREAM = 1 << 5
};

/* In which struct the generic setters find their field. */
enum target { TARGET_NONE, TARGET_MAIN, TARGET_TENANT, TARGET_SETTINGS, TARGET_UPSTREAM };

/* Reads a directive; its rule is build->rule. */
typedef void rule_setter(struct build *build, const struct config_directive *directive);

struct rule {
    const char *name;
    unsigned contexts;
    uint32_t arguments_min;
    uint32_t arguments_max;
    rule_setter *set;
    size_t offset; /* of the field in the target */
    uint64_t low;  /* of a number, a size in bytes or a time in milliseconds */
    uint64_t high;
    const char *
        word; /* of a number, a size: the word that stands for 0; of an idiom: the accepted value */
    const char *note; /* of an idiom: what is said of other values */
    enum target target;
    bool is_block;
    bool repeats;  /* may be given more than once in a block */
    uint8_t phase; /* blocks are read after simple directives, in this order */
};

#define ANY_COUNT UINT32_MAX

extern const struct rule grammar_rules[];
extern const unsigned grammar_rule_count;

#define GRAMMAR_RULES_MAX 128 /* at least grammar_rule_count; a test holds it */

/* For a directive that nginx has and nsgate has not: "is not supported yet" and the like, with what
 * to do instead where there is something; else NULL. */
const char *grammar_refusal(struct slice name);

/* The rule of a name in a context; with none there, one of another context; NULL when there is no
 * such directive. */
const struct rule *grammar_find(struct slice name, enum context context);

/* "the main file", "\"server\"" and so on, for messages. */
const char *grammar_context_name(enum context context);

/* "server, location": all contexts of that name, in the arena. */
const char *grammar_where(struct arena *arena, struct slice name);

/* "add_header, listen, ...": all names of a context, in the arena. */
const char *grammar_allowed(struct arena *arena, enum context context);

/* The known name that is nearest to what was written, those of the context first; NULL when none
 * is near. */
const char *grammar_nearest(struct slice name, enum context context);

#endif
