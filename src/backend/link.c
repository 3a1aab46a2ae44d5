/* SPDX-License-Identifier: MIT */
/* From an endpoint's address to a stream that is ready for HTTP: connect, TLS, ALPN. */
#include "link_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/deadline.h"
#include "io/socket.h"
#include "netns_internal.h"
#include "tls/client.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define REASON_SIZE 512
#define NAMES_SIZE  160

struct backend_link {
    struct backend_connection *connection; /* its owner */
    struct backend_endpoint *endpoint;     /* the connection's */
    const struct link_events *events;
    struct stream *stream; /* NULL when connect(2) failed at once, and once it was given away */
    bool is_handshaking;
    int error; /* errno of connect(2) */
    struct deadline deadline;
    struct backend_netns_wait wait; /* for a socket in the endpoint's namespace */
    struct loop_task start;         /* tells of a connect(2) that failed at once */
    struct loop_task grave;
};

static struct loop *loop_of(const struct backend_link *link)
{
    return link->endpoint->group->backends->loop;
}

static void on_grave(struct loop_task *task)
{
    free(CONTAINER_OF(task, struct backend_link, grave));
}

/* The stream is closed, or somebody else's. */
static void bury(struct backend_link *link)
{
    struct loop *loop = loop_of(link);
    link->stream = NULL;
    deadline_stop(&link->deadline);
    backend_netns_cancel(&link->wait);
    loop_cancel(loop, &link->start);
    loop_bury(loop, &link->grave);
}

void link_close(struct backend_link *link)
{
    if (!link)
        return;
    backend_netns_close_stream(link->connection, link->stream, false);
    bury(link);
}

static void fail(struct backend_link *link, enum error error, struct slice reason)
{
    const struct link_events *events = link->events;
    struct backend_connection *connection = link->connection;
    link_close(link);
    events->on_failed(connection, error, reason);
}

/* The stream is the connection's from now on. */
static void succeed(struct backend_link *link, enum link_protocol protocol)
{
    struct stream *stream = link->stream;
    metrics_add(endpoint_figures(link->endpoint), METRIC_ENDPOINT_OPENED, 1);
    bury(link);
    link->events->on_open(link->connection, stream, protocol);
}

/* ---- TLS ---- */

static void on_secured(void *owner)
{
    struct backend_link *link = owner;
    struct stream *stream = link->stream;
    bool is_http2 = slice_equal(tls_alpn(stream), SLICE("h2"));
    log_debug("backend %s: %s, %s%s%s", link->endpoint->text, tls_protocol(stream),
              tls_cipher(stream), is_http2 ? ", h2" : "",
              tls_session_reused(stream) ? ", resumed" : "");
    succeed(link, is_http2 ? LINK_HTTP_2 : LINK_HTTP_1);
}

static void on_insecure(void *owner, enum error error)
{
    struct backend_link *link = owner;
    const char *failure = tls_failure(link->stream);
    const struct tls_client *tls = &link->endpoint->group->tls;
    char text[REASON_SIZE], names[NAMES_SIZE];
    int len;
    if (*failure == '\0')
        failure = error_text(error);
    /* Most often it is the name that does not fit, so it is told which one was asked for, and which
     * there are. */
    if (tls_is_for_others(link->stream, names, sizeof(names)))
        len = snprintf(text, sizeof(text), "%s (verified for \"%.*s\"), the certificate is for %s",
                       failure, SLICE_PRINTF(tls->name), *names != '\0' ? names : "no name");
    else if (tls_is_unverified(link->stream))
        len = snprintf(text, sizeof(text), "%s (verified for \"%.*s\")", failure,
                       SLICE_PRINTF(tls->name));
    else
        len = snprintf(text, sizeof(text), "%s", failure);
    size_t shown = len < 0 ? 0 : (size_t)len;
    fail(link, ERROR_BACKEND_TLS,
         (struct slice){text, shown < sizeof(text) ? shown : sizeof(text) - 1});
}

/* Before it is given away, a stream is neither read nor written. */
static void on_nothing(void *owner)
{
    (void)owner;
}

static const struct stream_events tls_events = {.on_open = on_secured,
                                                .on_readable = on_nothing,
                                                .on_writable = on_nothing,
                                                .on_failed = on_insecure};

/* ---- connecting ---- */

/* Whether it is this host that lacks something, local ports too, rather than the server's fault. */
static bool is_connect_shortage(int error)
{
    return error_is_shortage(error) || error == EADDRNOTAVAIL;
}

/* EADDRNOTAVAIL says that TCP's ports are used up, or that this host has no address to reach the
 * server from, as where IPv6 is off. In the latter case UDP cannot reach it either. */
