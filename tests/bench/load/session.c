// SPDX-License-Identifier: MIT
// A client's TLS connection to 127.0.0.1: blocking while it opens.
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

SSL_CTX *session_context(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL)
        abort();
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_alpn_protos(context, (const unsigned char *)"\x08http/1.1", 9);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

static bool dial(int fd, uint16_t port, int seconds, int receive_buffer)
{
    struct timeval limit = {.tv_sec = seconds};
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit); // connect(2) too
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (receive_buffer > 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
}

bool session_open(struct session *session, SSL_CTX *context, uint16_t port, const char *name,
                  int seconds, int receive_buffer)
{
    *session = (struct session){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (session->fd < 0)
        return false;
    ERR_clear_error();
    if (dial(session->fd, port, seconds, receive_buffer)) {
        session->ssl = SSL_new(context);
        if (session->ssl != NULL && SSL_set_fd(session->ssl, session->fd) == 1 &&
            SSL_set_tlsext_host_name(session->ssl, name) == 1 && SSL_connect(session->ssl) == 1)
            return true;
    }
    session_close(session);
    return false;
}

void session_unblock(struct session *session)
{
    fcntl(session->fd, F_SETFL, O_NONBLOCK);
}

static int outcome(struct session *session, int result)
{
    if (result > 0)
        return result;
    int why = SSL_get_error(session->ssl, result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

int session_read(struct session *session, void *bytes, int size)
{
    ERR_clear_error();
    return outcome(session, SSL_read(session->ssl, bytes, size));
}

int session_write(struct session *session, const void *bytes, int size)
{
    ERR_clear_error();
    return outcome(session, SSL_write(session->ssl, bytes, size));
}

void session_close(struct session *session)
{
    struct linger reset = {.l_onoff = 1};
    SSL_free(session->ssl);
    session->ssl = NULL;
    if (session->fd >= 0) {
        setsockopt(session->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(session->fd);
    }
    session->fd = -1;
}

uint64_t now_nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

void sleep_until(uint64_t moment)
{
    struct timespec until = {.tv_sec = (time_t)(moment / 1000000000U),
                             .tv_nsec = (long)(moment % 1000000000U)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}
