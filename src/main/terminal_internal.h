/* SPDX-License-Identifier: MIT */
/* The terminal of -s top: its alternate screen and its modes. Standard input gives the keys,
 * standard output shows the screen. */
#ifndef MAIN_TERMINAL_INTERNAL_H
#define MAIN_TERMINAL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/* Embedded by its owner. Writing never waits: what the terminal does not take yet is kept. */
struct terminal {
    int fd;
    struct termios modes; /* as they were */
    bool has_modes;       /* standard input is a terminal */
    bool is_entered;
    char *bytes; /* not yet written */
    size_t len;
};

/* Whether standard output is one that can show a screen. */
bool terminal_is_there(void);

void terminal_open(struct terminal *terminal);
/* The end, with all as it was. */
void terminal_close(struct terminal *terminal);

/* Begins to show a screen; and gives the terminal back as it was, as often as needed. */
void terminal_enter(struct terminal *terminal);
void terminal_leave(struct terminal *terminal);

/* In characters. */
void terminal_size(unsigned *width, unsigned *height);

/* Writes, and writes what is kept. Return 0, or -1 when the terminal is gone. */
int terminal_draw(struct terminal *terminal, const char *bytes, size_t len);
int terminal_flush(struct terminal *terminal);

#endif
