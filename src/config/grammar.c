/* SPDX-License-Identifier: MIT */
/* The table of directives, sorted by name, and questions about it. */
#include "grammar_internal.h"

#include "config/model.h"
#include "names_internal.h"
#include "setters_internal.h"

#include <stdlib.h>

#define MAIN     CONTEXT_MAIN
#define TENANT   (CONTEXT_DEFAULTS | CONTEXT_TENANT)
#define SERVER   CONTEXT_SERVER
#define LOCATION CONTEXT_LOCATION
#define UPSTREAM CONTEXT_UPSTREAM
#define EVERY    (TENANT | SERVER | LOCATION)

#define NO_FIELD         .target = TARGET_NONE
#define IN_MAIN(field)   .target = TARGET_MAIN, .offset = offsetof(struct config_main, field)
#define IN_TENANT(field) .target = TARGET_TENANT, .offset = offsetof(struct config_tenant, field)
#define IN_SETTINGS(field)                                                                         \
    .target = TARGET_SETTINGS, .offset = offsetof(struct config_settings, field)
#define IN_UPSTREAM(field)                                                                         \
    .target = TARGET_UPSTREAM, .offset = offsetof(struct config_upstream, field)

#define ANY_SIZE  .low = 0, .high = INT64_MAX
#define YEAR      (365ULL * 24 * 3600 * 1000)
#define FROM_ZERO .low = 0, .high = YEAR
#define FROM_1MS  .low = 1, .high = YEAR

#define STREAMS "bodies stream through in both directions, nothing is buffered whole"
#define SIZES   "nsgate sizes its tables itself"

