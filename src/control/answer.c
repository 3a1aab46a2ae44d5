/* SPDX-License-Identifier: MIT */
/* Lines of the control socket: cut into fields, and from those of the status to one JSON object. */
#include "control/answer.h"

#include "http/characters.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

void answer_cut(struct answer *answer, char *line)
{
    char *rest = line;

    answer->count = 0;
    while (rest && answer->count < ANSWER_FIELDS_MAX)
        answer->fields[answer->count++] = strsep(&rest, "\t");
}

bool answer_is(const struct answer *answer, const char *kind, unsigned fields)
{
    return answer->count >= fields && strcmp(answer->fields[0], kind) == 0;
}

/* ---- values ---- */

/* Undoes \xHH in place. */
static void answer_unescape(char *text)
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
static json_t *answer_text(const char *value)
{
    char *plain = strdup(value);
    json_t *json = NULL;

    if (plain) {
        answer_unescape(plain);
        json = json_string(plain);
        free(plain);
    }
    return json ? json : json_string(value);
}

static json_t *answer_number(const char *value)
{
    return json_integer(strtoll(value, NULL, 10));
}

/* 0 stands for none. */
static json_t *answer_number_or_none(const char *value)
{
    return strcmp(value, "0") == 0 ? json_null() : answer_number(value);
}

static json_t *answer_text_or_none(const char *value)
{
    return *value ? answer_text(value) : json_null();
}

static json_t *answer_truth(const char *value)
{
    return json_boolean(strcmp(value, "0") != 0);
}

/* KEY:NUMBER,KEY:NUMBER as an object. */
static json_t *answer_numbers(const char *value)
{
    json_t *object = json_object();

    while (*value) {
        size_t len = strcspn(value, ",");
        size_t key = strcspn(value, ":");

        if (key < len)
            json_object_setn_new_nocheck(object, value, key,
                                         json_integer(strtoll(value + key + 1, NULL, 10)));
        value += len + (value[len] == ',');
    }
    return object;
}

/* RFC 3339, in UTC. */
static json_t *answer_time(const char *value)
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
} answer_values[] = {
    {"version", "version", answer_text},
    {"pid", "pid", answer_number},
    {"uptime", "uptime", answer_number},
    {"workers", "workers", answer_number},
    {"ready", "workers_ready", answer_number},
    {"reload", "last_reload", answer_text_or_none},
    {"reloaded", "last_good_reload", answer_time},
    {"partial", "partial", answer_truth},
    {"sandbox", "sandbox", answer_text},
    {"landlock", "landlock", answer_number_or_none},
    {"name", "tenant", answer_text},
    {"netns", "namespace", answer_text},
    {"inode", "inode", answer_number_or_none},
    {"state", "state", answer_text},
    {"bound", "bound", answer_number},
    {"listeners", "listeners", answer_number},
    {"connections", "connections", answer_number},
    {"draining", "draining", answer_number},
    {"requests", "requests", answer_number},
    {"codes", "requests_by_code", answer_numbers},
    {"durations", "request_durations", answer_numbers},
    {"refused", "refused_handshakes", answer_number},
    {"expires", "certificate_expiry", answer_time},
    {"generation", "generation", answer_number},
    {"error", "last_error", answer_text_or_none},
    {"upstream", "upstream", answer_text},
    {"servers", "servers", answer_number},
    {"up", "up", answer_number},
};

static void answer_put(json_t *object, const char *field, const char *value)
{
    for (size_t i = 0; i < sizeof(answer_values) / sizeof(answer_values[0]); i++) {
        if (strcmp(answer_values[i].field, field) == 0)
            json_object_set_new(object, answer_values[i].key, answer_values[i].make(value));
    }
}

/* A line's FIELD=VALUE parts. */
static void answer_put_all(json_t *object, const struct answer *answer)
{
    for (unsigned i = 1; i < answer->count; i++) {
        char *value = answer->fields[i];
        const char *field = strsep(&value, "=");

        if (value)
            answer_put(object, field, value);
    }
}

/* Of the last tenant; a server's field stands there once for each. */
static void answer_put_upstream(json_t *tenants, const struct answer *answer)
{
    json_t *tenant = json_array_get(tenants, json_array_size(tenants) - 1);
    json_t *upstream = json_object(), *down = json_array();

    for (unsigned i = 1; i < answer->count; i++) {
        if (strncmp(answer->fields[i], "down=", strlen("down=")) == 0)
            json_array_append_new(down, answer_text(answer->fields[i] + strlen("down=")));
    }
    answer_put_all(upstream, answer);
    json_object_set_new(upstream, "down", down);
    json_array_append_new(json_object_get(tenant, "failing_upstreams"), upstream);
}

void answer_status_take(struct answer_status *status, const struct answer *answer)
{
    if (answer_is(answer, "gateway", 1)) {
        answer_put_all(status->gateway, answer);
    } else if (answer_is(answer, "tenant", 1)) {
        json_t *tenant = json_object();

        answer_put_all(tenant, answer);
        json_object_set_new(tenant, "failing_upstreams", json_array());
        json_array_append_new(status->tenants, tenant);
    } else if (answer_is(answer, "upstream", 1)) {
        answer_put_upstream(status->tenants, answer);
    }
}

void answer_status_init(struct answer_status *status)
{
    *status = (struct answer_status){json_object(), json_array()};
}

json_t *answer_status_end(struct answer_status *status)
{
    json_object_set_new(status->gateway, "tenants", status->tenants);
    if (json_object_get(status->gateway, "pid"))
        return status->gateway;
    json_decref(status->gateway);
    return NULL;
}