static bool has_source_address(const struct backend_link *link)
{
    const struct address *address = &link->endpoint->address;
    if (link->endpoint->netns)
        return true; /* the server is in a namespace where nobody but root can ask */
    int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool is_lacking = connect(fd, &address->any, address->len) < 0 && errno == EADDRNOTAVAIL;
    close(fd);
    return !is_lacking;
}

/* number: errno; 0 when it is not known. */
static void fail_to_connect(struct backend_link *link, enum error error, int number)
{
    char text[REASON_SIZE] = "";
    if (is_connect_shortage(number) && (number != EADDRNOTAVAIL || has_source_address(link)))
        error = ERROR_SHORTAGE;
    if (number != 0)
        snprintf(text, sizeof(text), "%d: %s", number, strerror(number));
    fail(link, error, slice_of(text));
}

static void on_connected(void *owner)
{
    struct backend_link *link = owner;
    const struct backend_group *group = link->endpoint->group;
    struct stream *stream = link->stream;
    if (!group->tls.context) {
        succeed(link, group->http2 ? LINK_HTTP_2 : LINK_HTTP_1);
        return;
    }
    struct tls_client tls = group->tls;
    tls.offers_http2 = tls.offers_http2 && link->connection->protocol->is_http2;
    stream_set_owner(stream, &tls_events, link);
    tls_connect(stream, &tls, link->endpoint->sessions);
    link->is_handshaking = true;
}

static void on_unconnected(void *owner, enum error error)
{
    struct backend_link *link = owner;
    bool is_timeout = error == ERROR_CONNECT_TIMEOUT;
    fail_to_connect(link, is_timeout ? ERROR_CONNECT_TIMEOUT : ERROR_CONNECT,
                    stream_errno(link->stream));
}

static const struct stream_events connect_events = {.on_open = on_connected,
                                                    .on_readable = on_nothing,
                                                    .on_writable = on_nothing,
                                                    .on_failed = on_unconnected};

static void on_expired(struct deadline *deadline)
{
    struct backend_link *link = CONTAINER_OF(deadline, struct backend_link, deadline);
    struct slice reason = {"", 0};
    if (link->is_handshaking)
        reason = SLICE("in the TLS handshake");
    else if (!link->stream)
        reason = SLICE("waiting for a socket in its network namespace");
    fail(link, ERROR_CONNECT_TIMEOUT, reason);
}

static void on_start(struct loop_task *task)
{
    struct backend_link *link = CONTAINER_OF(task, struct backend_link, start);
    fail_to_connect(link, ERROR_CONNECT, link->error);
}

/* Returns whether it connects now; errno if not. */
static bool connect_by(struct backend_link *link, int fd)
{
    struct loop *loop = loop_of(link);
    /* Sockets for namespaces come on the supervisor's time. */
    struct loop_share *before = loop_enter(loop, link->endpoint->group->owner->share);
    link->stream = stream_connect(loop, fd, &link->endpoint->address, &connect_events, link);
    loop_leave(loop, before);
    if (!link->stream)
        return false;
    backend_netns_join(link->connection);
    return true;
}

/* Connecting and TLS have what is left of the time. */
static void on_socket(struct backend_netns_wait *wait, int fd, int error)
{
    struct backend_link *link = CONTAINER_OF(wait, struct backend_link, wait);
    char text[REASON_SIZE];
    if (fd >= 0) {
        if (!connect_by(link, fd))
            fail_to_connect(link, ERROR_CONNECT, errno);
        return;
    }
    snprintf(text, sizeof(text), "no socket in network namespace %.*s: %d: %s",
             SLICE_PRINTF(slice_head(link->endpoint->netns->name, 128)), error, strerror(error));
    fail(link, is_connect_shortage(error) ? ERROR_SHORTAGE : ERROR_CONNECT, slice_of(text));
}

struct backend_link *link_open(struct backend_connection *connection, double seconds,
                               const struct link_events *events)
{
    struct backend_endpoint *endpoint = connection->endpoint;
    struct loop *loop = endpoint->group->backends->loop;
    struct backend_netns *netns = endpoint->netns;
    int fd = netns ? backend_netns_take(netns) : socket_for(endpoint->address.any.sa_family);
    if (fd < 0 && !netns && is_connect_shortage(errno))
        return NULL;
    struct backend_link *link = memory_zeroed(1, sizeof(*link));
    link->connection = connection;
    link->endpoint = endpoint;
    link->events = events;
    link->wait.on_socket = on_socket;
    link->start.run = on_start;
    link->grave.run = on_grave;
    deadline_init(&link->deadline, loop, on_expired);
    if (fd < 0 && netns) {
        backend_netns_wait(netns, &link->wait);
    } else if (fd < 0 || !connect_by(link, fd)) {
        link->error = errno;
        loop_defer(loop, &link->start);
        return link;
    }
    deadline_set(&link->deadline, seconds);
    return link;
}