const struct rule grammar_rules[] = {
    {"access_log", EVERY, 1, ANY_COUNT, set_access_log, .repeats = true},
    {"access_log_handshakes", TENANT | SERVER, 1, 1, set_flag, IN_SETTINGS(access_log_handshakes)},
    {"add_header", EVERY, 2, 3, set_add_header, .repeats = true},
    {"client_body_timeout", EVERY, 1, 1, set_time, IN_SETTINGS(client_body_timeout), FROM_1MS},
    {"client_header_timeout", TENANT | SERVER, 1, 1, set_time, IN_SETTINGS(client_header_timeout),
     FROM_1MS},
    {"client_max_body_size", EVERY, 1, 1, set_size, IN_SETTINGS(client_max_body_size), ANY_SIZE},
    {"container_socket", MAIN, 1, 1, set_container_socket, NO_FIELD},
    {"cpu_weight", TENANT, 1, 1, set_number, IN_TENANT(cpu_weight), .low = 1, .high = 10000},
    {"daemon", MAIN, 1, 1, set_idiom, .word = "off",
     .note = "it stays in the foreground, for a service manager to watch"},
    {"defaults", MAIN, 0, 0, set_defaults, .is_block = true, .phase = 1},
    {"error_log", MAIN, 1, 2, set_error_log, NO_FIELD},
    {"handshake_rate", TENANT, 1, 4, set_handshake_rate, .repeats = true},
    {"http2", TENANT | SERVER, 1, 1, set_flag, IN_SETTINGS(http2)},
    {"http2_max_concurrent_streams", TENANT | SERVER, 1, 1, set_number,
     IN_SETTINGS(http2_max_concurrent_streams), .low = 1, .high = 65535},
    {"keepalive", UPSTREAM, 1, 1, set_number, IN_UPSTREAM(keepalive), .low = 0, .high = 65535},
    {"keepalive_requests", EVERY, 1, 1, set_number, IN_SETTINGS(keepalive_requests), .low = 1,
     .high = UINT32_MAX},
    {"keepalive_timeout", EVERY, 1, 2, set_keepalive_timeout, IN_SETTINGS(keepalive_timeout),
     FROM_ZERO},
    {"large_client_header_buffers", TENANT | SERVER, 2, 2, set_header_buffers, NO_FIELD},
    {"limit_conn", EVERY, 2, 2, set_limit_conn, .repeats = true},
    {"limit_conn_dry_run", EVERY, 1, 1, set_flag, IN_SETTINGS(limit_conn.dry_run)},
    {"limit_conn_log_level", EVERY, 1, 1, set_limit_level, IN_SETTINGS(limit_conn.level)},
    {"limit_conn_status", EVERY, 1, 1, set_number, IN_SETTINGS(limit_conn.status), .low = 400,
     .high = 599},
    {"limit_conn_zone", TENANT, 2, 2, set_limit_conn_zone, .repeats = true},
    {"limit_rate", EVERY, 1, 1, set_variable_size, IN_SETTINGS(limit_rate)},
    {"limit_rate_after", EVERY, 1, 1, set_variable_size, IN_SETTINGS(limit_rate_after)},
    {"limit_req", EVERY, 1, 3, set_limit_req, .repeats = true},
    {"limit_req_dry_run", EVERY, 1, 1, set_flag, IN_SETTINGS(limit_req.dry_run)},
    {"limit_req_log_level", EVERY, 1, 1, set_limit_level, IN_SETTINGS(limit_req.level)},
    {"limit_req_status", EVERY, 1, 1, set_number, IN_SETTINGS(limit_req.status), .low = 400,
     .high = 599},
    {"limit_req_zone", TENANT, 2, 4, set_limit_req_zone, .repeats = true},
    {"listen", SERVER, 1, ANY_COUNT, set_listen, .repeats = true},
    {"location", SERVER, 1, 2, set_location, .is_block = true, .repeats = true, .phase = 2},
    {"log_format", MAIN, 2, ANY_COUNT, set_main_log_format, .repeats = true},
    {"log_format", TENANT, 2, ANY_COUNT, set_log_format, .repeats = true},
    {"max_connections", TENANT, 1, 1, set_number, IN_TENANT(max_connections), .low = 1,
     .high = 1000000},
    {"max_handshakes", TENANT, 1, 1, set_number, IN_TENANT(max_handshakes), .low = 0,
     .high = 1000000},
    {"max_memory", TENANT, 1, 1, set_size, IN_TENANT(max_memory), .low = 1024UL * 1024,
     .high = INT64_MAX, .word = "off"},
    {"netns", CONTEXT_TENANT, 1, 1, set_netns, NO_FIELD},
    {"netns_shared", MAIN, 1, 1, set_flag, IN_MAIN(netns_shared)},
    {"observe", MAIN, 1, ANY_COUNT, set_observe, .repeats = true},
    {"pid", MAIN, 1, 1, set_path, IN_MAIN(pid_file)},
    {"proxy_buffering", EVERY, 1, 1, set_usual, .word = "off", .note = STREAMS},
    {"proxy_connect_timeout", EVERY, 1, 1, set_time, IN_SETTINGS(proxy_connect_timeout), FROM_1MS},
    {"proxy_headers_hash_bucket_size", EVERY, 1, 1, set_tuning, .note = SIZES},
    {"proxy_headers_hash_max_size", EVERY, 1, 1, set_tuning, .note = SIZES},
    {"proxy_hide_header", EVERY, 1, 1, set_hide_header, .repeats = true},
    {"proxy_http_version", EVERY, 1, 1, set_http_version, NO_FIELD},
    {"proxy_next_upstream", EVERY, 1, ANY_COUNT, set_next_upstream, NO_FIELD},
    {"proxy_pass", LOCATION, 1, 1, set_proxy_pass, NO_FIELD},
    {"proxy_read_timeout", EVERY, 1, 1, set_time, IN_SETTINGS(proxy_read_timeout), FROM_1MS},
    {"proxy_redirect", EVERY, 1, 2, set_idiom, .word = "off",
     .note = "\"Location\" goes to the client as the backend sent it"},
    {"proxy_request_buffering", EVERY, 1, 1, set_usual, .word = "off", .note = STREAMS},
    {"proxy_send_timeout", EVERY, 1, 1, set_time, IN_SETTINGS(proxy_send_timeout), FROM_1MS},
    {"proxy_set_header", EVERY, 2, 2, set_proxy_header, .repeats = true},
    {"proxy_ssl_ciphers", EVERY, 1, 1, set_text, IN_SETTINGS(proxy_ssl_ciphers)},
    {"proxy_ssl_name", EVERY, 1, 1, set_proxy_ssl_name, NO_FIELD},
    {"proxy_ssl_protocols", EVERY, 1, ANY_COUNT, set_ssl_protocols,
     IN_SETTINGS(proxy_ssl_protocols)},
    {"proxy_ssl_server_name", EVERY, 1, 1, set_proxy_ssl_server_name,
     IN_SETTINGS(proxy_ssl_server_name)},
    {"proxy_ssl_session_reuse", EVERY, 1, 1, set_flag, IN_SETTINGS(proxy_ssl_session_reuse)},
    {"proxy_ssl_trusted_certificate", EVERY, 1, 1, set_certificate_file,
     IN_SETTINGS(proxy_ssl_trusted)},
    {"proxy_ssl_verify", EVERY, 1, 1, set_flag, IN_SETTINGS(proxy_ssl_verify)},
    {"proxy_ssl_verify_depth", EVERY, 1, 1, set_number, IN_SETTINGS(proxy_ssl_verify_depth),
     .low = 0, .high = 100},
    {"queue", UPSTREAM, 1, 2, set_queue, NO_FIELD},
    {"return", SERVER | LOCATION, 1, 2, set_return, NO_FIELD},
    {"sandbox", MAIN, 1, 1, set_sandbox, NO_FIELD},
    {"send_timeout", EVERY, 1, 1, set_time, IN_SETTINGS(send_timeout), FROM_1MS},
    {"server", CONTEXT_TENANT, 0, 0, set_server, .is_block = true, .repeats = true, .phase = 2},
    {"server", UPSTREAM, 1, ANY_COUNT, set_endpoint, .repeats = true},
    {"server_name", SERVER, 1, ANY_COUNT, set_server_name, .repeats = true},
    {"server_names_hash_bucket_size", TENANT, 1, 1, set_tuning, .note = SIZES},
    {"server_names_hash_max_size", TENANT, 1, 1, set_tuning, .note = SIZES},
    {"ssl_certificate", TENANT | SERVER, 1, 1, set_certificate, .repeats = true},
    {"ssl_certificate_key", TENANT | SERVER, 1, 1, set_certificate_key, .repeats = true},
    {"ssl_ciphers", TENANT | SERVER, 1, 1, set_text, IN_SETTINGS(ssl_ciphers)},
    {"ssl_client_certificate", TENANT | SERVER, 1, 1, set_certificate_file,
     IN_SETTINGS(ssl_client_certificate)},
    {"ssl_ecdh_curve", TENANT | SERVER, 1, 1, set_text, IN_SETTINGS(ssl_ecdh_curve)},
    {"ssl_protocols", TENANT | SERVER, 1, ANY_COUNT, set_ssl_protocols, IN_SETTINGS(ssl_protocols)},
    {"ssl_trusted_certificate", TENANT | SERVER, 1, 1, set_certificate_file,
     IN_SETTINGS(ssl_trusted_certificate)},
    {"ssl_verify_client", TENANT | SERVER, 1, 1, set_verify_client, NO_FIELD},
    {"ssl_verify_depth", TENANT | SERVER, 1, 1, set_number, IN_SETTINGS(ssl_verify_depth), .low = 0,
     .high = 100},
    {"tenants", MAIN, 1, 1, set_tenants, .repeats = true},
    {"upstream", CONTEXT_TENANT, 1, 1, set_upstream, .is_block = true, .repeats = true, .phase = 1},
    {"user", MAIN, 1, 2, set_user, NO_FIELD},
    {"worker_processes", MAIN, 1, 1, set_number, IN_MAIN(worker_processes), .low = 1, .high = 256,
     .word = "auto"},
    {"worker_shutdown_timeout", MAIN, 1, 1, set_time, IN_MAIN(worker_shutdown_timeout), FROM_1MS},
    {"workers_per_tenant", MAIN, 1, 1, set_number, IN_MAIN(workers_per_tenant), .low = 1,
     .high = 256, .word = "all"},
};

