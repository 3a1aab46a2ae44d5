/* SPDX-License-Identifier: MIT */
/* What a checked configuration says, as types. Everything is owned by the arena of its main or
 * tenant; nothing changes after it is built. */
#ifndef CONFIG_MODEL_H
#define CONFIG_MODEL_H

#include "base/address.h"
#include "base/arena.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/tls_version.h"
#include "config/access_log.h"
#include "config/template.h"
#include "config/tree.h"

/* ---- the main file ---- */

/* Where the observer answers. */
struct config_observe {
    struct address address;
    struct slice text;   /* canonical: "127.0.0.1:9180", "[::1]:9180", "unix:/run/observe.sock" */
    struct slice *names; /* lower case: what Host may say besides addresses */
    uint32_t name_count;
};

struct config_main {
    struct arena arena;
    struct slice user;
    struct slice group;          /* empty: the user's own */
    uint32_t worker_processes;   /* 0: one per core */
    uint32_t workers_per_tenant; /* 0: all */
    enum log_sink log_sink;
    enum log_level log_level;
    struct slice log_file;          /* absolute; empty unless LOG_SINK_FILE */
    struct slice pid_file;          /* absolute */
    struct slice container_socket;  /* absolute; empty: the first usual one that exists */
    double worker_shutdown_timeout; /* seconds */
    uint32_t sandbox;               /* enum sandbox_mode */
    bool netns_shared;              /* several tenants may live in one network namespace */
    struct slice *tenant_globs;     /* absolute */
    uint32_t tenant_glob_count;
    const struct config_observe *observes;
    uint32_t observe_count;
    const struct config_block *defaults; /* in the tree it was built from; NULL when absent */
    struct slice folder; /* of the main file, absolute: what relative paths start from */
};

/* Builds the main file's model from its tree, telling all errors. The tree must outlive it.
 * path: the main file's. Returns 0 or ERROR_CONFIG; free it in both cases. */
int config_main_build(struct config_main *model, const struct config_tree *tree, const char *path,
                      struct diag_list *diags);
void config_main_free(struct config_main *model);

/* ---- a tenant ---- */

enum config_netns_kind { NETNS_HOST, NETNS_NAME, NETNS_PATH, NETNS_PID, NETNS_CONTAINER };

struct config_netns {
    enum config_netns_kind kind;
    struct slice text; /* as written, for people: "acme", "pid:17" */
    char *path;        /* what to open; NULL for NETNS_HOST and NETNS_CONTAINER */
    uint32_t pid;      /* NETNS_PID */
    struct diag_place place;
};

/* What stands behind "container:": a container's name, or the beginning of its id, as engines have
 * them: [A-Za-z0-9][A-Za-z0-9_.-]*, at most 255 bytes. */
bool config_container_name_is_valid(struct slice name);

/* One address of a tenant; servers that name the same one share it. */
struct config_listen {
    struct address address;
    struct slice text; /* canonical: "10.0.0.1:443", "[::1]:443", "[fe80::1%eth0]:443" */
    int backlog;
    bool ssl;
    bool ipv6only;
    uint32_t *servers; /* indices into the tenant's servers, in the file's order */
    uint32_t server_count;
    uint32_t default_server; /* index into the tenant's servers */
    struct diag_place place; /* where it was first named */
};

enum config_name_kind {
    NAME_EXACT,    /* "acme.test"; also "" (no Host) */
    NAME_LEADING,  /* "*.acme.test": text is ".acme.test" */
    NAME_DOT,      /* ".acme.test": the name itself and all below it; text is ".acme.test" */
    NAME_TRAILING, /* "www.*": text is "www." */
    NAME_REGEX     /* "~PATTERN": text is PATTERN */
};

struct config_name {
    enum config_name_kind kind;
    struct slice text;  /* lower case unless NAME_REGEX */
    struct slice shown; /* $server_name: the whole name in lower case, or the expression */
    struct slice written;
    struct diag_place place;
};

struct config_certificate {
    struct slice certificate; /* absolute paths */
    struct slice key;
    struct diag_place place;     /* of the certificate's path */
    struct diag_place key_place; /* of the key's path */
};

