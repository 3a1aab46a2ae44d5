/* SPDX-License-Identifier: MIT */
/* One tenant's immutable runtime: its configuration, made fast to ask. Built from an examined
 * bundle, by the resolver to see that it can be, by workers to serve. Counted: an exchange that
 * began with it keeps it. */
#ifndef TENANT_TENANT_H
#define TENANT_TENANT_H

#include "cells/memory.h"
#include "config/model.h"
#include "tenant/bundle.h"
#include "tls/client.h"
#include "tls/tls.h"

struct backend_group; /* the live side of an upstream; the backend room's */
struct tenant_names;
struct tenant_paths;
struct tenant_regex;
struct tenant_regexes;
struct tenant_identities;

struct tenant_location {
    const struct config_location *config;
    struct tenant_regex *regex; /* NULL but for ~ and ~* */
};

struct tenant_server {
    const struct config_server *config;
    struct tenant_location *locations; /* as in config, same order */
    struct tenant_paths *paths;        /* the same, made fast to search */
    struct tls_server tls;             /* zero when no listener of it has ssl */
};

struct tenant_listener {
    const struct config_listen *config;
    struct tenant_names *names; /* the servers of this address, by name; NULL for a single one */
    struct tenant_server *default_server;
};

struct tenant_endpoint {
    const struct config_endpoint *config;
    struct address address; /* one of those that config's host stands for */
};

struct tenant_upstream {
    const struct config_upstream *config;
    struct tls_client tls; /* context NULL: no TLS */
    struct slice identity; /* tells live groups apart: name and, if not plain, transport and the
                              certificates it trusts; empty: config->name */
    struct tenant_endpoint *endpoints; /* one per address */
    uint32_t endpoint_count;
    struct backend_group *group; /* set once by backends_bind, before the first request */
};

/* A table that all workers of the tenant share. */
struct tenant_zone {
    const struct config_zone *config;
    struct cells_counts *counts; /* ZONE_COUNTS, or NULL */
    struct cells_rates *rates; /* ZONE_RATES, or NULL. Without tenant_set_cells there is neither */
};

struct tenant {
    struct config_tenant config;
    struct tenant_listener *listeners;
    uint32_t listener_count;
    struct tenant_server *servers;
    uint32_t server_count;
    struct tenant_upstream *upstreams;
    uint32_t upstream_count;
    struct tls_trust **trusts; /* each trusted file once; one reference each */
    uint32_t trust_count;
    bool verifies_clients;                /* some server asks for their certificates */
    struct tenant_identities *identities; /* chains and keys, each pair once; NULL: none */
    struct tenant_regexes *regexes;       /* NULL: none */
    struct tls_ticket_keys tickets;
    struct tenant_zone *zones; /* as in config, same order */
    struct cells_map *cells;   /* NULL: none */
    uint32_t *log_numbers; /* by which others know config's log_destinations; NULL: not at all */
    uint32_t references;
};

/* What building can find beyond the model's own checks and what the bundle must bring: regular
 * expressions that do not compile (with their offset) and TLS settings that OpenSSL refuses are
 * errors in diags. Returns 0 or ERROR_CONFIG. */
int tenant_check(const struct config_tenant *model, struct tls_contexts *contexts,
                 struct diag_list *diags);

/* Builds from a decoded bundle, copying what it needs. Returns NULL with errors in diags, which
 * for an examined bundle never happens; the model's warnings are added again. The caller holds one
 * reference. contexts must outlive the tenant. */
struct tenant *tenant_new(const struct bundle *bundle, struct tls_contexts *contexts,
                          struct diag_list *diags);
struct tenant *tenant_ref(struct tenant *tenant);
void tenant_unref(struct tenant *tenant);

/* Before the first handshake; without it there are no tickets. */
void tenant_set_tickets(struct tenant *tenant, const struct tls_ticket_keys *keys);

/* Takes over what all workers share, before the first connection. NULL: limits hold nobody. */
void tenant_set_cells(struct tenant *tenant, struct cells_map *cells);

/* The numbers of config's log_destinations, in their order; copied, before the first request.
 * Without them nothing is logged. */
void tenant_set_log_numbers(struct tenant *tenant, const uint32_t *numbers, uint32_t count);

/* By a zone's index; NULL: it is of another kind, or there is no table. */
struct cells_counts *tenant_zone_counts(const struct tenant *tenant, uint32_t zone);
struct cells_rates *tenant_zone_rates(const struct tenant *tenant, uint32_t zone);

/* By the zone's name (config_zone.name); NULL: there is none, or it has no table. nsgate's own are
 * ".max_conns" and the like. */
struct cells_counts *tenant_counts(const struct tenant *tenant, struct slice name);
struct cells_rates *tenant_rates(const struct tenant *tenant, struct slice name);

/* By the listener's address text (config_listen.text); NULL when the tenant has no such one. */
struct tenant_listener *tenant_find_listener(struct tenant *tenant, struct slice address);

/* The server for a host (lower case, no port), in nginx's order: exact, longest *.name, longest
 * name.*, first regex, else the default server. Never NULL. */
struct tenant_server *tenant_find_server(const struct tenant_listener *listener, struct slice host);

/* The same, but NULL when only the default server is left. */
struct tenant_server *tenant_match_server(const struct tenant_listener *listener,
                                          struct slice host);

/* The location for a normalized path, in nginx's order: =, longest prefix if ^~, first regex that
 * matches, longest prefix. NULL when none matches, or when an expression went past its limits (it
 * could be one that forbids; the log tells). */
const struct tenant_location *tenant_find_location(const struct tenant_server *server,
                                                   struct slice path);

/* Whether nginx would send a client from this path to the one with a slash behind it (301): a
 * proxied location has that name, = or a prefix, and none has the path's own. Goes before every
 * regular expression. */
bool tenant_wants_slash(const struct tenant_server *server, struct slice path);

/* Gives back what idle tenants need not hold: decoded certificates (the next handshake decodes
 * again, in about 0.25 ms) and the workspace of expressions not used since the last call. */
void tenant_trim(struct tenant *tenant);

#endif