const unsigned grammar_rule_count = sizeof(grammar_rules) / sizeof(grammar_rules[0]);
_Static_assert(sizeof(grammar_rules) / sizeof(grammar_rules[0]) <= GRAMMAR_RULES_MAX,
               "levels remember one directive per rule");

static int compare_rule(const void *key, const void *rule)
{
    return slice_compare(*(const struct slice *)key, slice_of(((const struct rule *)rule)->name));
}

/* The first rule of a name; several contexts may have their own. */
static const struct rule *first_rule(struct slice name)
{
    const struct rule *rule =
        bsearch(&name, grammar_rules, grammar_rule_count, sizeof(*rule), compare_rule);

    while (rule && rule > grammar_rules && slice_equal(slice_of(rule[-1].name), name))
        rule--;
    return rule;
}

static bool is_next(const struct rule *rule, struct slice name)
{
    return rule + 1 < grammar_rules + grammar_rule_count &&
           slice_equal(slice_of(rule[1].name), name);
}

const struct rule *grammar_find(struct slice name, enum context context)
{
    const struct rule *first = first_rule(name);

    for (const struct rule *rule = first; rule; rule = is_next(rule, name) ? rule + 1 : NULL) {
        if (rule->contexts & context)
            return rule;
    }
    return first;
}

