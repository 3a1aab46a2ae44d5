// SPDX-License-Identifier: MIT
// The neighbour: asks at a steady pace, and tells how long each answer took and which ones failed.
// usage: probe PORT NAME PATH SECONDS; prints "kept NS", "new NS" and "failed WHY", one a line
#include "session.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT = 8,      // connections that are kept, each asks once in PACE
    PACE = 10,     // milliseconds
    FRESH = 40,    // milliseconds from one new connection to the next
    PATIENCE = 10, // seconds after which a request has failed
    MOST = 4096,   // samples of one thread
};

struct asker {
    pthread_t thread;
    bool keeps;
    uint64_t start; // its first request
    uint64_t end;
    uint64_t took[MOST];
    size_t samples;
    size_t failures;
    const char *why; // of the last failure
};

static SSL_CTX *context;
static uint16_t port;
static const char *name;
static char request[512];

// One request, answered by 200 with a body of Content-Length.
static const char *ask(struct session *session)
{
    char answer[4096];
    int got = 0;
    if (SSL_write(session->ssl, request, (int)strlen(request)) <= 0)
        return "the request was not taken";
    for (;;) {
        int more = SSL_read(session->ssl, answer + got, (int)sizeof answer - 1 - got);
        if (more <= 0)
            return "no answer, or only a part of it";
        answer[got += more] = '\0';
        const char *body = strstr(answer, "\r\n\r\n");
        const char *length = strcasestr(answer, "\r\ncontent-length:");
        if (body == NULL)
            continue;
        if (strncmp(answer, "HTTP/1.1 200", 12) != 0)
            return "a status that is not 200";
        if (length == NULL || length > body)
            return "an answer without its length";
        if (answer + got - (body + 4) >= atol(length + strlen("\r\ncontent-length:")))
            return NULL;
    }
}

static void note(struct asker *asker, uint64_t took, const char *why)
{
    if (why != NULL) {
        asker->failures++;
        asker->why = why;
    } else if (asker->samples < MOST) {
        asker->took[asker->samples++] = took;
    }
}

static void *run(void *argument)
{
    struct asker *asker = argument;
    struct session session = {.fd = -1};
    uint64_t pace = (uint64_t)(asker->keeps ? PACE : FRESH) * 1000000U;
    for (uint64_t due = asker->start; due < asker->end; due += pace) {
        sleep_until(due);
        // Counted from when it was due: a request that could not be sent in time has waited, too.
        uint64_t begin = due;
        const char *why = NULL;
        if (session.fd < 0) {
            begin = now_nanoseconds();
            if (!session_open(&session, context, port, name, PATIENCE, 0))
                why = "no connection";
            else if (asker->keeps)
                begin = now_nanoseconds();
        }
        if (why == NULL)
            why = ask(&session);
        note(asker, now_nanoseconds() - begin, why);
        if (why != NULL || !asker->keeps)
            session_close(&session);
    }
    session_close(&session);
    return NULL;
}

static void tell(struct asker *asker)
{
    pthread_join(asker->thread, NULL);
    for (size_t at = 0; at < asker->samples; at++)
        printf("%s %llu\n", asker->keeps ? "kept" : "new", (unsigned long long)asker->took[at]);
    for (size_t at = 0; at < asker->failures; at++)
        printf("failed %s\n", asker->why);
}

int main(int count, char **arguments)
{
    static struct asker askers[KEPT + 1];
    if (count != 5)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    context = session_context();
    port = (uint16_t)atoi(arguments[1]);
    name = arguments[2];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", arguments[3], name);
    uint64_t begin = now_nanoseconds() + 1000000;
    for (size_t at = 0; at <= KEPT; at++) {
        askers[at].keeps = at < KEPT;
        askers[at].start = begin + at * PACE * 1000000U / KEPT;
        askers[at].end = begin + (uint64_t)(atof(arguments[4]) * 1e9);
        pthread_create(&askers[at].thread, NULL, run, &askers[at]);
    }
    for (size_t at = 0; at <= KEPT; at++)
        tell(&askers[at]);
    return 0;
}
