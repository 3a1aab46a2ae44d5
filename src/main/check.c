/* SPDX-License-Identifier: MIT */
/* What is wrong, of all that the status says. */
#include "check_internal.h"

#include "printable_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_DAY      86400
#define CHECK_EXPIRES  30 /* days that a certificate is still good for: then it is to be renewed */
#define CHECK_LAST_DAY 1

struct checker {
    time_t now;
    FILE *lines[CHECK_UNKNOWN]; /* of each kind */
    char *text[CHECK_UNKNOWN];
    size_t len[CHECK_UNKNOWN];
};

__attribute__((format(printf, 3, 4))) static void
check_tell(struct checker *checker, enum check what, const char *format, ...)
{
    char *text;
    va_list list;
    int len;

    va_start(list, format);
    len = vasprintf(&text, format, list);
    va_end(list);
    if (len < 0)
        return;
    fputs(what == CHECK_CRITICAL ? "CRITICAL: " : "WARNING: ", checker->lines[what]);
    printable_put(checker->lines[what], text, SIZE_MAX);
    fputc('\n', checker->lines[what]);
    free(text);
}

static const char *check_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* Seconds since 1970; 0: there is none. */
static time_t check_time(const json_t *object, const char *key)
{
    struct tm parts = {0};

    return strptime(check_text(object, key), "%Y-%m-%dT%H:%M:%SZ", &parts) ? timegm(&parts) : 0;
}

/* ---- tenants ---- */

static void check_state(struct checker *checker, const json_t *tenant)
{
    const char *name = check_text(tenant, "tenant"), *state = check_text(tenant, "state");
    const char *error = check_text(tenant, "last_error");
    const char *mark = *error ? ": " : "";

    if (strcmp(state, "degraded") == 0)
        check_tell(checker, CHECK_WARNING, "tenant %s serves only in part%s%s", name, mark, error);
    else if (strcmp(state, "serving") != 0)
        check_tell(checker, CHECK_CRITICAL, "tenant %s is %s%s%s", name, state, mark, error);
    else if (*error)
        check_tell(checker, CHECK_WARNING, "tenant %s serves as before: %s", name, error);
}

static void check_certificate(struct checker *checker, const json_t *tenant)
{
    const char *name = check_text(tenant, "tenant");
    time_t expiry = check_time(tenant, "certificate_expiry");
    double days = difftime(expiry, checker->now) / CHECK_DAY;

    if (expiry == 0 || days >= CHECK_EXPIRES)
        return;
    if (days <= 0)
        check_tell(checker, CHECK_CRITICAL, "tenant %s: a certificate has expired on %s", name,
                   check_text(tenant, "certificate_expiry"));
    else
        check_tell(checker, days < CHECK_LAST_DAY ? CHECK_CRITICAL : CHECK_WARNING,
                   "tenant %s: a certificate expires in %.1f days, on %s", name, days,
                   check_text(tenant, "certificate_expiry"));
}

/* Of those upstreams that have a server which is down. */
static void check_upstreams(struct checker *checker, const json_t *tenant)
{
    const char *name = check_text(tenant, "tenant");
    json_t *upstream, *server;
    size_t i, j;

    json_array_foreach(json_object_get(tenant, "failing_upstreams"), i, upstream)
    {
        const json_t *down = json_object_get(upstream, "down");

        if (json_integer_value(json_object_get(upstream, "up")) == 0) {
            check_tell(checker, CHECK_CRITICAL, "tenant %s: no server of upstream %s is up", name,
                       check_text(upstream, "upstream"));
            continue;
        }
        json_array_foreach(down, j, server)
        {
            check_tell(checker, CHECK_WARNING, "tenant %s: server %s of upstream %s is down", name,
                       json_string_value(server), check_text(upstream, "upstream"));
        }
    }
}

/* ---- the gateway ---- */

static void check_workers(struct checker *checker, const json_t *gateway)
{
    const json_t *ready = json_object_get(gateway, "workers_ready");
    json_int_t count = json_integer_value(ready);
    json_int_t wanted = json_integer_value(json_object_get(gateway, "workers"));

    if (ready && count < wanted)
        check_tell(checker, count == 0 ? CHECK_CRITICAL : CHECK_WARNING,
                   "%lld of %lld workers are ready", (long long)count, (long long)wanted);
}

static void check_gateway(struct checker *checker, const json_t *gateway)
{
    const char *state = check_text(gateway, "state");
    const char *reload = check_text(gateway, "last_reload");

    if (*state && strcmp(state, "serving") != 0)
        check_tell(checker, CHECK_WARNING, "nsgate is %s", state);
    check_workers(checker, gateway);
    if (strcmp(reload, "refused") == 0)
        check_tell(checker, CHECK_WARNING,
                   "the last reload was refused, what was in force before goes on: see nsgate -t");
    else if (strcmp(reload, "partial") == 0)
        check_tell(checker, CHECK_WARNING, "not all of the last reload is in force: see nsgate -t");
    if (strcmp(check_text(gateway, "sandbox"), "missing") == 0)
        check_tell(checker, CHECK_WARNING, "workers have no sandbox: the kernel has none");
}

/* ---- all ---- */

enum check check_print(FILE *out, const json_t *gateway, time_t now)
{
    struct checker checker = {.now = now};
    enum check worst = CHECK_FINE;
    json_t *tenant;
    size_t i;

    for (unsigned what = CHECK_WARNING; what < CHECK_UNKNOWN; what++) {
        checker.lines[what] = open_memstream(&checker.text[what], &checker.len[what]);
        if (!checker.lines[what])
            abort();
    }
    check_gateway(&checker, gateway);
    json_array_foreach(json_object_get(gateway, "tenants"), i, tenant)
    {
        check_state(&checker, tenant);
        check_upstreams(&checker, tenant);
        check_certificate(&checker, tenant);
    }
    for (unsigned what = CHECK_CRITICAL; what >= CHECK_WARNING; what--) {
        fclose(checker.lines[what]);
        fputs(checker.text[what], out);
        if (checker.len[what] > 0 && worst == CHECK_FINE)
            worst = (enum check)what;
        free(checker.text[what]);
    }
    return worst;
}
