/* SPDX-License-Identifier: MIT */
/* Directives that nginx has and nsgate refuses by name. */
#include "grammar_internal.h"

#define NO_FILES                                                                                   \
    "is not supported yet: no files are served; \"proxy_pass\" and \"return\" answer requests"
#define ONLY_HTTP "is not supported yet: backends are spoken to in HTTP"
#define BOUNDED   "connections are bounded per tenant by \"max_connections\""

/* Those of which more can be said. */
static const struct {
    const char *name;
    const char *refusal;
} told[] = {
    {"alias", NO_FILES},
    {"events", "is not supported: there is no such block; " BOUNDED},
    {"fastcgi_pass", ONLY_HTTP},
    {"http", "is not supported: what stands in it is the top of a tenant's file"},
    {"if", "is not supported yet: a condition is a location or a server of its own"},
    {"index", NO_FILES},
    {"memcached_pass", ONLY_HTTP},
    {"rewrite",
     "is not supported yet: \"return\" redirects, and the URI of \"proxy_pass\" replaces a prefix"},
    {"root", NO_FILES},
    {"scgi_pass", ONLY_HTTP},
    {"ssl", "is not supported: it is \"listen ADDRESS ssl;\""},
    {"try_files", NO_FILES},
    {"uwsgi_pass", ONLY_HTTP},
    {"worker_connections", "is not supported: " BOUNDED},
};

