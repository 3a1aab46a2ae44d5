/* SPDX-License-Identifier: MIT */
/* HTTP/1 towards the client: one exchange after the other. */
#ifndef FRONTEND_H1_H1_INTERNAL_H
#define FRONTEND_H1_H1_INTERNAL_H

#include "connection_internal.h"

/* ---- state.c ---- */

/* Traces, asserts a legal move, and tells the connection whether it is idle. */
void front_h1_set_state(struct connection *connection, enum front_h1_state state);

/* The moves that one side makes, whatever the other does: the request is complete; its rest will be
 * dropped; the response begins; it is complete. What may follow is seen to at the turn's end. */
void front_h1_end_request(struct connection *connection);
void front_h1_drop_request(struct connection *connection);
void front_h1_begin_response(struct connection *connection);
void front_h1_end_response(struct connection *connection);

/* Whether the state has one of the traits. */
bool front_h1_is(const struct connection *connection, unsigned traits);

/* Whether what is left of the request can be read and dropped, so that the connection can go on. */
bool front_h1_can_discard(const struct connection *connection);

/* The settings that apply now: the location's once it is known. */
const struct config_settings *front_h1_settings(const struct connection *connection);

/* Starts the clock of the request's body. */
void front_h1_start_body_clock(struct connection *connection);

/* Reads from the stream only what may be held. */
void front_h1_update_reading(struct connection *connection);

/* ---- response.c: writing ---- */

extern const struct exchange_front front_h1_exchange_front;

/* Moves what the response has to the stream, as far as there is room. */
void front_h1_pump(struct connection *connection);

/* Sends `100 Continue` of our own, which a client that is gone answers with RST. */
void front_h1_write_continue(struct connection *connection);

/* ---- request.c: reading ---- */

/* Goes on with what waits in connection->in. */
void front_h1_advance(struct connection *connection);

/* The rest of the head is awaited; the clock begins with its first byte. */
void front_h1_await_head(struct connection *connection);

/* Passes the client's end on through a tunnel, once all that came before it is in there. */
void front_h1_pass_end(struct connection *connection);

/* A head that is not read to its end: keeps what has come of its first line. */
void front_h1_note_line(struct connection *connection);

/* Reads no more of the request, and answers with the error's status. */
void front_h1_refuse(struct connection *connection, enum error error);

/* ---- end.c: how exchanges and connections end ---- */

/* At the turn's end: where both sides of the exchange have done what they will, the next request
 * (returns true: front_h1_advance is due), or the end. */
bool front_h1_finish(struct connection *connection);

/* A clock ran out: of the phase, of the request's body, of looks at a client that has ended. */
void front_h1_phase_expired(struct connection *connection);
void front_h1_body_expired(struct connection *connection);
void front_h1_check_peer(struct connection *connection);

/* The stream's end or an error was read. */
void front_h1_peer_ended(struct connection *connection, enum error error);

/* ---- connection.c: its events ---- */

extern const struct protocol front_h1_protocol;

#endif
