/* SPDX-License-Identifier: MIT */
/* Trees, syntax errors with their places, and includes. */
#include "config/config_support.h"

/* Files of a pretended folder. */
struct pretended {
    const char *path;
    const char *text;
};

static int pretend_read(void *context, struct arena *arena, const char *path, struct slice *text,
                        const char **why)
{
    (void)arena;
    for (const struct pretended *file = context; file->path; file++) {
        if (strcmp(file->path, path) == 0) {
            *text = slice_of(file->text);
            return 0;
        }
    }
    *why = "no such pretended file";
    return -1;
}

static int pretend_expand(void *context, struct arena *arena, const char *pattern,
                          struct config_paths *paths, const char **why)
{
    size_t stem = strcspn(pattern, "*");

    (void)why;
    paths->count = 0;
    paths->items = ARENA_ARRAY(arena, char *, 16);
    for (const struct pretended *file = context; file->path; file++) {
        if (strncmp(file->path, pattern, stem) == 0)
            paths->items[paths->count++] = arena_text(arena, slice_of(file->path));
    }
    return 0;
}

static struct config_loader pretend(struct pretended *files)
{
    return (struct config_loader){pretend_read, pretend_expand, files};
}

struct parsed {
    struct config_tree tree;
    struct diag_list diags;
    int result;
};

static void parse(struct parsed *parsed, const char *text)
{
    diag_list_init(&parsed->diags);
    config_tree_init(&parsed->tree);
    parsed->result =
        config_parse_text(&parsed->tree, &config_files, "f", slice_of(text), &parsed->diags);
}

static void parse_files(struct parsed *parsed, struct pretended *files)
{
    struct config_loader loader = pretend(files);

    diag_list_init(&parsed->diags);
    config_tree_init(&parsed->tree);
    parsed->result = config_parse(&parsed->tree, &loader, files[0].path, &parsed->diags);
}

static void drop(struct parsed *parsed)
{
    config_tree_free(&parsed->tree);
    diag_list_free(&parsed->diags);
}

static unsigned count(const struct config_block *block)
{
    const struct config_directive *directive;
    unsigned number = 0;

    STAILQ_FOREACH (directive, block, next)
        number++;
    return number;
}

Test(parser, blocks_nest)
{
    struct parsed parsed;

    parse(&parsed, "a 1; b { c { d 2; } } e{}");
    cr_assert_eq(parsed.result, 0);
    cr_expect_eq(count(&parsed.tree.root), 3);

    const struct config_directive *b = STAILQ_NEXT(STAILQ_FIRST(&parsed.tree.root), next);

    cr_assert_not_null(b->block);
    cr_expect_eq(count(b->block), 1);
    cr_expect_eq(count(STAILQ_FIRST(b->block)->block), 1);
    drop(&parsed);
}

Test(parser, every_syntax_error_has_its_place)
{
    static const struct said wrong[] = {
        {"a;\n ;", 2, 2, "unexpected \";\""},
        {"a;\n\n  { b; }", 3, 3, "unexpected \"{\""},
        {"a; }", 1, 4, "unexpected \"}\": no block is open"},
        {"b {\n c 1\n}", 3, 1, "unexpected \"}\": \"c\" of line 2 is not ended by \";\""},
        {"a;\nb 1 2", 2, 6, "unexpected end of file: \"b\" of line 2 is not ended"},
        {"a;\n b { c;", 2, 2, "the block of \"b\" is not closed"},
        {"a \"x;\n b;", 1, 3, "the quote is not closed"},
        {"b { a 'x; }", 1, 7, "the quote is not closed"},
        {"a \"x\"y;", 1, 6, "unexpected \"y\" behind a closing quote"},
        {"include a b;", 1, 1, "\"include\" takes 1 argument, found 2"},
        {"include;", 1, 1, "\"include\" takes 1 argument, found 0"},
        {"include '';", 1, 9, "names no file"},
        {"include a { }", 1, 1, "\"include\" ends with \";\""},
        {"include /nonexistent/x;", 1, 9, "\"/nonexistent/x\": No such file"},
    };

    for (unsigned i = 0; i < COUNT(wrong); i++) {
        struct parsed parsed;

        parse(&parsed, wrong[i].text);
        cr_expect_eq(parsed.result, ERROR_CONFIG);
        cr_expect(is_said(&parsed.diags, DIAG_ERROR, &wrong[i]), "%s", wrong[i].words);
        cr_expect_eq(parsed.diags.errors, 1, "%s: %u", wrong[i].text, parsed.diags.errors);
        drop(&parsed);
    }
}

