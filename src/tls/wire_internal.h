/* SPDX-License-Identifier: MIT */
/* What OpenSSL takes for the wire, and what every call of it needs around it. */
#ifndef TLS_WIRE_INTERNAL_H
#define TLS_WIRE_INTERNAL_H

#include "tls_internal.h"

BIO_METHOD *wire_method(void);

/* Moves what lies in the loop's scratch to the connection, before somebody else uses it. */
void wire_save(struct tls_connection *connection);

/* Around every call of OpenSSL. may_receive: bytes that OpenSSL may take from the socket, in one
 * recv(2). */
void wire_enter(struct tls_connection *connection, struct stream *stream, size_t may_receive);
void wire_leave(struct tls_connection *connection);

/* Whether a whole record is held, so that OpenSSL goes on without the socket. */
bool wire_has_record(const struct tls_connection *connection);

/* Receives as much as this call may. Whether OpenSSL has anything to do with what is there now: a
 * whole record, or the end. */
bool wire_receive_record(struct tls_connection *connection);

/* Sends what was encrypted. Returns 0 when all is gone, 1 when the socket takes no more, or an
 * error. */
int wire_push(struct tls_connection *connection, struct stream *stream);

/* What a call of OpenSSL that returned result means: 0 to wait for the socket, or an error. */
int wire_judge(struct tls_connection *connection, int result);

/* For SSL_set_msg_callback(3): counts what a peer sends after the handshake. */
void wire_on_message(int is_ours, int version, int type, const void *data, size_t len, SSL *ssl,
                     void *argument);

#endif
