/* SPDX-License-Identifier: MIT */
/* The datagrams of syslog, sent without ever waiting for their reader. */
#include "syslog_internal.h"

#include "base/descriptor.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define SYSLOG_TEXT 4096

/* Part of the log, the one global that changes. */
static struct {
    struct sockaddr_un address;
    int fd;
} reader = {.fd = -1};

void syslog_close(void)
{
    descriptor_close(reader.fd);
    reader.fd = -1;
}

static bool syslog_connect(void)
{
    syslog_close();
    reader.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return reader.fd >= 0 && connect(reader.fd, (const struct sockaddr *)&reader.address,
                                     sizeof(reader.address)) == 0;
}

void syslog_open(const char *path)
{
    reader.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(reader.address.sun_path, sizeof(reader.address.sun_path), "%s", path);
    (void)syslog_connect();
}

static bool syslog_put(const char *line, size_t len)
{
    return send(reader.fd, line, len, MSG_NOSIGNAL) == (ssize_t)len;
}

bool syslog_send(int severity, const char *text)
{
    char line[SYSLOG_TEXT + 64];
    struct tm local;
    size_t used = (size_t)snprintf(line, sizeof(line), "<%d>", LOG_DAEMON | severity);

    log_local_time(&local);
    used += strftime(line + used, sizeof(line) - used, "%b %e %T", &local);
    used +=
        (size_t)snprintf(line + used, sizeof(line) - used, " nsgate[%d]: %s", (int)getpid(), text);
    if (used >= sizeof(line))
        used = sizeof(line) - 1;
    if (reader.fd >= 0 && syslog_put(line, used))
        return true;
    if (reader.fd >= 0 && (errno == EAGAIN || errno == ENOBUFS))
        return false;
    return syslog_connect() && syslog_put(line, used);
}
