/* SPDX-License-Identifier: MIT */
/* Escaping: byte by byte as nginx has it, and where a line must be safe in spite of it. */
#include "log/line_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char data[1 << 17];

static const char *escaped(enum config_log_escape escape, struct slice value, size_t room)
{
    struct log_line line = {.data = data};
    log_line_put_value(&line, escape, value, room);
    data[line.len] = '\0';
    return data;
}

#define ESCAPED(escape, text) escaped(LOG_ESCAPE_##escape, SLICE(text), 4096)

Test(line, default_escapes_what_nginx_escapes)
{
    cr_expect_str_eq(ESCAPED(DEFAULT, "plain text"), "plain text");
    cr_expect_str_eq(ESCAPED(DEFAULT, "a\"b\\c"), "a\\x22b\\x5Cc");
    cr_expect_str_eq(ESCAPED(DEFAULT, "\r\n\t\x1f\x7f"), "\\x0D\\x0A\\x09\\x1F\\x7F");
    cr_expect_str_eq(ESCAPED(DEFAULT, "\xc3\xa9"), "\\xC3\\xA9");
    cr_expect_str_eq(ESCAPED(DEFAULT, " ~"), " ~");
}

Test(line, json_escapes_what_rfc_8259_demands)
{
    cr_expect_str_eq(ESCAPED(JSON, "a\"b\\c/"), "a\\\"b\\\\c/");
    cr_expect_str_eq(ESCAPED(JSON, "\n\r\t\b\f"), "\\n\\r\\t\\b\\f");
    cr_expect_str_eq(ESCAPED(JSON, "\x01\x1f\x7f"), "\\u0001\\u001F\x7f");
    cr_expect_str_eq(ESCAPED(JSON, "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                     "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

/* nginx writes these as they are, and the line is no JSON. */
Test(line, json_is_utf8_whatever_came)
{
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"\xff", "\\u00FF"},
        {"a\xe9z", "a\\u00E9z"},
        {"\xc3", "\\u00C3"},
        {"\xc0\xaf", "\\u00C0\\u00AF"},
        {"\xe0\x80\x80", "\\u00E0\\u0080\\u0080"},
        {"\xed\xa0\x80", "\\u00ED\\u00A0\\u0080"},
        {"\xf0\x80\x80\x80", "\\u00F0\\u0080\\u0080\\u0080"},
        {"\xf4\x90\x80\x80", "\\u00F4\\u0090\\u0080\\u0080"},
        {"\xf5\x80", "\\u00F5\\u0080"},
        {"\xe2\x82", "\\u00E2\\u0082"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        cr_expect_str_eq(escaped(LOG_ESCAPE_JSON, slice_of(cases[i].text), 4096), cases[i].escaped);
}

Test(line, none_changes_control_bytes_alone)
{
    cr_expect_str_eq(ESCAPED(NONE, "a\"b\\c \xff\xc3\xa9"), "a\"b\\c \xff\xc3\xa9");
    cr_expect_str_eq(ESCAPED(NONE, "a\r\nb\tc\x7f"), "a\\x0D\\x0Ab\\x09c\\x7F");
}

Test(line, no_value_is_a_dash_and_an_empty_one_is_empty)
{
    const struct slice nothing = {0};
    cr_expect_str_eq(escaped(LOG_ESCAPE_DEFAULT, nothing, 4096), "-");
    cr_expect_str_eq(escaped(LOG_ESCAPE_JSON, nothing, 4096), "");
    cr_expect_str_eq(escaped(LOG_ESCAPE_NONE, nothing, 4096), "");
    cr_expect_str_eq(ESCAPED(DEFAULT, ""), "");
}

Test(line, no_byte_of_a_value_can_end_a_line)
{
    for (enum config_log_escape escape = LOG_ESCAPE_DEFAULT; escape <= LOG_ESCAPE_NONE; escape++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            char text = (char)byte;
            const char *made = escaped(escape, (struct slice){&text, 1}, 4096);
            cr_expect_geq(strlen(made), 1, "%u", byte);
            for (const char *at = made; *at; at++)
                cr_expect_geq((unsigned char)*at, 0x20, "%u", byte);
        }
    }
}

Test(line, what_has_no_room_is_cut_between_characters)
{
    cr_expect_str_eq(escaped(LOG_ESCAPE_DEFAULT, SLICE("0123456789"), 13), "0123456789");
    cr_expect_str_eq(escaped(LOG_ESCAPE_DEFAULT, SLICE("0123456789"), 9), "012345...");
    cr_expect_str_eq(escaped(LOG_ESCAPE_DEFAULT, SLICE("01\n"), 8), "01...");
    cr_expect_str_eq(escaped(LOG_ESCAPE_JSON, SLICE("01\n\n"), 8), "01\\n...");
    cr_expect_str_eq(escaped(LOG_ESCAPE_JSON, SLICE("01\xe2\x82\xac"), 7), "01...");
    cr_expect_str_eq(escaped(LOG_ESCAPE_NONE, SLICE("x"), 3), "...");
}

Test(line, never_takes_more_than_its_room)
{
    char text[256];
    for (unsigned i = 0; i < sizeof text; i++)
        text[i] = (char)i;
    for (enum config_log_escape escape = LOG_ESCAPE_DEFAULT; escape <= LOG_ESCAPE_NONE; escape++)
        for (size_t room = 3; room < 1600; room++)
            cr_expect_leq(strlen(escaped(escape, (struct slice){text, sizeof text}, room)), room);
}
