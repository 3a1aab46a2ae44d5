// SPDX-License-Identifier: MIT
// A backend of WebSockets: agrees to every upgrade and sends small messages back, unmasked.
// usage: echo PORT
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 4096, BUFFER = 16384 };

static struct peer {
    bool is_upgraded;
    size_t got;
    unsigned char bytes[BUFFER];
} * peers[MOST]; // by descriptor

static const char agreed[] = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                             "Upgrade: websocket\r\n"
                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// How many of the peer's bytes were taken, and its answer to them.
static size_t answer(struct peer *peer, unsigned char *out, size_t *length)
{
    size_t at = 0;
    if (!peer->is_upgraded) {
        const unsigned char *head = memmem(peer->bytes, peer->got, "\r\n\r\n", 4);
        if (head == NULL)
            return 0;
        peer->is_upgraded = true;
        memcpy(out, agreed, *length = sizeof agreed - 1);
        at = (size_t)(head + 4 - peer->bytes);
    }
    while (peer->got - at >= 6) { // RFC 6455 section 5.2: a short frame, with its mask
        size_t size = peer->bytes[at + 1] & 0x7f;
        if (peer->got - at < 6 + size)
            break;
        out[(*length)++] = peer->bytes[at];
        out[(*length)++] = (unsigned char)size;
        for (size_t n = 0; n < size; n++)
            out[(*length)++] = peer->bytes[at + 6 + n] ^ peer->bytes[at + 2 + n % 4];
        at += 6 + size;
    }
    return at;
}

static bool serve(int fd)
{
    struct peer *peer = peers[fd];
    static unsigned char out[BUFFER + sizeof agreed];
    ssize_t got = recv(fd, peer->bytes + peer->got, BUFFER - peer->got, MSG_DONTWAIT);
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    peer->got += (size_t)got;
    size_t length = 0, taken = answer(peer, out, &length);
    memmove(peer->bytes, peer->bytes + taken, peer->got -= taken);
    return length == 0 || send(fd, out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void meet(int set, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
    if (fd < 0 || fd >= MOST) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    peers[fd] = calloc(1, sizeof **peers);
    epoll_ctl(set, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
}

int main(int count, char **arguments)
{
    if (count != 2)
        return 2;
    int set = epoll_create1(EPOLL_CLOEXEC), one = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 512) != 0)
        return 1;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        if (epoll_wait(set, &event, 1, -1) != 1)
            continue;
        int fd = event.data.fd;
        if (fd == listener) {
            meet(set, listener);
        } else if (!serve(fd)) {
            close(fd);
            free(peers[fd]);
            peers[fd] = NULL;
        }
    }
}