struct config_header {
    struct slice name;            /* as written */
    struct config_template value; /* no part: do not send the field (proxy_set_header) */
    bool always;                  /* add_header */
};

/* What OpenSSL reads: it can only be told later whether it is right. */
struct config_text {
    struct slice text; /* empty: the default */
    struct diag_place place;
};

/* A file that a directive names. */
struct config_file {
    struct slice path; /* absolute; empty: none */
    struct diag_place place;
};

/* ssl_verify_client */
enum config_verify { VERIFY_OFF, VERIFY_ON, VERIFY_OPTIONAL, VERIFY_OPTIONAL_NO_CA };

/* What a server asks of its clients' certificates. */
struct config_verification {
    enum config_verify mode;    /* not VERIFY_OFF */
    uint32_t depth;             /* intermediate certificates at most */
    struct config_file named;   /* authorities that are trusted, and told to clients */
    struct config_file trusted; /* more that are trusted */
};

enum config_next {
    NEXT_ERROR = 1 << 0,
    NEXT_TIMEOUT = 1 << 1,
    NEXT_INVALID_HEADER = 1 << 2,
    NEXT_HTTP_500 = 1 << 3,
    NEXT_HTTP_502 = 1 << 4,
    NEXT_HTTP_503 = 1 << 5,
    NEXT_HTTP_504 = 1 << 6,
    NEXT_HTTP_403 = 1 << 7,
    NEXT_HTTP_404 = 1 << 8,
    NEXT_HTTP_429 = 1 << 9,
    NEXT_NON_IDEMPOTENT = 1 << 10
};

/* limit_req: thousandths of a request, as a zone's rate. */
struct config_limit_req {
    uint32_t zone; /* index into the tenant's zones */
    uint32_t burst;
    uint32_t delay; /* what is beyond it waits; LIMIT_NO_DELAY: nothing does */
};
#define LIMIT_NO_DELAY UINT32_MAX

/* limit_conn */
struct config_limit_conn {
    uint32_t zone; /* index into the tenant's zones */
    uint32_t most;
};

/* A size that may have variables; then each request has its own. */
struct config_size {
    uint64_t bytes;
    struct config_template variable; /* no part: bytes it is */
};

/* As a size is written: a number, which k, m or g of any case may follow. Returns 0 or -1. */
int config_size_parse(struct slice text, uint64_t *bytes);

/* How limits of requests, or of those in progress, are told. */
struct config_limit_manner {
    enum log_level level;
    uint32_t status; /* of who is refused */
    bool dry_run;    /* nobody is */
};

