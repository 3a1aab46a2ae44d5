/* SPDX-License-Identifier: MIT */
/* What access_log and log_format say: which lines go where, and what they look like. */
#ifndef CONFIG_ACCESS_LOG_H
#define CONFIG_ACCESS_LOG_H

#include "base/address.h"
#include "base/diag.h"
#include "config/template.h"

/* How values are made fit for a line; the format's own text is never changed. */
enum config_log_escape {
    LOG_ESCAPE_DEFAULT, /* \xXX for '"', '\' and what is not printable; '-' for no value */
    LOG_ESCAPE_JSON,    /* fit to stand between the quotes of JSON */
    LOG_ESCAPE_NONE     /* as they are, but for control bytes */
};

/* Bytes of a format's own text, and variables in it, at most: values have room beside them. */
#define LOG_FORMAT_TEXT_MAX  16384
#define LOG_FORMAT_PARTS_MAX 512

struct config_log_format {
    struct slice name;
    enum config_log_escape escape;
    struct config_template text;
};

enum config_log_kind { LOG_TO_FILE, LOG_TO_STDERR, LOG_TO_SYSLOG };

/* A place that lines go to. A tenant has each once. */
struct config_log_destination {
    enum config_log_kind kind;
    /* All of it as one text: equal means equal, of different tenants too. */
    struct slice identity;
    struct slice path; /* LOG_TO_FILE: absolute */
    /* LOG_TO_SYSLOG */
    struct address server; /* datagrams go there, on the host's side */
    uint32_t priority;     /* RFC 3164 section 4.1.1: facility * 8 + severity */
    struct slice tag;
    bool has_hostname;
    struct diag_place place; /* where it was first named */
};

/* One access_log. */
struct config_access_log {
    uint32_t destination; /* index into the tenant's */
    const struct config_log_format *format;
    bool is_conditional;
    struct config_template condition; /* `if=`: empty and "0" write no line */
};

#endif
