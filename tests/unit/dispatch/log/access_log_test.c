/* SPDX-License-Identifier: MIT */
/* access_log: which lines an exchange writes when it is over, where they go, and their status. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"

/* The lines of one request: each with its destination before it. */
static const char *lines_of(struct rig *rig, const char *target, const char *fields)
{
    rig->lines_len = 0;
    rig->lines[0] = '\0';
    rig_get(rig, target, fields);
    rig_end(rig);
    return rig->lines;
}

static void open_with(struct rig *rig, const char *format, const char *rest)
{
    char text[2048];
    snprintf(text, sizeof text,
             "log_format f %s; server { listen 10.0.0.1:80; server_name acme.test; %s }\n", format,
             rest);
    rig_open(rig, text);
}

Test(access_log, writes_nothing_unless_it_is_asked_to)
{
    struct rig rig;
    open_with(&rig, "$uri", "location / { return 204; }");
    cr_expect_str_eq(lines_of(&rig, "/", ""), "");
    cr_expect_null(rig.shared->line);
    rig_close(&rig);
}

Test(access_log, combined)
{
    struct rig rig;
    char begin[64], end[128], time[64];
    rig_open(&rig, "access_log /l; server { listen 10.0.0.1:80; location / { return 200 ok; } }\n");
    const char *line =
        lines_of(&rig, "/a?b", "User-Agent: one\r\nAuthorization: Basic bWU6aXQ=\r\n");
    cr_assert_eq(sscanf(line, "%63[^[][%63[^]]] %127[^\n]", begin, time, end), 3, "%s", line);
    cr_expect_str_eq(begin, "100:192.0.2.1 - me ");
    cr_expect_str_eq(end, "\"GET /a?b HTTP/1.1\" 200 0 \"-\" \"one\"");
    rig_close(&rig);
}

Test(access_log, several_lines_and_conditions)
{
    struct rig rig;
    rig_open(&rig, "log_format f '$uri'; log_format g '<$status>';\n"
                   "access_log /l f; access_log /m g if=$arg_log; access_log /l g;\n"
                   "server { listen 10.0.0.1:80; location / { return 204; }\n"
                   "  location /off { access_log off; return 204; }\n"
                   "  location /own { access_log stderr f; return 204; } }\n");
    cr_expect_str_eq(lines_of(&rig, "/x", ""), "100:/x\n100:<204>\n");
    cr_expect_str_eq(lines_of(&rig, "/x?log=0", ""), "100:/x\n100:<204>\n");
    cr_expect_str_eq(lines_of(&rig, "/x?log=", ""), "100:/x\n100:<204>\n");
    cr_expect_str_eq(lines_of(&rig, "/x?log=00", ""), "100:/x\n101:<204>\n100:<204>\n");
    cr_expect_str_eq(lines_of(&rig, "/off", ""), "");
    cr_expect_str_eq(lines_of(&rig, "/own", ""), "102:/own\n");
    rig_close(&rig);
}

Test(access_log, a_clients_bytes_forge_no_line)
{
    static const char *const escapes[] = {"default", "json", "none"};
    for (unsigned i = 0; i < 3; i++) {
        struct rig rig;
        char format[64];
        snprintf(format, sizeof format, "escape=%s '<$uri>'", escapes[i]);
        open_with(&rig, format, "access_log /l f; location / { return 204; }");
        const char *line = lines_of(&rig, "/a%0a100:forged%0d%0a", "");
        cr_expect_eq(strchr(line, '\n'), line + strlen(line) - 1, "%s: %s", escapes[i], line);
        cr_expect_null(strchr(line, '\r'));
        rig_close(&rig);
    }
}

Test(access_log, status_of_who_gets_no_answer)
{
    struct rig rig;
    open_with(&rig, "'$status $upstream_status $upstream_addr'",
              "access_log /l f; location / { proxy_pass http://127.0.0.1:9000; }");
    rig_get(&rig, "/", "");
    rig.exchange->error = ERROR_CLIENT_GONE;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:499 - 127.0.0.1:9000\n");

    rig.lines_len = 0;
    rig_get(&rig, "/", "");
    rig.exchange->error = ERROR_DRAINING;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:000 - 127.0.0.1:9000\n");

    rig.lines_len = 0;
    rig_get(&rig, "/", "");
    rig_answer(&rig, OK);
    rig.exchange->error = ERROR_CLIENT_GONE;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:200 200 127.0.0.1:9000\n", "the client has its status");
    rig_close(&rig);
}

