/* SPDX-License-Identifier: MIT */
/* Builds models from text and looks for what was said, for the tests of this room. */
#ifndef CONFIG_SUPPORT_H
#define CONFIG_SUPPORT_H

#include "base/error.h"
#include "config/model.h"

#include <criterion/criterion.h>
#include <stdio.h>

struct built {
    struct diag_list diags;
    struct config_tenant tenant;
    struct config_main main;
    int parsed;
    int result;
};

/* The tree is gone when this returns: the model must stand alone. */
static inline void build_tenant(struct built *built, const char *text)
{
    struct config_tree tree;

    diag_list_init(&built->diags);
    config_tree_init(&tree);
    built->parsed =
        config_parse_text(&tree, &config_files, "t.conf", slice_of(text), &built->diags);
    built->result = config_tenant_build(
        &built->tenant,
        &(struct config_tenant_source){
            .name = SLICE("acme"), .folder = SLICE("/etc/nsgate"), .root = &tree.root},
        &built->diags);
    config_tree_free(&tree);
}

static inline void free_tenant(struct built *built)
{
    config_tenant_free(&built->tenant);
    diag_list_free(&built->diags);
}

/* Whether one diag of that severity has the place and the words in its message. */
static inline bool says(const struct diag_list *diags, enum diag_severity severity, unsigned line,
                        unsigned column, const char *words)
{
    const struct diag *diag;

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (diag->severity == severity && diag->place.line == line &&
            diag->place.column == column && strstr(diag->message, words))
            return true;
    }
    return false;
}

static inline void show(const struct diag_list *diags)
{
    const struct diag *diag;
    char text[2048];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        fprintf(stderr, "  %d %s\n", (int)diag->severity, text);
    }
}

/* A text and the one thing that is to be said of it. */
struct said {
    const char *text;
    unsigned line;
    unsigned column;
    const char *words;
};

static inline bool is_said(const struct diag_list *diags, enum diag_severity severity,
                           const struct said *said)
{
    bool found = says(diags, severity, said->line, said->column, said->words);

    if (!found) {
        fprintf(stderr, "expected %u:%u %s in\n%s\n", said->line, said->column, said->words,
                said->text);
        show(diags);
    }
    return found;
}

/* Each text gives exactly one error, that one. */
static inline void expect_errors(const struct said *said, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct built built;

        build_tenant(&built, said[i].text);
        cr_expect(is_said(&built.diags, DIAG_ERROR, &said[i]), "%s", said[i].words);
        cr_expect_eq(built.diags.errors, 1, "%u errors: %s", built.diags.errors, said[i].text);
        cr_expect(built.result == ERROR_CONFIG || built.parsed == ERROR_CONFIG);
        free_tenant(&built);
    }
}

/* Each text is accepted, with that warning or notice. */
static inline void expect_accepted(enum diag_severity severity, const struct said *said,
                                   unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct built built;

        build_tenant(&built, said[i].text);
        cr_expect(is_said(&built.diags, severity, &said[i]), "%s", said[i].words);
        cr_expect_eq(built.result, 0);
        free_tenant(&built);
    }
}

/* A tenant behind the defaults of a main file. */
static inline void build_both(struct built *built, const char *main_text, const char *tenant_text)
{
    struct config_tree main_tree, tree;

    diag_list_init(&built->diags);
    config_tree_init(&main_tree);
    config_tree_init(&tree);
    config_parse_text(&main_tree, &config_files, "m.conf", slice_of(main_text), &built->diags);
    config_parse_text(&tree, &config_files, "t.conf", slice_of(tenant_text), &built->diags);
    config_main_build(&built->main, &main_tree, "/etc/nsgate/m.conf", &built->diags);
    built->result =
        config_tenant_build(&built->tenant,
                            &(struct config_tenant_source){.name = SLICE("acme"),
                                                           .folder = built->main.folder,
                                                           .defaults = built->main.defaults,
                                                           .root = &tree.root},
                            &built->diags);
    config_main_free(&built->main);
    config_tree_free(&main_tree);
    config_tree_free(&tree);
}

/* Builds what must be right. */
static inline void build_good(struct built *built, const char *text)
{
    build_tenant(built, text);
    if (built->result != 0)
        show(&built->diags);
    cr_assert_eq(built->parsed, 0);
    cr_assert_eq(built->result, 0);
}

static inline bool text_is(struct slice slice, const char *text)
{
    return slice_equal(slice, slice_of(text));
}

#define COUNT(array) ((unsigned)(sizeof(array) / sizeof((array)[0])))

#endif
