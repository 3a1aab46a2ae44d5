/* SPDX-License-Identifier: MIT */
/* Sessions of one server, kept by its client for the next handshake. */
#include "tls_internal.h"

#include <stdlib.h>
#include <time.h>

/* TLS 1.3 servers send a ticket or two per connection, and each is for one use (RFC 8446 section
 * C.4): a few are enough for a burst of connections. */
#define SESSIONS_MAX 4

struct tls_sessions {
    SSL_SESSION *items[SESSIONS_MAX]; /* oldest first */
    unsigned count;
};

struct tls_sessions *tls_sessions_new(void)
{
    return memory_zeroed(1, sizeof(struct tls_sessions));
}

void tls_sessions_clear(struct tls_sessions *sessions)
{
    while (sessions->count > 0)
        SSL_SESSION_free(sessions->items[--sessions->count]);
}

void tls_sessions_free(struct tls_sessions *sessions)
{
    if (!sessions)
        return;
    tls_sessions_clear(sessions);
    free(sessions);
}

unsigned tls_sessions_count(const struct tls_sessions *sessions)
{
    return sessions->count;
}

static void drop_oldest(struct tls_sessions *sessions)
{
    SSL_SESSION_free(sessions->items[0]);
    sessions->count--;
    memmove(&sessions->items[0], &sessions->items[1], sessions->count * sizeof(sessions->items[0]));
}

int tls_session_on_new(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_connection *connection = SSL_get_app_data(ssl);
    struct tls_sessions *sessions = connection->sessions;

    if (!sessions || !SSL_SESSION_is_resumable(session))
        return 0;
    if (sessions->count == SESSIONS_MAX)
        drop_oldest(sessions);
    sessions->items[sessions->count++] = session;
    return 1; /* the reference is ours now */
}

static bool is_fresh(const SSL_SESSION *session)
{
    long age = (long)time(NULL) - SSL_SESSION_get_time(session);

    return age >= 0 && age < SSL_SESSION_get_timeout(session);
}

SSL_SESSION *tls_sessions_take(struct tls_sessions *sessions)
{
    while (sessions->count > 0) {
        SSL_SESSION *newest = sessions->items[sessions->count - 1];

        if (is_fresh(newest) && SSL_SESSION_get_protocol_version(newest) < TLS1_3_VERSION) {
            SSL_SESSION_up_ref(newest);
            return newest;
        }
        sessions->count--;
        if (is_fresh(newest))
            return newest;
        SSL_SESSION_free(newest);
    }
    return NULL;
}