/* Whose head is wrong has a line of the server that the handshake named, or of the default one. */
Test(access_log, of_what_was_not_dispatched)
{
    struct rig rig;
    rig_open(&rig, "log_format f '$server_name $status [$request] $tls_failure';\n"
                   "server { listen 10.0.0.1:80; server_name one.test; access_log /l f; }\n"
                   "server { listen 10.0.0.1:80; server_name two.test; access_log /l f; }\n");
    for (unsigned named = 0; named < 2; named++) {
        rig_begin(&rig);
        rig.exchange->request.line = SLICE("\x16\x03\x01 \"");
        rig.client.tls_server_name = SLICE("Two.Test");
        rig.origin.sent_server_name = named == 1;
        dispatch_attend(rig.exchange, (struct backends *)&rig, &rig.origin);
        dispatch_refuse(rig.exchange, ERROR_REQUEST_LINE);
        rig_end(&rig);
    }
    cr_expect_str_eq(rig.lines, "100:one.test 400 [\\x16\\x03\\x01 \\x22] -\n"
                                "100:two.test 400 [\\x16\\x03\\x01 \\x22] -\n");

    rig.lines_len = 0;
    rig_begin(&rig);
    dispatch_attend(rig.exchange, (struct backends *)&rig, &rig.origin);
    rig.exchange->error = ERROR_CLIENT_GONE;
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:two.test 400 [-] -\n", "it left in the middle of its head");
    rig_close(&rig);
}

Test(access_log, handshakes_only_if_they_are_wanted)
{
    for (unsigned wanted = 0; wanted < 2; wanted++) {
        struct rig rig;
        rig_open(&rig, "log_format f '$status [$request] $close_reason: $tls_failure';\n"
                       "access_log /l f; server { listen 10.0.0.1:80; return 204; }\n");
        ((struct config_settings *)rig.tenant->servers[0].config->settings)->access_log_handshakes =
            wanted == 1;
        rig.client.is_tls = true;
        rig.client.tls_seconds = -1;
        rig.client.closed = CLOSE_HANDSHAKE;
        rig_begin(&rig);
        dispatch_attend(rig.exchange, (struct backends *)&rig, &rig.origin);
        rig.exchange->error = ERROR_TLS;
        rig.exchange->reason = SLICE("no shared cipher");
        rig_end(&rig);
        cr_expect_str_eq(rig.lines, wanted ? "100:000 [-] handshake: no shared cipher\n" : "");
        rig_close(&rig);
    }
}

Test(access_log, json_stays_json_when_values_are_cut)
{
    struct rig rig;
    static char value[8000];
    memset(value, '"', sizeof value - 1);
    open_with(
        &rig,
        "escape=json "
        "'{\"a\":\"$http_a$http_a$http_a$http_a$http_a\",\"b\":\"$http_a\",\"status\":$status}'",
        "access_log /l f; location / { return 204; }");
    static char request[9000];
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: acme.test\r\nA: %s\r\n\r\n", value);
    rig_send(&rig, request);
    rig_end(&rig);
    cr_expect_leq(rig.lines_len, DISPATCH_LINE_MAX + 4);
    cr_expect_gt(rig.lines_len, DISPATCH_LINE_MAX - 64);
    const char *end = strstr(rig.lines, "...\",\"status\":204}\n");
    cr_assert_not_null(end);
    cr_expect_eq(strlen(end), 19);
    rig_close(&rig);
}

Test(access_log, json_has_a_number_for_no_status)
{
    struct rig rig;
    open_with(&rig, "escape=json '$status'",
              "access_log /l f; location / { proxy_pass http://127.0.0.1:9000; }");
    rig_get(&rig, "/", "");
    rig_end(&rig);
    cr_expect_str_eq(rig.lines, "100:0\n");
    rig_close(&rig);
}

/* However much a client says: who it was is told. */
Test(access_log, long_values_hide_no_address)
{
    static const struct slice address = SLICE("1111:2222:3333:4444:5555:6666:7777:8888");
    char format[1024] = "'", target[402];
    struct rig rig;
    for (unsigned i = 0; i < 200; i++)
        strcat(format, "$uri");
    strcat(format, " $remote_addr'");
    open_with(&rig, format, "access_log /l f; location / { return 204; }");
    rig.client.peer_host = address;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    target[sizeof target - 1] = '\0';
    cr_expect(strstr(lines_of(&rig, target, ""), address.data));
    rig_close(&rig);
}
