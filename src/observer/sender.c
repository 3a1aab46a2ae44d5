/* SPDX-License-Identifier: MIT */
/* Datagrams of syslog, sent without ever waiting for their reader. */
#include "sender_internal.h"

#include "base/descriptor.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

void sender_init(struct sender *sender, const struct ipc_log_place *place, const char *hostname)
{
    *sender = (struct sender){
        .server = place->server, .priority = place->priority, .fd = -1, .second = -1};
    snprintf(sender->tag, sizeof(sender->tag), "%.*s", SLICE_PRINTF(place->tag));
    if (place->has_hostname)
        snprintf(sender->hostname, sizeof(sender->hostname), "%s ", hostname);
}

void sender_free(struct sender *sender)
{
    sender->fd = descriptor_close(sender->fd);
}

static int sender_connect(struct sender *sender)
{
    struct address on;

    sender->fd = descriptor_close(sender->fd);
    sender->fd = socket(sender->server.any.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (sender->fd >= 0 && address_on_socket(&sender->server, sender->fd, &on) == 0 &&
        connect(sender->fd, &on.any, on.len) == 0)
        return 0;
    sender->fd = descriptor_close(sender->fd);
    return errno;
}

/* As RFC 3164 has it: a day below 10 has a space before it. The month is English, whatever the
 * locale: no process of ours sets one. */
static void sender_make_head(struct sender *sender, time_t now)
{
    char moment[32];
    struct tm parts;
    int len;

    localtime_r(&now, &parts);
    strftime(moment, sizeof(moment), "%b %e %H:%M:%S", &parts);
    len = snprintf(sender->head, sizeof(sender->head), "<%u>%s %s%s: ", sender->priority, moment,
                   sender->hostname, sender->tag);
    sender->head_len = (size_t)len < sizeof(sender->head) ? (size_t)len : sizeof(sender->head) - 1;
    sender->second = now;
}

static int sender_put(struct sender *sender, struct slice line)
{
    struct iovec parts[] = {{sender->head, sender->head_len}, {(void *)line.data, line.len}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    return sendmsg(sender->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? errno : 0;
}

int sender_send(struct sender *sender, struct slice line, time_t now)
{
    int error = ENOTCONN;

    if (sender->second != now)
        sender_make_head(sender, now);
    if (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    if (sender->fd >= 0)
        error = sender_put(sender, line);
    if (error == 0 || error == EAGAIN || error == EMSGSIZE)
        return error;
    if (error == ENOBUFS)
        return EAGAIN;
    error = sender_connect(sender); /* what was refused may have been the datagram before */
    return error == 0 ? sender_put(sender, line) : error;
}