/* A family begins a line. */
/* clang-format off */
static const char *const later[] = {
    /* proxy */
    "proxy_bind", "proxy_buffer_size", "proxy_buffers", "proxy_busy_buffers_size", "proxy_cache",
    "proxy_cache_background_update", "proxy_cache_bypass", "proxy_cache_convert_head",
    "proxy_cache_key", "proxy_cache_lock", "proxy_cache_lock_age", "proxy_cache_lock_timeout",
    "proxy_cache_max_range_offset", "proxy_cache_methods", "proxy_cache_min_uses",
    "proxy_cache_path", "proxy_cache_purge", "proxy_cache_revalidate", "proxy_cache_use_stale",
    "proxy_cache_valid", "proxy_cookie_domain", "proxy_cookie_flags", "proxy_cookie_path",
    "proxy_force_ranges", "proxy_ignore_client_abort", "proxy_ignore_headers",
    "proxy_intercept_errors", "proxy_limit_rate", "proxy_max_temp_file_size", "proxy_method",
    "proxy_next_upstream_timeout", "proxy_next_upstream_tries", "proxy_no_cache",
    "proxy_pass_header", "proxy_pass_request_body", "proxy_pass_request_headers",
    "proxy_pass_trailers", "proxy_protocol", "proxy_protocol_timeout", "proxy_send_lowat",
    "proxy_set_body", "proxy_socket_keepalive", "proxy_ssl_certificate",
    "proxy_ssl_certificate_key", "proxy_ssl_conf_command", "proxy_ssl_crl",
    "proxy_ssl_password_file", "proxy_store", "proxy_store_access", "proxy_temp_file_write_size",
    "proxy_temp_path",
    /* TLS */
    "ssl_buffer_size", "ssl_conf_command", "ssl_crl", "ssl_dhparam", "ssl_early_data", "ssl_engine",
    "ssl_ocsp", "ssl_ocsp_cache", "ssl_ocsp_responder", "ssl_password_file",
    "ssl_prefer_server_ciphers", "ssl_reject_handshake", "ssl_session_cache",
    "ssl_session_ticket_key", "ssl_session_tickets", "ssl_session_timeout", "ssl_stapling",
    "ssl_stapling_file", "ssl_stapling_responder", "ssl_stapling_verify",
    /* HTTP/2 and HTTP/3 */
    "http2_body_preread_size", "http2_chunk_size", "http2_idle_timeout",
    "http2_max_concurrent_pushes", "http2_max_field_size", "http2_max_header_size",
    "http2_max_requests", "http2_push", "http2_push_preload", "http2_recv_buffer_size",
    "http2_recv_timeout", "http3",
    /* other backends */
    "fastcgi_cache", "fastcgi_param", "fastcgi_read_timeout", "grpc_pass", "grpc_read_timeout",
    "grpc_set_header", "grpc_ssl_certificate", "uwsgi_param",
    /* upstreams */
    "hash", "health_check", "ip_hash", "keepalive_time", "least_conn", "least_time", "ntlm",
    "random", "state", "sticky", "sticky_cookie_insert", "upstream_conf", "zone",
    "zone_sync",
    /* limits */
    "limit_except", "limit_zone",
    /* access */
    "allow", "auth_basic", "auth_basic_user_file", "auth_delay", "auth_http", "auth_jwt",
    "auth_request", "auth_request_set", "deny", "real_ip_header", "real_ip_recursive",
    "referer_hash_bucket_size", "satisfy", "secure_link", "secure_link_md5", "secure_link_secret",
    "set_real_ip_from", "valid_referers",
    /* content */
    "acme_certificate", "acme_issuer", "add_after_body", "add_before_body", "add_trailer",
    "addition_types", "autoindex", "autoindex_exact_size", "autoindex_format",
    "autoindex_localtime", "charset", "charset_map", "charset_types", "create_full_put_path",
    "dav_access", "dav_methods", "empty_gif", "etag", "expires", "f4f", "flv", "hls",
    "if_modified_since", "image_filter", "js_content", "js_import", "keyval", "min_delete_depth",
    "mirror", "mirror_request_body", "mp4", "override_charset", "perl", "perl_modules", "perl_set",
    "random_index", "source_charset", "ssi", "ssi_types", "stub_status", "sub_filter",
    "sub_filter_last_modified", "sub_filter_once", "sub_filter_types", "userid", "userid_domain",
    "userid_expires", "userid_name", "userid_path", "xml_entities", "xslt_stylesheet",
    /* compression */
    "gunzip", "gzip", "gzip_buffers", "gzip_comp_level", "gzip_disable", "gzip_http_version",
    "gzip_min_length", "gzip_proxied", "gzip_static", "gzip_types", "gzip_vary",
    /* variables and rewriting */
    "ancient_browser", "ancient_browser_value", "break", "geo", "geoip_city", "geoip_country",
    "geoip_org", "map", "map_hash_bucket_size", "map_hash_max_size", "modern_browser",
    "modern_browser_value", "msie_padding", "msie_refresh", "rewrite_log", "set", "split_clients",
    "uninitialized_variable_warn", "variables_hash_bucket_size", "variables_hash_max_size",
    /* logs */
    "debug_connection", "debug_points", "log_not_found", "log_subrequest", "open_log_file_cache",
    /* files */
    "aio", "aio_write", "default_type", "directio", "directio_alignment", "disable_symlinks",
    "max_ranges", "open_file_cache", "open_file_cache_errors", "open_file_cache_min_uses",
    "open_file_cache_valid", "output_buffers", "read_ahead", "sendfile", "sendfile_max_chunk",
    "thread_pool", "types", "types_hash_bucket_size", "types_hash_max_size",
    /* processes */
    "accept_mutex", "accept_mutex_delay", "env", "load_module", "lock_file", "master_process",
    "multi_accept", "pcre_jit", "timer_resolution", "use", "worker_aio_requests",
    "worker_cpu_affinity", "worker_priority", "worker_rlimit_core", "worker_rlimit_nofile",
    "working_directory",
    /* other protocols */
    "mail", "stream",
    /* requests and responses */
    "absolute_redirect", "chunked_transfer_encoding", "client_body_buffer_size",
    "client_body_in_file_only", "client_body_in_single_buffer", "client_body_temp_path",
    "client_header_buffer_size", "connection_pool_size", "error_page", "ignore_invalid_headers",
    "internal", "keepalive_disable", "lingering_close", "lingering_time", "lingering_timeout",
    "merge_slashes", "port_in_redirect", "postpone_output", "preread_buffer_size",
    "recursive_error_pages", "request_pool_size", "reset_timedout_connection", "resolver",
    "resolver_timeout", "send_lowat", "server_name_in_redirect", "server_tokens",
    "subrequest_output_buffer_size", "tcp_nodelay", "tcp_nopush", "underscores_in_headers",
};
/* clang-format on */

const char *grammar_refusal(struct slice name)
{
    for (unsigned i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        if (slice_equal(name, slice_of(told[i].name)))
            return told[i].refusal;
    }
    for (unsigned i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (slice_equal(name, slice_of(later[i])))
            return "is not supported yet";
    }
    return NULL;
}
