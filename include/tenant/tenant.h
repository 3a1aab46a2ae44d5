/* SPDX-License-Identifier: MIT */
/* One tenant's immutable runtime: its configuration, made fast to ask. Built from an examined
 * bundle, by the resolver to see that it can be, by workers to serve. Counted: an exchange that
 * began with it keeps it. */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H

#include "config/model.h"
#include "tenant/bundle.h"
#include "tls/tls.h"

struct backend_group; /* the live side of an upstream; the backend room's */
struct tenant_names;
struct tenant_regex;

struct tenant_location {
    const struct config_location *config;
    struct tenant_regex *regex; /* NULL but for ~ and ~* */
};

struct tenant_server {
    const struct config_server *config;
    struct tenant_location *locations; /* as in config, same order */
    struct tls_server tls;             /* identities: none when no listener of it has ssl */
};

struct tenant_listener {
    const struct config_listen *config;
    struct tenant_names *names; /* the servers of this address, by name */
    struct tenant_server *default_server;
};

struct tenant_endpoint {
    const struct config_endpoint *config;
    struct address address; /* one of those that config's host stands for */
};

struct tenant_upstream {
    const struct config_upstream *config;
    struct tenant_endpoint *endpoints; /* one per address */
    uint32_t endpoint_count;
    struct backend_group *group; /* set once by backends_bind, before the first request */
};

struct tenant {
    struct config_tenant config;
    struct tenant_listener *listeners;
    uint32_t listener_count;
    struct tenant_server *servers;
    uint32_t server_count;
    struct tenant_upstream *upstreams;
    uint32_t upstream_count;
    struct tls_ticket_keys tickets;
    uint32_t references;
};

/* Builds from a decoded bundle, copying what it needs. Returns NULL with errors in diags, which
 * for an examined bundle never happens; warnings may be added. The caller holds one reference. */
struct tenant *tenant_new(const struct bundle *bundle, struct tls_contexts *contexts,
                          struct diag_list *diags);
struct tenant *tenant_ref(struct tenant *tenant);
void tenant_unref(struct tenant *tenant);

/* Before the first handshake. */
void tenant_set_tickets(struct tenant *tenant, const struct tls_ticket_keys *keys);

/* By the listener's address text (config_listen.text); NULL when the tenant has no such one. */
struct tenant_listener *tenant_find_listener(struct tenant *tenant, struct slice address);

/* The server for a host (lower case, no port), in nginx's order: exact, longest *.name, longest
 * name.*, first regex, else the default server. Never NULL. */
struct tenant_server *tenant_find_server(const struct tenant_listener *listener, struct slice host);

/* The location for a normalized path, in nginx's order: =, longest prefix if ^~, first regex that
 * matches, longest prefix. NULL when none matches. */
const struct tenant_location *tenant_find_location(const struct tenant_server *server,
                                                   struct slice path);

/* Forgets decoded certificates that no handshake has needed since the last call. */
void tenant_trim(struct tenant *tenant);

#endif
