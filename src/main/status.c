/* SPDX-License-Identifier: MIT */
/* From the lines of the control socket to one JSON object. */
#include "status_internal.h"

#include "base/slice.h"
#include "http/characters.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- values ---- */

/* Undoes \xHH in place. */
static void status_unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        bool is_escape = from[0] == '\\' && from[1] == 'x' && http_hex_digit(from[2]) >= 0 &&
                         http_hex_digit(from[3]) >= 0;

        *to = is_escape ? (char)(http_hex_digit(from[2]) * 16 + http_hex_digit(from[3])) : *from;
        from += is_escape ? 4 : 1;
    }
    *to = '\0';
}

/* JSON is UTF-8 (RFC 8259 section 8.1), file names need not be: those stay as they were sent. */
static json_t *status_text(const char *value)
{
    char *plain = strdup(value);
    json_t *json = NULL;

    if (plain) {
        status_unescape(plain);
        json = json_string(plain);
        free(plain);
    }
    return json ? json : json_string(value);
}

static json_t *status_number(const char *value)
{
    return json_integer(strtoll(value, NULL, 10));
}

/* 0 stands for none. */
static json_t *status_number_or_none(const char *value)
{
    return strcmp(value, "0") == 0 ? json_null() : status_number(value);
}

static json_t *status_text_or_none(const char *value)
{
    return *value ? status_text(value) : json_null();
}

static json_t *status_truth(const char *value)
{
    return json_boolean(strcmp(value, "0") != 0);
}

/* RFC 3339, in UTC. */
static json_t *status_time(const char *value)
{
    time_t seconds = (time_t)strtoll(value, NULL, 10);
    struct tm parts;
    char text[64];

    if (seconds == 0 || !gmtime_r(&seconds, &parts) ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        return json_null();
    return json_string(text);
}

/* ---- lines ---- */

/* The fields of the control socket's lines, and what operators call them. */
static const struct {
    const char *field;
    const char *key;
    json_t *(*make)(const char *value);
} status_values[] = {
    {"version", "version", status_text},
    {"pid", "pid", status_number},
    {"uptime", "uptime", status_number},
    {"workers", "workers", status_number},
    {"partial", "partial", status_truth},
    {"sandbox", "sandbox", status_text},
    {"landlock", "landlock", status_number_or_none},
    {"name", "tenant", status_text},
    {"netns", "namespace", status_text},
    {"inode", "inode", status_number_or_none},
    {"state", "state", status_text},
    {"bound", "bound", status_number},
    {"listeners", "listeners", status_number},
    {"connections", "connections", status_number},
    {"draining", "draining", status_number},
    {"requests", "requests", status_number},
    {"refused", "refused_handshakes", status_number},
    {"expires", "certificate_expiry", status_time},
    {"generation", "generation", status_number},
    {"error", "last_error", status_text_or_none},
};

static void status_put(json_t *object, const char *field, const char *value)
{
    for (size_t i = 0; i < sizeof(status_values) / sizeof(status_values[0]); i++) {
        if (strcmp(status_values[i].field, field) == 0)
            json_object_set_new(object, status_values[i].key, status_values[i].make(value));
    }
}

/* A line's FIELD=VALUE parts. */
static void status_put_all(json_t *object, const struct answer *answer)
{
    for (unsigned i = 1; i < answer->count; i++) {
        char *value = answer->fields[i];
        const char *field = strsep(&value, "=");

        if (value)
            status_put(object, field, value);
    }
}

static void status_take(json_t *gateway, json_t *tenants, const struct answer *answer)
{
    if (answer_is(answer, "gateway", 1)) {
        status_put_all(gateway, answer);
    } else if (answer_is(answer, "tenant", 1)) {
        json_t *tenant = json_object();

        status_put_all(tenant, answer);
        json_array_append_new(tenants, tenant);
    }
}

int status_show(struct talk *talk, bool json)
{
    json_t *gateway = json_object();
    json_t *tenants = json_array();
    struct answer answer;
    int status = EXIT_FAILURE;
    bool has_ended = false;

    while (!has_ended && talk_read(talk, &answer) == 0) {
        status_take(gateway, tenants, &answer);
        has_ended = answer_ends(&answer, &status);
    }
    json_object_set_new(gateway, "tenants", tenants);
    if (!has_ended) {
        fprintf(stderr, "nsgate: the running nsgate went away before it had told all\n");
        status = EXIT_FAILURE;
    } else if (!json_object_get(gateway, "pid")) {
        status = EXIT_FAILURE; /* it has told why */
    } else if (json) {
        json_dumpf(gateway, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        table_print(gateway);
    }
    json_decref(gateway);
    return status;
}
