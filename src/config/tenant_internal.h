/* SPDX-License-Identifier: MIT */
/* A tenant while it is read: what its blocks have said so far. */
#ifndef CONFIG_TENANT_INTERNAL_H
#define CONFIG_TENANT_INTERNAL_H

#include "build_internal.h"

#define TENANT_LISTENS_MAX   200
#define TENANT_ENDPOINTS_MAX 256

struct listen_build {
    struct config_listen listen;
    struct list servers; /* uint32_t */
    bool has_default;
    bool has_options; /* backlog or ipv6only were given */
    struct diag_place default_place;
    struct diag_place options_place;
};

struct zone_build {
    struct config_zone zone;
    bool is_default; /* of the main file's defaults: one of the tenant's takes its place */
};

/* A directive that names a zone, which may stand behind it. */
struct zone_use {
    uint32_t *index; /* where the zone's goes, in the model */
    enum config_zone_kind kind;
    struct slice name;
    struct diag_place place;
};

struct log_format_build {
    struct config_log_format *format; /* in the model's arena */
    bool is_default;                  /* as of zones */
    struct diag_place place;
};

/* An access_log that names a format, which may stand behind it. */
struct log_format_use {
    struct config_access_log *log;
    struct slice name;
    struct diag_place place;
};

struct tenant_build {
    struct list upstreams;        /* struct config_upstream */
    struct list servers;          /* struct config_server */
    struct list listens;          /* struct listen_build */
    struct list zones;            /* struct zone_build */
    struct list zone_uses;        /* struct zone_use */
    struct list log_formats;      /* struct log_format_build */
    struct list log_format_uses;  /* struct log_format_use */
    struct list log_destinations; /* struct config_log_destination */
    uint32_t endpoint_count;
    bool has_client_handshakes; /* the tenant's own handshake_rate */
    bool has_tenant_handshakes;
    bool told_listens; /* that there are too many */
    bool told_endpoints;
    bool counts_exchanges; /* some server has max_conns */
    bool told_log_buffers; /* that buffer= and the like have no effect */
};

struct server_build {
    uint32_t index;
    struct config_server config;
    struct list names;     /* struct config_name */
    struct list locations; /* struct config_location */
    struct list listens;   /* uint32_t: indices into the tenant's */
    struct seen *patterns; /* of locations */
    bool has_ssl;
    bool has_plain; /* addresses without ssl */
};

/* netns.c: reads a namespace's name, of `netns` and of `server ... netns=`, and tells what is wrong
 * with it at the word's place. */
void netns_read(struct build *build, const struct config_word *word, struct slice text,
                struct config_netns *netns);

/* upstream.c: counts endpoints of the tenant; false (and told once) when there are too many. */
bool upstream_count_endpoint(struct build *build, struct diag_place place);

/* listen.c */
void listen_default(struct build *build, struct diag_place place); /* *:80, as nginx */
void listen_finish(struct build *build); /* all servers are read: checks, and fills the model */

/* transport.c: the location is read; its upstream becomes the one of its transport */
void transport_finish(struct build *build, struct config_location *location);

/* certificate.c */
void certificate_finish(struct build *build);        /* of the server being read */
void certificate_check_listens(struct build *build); /* every ssl listener has one */

/* verification.c: what the server being read asks of its clients */
void verification_finish(struct build *build);
/* and whether anybody can be asked at all, once all servers are read */
void verification_check_tenant(struct build *build, const struct config_block *root);

/* zones.c: a table that the tenant's workers share, until the next one is added; NULL, and told,
 * when there are too many. nsgate's own are added once the whole file is read, before
 * zones_finish; tenant_zone finds them. */
struct config_zone *zone_add(struct build *build, enum config_zone_kind kind, struct slice name,
                             struct diag_place place);
/* The directive's word names a zone, of which it needs the index. */
void zone_use(struct build *build, const struct zone_use *use);
/* All is read: fills the model, and finds the zones that are used. */
void zones_finish(struct build *build);

/* log/format.c: all is read: finds the formats that access_log names. */
void log_formats_finish(struct build *build);
/* An access_log that has been read needs the format of that name. */
void log_format_use(struct build *build, const struct log_format_use *use);

/* log/destination.c: the index of what access_log's first word names, in the tenant's list. Returns
 * whether it is right; what is wrong has been told. */
bool log_destination_read(struct build *build, const struct config_word *word, uint32_t *index);

/* handshakes.c: adds the zones of their limits. */
void handshakes_finish(struct build *build);

/* names are checked per listener */
void server_check_names(struct build *build);

#endif
