// SPDX-License-Identifier: MIT
// A client's TLS connection to 127.0.0.1, as the loads of the benchmark need it: opened at once.
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

struct session {
    int fd; // -1: closed
    SSL *ssl;
};

// A context that offers HTTP/1.1 and never resumes. Ends the program where there is none.
SSL_CTX *session_context(void);

// Connects and shakes hands within seconds; receive_buffer: bytes of the socket's, 0: the system's.
bool session_open(struct session *session, SSL_CTX *context, uint16_t port, const char *name,
                  int seconds, int receive_buffer);
// After this, reads and writes return at once.
void session_unblock(struct session *session);
// Reads of a session that is unblocked: bytes, 0 when there are none now, -1 when it has ended.
int session_read(struct session *session, void *bytes, int size);
int session_write(struct session *session, const void *bytes, int size);
// Sends RST, so that no port of the client's waits.
void session_close(struct session *session);

uint64_t now_nanoseconds(void);
// Sleeps until that moment of now_nanoseconds.
void sleep_until(uint64_t moment);
