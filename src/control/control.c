/* SPDX-License-Identifier: MIT */
/* What is asked over the control socket, and what those who wait are told. */
#include "control/protocol.h"

#include "control_internal.h"

#include <sys/socket.h>

#define CONTROL_TEXT_MAX 2048 /* bytes of one message */

/* ---- requests ---- */

static void control_refuse(struct control_client *client, struct slice why)
{
    control_say(client, SLICE("error"), why);
    control_end(client, CONTROL_REFUSED);
}

void control_run(struct control_client *client, struct slice request)
{
    const struct control_request *known = client->control->requests;
    const char *why;

    while (known->name && !slice_equal(request, slice_of(known->name)))
        known++;
    if (!known->name) {
        control_refuse(client, SLICE("this nsgate does not know that request"));
        return;
    }
    control_client_set_state(client, known->state);
    why = known->run(client->control->owner);
    if (why)
        control_refuse(client, slice_of(why));
}

int control_ask(struct control *control, const char *request)
{
    int sockets[2];

    control_ask_end(control);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) < 0)
        return -1;
    control_client_take(control_client_new(control, sockets[0], true), slice_of(request));
    return sockets[1];
}

void control_ask_end(struct control *control)
{
    if (control->asked)
        control_client_close(control->asked);
}

/* ---- what those who wait are told ---- */

void control_put_each(struct control *control, enum control_state state, const struct slice *fields,
                      size_t count)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &control->clients, next) {
        if (client->state == state)
            control_put(client, fields, count);
    }
}

void control_end_each(struct control *control, enum control_state state, int status)
{
    struct control_client *client;

    TAILQ_FOREACH (client, &control->clients, next) {
        if (client->state == state)
            control_end(client, status);
    }
}

void control_refuse_each(struct control *control, enum control_state state, const char *why)
{
    control_say_each(control, state, SLICE("error"), slice_of(why));
    control_end_each(control, state, CONTROL_REFUSED);
}

static void control_say_diags(struct control *control, const struct diag_list *diags)
{
    const struct diag *diag;
    char text[CONTROL_TEXT_MAX];

    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof(text));
        control_say_each(control, CONTROL_WAITING,
                         diag->severity == DIAG_ERROR ? SLICE("error") : SLICE("warning"),
                         slice_of(text));
    }
}

void control_tell_reload_begun(struct control *control, const struct diag_list *diags)
{
    struct control_client *client;

    control_say_diags(control, diags);
    TAILQ_FOREACH (client, &control->clients, next) {
        if (client->state == CONTROL_WAITING)
            control_client_set_state(client, CONTROL_WATCHING);
    }
}

void control_tell_reload_refused(struct control *control, const struct diag_list *diags,
                                 const char *summary)
{
    control_say_diags(control, diags);
    control_say_each(control, CONTROL_WAITING, SLICE("summary"), slice_of(summary));
    control_end_each(control, CONTROL_WAITING, CONTROL_REFUSED);
}

void control_tell_tenant(struct control *control, const char *what, struct slice tenant,
                         const char *reason)
{
    const struct slice fields[] = {slice_of(what), tenant, slice_of(reason ? reason : "")};

    control_put_each(control, CONTROL_WATCHING, fields, reason ? 3 : 2);
}

void control_tell_line(struct control *control, const char *kind, const char *text)
{
    control_say_each(control, CONTROL_WATCHING, slice_of(kind), slice_of(text));
}

void control_tell_reload_ended(struct control *control, const char *summary, int status)
{
    control_say_each(control, CONTROL_WATCHING, SLICE("summary"), slice_of(summary));
    control_end_each(control, CONTROL_WATCHING, status);
}

void control_tell_reopened(struct control *control, const char *error)
{
    if (error)
        control_refuse_each(control, CONTROL_REOPENING, error);
    else
        control_end_each(control, CONTROL_REOPENING, CONTROL_GOOD);
}

void control_tell_upgrade_waits(struct control *control, const char *what)
{
    control_say_each(control, CONTROL_UPGRADING, SLICE("waits"), slice_of(what));
}

void control_tell_ending(struct control *control)
{
    for (enum control_state state = CONTROL_WAITING; state <= CONTROL_UPGRADING; state++)
        control_refuse_each(control, state, "nsgate is ending");
}

bool control_is_quiet(const struct control *control)
{
    const struct control_client *client;

    TAILQ_FOREACH (client, &control->clients, next) {
        if (client->hold.scopes != 0)
            return false;
    }
    return true;
}
