/* SPDX-License-Identifier: MIT */
/* The terminal while it shows a whole screen: as it was before, once that is over. */
#include "terminal_internal.h"

#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LEAVE_LIMIT 1000 /* milliseconds for a terminal that takes nothing */

/* The alternate screen, no cursor, and no wrapping of lines that are too long; and the way back
 * (xterm's control sequences, which all terminals of today know). */
static const char screen_begin[] = "\x1b[?1049h\x1b[?25l\x1b[?7l";
static const char screen_end[] = "\x1b[?7h\x1b[?25h\x1b[?1049l";

bool terminal_is_there(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDOUT_FILENO) && (!kind || strcmp(kind, "dumb") != 0);
}

/* A description of our own of the same terminal: one that is shared with the shell must not become
 * non-blocking. Where it cannot be had, writing may block. */
void terminal_open(struct terminal *terminal)
{
    int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    *terminal = (struct terminal){.fd = fd >= 0 ? fd : STDOUT_FILENO};
    terminal->has_modes = tcgetattr(STDIN_FILENO, &terminal->modes) == 0;
}

/* Keys come one by one and are not echoed; those that make signals still make them. */
void terminal_enter(struct terminal *terminal)
{
    struct termios modes = terminal->modes;

    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    if (terminal->has_modes)
        tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    terminal->is_entered = true;
    terminal->len = 0;
    terminal_draw(terminal, screen_begin, sizeof(screen_begin) - 1);
}

void terminal_leave(struct terminal *terminal)
{
    struct pollfd ready = {.fd = terminal->fd, .events = POLLOUT};

    if (!terminal->is_entered)
        return;
    terminal->is_entered = false;
    terminal->len = 0;
    terminal_draw(terminal, screen_end, sizeof(screen_end) - 1);
    while (terminal->len > 0 && poll(&ready, 1, LEAVE_LIMIT) > 0 && terminal_flush(terminal) == 0)
        ;
    if (terminal->has_modes)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal->modes);
}

void terminal_close(struct terminal *terminal)
{
    terminal_leave(terminal);
    if (terminal->fd != STDOUT_FILENO)
        descriptor_close(terminal->fd);
    free(terminal->bytes);
}

void terminal_size(unsigned *width, unsigned *height)
{
    struct winsize size = {0};

    ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    *width = size.ws_col > 0 ? size.ws_col : 80;
    *height = size.ws_row > 0 ? size.ws_row : 24;
}

int terminal_flush(struct terminal *terminal)
{
    while (terminal->len > 0) {
        ssize_t count = write(terminal->fd, terminal->bytes, terminal->len);

        if (count < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (count <= 0)
            return -1;
        terminal->len -= (size_t)count;
        memmove(terminal->bytes, terminal->bytes + count, terminal->len);
    }
    return 0;
}

int terminal_draw(struct terminal *terminal, const char *bytes, size_t len)
{
    char *room = realloc(terminal->bytes, terminal->len + len);

    if (!room)
        return -1;
    terminal->bytes = room;
    memcpy(room + terminal->len, bytes, len);
    terminal->len += len;
    return terminal_flush(terminal);
}