/* The simple directives that blocks inherit. A block that changes none shares its parent's. */
/* What they are without a directive stands in src/config/defaults.c. */
struct config_settings {
    /* client side; seconds */
    double keepalive_timeout; /* 0: no keep-alive */
    uint32_t keepalive_requests;
    double client_header_timeout; /* for the whole head */
    double client_body_timeout;
    double send_timeout;
    uint64_t client_max_body_size; /* bytes; 0: unlimited */
    uint32_t header_buffers;       /* large_client_header_buffers */
    uint32_t header_buffer_size;   /* bytes */
    bool http2;
    uint32_t http2_max_concurrent_streams;
    /* backend side; seconds */
    double proxy_connect_timeout;
    double proxy_read_timeout;
    double proxy_send_timeout;
    uint32_t proxy_next_upstream;            /* config_next bits; 0: off */
    const struct config_header *set_headers; /* proxy_set_header: all or nothing from above */
    uint32_t set_header_count;
    const struct slice *hide_headers; /* proxy_hide_header: all or nothing from above */
    uint32_t hide_header_count;
    const struct config_header *add_headers; /* add_header: all or nothing from above */
    uint32_t add_header_count;
    const struct config_limit_req *limit_reqs; /* all or nothing from above */
    uint32_t limit_req_count;
    struct config_limit_manner limit_req;
    const struct config_limit_conn *limit_conns; /* all or nothing from above */
    uint32_t limit_conn_count;
    struct config_limit_manner limit_conn;
    struct config_size limit_rate; /* bytes a second; 0: none */
    struct config_size limit_rate_after;
    const struct config_access_log *access_logs; /* all or nothing from above */
    uint32_t access_log_count;
    bool access_log_handshakes;  /* a line for each handshake that fails */
    uint32_t proxy_http_version; /* 11 or 20 */
    bool proxy_ssl_verify;
    bool proxy_ssl_server_name; /* if it is said; else as proxy_ssl_verify */
    bool says_ssl_server_name;
    bool proxy_ssl_session_reuse;
    uint32_t proxy_ssl_verify_depth;
    uint32_t proxy_ssl_protocols;         /* tls_version bits */
    struct config_text proxy_ssl_ciphers; /* OpenSSL's cipher list */
    struct slice proxy_ssl_name;          /* without port; empty: the host of proxy_pass */
    struct config_file proxy_ssl_trusted; /* none: the system's certificates */
    /* TLS; server level */
    uint32_t ssl_protocols;            /* tls_version bits */
    struct config_text ssl_ciphers;    /* OpenSSL's cipher list */
    struct config_text ssl_ecdh_curve; /* OpenSSL's group list */
    enum config_verify ssl_verify_client;
    uint32_t ssl_verify_depth;
    struct diag_place ssl_verify_client_place;
    struct config_file ssl_client_certificate;
    struct config_file ssl_trusted_certificate;
};

struct config_return {
    int status;                  /* 0: there is no `return` */
    struct config_template text; /* the body, or the Location for a redirect */
    bool is_redirect;            /* 301, 302, 303, 307, 308 with an URL */
};

enum config_location_kind {
    LOCATION_PREFIX,
    LOCATION_EXACT,        /* = */
    LOCATION_PREFIX_FINAL, /* ^~ */
    LOCATION_REGEX,        /* ~ */
    LOCATION_REGEX_NOCASE  /* ~* */
};

struct config_proxy {
    uint32_t upstream; /* index into the tenant's upstreams: the one of this location's transport */
    bool is_tls;       /* https:// */
    bool has_uri;      /* the URI replaces the matched part of the path */
    struct slice uri;
    struct slice host; /* $proxy_host: as written behind the scheme */
    struct diag_place place;
};

struct config_location {
    enum config_location_kind kind;
    struct slice pattern; /* decoded path, or the regular expression */
    struct diag_place place;
    const struct config_settings *settings;
    struct config_return answer; /* `return` */
    bool has_proxy;
    struct config_proxy proxy;
};

struct config_server {
    struct config_name *names; /* at least one; "" when there was no server_name */
    uint32_t name_count;
    struct config_certificate *certificates;
    uint32_t certificate_count;
    const struct config_verification *verification; /* NULL: clients need no certificate */
    struct config_location *locations;              /* in the file's order */
    uint32_t location_count;
    const struct config_settings *settings;
    struct config_return answer; /* `return` at server level goes before any location */
    struct diag_place place;
};

/* One `server` line of an upstream; a name may stand for several addresses. */
struct config_endpoint {
    struct slice text; /* as written: "127.0.0.1:9000", "unix:/run/app.sock", "app.internal:80" */
    struct slice host; /* to resolve; empty when address is set */
    uint16_t port;
    struct address address; /* len 0: host must be resolved */
    uint32_t weight;
    uint32_t max_fails;  /* 0: never marked as failed */
    double fail_timeout; /* seconds */
    uint32_t max_conns;  /* exchanges at a time, over all workers; 0: no limit */
    bool backup;
    bool down;
    const struct config_netns *netns; /* where it is; NULL: the host's; never NETNS_HOST */
    struct diag_place place;
};

/* How the connections of a location to its upstream are made. One that differs in it is another
 * connection: an upstream that locations use in several ways is in the list once for each. */