Test(parser, all_errors_of_a_file_are_told)
{
    struct parsed parsed;

    parse(&parsed, ";\n;\na \"x\"y;\nb { c 1 }\n}\nd {");
    cr_expect_eq(parsed.diags.errors, 6);
    cr_expect(says(&parsed.diags, DIAG_ERROR, 6, 1, "not closed"));
    cr_expect_eq(count(&parsed.tree.root), 3, "what is good stays");
    drop(&parsed);
}

Test(parser, depth_and_bytes_are_bounded)
{
    struct parsed parsed;
    char text[4000];

    for (unsigned i = 0; i < 1000; i++)
        memcpy(text + 4 * i, "a { ", 4);
    diag_list_init(&parsed.diags);
    config_tree_init(&parsed.tree);
    cr_expect_eq(config_parse_text(&parsed.tree, &config_files, "f",
                                   (struct slice){text, sizeof(text)}, &parsed.diags),
                 ERROR_CONFIG);
    cr_expect(says(&parsed.diags, DIAG_ERROR, 1, 61, "nested more than 15 deep"));
    drop(&parsed);

    diag_list_init(&parsed.diags);
    config_tree_init(&parsed.tree);
    cr_expect_eq(config_parse_text(&parsed.tree, &config_files, "f", (struct slice){"a b\0c;", 6},
                                   &parsed.diags),
                 ERROR_CONFIG);
    cr_expect(says(&parsed.diags, DIAG_ERROR, 1, 3, "NUL"));
    drop(&parsed);
}

Test(parser, include_is_relative_to_the_including_file)
{
    struct pretended files[] = {{"conf/main.conf", "a 1; b { include sub/x.conf; } c;"},
                                {"conf/sub/x.conf", "x;\ninclude y.conf;"},
                                {"conf/sub/y.conf", "y 1;\n ;"},
                                {NULL, NULL}};
    struct parsed parsed;

    parse_files(&parsed, files);
    cr_expect_eq(parsed.diags.errors, 1);

    const struct diag *diag = STAILQ_FIRST(&parsed.diags.items);

    cr_expect_str_eq(diag->place.file, "conf/sub/y.conf");
    cr_expect_eq(diag->place.line, 2);

    const struct config_directive *b = STAILQ_NEXT(STAILQ_FIRST(&parsed.tree.root), next);

    cr_expect_eq(count(&parsed.tree.root), 3);
    cr_expect_eq(count(b->block), 2);
    drop(&parsed);
}

Test(parser, include_takes_patterns_and_an_empty_one_is_no_error)
{
    struct pretended files[] = {{"/m.conf", "include /d/*.conf; include /none/*;"},
                                {"/d/1.conf", "one;"},
                                {"/d/2.conf", "two;"},
                                {NULL, NULL}};
    struct parsed parsed;

    parse_files(&parsed, files);
    cr_expect_eq(parsed.result, 0);
    cr_expect_eq(count(&parsed.tree.root), 2);
    drop(&parsed);
}

Test(parser, a_block_does_not_span_files)
{
    struct pretended files[] = {
        {"/m.conf", "b { include /x.conf; }"}, {"/x.conf", "} c {"}, {NULL, NULL}};
    struct parsed parsed;

    parse_files(&parsed, files);
    cr_expect_eq(parsed.diags.errors, 2);
    drop(&parsed);
}

Test(parser, a_file_that_includes_itself_ends)
{
    struct pretended files[] = {
        {"/m.conf", "a; include /m.conf; include /m.conf; include /m.conf;"}, {NULL, NULL}};
    struct parsed parsed;

    parse_files(&parsed, files);
    cr_expect_eq(parsed.result, ERROR_CONFIG);
    cr_expect(says(&parsed.diags, DIAG_ERROR, 1, 12, "nested more than 8 deep"));
    cr_expect(count(&parsed.tree.root) <= 1001);
    drop(&parsed);
}

Test(parser, a_missing_main_file_is_one_error)
{
    struct pretended files[] = {{NULL, NULL}};
    struct config_loader loader = pretend(files);
    struct parsed parsed;

    diag_list_init(&parsed.diags);
    config_tree_init(&parsed.tree);
    cr_expect_eq(config_parse(&parsed.tree, &loader, "/none", &parsed.diags), ERROR_CONFIG);
    cr_expect(says(&parsed.diags, DIAG_ERROR, 0, 0, "no such pretended file"));
    drop(&parsed);
}
