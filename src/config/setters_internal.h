/* SPDX-License-Identifier: MIT */
/* The setters that the grammar's table names. */
#ifndef CONFIG_SETTERS_INTERNAL_H
#define CONFIG_SETTERS_INTERNAL_H

#include "grammar_internal.h"

/* Generic: the rule tells the field and its range. */
rule_setter set_time;   /* double, seconds */
rule_setter set_size;   /* uint64_t, bytes; where there is a rule->word, it and 0 are "none" */
rule_setter set_number; /* uint32_t; rule->word stands for 0 */
rule_setter set_flag;   /* bool: on, off */
rule_setter set_text;   /* struct config_text, not empty */
rule_setter set_path;   /* struct slice, absolute */
rule_setter set_idiom;  /* nothing: rule->word is how nsgate works anyway, others are errors */
rule_setter set_usual;  /* the same, but other values are warnings */
rule_setter set_tuning; /* nothing: a warning that it has no effect */

/* settings.c */
rule_setter set_keepalive_timeout;
rule_setter set_header_buffers;
rule_setter set_next_upstream;
rule_setter set_ssl_protocols; /* uint32_t */

/* headers.c */
rule_setter set_proxy_header;
rule_setter set_add_header;
rule_setter set_hide_header;

/* process.c */
rule_setter set_user;
rule_setter set_error_log;
rule_setter set_container_socket;
rule_setter set_tenants;
rule_setter set_sandbox;
rule_setter set_defaults;
rule_setter set_main_log_format; /* as if it stood in `defaults` */

/* observe.c */
rule_setter set_observe;

/* limits.c */
rule_setter set_limit_req;
rule_setter set_limit_conn;
rule_setter set_limit_level;   /* enum log_level */
rule_setter set_variable_size; /* struct config_size */

/* log/access_log.c */
rule_setter set_access_log;

/* log/format.c */
rule_setter set_log_format;

/* zones.c */
rule_setter set_limit_req_zone;
rule_setter set_limit_conn_zone;

/* netns.c */
rule_setter set_netns;

/* upstream.c */
rule_setter set_upstream;
rule_setter set_endpoint;
rule_setter set_queue;

/* server.c */
rule_setter set_server;
rule_setter set_server_name;
rule_setter set_certificate;
rule_setter set_certificate_key;
rule_setter set_certificate_file; /* struct config_file, of the settings */

/* verification.c */
rule_setter set_verify_client;

/* handshakes.c */
rule_setter set_handshake_rate;

/* listen.c */
rule_setter set_listen;

/* location.c */
rule_setter set_location;
rule_setter set_return;

/* proxy.c */
rule_setter set_proxy_pass;

/* transport.c */
rule_setter set_http_version;
rule_setter set_proxy_ssl_name;
rule_setter set_proxy_ssl_server_name;

#endif