struct config_transport {
    bool is_tls;
    bool http2; /* prior knowledge, or offered by ALPN when is_tls */
    /* only when is_tls */
    bool verify;
    bool sends_name; /* as SNI */
    bool reuses_sessions;
    uint32_t verify_depth;
    uint32_t protocols; /* tls_version bits */
    struct config_text ciphers;
    struct slice name;       /* what the certificate must be for; empty when not verify */
    struct slice trusted;    /* absolute path; empty: the system's, or not verify */
    struct slice identity;   /* all of the above as one text: equal means equal */
    struct diag_place place; /* of the proxy_pass that was first to want it */
    struct diag_place trusted_place;
};

/* The zone in which exchanges are counted for max_conns; there is one where a server has it. */
#define CONFIG_MAX_CONNS SLICE(".max_conns")

/* As many idle connections are kept as were needed of late. */
#define CONFIG_KEEPALIVE_FOLLOWS UINT32_MAX

struct config_upstream {
    struct slice name; /* or the address that proxy_pass names */
    bool implicit;     /* made for a proxy_pass that names an address */
    bool is_variant;   /* one before it in the list has the same endpoints, another transport */
    const struct config_transport *transport; /* NULL: HTTP/1.1 without TLS */
    struct config_endpoint *endpoints;
    uint32_t endpoint_count;
    uint32_t keepalive;   /* idle connections that a worker keeps, or the constant above */
    uint32_t queue;       /* requests that wait in each worker for a server; 0: none does */
    double queue_timeout; /* seconds */
};

/* A table in memory that all workers of a tenant share. Names are unique in a tenant, whatever the
 * kind; those of nsgate's own tables begin with a '.', which no directive can give. */
enum config_zone_kind { ZONE_COUNTS, ZONE_RATES };

struct config_zone {
    enum config_zone_kind kind;
    struct slice name;
    struct slice identity; /* name and key as written: an equal zone keeps its content */
    uint64_t size;         /* bytes */
    struct config_template key;
    uint32_t rate; /* ZONE_RATES: thousandths a second */
    struct diag_place place;
};

/* How often something may be done. */
struct config_rate {
    uint32_t rate;  /* thousandths a second; 0: as often as anybody likes */
    uint32_t burst; /* thousandths: how much at once, beyond the rate */
};

/* The zones of max_handshakes and handshake_rate, each only where its limit is set. */
#define CONFIG_HANDSHAKES        SLICE(".handshakes")
#define CONFIG_CLIENT_HANDSHAKES SLICE(".client_handshakes")
#define CONFIG_TENANT_HANDSHAKES SLICE(".tenant_handshakes")

struct config_tenant {
    struct arena arena;
    struct slice name;
    struct config_netns netns;
    uint32_t max_connections;
    uint32_t max_handshakes;              /* in progress at once; 0: no limit */
    struct config_rate client_handshakes; /* begun by a client, an address prefix */
    struct config_rate tenant_handshakes; /* begun by all clients together */
    uint32_t cpu_weight;                  /* of the tenant's share of each worker's time */
    uint64_t max_memory;                  /* bytes in each worker; 0: no limit */
    struct config_listen *listens;
    uint32_t listen_count;
    struct config_server *servers;
    uint32_t server_count;
    struct config_upstream *upstreams;
    uint32_t upstream_count;
    struct config_zone *zones;
    uint32_t zone_count;
    struct config_log_destination *log_destinations;
    uint32_t log_destination_count;
};

/* What a tenant's model is made of. */
struct config_tenant_source {
    struct slice name;
    struct slice folder;                 /* what relative paths start from */
    const struct config_block *defaults; /* the main file's; NULL when there are none */
    const struct config_block *root;     /* the tree of the tenant's file */
};

/* Builds a tenant's model, telling all errors, warnings and notices. Texts are copied: the source
 * may go. The same source gives the same model in every process. Returns 0 or ERROR_CONFIG; free
 * the model in both cases. */
int config_tenant_build(struct config_tenant *model, const struct config_tenant_source *source,
                        struct diag_list *diags);
void config_tenant_free(struct config_tenant *model);

/* Tenant names are [A-Za-z0-9._-]{1,64}. */
bool config_tenant_name_is_valid(struct slice name);

#endif
