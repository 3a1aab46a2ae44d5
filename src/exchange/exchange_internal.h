/* SPDX-License-Identifier: MIT */
/* What the files of this room call of each other. */
#ifndef EXCHANGE_EXCHANGE_INTERNAL_H
#define EXCHANGE_EXCHANGE_INTERNAL_H

#include "exchange/exchange.h"

/* Keeps what was moved to `into` behind its first `from` bytes; the exchange has an allowance. */
void kept_add(struct exchange *exchange, const struct chain *into, size_t from);

/* Gives back what is kept, and keeps nothing more. */
void kept_stop(struct exchange *exchange);

/* ---- pace.c: exchange->pace is there ---- */

/* How many bytes of the response's body may be taken now. */
size_t pace_allows(const struct exchange *exchange);
/* So many were, of as many as were allowed: on_body comes again when there are more. */
void pace_note(struct exchange *exchange, size_t taken, size_t allowed);
void pace_stop(struct exchange *exchange);

#endif
