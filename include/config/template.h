/* SPDX-License-Identifier: MIT */
/* Texts with $variables, taken apart once, so that a request only joins the parts. */
#ifndef CONFIG_TEMPLATE_H
#define CONFIG_TEMPLATE_H

#include "base/arena.h"
#include "base/diag.h"

/* X(NAME, "name") in the order of docs/CONFIG.md; the PREFIX ones carry the rest of their name. */
#define CONFIG_VARIABLES(X)                                                                        \
    X(HOST, "host")                                                                                \
    X(REQUEST, "request")                                                                          \
    X(REQUEST_METHOD, "request_method")                                                            \
    X(REQUEST_URI, "request_uri")                                                                  \
    X(URI, "uri")                                                                                  \
    X(DOCUMENT_URI, "document_uri")                                                                \
    X(ARGS, "args")                                                                                \
    X(IS_ARGS, "is_args")                                                                          \
    X(QUERY_STRING, "query_string")                                                                \
    X(SCHEME, "scheme")                                                                            \
    X(SERVER_NAME, "server_name")                                                                  \
    X(SERVER_ADDR, "server_addr")                                                                  \
    X(SERVER_PORT, "server_port")                                                                  \
    X(SERVER_PROTOCOL, "server_protocol")                                                          \
    X(REMOTE_ADDR, "remote_addr")                                                                  \
    X(BINARY_REMOTE_ADDR, "binary_remote_addr")                                                    \
    X(REMOTE_PORT, "remote_port")                                                                  \
    X(REMOTE_USER, "remote_user")                                                                  \
    X(PROXY_ADD_X_FORWARDED_FOR, "proxy_add_x_forwarded_for")                                      \
    X(PROXY_HOST, "proxy_host")                                                                    \
    X(CONTENT_LENGTH, "content_length")                                                            \
    X(CONTENT_TYPE, "content_type")                                                                \
    X(REQUEST_ID, "request_id")                                                                    \
    X(REQUEST_LENGTH, "request_length")                                                            \
    X(REQUEST_COMPLETION, "request_completion")                                                    \
    X(PIPE, "pipe")                                                                                \
    X(STATUS, "status")                                                                            \
    X(BODY_BYTES_SENT, "body_bytes_sent")                                                          \
    X(BYTES_SENT, "bytes_sent")                                                                    \
    X(REQUEST_TIME, "request_time")                                                                \
    X(MSEC, "msec")                                                                                \
    X(TIME_ISO8601, "time_iso8601")                                                                \
    X(TIME_LOCAL, "time_local")                                                                    \
    X(UPSTREAM_ADDR, "upstream_addr")                                                              \
    X(UPSTREAM_STATUS, "upstream_status")                                                          \
    X(UPSTREAM_RESPONSE_TIME, "upstream_response_time")                                            \
    X(UPSTREAM_QUEUE_TIME, "upstream_queue_time")                                                  \
    X(UPSTREAM_QUEUE_REASON, "upstream_queue_reason")                                              \
    X(UPSTREAM_CONNECT_TIME, "upstream_connect_time")                                              \
    X(UPSTREAM_HEADER_TIME, "upstream_header_time")                                                \
    X(UPSTREAM_BYTES_SENT, "upstream_bytes_sent")                                                  \
    X(UPSTREAM_BYTES_RECEIVED, "upstream_bytes_received")                                          \
    X(UPSTREAM_RESPONSE_LENGTH, "upstream_response_length")                                        \
    X(CONNECTION, "connection")                                                                    \
    X(CONNECTION_REQUESTS, "connection_requests")                                                  \
    X(CONNECTION_TIME, "connection_time")                                                          \
    X(CLOSE_REASON, "close_reason")                                                                \
    X(HTTP2, "http2")                                                                              \
    X(TLS_HANDSHAKE_TIME, "tls_handshake_time")                                                    \
    X(TLS_FAILURE, "tls_failure")                                                                  \
    X(SSL_PROTOCOL, "ssl_protocol")                                                                \
    X(SSL_CIPHER, "ssl_cipher")                                                                    \
    X(SSL_CURVE, "ssl_curve")                                                                      \
    X(SSL_ALPN_PROTOCOL, "ssl_alpn_protocol")                                                      \
    X(SSL_SERVER_NAME, "ssl_server_name")                                                          \
    X(SSL_SESSION_REUSED, "ssl_session_reused")                                                    \
    X(SSL_CLIENT_VERIFY, "ssl_client_verify")                                                      \
    X(SSL_CLIENT_S_DN, "ssl_client_s_dn")                                                          \
    X(SSL_CLIENT_I_DN, "ssl_client_i_dn")                                                          \
    X(SSL_CLIENT_SERIAL, "ssl_client_serial")                                                      \
    X(SSL_CLIENT_FINGERPRINT, "ssl_client_fingerprint")                                            \
    X(LIMIT_REQ_STATUS, "limit_req_status")                                                        \
    X(LIMIT_CONN_STATUS, "limit_conn_status")                                                      \
    X(LIMIT_RATE, "limit_rate")                                                                    \
    X(HOSTNAME, "hostname")                                                                        \
    X(PID, "pid")                                                                                  \
    X(TENANT, "tenant")                                                                            \
    X(NETNS, "netns")

enum config_variable {
    VARIABLE_LITERAL, /* no variable: the part's text itself */
    VARIABLE_HTTP,    /* $http_NAME: text is the field's name, lower case, with '-' for '_' */
    VARIABLE_ARG,     /* $arg_NAME: text is NAME */
    VARIABLE_COOKIE,  /* $cookie_NAME: text is NAME */
    /* of the response as it was sent, and as the server sent it; text as of VARIABLE_HTTP */
    VARIABLE_SENT_HTTP,
    VARIABLE_UPSTREAM_HTTP,
#define X(name, text) VARIABLE_##name,
    CONFIG_VARIABLES(X)
#undef X
};

struct config_part {
    enum config_variable variable;
    struct slice text;
};

/* Owned by the arena it was made in. One literal part when there is no variable; no part at all
 * for the empty text. */
struct config_template {
    struct config_part *parts;
    uint32_t count;
};

/* Takes text apart. An unknown variable or an unclosed `${` is an error at place, and the nearest
 * known name is told. Returns 0 or ERROR_CONFIG. */
int config_template_parse(struct config_template *template, struct arena *arena, struct slice text,
                          struct diag_place place, struct diag_list *diags);

#endif
