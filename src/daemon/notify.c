/* SPDX-License-Identifier: MIT */
/* The protocol of sd_notify(3): one datagram of NAME=VALUE lines, without its library. */
#include "daemon/notify.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/slice.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOTIFY_TICK    1.0        /* seconds */
#define NOTIFY_EXTEND  "30000000" /* microseconds that a start may take from each tick on */
#define NOTIFY_SECONDS 4e6        /* more than anybody's limit, and 64 bits hold it in any unit */

/* ---- where to ---- */

/* A path, or "@NAME" in the abstract namespace (unix(7)). Other kinds of address are not for a
 * process of this host. */
static int notify_set_address(struct notify *notify, const char *text)
{
    size_t len = strlen(text);

    if ((text[0] != '/' && text[0] != '@') || len < 2 || len >= sizeof(notify->address.sun_path))
        return -1;
    notify->address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(notify->address.sun_path, text, len);
    notify->address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (text[0] == '@')
        notify->address.sun_path[0] = '\0';
    else
        notify->address_len++; /* a path has its NUL */
    return 0;
}

static bool notify_get_number(const char *name, uint64_t *number)
{
    const char *text = getenv(name);

    return text && slice_to_u64(slice_of(text), INT64_MAX, number) == 0;
}

/* Seconds within which the manager wants to hear of us; 0 when it does not
 * (sd_watchdog_enabled(3)).
 */
static double notify_watchdog(void)
{
    uint64_t pid;
    uint64_t limit;

    if (!notify_get_number("WATCHDOG_USEC", &limit))
        return 0.;
    if (getenv("WATCHDOG_PID") &&
        (!notify_get_number("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
        return 0.;
    return (double)limit / 1e6;
}

/* ---- sending ---- */

/* Whether it is out, or never will be: whoever listened has gone away. */
static bool notify_put(struct notify *notify, const char *text)
{
    if (sendto(notify->fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&notify->address, notify->address_len) >= 0) {
        notify->has_failed = false;
        return true;
    }
    if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR)
        return false;
    if (!notify->has_failed)
        log_warn("cannot notify the service manager: %s", error_reason(errno));
    notify->has_failed = true;
    return true;
}

static void notify_rest(struct notify *notify)
{
    if (notify->state == NOTIFY_STARTING || notify->due[0])
        ev_timer_again(notify->loop->ev, &notify->tick);
    else
        ev_timer_stop(notify->loop->ev, &notify->tick);
}

/* Takes the place of what is still due: only how it stands now is of interest. */
static void notify_send(struct notify *notify, const char *text)
{
    if (text != notify->due)
        snprintf(notify->due, sizeof(notify->due), "%s", text);
    if (notify_put(notify, notify->due))
        notify->due[0] = '\0';
    notify_rest(notify);
}

static void notify_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct notify *notify = timer->data;

    (void)ev;
    (void)events;
    if (notify->due[0])
        notify_send(notify, notify->due);
    else
        notify_send(notify, "EXTEND_TIMEOUT_USEC=" NOTIFY_EXTEND);
}

/* Straight from the loop: that it turns is what the watchdog wants to know. */
static void notify_on_beat(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    (void)notify_put(timer->data, "WATCHDOG=1");
}

/* ---- life ---- */

void notify_init(struct notify *notify, struct loop *loop)
{
    *notify = (struct notify){.loop = loop, .fd = -1};
    ev_timer_init(&notify->tick, notify_on_tick, 0., NOTIFY_TICK);
    ev_timer_init(&notify->beat, notify_on_beat, 0., 0.);
    notify->tick.data = notify;
    notify->beat.data = notify;
}

void notify_free(struct notify *notify)
{
    ev_timer_stop(notify->loop->ev, &notify->tick);
    ev_timer_stop(notify->loop->ev, &notify->beat);
    descriptor_close(notify->fd);
    notify->fd = -1;
    notify->state = NOTIFY_OFF;
}

static void notify_start_watchdog(struct notify *notify)
{
    double limit = notify_watchdog();

    if (limit <= 0.)
        return;
    ev_timer_set(&notify->beat, 0., limit / 2.);
    ev_timer_start(notify->loop->ev, &notify->beat);
}

void notify_start(struct notify *notify)
{
    const char *text = getenv("NOTIFY_SOCKET");

    if (!text)
        return;
    if (notify_set_address(notify, text) < 0) {
        log_warn("NOTIFY_SOCKET is no address that can be used: %s", text);
        return;
    }
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0) {
        log_warn("cannot notify the service manager: %s", error_reason(errno));
        return;
    }
    notify->state = NOTIFY_STARTING;
    notify_start_watchdog(notify);
    notify_rest(notify);
}

/* A message is lines, so that a line must not end where ours does not. */
static void notify_put_line(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text);
    for (; *to; to++) {
        if ((unsigned char)*to < 0x20)
            *to = '?';
    }
}

void notify_ready(struct notify *notify, const char *status)
{
    char text[NOTIFY_TEXT] = "READY=1\nSTATUS=";
    size_t len = strlen(text);

    if (notify->state == NOTIFY_OFF || notify->state == NOTIFY_STOPPING)
        return;
    notify->state = NOTIFY_READY;
    notify_put_line(text + len, sizeof(text) - len, status);
    notify_send(notify, text);
}

void notify_reloading(struct notify *notify)
{
    char text[NOTIFY_TEXT];
    struct timespec now;

    if (notify->state != NOTIFY_READY)
        return;
    notify->state = NOTIFY_RELOADING;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(notify, text);
}

void notify_stopping(struct notify *notify, double seconds)
{
    double limit = seconds < NOTIFY_SECONDS ? seconds : NOTIFY_SECONDS;
    char text[NOTIFY_TEXT];

    if (notify->state == NOTIFY_OFF)
        return;
    notify->state = NOTIFY_STOPPING;
    snprintf(text, sizeof(text), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%.0f\nSTATUS=ending",
             limit * 1e6);
    notify_send(notify, text);
}
