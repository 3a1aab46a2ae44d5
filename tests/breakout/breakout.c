/* SPDX-License-Identifier: MIT */
/* What an intruder would bring: linked into a binary of its own, of which nothing is ever
 * installed, it makes each child execute what it is sent. The sandbox is the real
 * one. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARGUMENTS 6
#define TEXT      512

/* A system call. An argument with its bit in `pointers` is an offset into `text`. */
struct order {
    long number;
    long arguments[ARGUMENTS];
    long pointers;
    char text[TEXT];
};

struct answer {
    long result; /* or a negated errno */
    char text[TEXT];
};

/* Orders come over standard input, which all processes share; a signal says whose the next one is.
 */
static void on_signal(int number)
{
    struct answer answer = {0};
    struct order order;
    long *a = order.arguments;

    (void)number;
    if (recv(STDIN_FILENO, &order, sizeof(order), MSG_DONTWAIT) != (ssize_t)sizeof(order))
        return;
    for (int i = 0; i < ARGUMENTS; i++) {
        if (order.pointers & (1L << i))
            a[i] = (long)(order.text + a[i]);
    }
    answer.result = syscall(order.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (answer.result < 0)
        answer.result = -errno;
    memcpy(answer.text, order.text, TEXT);
    (void)send(STDIN_FILENO, &answer, sizeof(answer), MSG_NOSIGNAL);
}

__attribute__((constructor)) static void start(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "--role") == 0)
        signal(SIGURG, on_signal); /* nsgate itself has no use for this one */
}
