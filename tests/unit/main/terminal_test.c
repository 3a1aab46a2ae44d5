/* SPDX-License-Identifier: MIT */
/* A pty as the terminal: entered and left. */
#include "main/terminal_internal.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int master;

/* Standard input and output are the pty's other end. */
static void take_terminal(void)
{
    int slave;

    master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    cr_assert(slave >= 0 && dup2(slave, STDIN_FILENO) == 0 && dup2(slave, STDOUT_FILENO) == 1);
    close(slave);
}

TestSuite(terminal, .init = take_terminal);

static bool has_come(const char *text)
{
    char bytes[8192];
    ssize_t len = read(master, bytes, sizeof(bytes) - 1);

    bytes[len > 0 ? len : 0] = '\0';
    return strstr(bytes, text) != NULL;
}

Test(terminal, is_there_unless_it_can_do_nothing)
{
    setenv("TERM", "xterm", 1);
    cr_expect(terminal_is_there());
    setenv("TERM", "dumb", 1);
    cr_expect_not(terminal_is_there());
    setenv("TERM", "xterm", 1);
    cr_assert_eq(dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO), STDOUT_FILENO);
    cr_expect_not(terminal_is_there());
}

Test(terminal, is_as_it_was_when_it_is_left)
{
    struct termios before, within, after;
    struct terminal terminal;

    memset(&before, 0, sizeof(before)); /* what lies between its members, too */
    memset(&after, 0, sizeof(after));
    tcgetattr(STDIN_FILENO, &before);
    terminal_open(&terminal);
    for (int times = 0; times < 2; times++) {
        terminal_enter(&terminal);
        cr_expect(has_come("\x1b[?1049h"));
        tcgetattr(STDIN_FILENO, &within);
        cr_expect_eq(within.c_lflag & (ICANON | ECHO | ISIG), ISIG);
        terminal_leave(&terminal);
        cr_expect(has_come("\x1b[?1049l"));
        tcgetattr(STDIN_FILENO, &after);
        cr_expect_eq(memcmp(&after, &before, sizeof(before)), 0);
    }
    cr_expect_not(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, "others write there, too");
    terminal_close(&terminal);
    cr_expect_not(has_come("1049l"), "it had been left");
}

Test(terminal, what_it_does_not_take_is_kept)
{
    static char screen[1 << 20];
    struct terminal terminal;
    bool is_left = false;

    memset(screen, 'x', sizeof(screen));
    terminal_open(&terminal);
    terminal_enter(&terminal);
    cr_expect_eq(terminal_draw(&terminal, screen, sizeof(screen)), 0);
    cr_expect_gt(terminal.len, 0, "and nobody waits for it");
    while (terminal.len > 0 && has_come("x"))
        cr_assert_eq(terminal_flush(&terminal), 0);
    terminal_leave(&terminal);
    for (int i = 0; i < 1000 && !is_left; i++)
        is_left = has_come("1049l");
    terminal_close(&terminal);
}

Test(terminal, has_a_size_whatever_it_says)
{
    struct winsize size = {.ws_row = 5, .ws_col = 33};
    unsigned width, height;

    ioctl(master, TIOCSWINSZ, &size);
    terminal_size(&width, &height);
    cr_expect(width == 33 && height == 5);
    memset(&size, 0, sizeof(size));
    ioctl(master, TIOCSWINSZ, &size);
    terminal_size(&width, &height);
    cr_expect(width == 80 && height == 24);
}