static const struct context_name {
    enum context context;
    const char *name;
} context_names[] = {{CONTEXT_MAIN, "the main file"},
                     {CONTEXT_DEFAULTS, "\"defaults\""},
                     {CONTEXT_TENANT, "the top of a tenant's file"},
                     {CONTEXT_SERVER, "\"server\""},
                     {CONTEXT_LOCATION, "\"location\""},
                     {CONTEXT_UPSTREAM, "\"upstream\""}};

#define CONTEXT_COUNT (sizeof(context_names) / sizeof(context_names[0]))

const char *grammar_context_name(enum context context)
{
    for (unsigned i = 0; i < CONTEXT_COUNT; i++) {
        if (context_names[i].context == context)
            return context_names[i].name;
    }
    return "";
}

/* Adds a name to a comma-separated list. */
static struct slice append(struct arena *arena, struct slice list, const char *name)
{
    return arena_printf(arena, "%.*s%s%s", SLICE_PRINTF(list), list.len ? ", " : "", name);
}

const char *grammar_where(struct arena *arena, struct slice name)
{
    struct slice list = {"", 0};

    for (unsigned i = 0; i < CONTEXT_COUNT; i++) {
        const struct rule *rule = grammar_find(name, context_names[i].context);

        if (rule && (rule->contexts & context_names[i].context))
            list = append(arena, list, context_names[i].name);
    }
    return list.data;
}

const char *grammar_allowed(struct arena *arena, enum context context)
{
    struct slice list = {"", 0};

    for (unsigned i = 0; i < grammar_rule_count; i++) {
        /* What has no effect is not advertised. */
        if ((grammar_rules[i].contexts & context) && grammar_rules[i].set != set_tuning)
            list = append(arena, list, grammar_rules[i].name);
    }
    list = append(arena, list, "include"); /* the parser's, everywhere */
    return list.data;
}

const char *grammar_nearest(struct slice name, enum context context)
{
    struct nearest nearest = {0};

    for (unsigned i = 0; i < grammar_rule_count; i++) {
        if (grammar_rules[i].contexts & context)
            nearest_try(&nearest, name, grammar_rules[i].name);
    }
    nearest_try(&nearest, name, "include");
    for (unsigned i = 0; i < grammar_rule_count && !nearest.name; i++)
        nearest_try(&nearest, name, grammar_rules[i].name);
    return nearest.name;
}
