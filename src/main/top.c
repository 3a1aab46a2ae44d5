/* SPDX-License-Identifier: MIT */
/* -s top: looks at the gateway each second, and shows what has changed since the last look. */
#include "top_internal.h"

#include "rates_internal.h"
#include "sample_internal.h"
#include "terminal_internal.h"
#include "view_internal.h"

#include "base/descriptor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define TOP_PERIOD 1.  /* seconds from look to look */
#define TOP_SHARE  10. /* times as long as a look has taken: with very many tenants, fewer looks */
#define TOP_LIMIT  10. /* seconds for an answer */

struct top {
    const struct command *command;
    struct sample sample;
    double asked;    /* when; CLOCK_MONOTONIC, as all times here */
    double next;     /* when to ask again */
    json_t *gateway; /* the last look; NULL: there was none */
    double seen;     /* when it came */
    struct rates rates;
    struct view view;
    struct terminal terminal;
    bool is_stale; /* the screen shows less than is known */
    int signals;
    char keys[16]; /* bytes that are not yet a whole key */
    size_t key_len;
};

static double top_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- looks ---- */

static int top_ask(struct top *top)
{
    top->asked = top_now();
    return sample_ask(&top->sample, top->command);
}

static void top_take(struct top *top, json_t *gateway)
{
    double now = top_now(), taken = now - top->asked;

    rates_free(&top->rates);
    rates_make(&top->rates, top->gateway, gateway, now - top->seen);
    json_decref(top->gateway);
    top->gateway = gateway;
    top->seen = now;
    top->next = top->asked + (taken * TOP_SHARE > TOP_PERIOD ? taken * TOP_SHARE : TOP_PERIOD);
    top->is_stale = true;
}

/* Returns 0, or -1 when it is gone. */
static int top_read(struct top *top)
{
    json_t *gateway;
    int result = sample_read(&top->sample, &gateway);

    if (result == 0)
        top_take(top, gateway);
    return result < 0 ? -1 : 0;
}

static void top_end(struct top *top)
{
    sample_end(&top->sample);
    rates_free(&top->rates);
    json_decref(top->gateway);
}

static int top_fail(const char *why)
{
    fprintf(stderr, "nsgate: the running nsgate %s\n", why);
    return EXIT_FAILURE;
}

/* ---- plain ---- */

/* One look, for which there is time. */
static int top_look(struct top *top)
{
    if (top_ask(top) < 0)
        return EXIT_FAILURE;
    while (top->sample.fd >= 0) {
        struct pollfd ready = {.fd = top->sample.fd, .events = POLLIN};

        if (poll(&ready, 1, (int)(TOP_LIMIT * 1e3)) == 0)
            return top_fail("does not answer");
        if (top_read(top) < 0)
            return top_fail("went away before it had told all");
    }
    return EXIT_SUCCESS;
}

static int top_plain(struct top *top)
{
    const struct timespec period = {.tv_sec = (time_t)TOP_PERIOD};
    int status = top_look(top);

    if (status == EXIT_SUCCESS) {
        nanosleep(&period, NULL);
        status = top_look(top);
    }
    if (status == EXIT_SUCCESS)
        view_table(stdout, top->gateway, &top->rates);
    return status;
}

/* ---- keys and signals ---- */

/* How many of the bytes are the first key: 0, its end has not come. */
static size_t top_key_len(const char *bytes, size_t len)
{
    size_t i = 2;

    if (bytes[0] != '\x1b')
        return 1;
    if (len < 2)
        return 0;
    if (bytes[1] == 'O')
        return len > 2 ? 3 : 0;
    if (bytes[1] != '[')
        return 1;
    while (i < len && bytes[i] >= 0x20 && bytes[i] < 0x40)
        i++;
    return i < len ? i + 1 : 0;
}

/* Returns whether to go on. */
static bool top_on_keys(struct top *top)
{
    ssize_t count = read(STDIN_FILENO, top->keys + top->key_len, sizeof(top->keys) - top->key_len);
    size_t used = 0, len;

    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (count <= 0)
        return false; /* the terminal is gone */
    top->key_len += (size_t)count;
    while (used < top->key_len && (len = top_key_len(top->keys + used, top->key_len - used)) > 0) {
        if (top->keys[used] == 'q')
            return false;
        top->is_stale |= view_key(&top->view, top->keys + used, len);
        used += len;
    }
    if (used == 0 && top->key_len == sizeof(top->keys)) /* no key is that long */
        used = top->key_len;
    top->key_len -= used;
    memmove(top->keys, top->keys + used, top->key_len);
    return true;
}

