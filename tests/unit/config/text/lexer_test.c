/* SPDX-License-Identifier: MIT */
/* Words are cut as nginx cuts them. */
#include "config/config_support.h"

static void expect_words(const char *text, unsigned count, const char *const *words)
{
    struct config_tree tree;
    struct diag_list diags;
    const struct config_directive *directive;

    diag_list_init(&diags);
    config_tree_init(&tree);
    cr_assert_eq(config_parse_text(&tree, &config_files, "f", slice_of(text), &diags), 0, "%s",
                 text);
    directive = STAILQ_FIRST(&tree.root);
    cr_assert_not_null(directive);
    cr_assert_eq(directive->word_count, count, "%s: %u words", text, directive->word_count);
    for (unsigned i = 0; i < count; i++)
        cr_expect(text_is(directive->words[i].text, words[i]), "%s: \"%.*s\"", text,
                  SLICE_PRINTF(directive->words[i].text));
    config_tree_free(&tree);
    diag_list_free(&diags);
}

#define WORDS(text, ...)                                                                           \
    do {                                                                                           \
        const char *const words[] = {__VA_ARGS__};                                                 \
        expect_words(text, COUNT(words), words);                                                   \
    } while (0)

Test(lexer, quotes_and_escapes)
{
    WORDS("a \"b c\" 'd;{}# e';", "a", "b c", "d;{}# e");
    WORDS("a \"\" '';", "a", "", "");
    WORDS("a \"x\\\"y\" 'it\\'s' \"b\\\\n\";", "a", "x\"y", "it's", "b\\n");
    WORDS("a \"1\\t2\\r3\\n4\";", "a", "1\t2\r3\n4");
    WORDS("a \"\\.php$\" \\d+;", "a", "\\.php$", "\\d+"); /* other backslashes stay */
    WORDS("a b\\ c b\\;c;", "a", "b\\ c", "b\\;c");       /* and hide marks, staying themselves */
    WORDS("a \"two\nlines\";", "a", "two\nlines");
    WORDS("a b\"c d;", "a", "b\"c", "d"); /* a quote inside a word is itself */
}

Test(lexer, comments_begin_where_words_do)
{
    WORDS("# x;\n a # y\n b;# z", "a", "b");
    WORDS("a b#c '#d';", "a", "b#c", "#d");
}

Test(lexer, braces_behind_a_dollar_belong_to_the_word)
{
    WORDS("a ${b}c;", "a", "${b}c");
    WORDS("a x${b}y${c};", "a", "x${b}y${c}");
    WORDS("a b} ;", "a", "b}"); /* as nginx: only a word of its own closes */
    WORDS("a ${{b;", "a", "${{b");
}

Test(lexer, places_count_from_one)
{
    struct config_tree tree;
    struct diag_list diags;

    diag_list_init(&diags);
    config_tree_init(&tree);
    config_parse_text(&tree, &config_files, "dir/f.conf", SLICE("\n  name\t'v'\n w;"), &diags);

    const struct config_directive *directive = STAILQ_FIRST(&tree.root);

    cr_expect_eq(directive->words[0].place.line, 2);
    cr_expect_eq(directive->words[0].place.column, 3);
    cr_expect_eq(directive->words[1].place.column, 8);
    cr_expect(directive->words[1].quoted);
    cr_expect_eq(directive->words[2].place.line, 3);
    cr_expect_eq(directive->words[2].place.column, 2);
    cr_expect_str_eq(directive->words[2].place.file, "dir/f.conf");
    config_tree_free(&tree);
    diag_list_free(&diags);
}
