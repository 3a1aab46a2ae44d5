/* SPDX-License-Identifier: MIT */
/* What is asked over the control socket, and what those who wait are told. */
#include "control_internal.h"

#include "supervisor/control.h"

#include "control_client_internal.h"
#include "status_internal.h"
#include "supervisor_internal.h"

#define CONTROL_TEXT_MAX 2048 /* bytes of one message */

/* ---- requests ---- */

static void control_refuse(struct control_client *client, struct slice why)
{
    control_say(client, SLICE("error"), why);
    control_end(client, CONTROL_REFUSED);
}

static void control_reload(struct control_client *client, bool forced)
{
    if (client->supervisor->state != SUPERVISOR_RUNNING) {
        control_refuse(client, SLICE("nsgate is ending"));
        return;
    }
    log_notice("reloading, as the control socket asks%s", forced ? ", whatever it removes" : "");
    if (forced)
        client->supervisor->round.is_forced = true;
    client->state = CONTROL_WAITING;
    round_begin(client->supervisor, ROUND_RELOAD);
}

static void control_run_reload(struct control_client *client)
{
    control_reload(client, false);
}

static void control_run_forced_reload(struct control_client *client)
{
    control_reload(client, true);
}

static void control_run_reopen(struct control_client *client)
{
    log_notice("opening logs anew, as the control socket asks");
    client->state = CONTROL_REOPENING;
    logging_follow(client->supervisor, true);
}

static void control_run_upgrade(struct control_client *client)
{
    if (client->supervisor->state != SUPERVISOR_RUNNING) {
        control_refuse(client, SLICE("nsgate is ending"));
        return;
    }
    log_notice("upgrading, as the control socket asks");
    client->state = CONTROL_UPGRADING;
    upgrade_begin(client->supervisor);
}

static const struct {
    const char *name;
    void (*run)(struct control_client *client);
} control_requests[] = {
    {"reload", control_run_reload},   {"reload-forced", control_run_forced_reload},
    {"reopen", control_run_reopen},   {"status", status_ask},
    {"upgrade", control_run_upgrade},
};

void control_run(struct control_client *client, struct slice request)
{
    for (size_t i = 0; i < sizeof(control_requests) / sizeof(control_requests[0]); i++) {
        if (slice_equal(request, slice_of(control_requests[i].name))) {
            control_requests[i].run(client);
            return;
        }
    }
    control_refuse(client, SLICE("this nsgate does not know that request"));
}

/* ---- what those who wait are told ---- */

static void control_say_diags(struct control_client *client, const struct diag_list *diags)
{
    const struct diag *diag;
    char text[CONTROL_TEXT_MAX];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        control_say(client, diag->severity == DIAG_ERROR ? SLICE("error") : SLICE("warning"),
                    slice_of(text));
    }
}

void control_on_round(struct supervisor *supervisor, const struct diag_list *diags)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_WAITING)
            continue;
        client->state = CONTROL_WATCHING;
        control_say_diags(client, diags);
    }
}

void control_on_broken(struct supervisor *supervisor, const struct diag_list *diags,
                       const char *summary)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_WAITING)
            continue;
        control_say_diags(client, diags);
        control_say(client, SLICE("summary"), slice_of(summary));
        control_end(client, CONTROL_REFUSED);
    }
}

void control_on_outcome(struct supervisor *supervisor, const char *what, struct slice tenant,
                        const char *reason)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_WATCHING)
            continue;
        if (reason)
            control_say(client, slice_of(what), tenant, slice_of(reason));
        else
            control_say(client, slice_of(what), tenant);
    }
}

static void control_tell(struct supervisor *supervisor, struct slice what, const char *text)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state == CONTROL_WATCHING)
            control_say(client, what, slice_of(text));
    }
}

void control_on_warning(struct supervisor *supervisor, const char *text)
{
    control_tell(supervisor, SLICE("warning"), text);
}

void control_on_error(struct supervisor *supervisor, const char *text)
{
    control_tell(supervisor, SLICE("error"), text);
}

void control_on_round_end(struct supervisor *supervisor, const char *summary, int status)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_WATCHING)
            continue;
        control_say(client, SLICE("summary"), slice_of(summary));
        control_end(client, status);
    }
}

void control_on_reopened(struct supervisor *supervisor, const char *error)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_REOPENING)
            continue;
        if (error)
            control_refuse(client, slice_of(error));
        else
            control_end(client, 0);
    }
}

bool control_is_quiet(const struct supervisor *supervisor)
{
    const struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state != CONTROL_UPGRADING || client->out_len > 0)
            return false;
    }
    return true;
}

void control_on_upgrade_waits(struct supervisor *supervisor, const char *what)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state == CONTROL_UPGRADING)
            control_say(client, SLICE("waits"), slice_of(what));
    }
}

void control_on_upgrade_refused(struct supervisor *supervisor, const char *reason)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state == CONTROL_UPGRADING)
            control_refuse(client, slice_of(reason));
    }
}

void control_on_ending(struct supervisor *supervisor)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &supervisor->control.clients, next) {
        if (client->state == CONTROL_WAITING || client->state == CONTROL_WATCHING ||
            client->state == CONTROL_REOPENING || client->state == CONTROL_UPGRADING)
            control_refuse(client, SLICE("nsgate is ending"));
    }
}
