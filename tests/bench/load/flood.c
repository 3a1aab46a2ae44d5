// SPDX-License-Identifier: MIT
// Floods that h2load cannot make: each of many connections is opened, and then has its turn at a
// steady pace.
// usage: flood KIND PORT NAME PATH SECONDS; prints what was done
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BURST = 50, WAITING = 2000 }; // connects: in one turn; that are open at a time

static SSL_CTX *context;
static uint16_t port;
static const char *name, *path;
static uint64_t end;
static atomic_ulong opened, done;

static bool is_over(void)
{
    return now_nanoseconds() >= end;
}

static bool say(struct session *session, const char *more)
{
    char head[512];
    int length = snprintf(head, sizeof head, "GET %s HTTP/1.1\r\nHost: %s\r\n%s", path, name, more);
    return session_write(session, head, length) == length;
}

// ---- what each kind does when a connection is open (open), and again and again (turn) ----

static bool turn_handshake(struct session *session)
{
    done++;
    session_close(session);
    return false;
}

static bool open_slow_reader(struct session *session)
{
    return say(session, "\r\n");
}

// 20 kB/s: the body of 1 MiB is not through when the flood ends.
static bool turn_slow_reader(struct session *session)
{
    char bytes[2048];
    int got = session_read(session, bytes, sizeof bytes);
    done += got > 0 ? (unsigned long)got : 0;
    return got >= 0;
}

static bool open_trickle(struct session *session)
{
    return say(session, "X-Slow: ");
}

static bool turn_trickle(struct session *session)
{
    done++;
    return session_write(session, "a", 1) >= 0;
}

static bool open_websocket(struct session *session)
{
    char answer[1024];
    int got = 0;
    if (!say(session, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
        return false;
    do {
        int more = session_read(session, answer + got, (int)sizeof answer - 1 - got);
        if (more <= 0)
            return false;
        answer[got += more] = '\0';
    } while (strstr(answer, "\r\n\r\n") == NULL);
    return strncmp(answer, "HTTP/1.1 101", 12) == 0;
}

static bool turn_websocket(struct session *session)
{
    static const char message[] = "\x82\x90\0\0\0\0sixteen octets..";
    char bytes[2048];
    int got = session_read(session, bytes, sizeof bytes);
    done += got > 0 ? (unsigned long)got / 18 : 0;
    return got >= 0 && session_write(session, message, sizeof message - 1) >= 0;
}

// BURST connections that send nothing; those that are oldest end by RST.
static bool turn_connects(struct session *unused)
{
    static int waiting[WAITING];
    static size_t at;
    struct linger reset = {.l_onoff = 1};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    (void)unused;
    for (int number = 0; number < BURST; number++, at = (at + 1) % WAITING) {
        if (waiting[at] > 0)
            close(waiting[at]);
        waiting[at] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        setsockopt(waiting[at], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        if (connect(waiting[at], (struct sockaddr *)&address, sizeof address) == 0 ||
            errno == EINPROGRESS)
            done++;
    }
    return true;
}

static const struct kind {
    const char *name;
    size_t threads, connections; // of each thread
    unsigned pace;               // milliseconds from one turn of a connection to its next
    bool is_plain;               // without TLS: a turn opens what it wants
    int receive_buffer;          // bytes; 0: the system's choice
    bool (*open)(struct session *);
    bool (*turn)(struct session *); // false: the session has ended, and is opened anew
} kinds[] = {
    {.name = "handshakes", .threads = 6, .connections = 1, .turn = turn_handshake},
    {.name = "slow-reader",
     .threads = 4,
     .connections = 250,
     .pace = 100,
     .receive_buffer = 8192,
     .open = open_slow_reader,
     .turn = turn_slow_reader},
    {.name = "trickle",
     .threads = 4,
     .connections = 250,
     .pace = 50,
     .open = open_trickle,
     .turn = turn_trickle},
    {.name = "websockets",
     .threads = 4,
     .connections = 25,
     .pace = 10,
     .open = open_websocket,
     .turn = turn_websocket},
    {.name = "connects",
     .threads = 1,
     .connections = 1,
     .pace = 1,
     .is_plain = true,
     .turn = turn_connects},
};

static void open_one(const struct kind *kind, struct session *session)
{
    if (!session_open(session, context, port, name, 10, kind->receive_buffer))
        return;
    opened++;
    if (kind->open != NULL && !kind->open(session)) {
        session_close(session);
        return;
    }
    session_unblock(session);
}

static void *run(void *argument)
{
    const struct kind *kind = argument;
    struct session *sessions = calloc(kind->connections, sizeof *sessions);
    for (size_t at = 0; at < kind->connections; at++)
        sessions[at].fd = -1;
    // Turns are spread over the pace: a flood of one moment in ten would be another one. A round
    // that has taken longer, as the first one does, is not made up for.
    for (uint64_t due = now_nanoseconds(); !is_over(); due += (uint64_t)kind->pace * 1000000U) {
        due = due < now_nanoseconds() ? now_nanoseconds() : due;
        for (size_t at = 0; at < kind->connections && !is_over(); at++) {
            sleep_until(due + at * kind->pace * 1000000U / kind->connections);
            struct session *session = &sessions[at];
            if (session->fd < 0 && !kind->is_plain)
                open_one(kind, session);
            else if (!kind->turn(session))
                session_close(session);
        }
    }
    for (size_t at = 0; at < kind->connections; at++)
        session_close(&sessions[at]);
    free(sessions);
    return NULL;
}

int main(int count, char **arguments)
{
    pthread_t threads[8];
    struct rlimit limit;
    const struct kind *kind = kinds;
    if (count != 6)
        return 2;
    while (strcmp(kind->name, arguments[1]) != 0)
        if (++kind == kinds + sizeof kinds / sizeof *kinds)
            return 2;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    context = session_context();
    port = (uint16_t)atoi(arguments[2]);
    name = arguments[3];
    path = arguments[4];
    end = now_nanoseconds() + (uint64_t)(atof(arguments[5]) * 1e9);
    for (size_t at = 0; at < kind->threads; at++)
        pthread_create(&threads[at], NULL, run, (void *)(uintptr_t)kind);
    for (size_t at = 0; at < kind->threads; at++)
        pthread_join(threads[at], NULL);
    printf("%lu connections, %lu done\n", opened, done);
    return 0;
}
