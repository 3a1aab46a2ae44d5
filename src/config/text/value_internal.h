/* SPDX-License-Identifier: MIT */
/* Numbers, times, sizes and addresses, as they are written. */
#ifndef CONFIG_VALUE_INTERNAL_H
#define CONFIG_VALUE_INTERNAL_H

#include "config/model.h"

/* Whether text begins with one of the names. */
bool value_begins_with(struct slice text, const char *const *names, unsigned count);

/* A time as nginx writes it: "30", "500ms", "1h30m", "1d 12h"; units fall. Returns 0, or -1 when
 * it is malformed or longer than 100 years. */
int value_time(struct slice text, uint64_t *milliseconds);

/* Bytes: a number, which k, m or g of any case may follow. Returns 0 or -1. */
int value_size(struct slice text, uint64_t *bytes);

/* ADDR:PORT, [v6]:PORT, ADDR or [v6]. Returns 0, or -1 when the host is no address of that form
 * or the port is not 1 to 65535; *has_port tells whether there was one. */
int value_host_port(struct slice text, struct slice *host, uint16_t *port, bool *has_port);

/* An IPv4 address, or an IPv6 address in brackets, with or without a zone (RFC 4007 section 11).
 * Returns 0, or -1 when it is neither. */
int value_ip(struct slice host, uint16_t port, struct address *ip);

/* NULL, or what is wrong with the zone that the address has or lacks (constant). */
const char *value_zone_trouble(const struct address *ip);

/* A name that may be looked up (RFC 1123 section 2.1, and underscores). */
bool value_is_host_name(struct slice host);

/* Reads what stands for one server: host[:port] or unix:PATH. Fills text, host, port and address;
 * the port is what endpoint->port was when none is written, or 80.
 * Texts and the folder are for the arena to copy. Returns NULL, or what is wrong (constant). */
const char *value_endpoint(struct arena *arena, struct slice folder, struct slice text,
                           struct config_endpoint *endpoint);

#endif