/* Stops as if we had not asked for the signal; whoever looks sees the terminal as it was. */
static void top_stop(struct top *top)
{
    sigset_t stop;

    terminal_leave(&top->terminal);
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    terminal_enter(&top->terminal);
    top->is_stale = true;
}

/* Returns whether to go on. */
static bool top_on_signal(struct top *top)
{
    struct signalfd_siginfo info;

    if (read(top->signals, &info, sizeof(info)) != sizeof(info))
        return true;
    switch (info.ssi_signo) {
    case SIGTSTP:
        top_stop(top);
        return true;
    case SIGCONT: /* who had stopped us may have changed the terminal */
        terminal_enter(&top->terminal);
        top->is_stale = true;
        return true;
    case SIGWINCH:
        top->is_stale = true;
        return true;
    default:
        return false;
    }
}

static int top_hold_signals(sigset_t *before)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH};
    sigset_t held;

    sigemptyset(&held);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(&held, numbers[i]);
    sigprocmask(SIG_BLOCK, &held, before);
    return signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* ---- in a terminal ---- */

/* A screen that the terminal has not yet taken is not followed by another one. */
static int top_show(struct top *top)
{
    char *bytes = NULL;
    size_t len;
    FILE *out;
    int result;

    if (!top->is_stale || top->terminal.len > 0 || !top->gateway)
        return 0;
    out = open_memstream(&bytes, &len);
    if (!out)
        return -1;
    terminal_size(&top->view.width, &top->view.height);
    view_screen(&top->view, out, top->gateway, &top->rates, top_now() - top->seen);
    fclose(out);
    result = terminal_draw(&top->terminal, bytes, len);
    free(bytes);
    top->is_stale = false;
    return result;
}

/* Milliseconds until there is something to do without being told. */
static int top_pause(const struct top *top)
{
    double until = top->sample.fd >= 0 ? top->asked + TOP_LIMIT : top->next;
    double left = until - top_now();

    left = left > TOP_PERIOD ? TOP_PERIOD : left; /* for the seconds without an answer */
    return left > 0 ? (int)(left * 1e3) + 1 : 0;
}

/* Returns NULL to go on; or why not, which is empty when all is as it should be. */
static const char *top_turn(struct top *top)
{
    struct pollfd ready[] = {
        {.fd = top->signals, .events = POLLIN},
        {.fd = top->terminal.has_modes ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = top->sample.fd, .events = POLLIN},
        {.fd = top->terminal.len > 0 ? top->terminal.fd : -1, .events = POLLOUT}};

    if (poll(ready, sizeof(ready) / sizeof(ready[0]), top_pause(top)) == 0)
        top->is_stale = true;
    if ((ready[0].revents && !top_on_signal(top)) || (ready[1].revents && !top_on_keys(top)))
        return "";
    if (ready[2].revents && top_read(top) < 0)
        return "went away";
    if ((ready[3].revents && terminal_flush(&top->terminal) < 0) || top_show(top) < 0)
        return "";
    if (top->sample.fd >= 0)
        return top_now() < top->asked + TOP_LIMIT ? NULL : "does not answer";
    return top_now() < top->next || top_ask(top) == 0 ? NULL : "has ended";
}

/* What is wrong is told when the terminal is as it was. */
static int top_live(struct top *top)
{
    const char *why = NULL;
    sigset_t before;

    top->signals = top_hold_signals(&before);
    terminal_open(&top->terminal);
    terminal_enter(&top->terminal);
    while (!why)
        why = top_turn(top);
    terminal_close(&top->terminal);
    descriptor_close(top->signals);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return *why ? top_fail(why) : EXIT_SUCCESS;
}

int top_run(const struct command *command)
{
    struct top top = {.command = command};
    int status;

    sample_init(&top.sample);
    if (!terminal_is_there())
        status = top_plain(&top);
    else if (top_ask(&top) < 0) /* before the terminal is anything but as it was */
        status = EXIT_FAILURE;
    else
        status = top_live(&top);
    top_end(&top);
    return status;
}
