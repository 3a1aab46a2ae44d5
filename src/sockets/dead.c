/* SPDX-License-Identifier: MIT */
/* Listeners that die: with their interface, or closed from inside their namespace. */
#include "sockets_internal.h"

#include "io/socket.h"

#include <errno.h>
#include <sys/socket.h>

/* It is bound anew, and its return told. */
static void listener_die(struct tenant_sockets *tenant, struct listener *listener, int error)
{
    const struct sockets *sockets = tenant->sockets;
    const struct closed_sockets closed = listener_closed(tenant, listener);

    sockets->events->on_closed(sockets->owner, &closed, listener->holders, IPC_NO_LIMIT);
    listener_drop(listener, LISTENER_DEGRADED);
    listener->error = error;
}

/* ---- with their interface ---- */

void sockets_check_interfaces(struct sockets *sockets)
{
    struct tenant_sockets *tenant;

    if (sockets->is_stopped)
        return;
    TAILQ_FOREACH (tenant, &sockets->tenants, next) {
        LISTENERS_FOREACH (listener, tenant) {
            if (listener->state != LISTENER_BOUND ||
                socket_has_zone(listener->fd, &listener->plan->address))
                continue;
            log_warn("tenant %s: the interface of the listener on %s in %s is gone or another one",
                     tenant->name, listener->plan->text, tenant->plan->netns.text);
            listener_die(tenant, listener, ENODEV);
            sockets_retry(sockets);
        }
    }
}

/* ---- from inside ---- */

/* A worker may speak of a socket that has been replaced since; ours tells whether it listens. */
static bool listener_is_alive(const struct listener *listener)
{
    socklen_t len = sizeof(int);
    int listening = 0;

    return getsockopt(listener->fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) == 0 &&
           listening != 0;
}

bool sockets_on_dead(struct tenant_sockets *tenant, uint64_t worker,
                     const struct ipc_listener_dead *dead)
{
    bool is_lacking = false;

    LISTENERS_FOREACH (listener, tenant) {
        if (!slice_equal(slice_of(listener->plan->text), dead->address) ||
            !(listener->holders & worker))
            continue;
        if (listener_is_alive(listener)) {
            listener->holders &= ~worker; /* it has closed it, and needs it again */
            is_lacking = true;
        } else {
            log_warn("tenant %s: the listener on %s in %s was closed from inside: %s", tenant->name,
                     listener->plan->text, tenant->plan->netns.text, error_reason(dead->error));
            listener_die(tenant, listener, dead->error);
        }
        /* Not at once: a tenant that keeps closing it would keep us busy. */
        sockets_retry(tenant->sockets);
    }
    return is_lacking;
}
