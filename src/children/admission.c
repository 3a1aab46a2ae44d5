/* SPDX-License-Identifier: MIT */
/* Which messages of children are looked at: one allowance per child, over all of them. */
#include "admission_internal.h"

#include "children/children.h"

#include "base/log.h"

/* What a child may cost us by messages that nobody has asked for, in microseconds of our time: a
 * tenth of a core, however often it dies and comes back. Answers to our own questions are free,
 * since each is taken once; how often we ask is ours to bound (sockets/offers.c). */
#define ADMISSION_PER_SECOND 100000.
#define ADMISSION_AT_ONCE    100000.

/* What a message of a kind costs at most, taking it from the socket included. */
#define ADMISSION_LATE      10. /* an answer to what is no longer of interest */
#define ADMISSION_SOCKETS   10. /* and more when there are some: child_charge */
#define ADMISSION_DEAD      50.
#define ADMISSION_CONTAINER 10. /* moving one has an allowance of its own */
#define ADMISSION_CONNECT   50.
#define ADMISSION_DONE      10.
#define ADMISSION_STATUS    20000. /* all tenants' lines, of 10,000 of them */

bool child_charge(struct child *child, double cost)
{
    const struct allowance_rate rate = {ADMISSION_PER_SECOND, ADMISSION_AT_ONCE};

    return allowance_spend(&child->allowance, loop_now(child->children->loop), rate, cost);
}

static enum ipc_admission admission_pay(struct child *child, double cost,
                                        enum ipc_admission admission)
{
    char name[32];

    if (child_charge(child, cost))
        return admission;
    child_name(child, name);
    if (!child->is_excessive)
        log_error("%s says more than it may, it is replaced", name);
    child->is_excessive = true;
    return IPC_REFUSED;
}

enum ipc_admission admission_judge(void *owner, const struct ipc_announced *announced)
{
    struct child *child = owner;
    bool is_awaited;

    switch (announced->message) {
    case IPC_READY:
        return child->is_ready ? IPC_REFUSED : IPC_ADMITTED;
    case IPC_WORKING:
    case IPC_EXAMINED:
        break;
    case IPC_SOCKETS_ASK:
        return admission_pay(child, ADMISSION_SOCKETS, IPC_ADMITTED);
    case IPC_LISTENER_DEAD:
        return admission_pay(child, ADMISSION_DEAD, IPC_ADMITTED);
    case IPC_CONTAINER:
        return admission_pay(child, ADMISSION_CONTAINER, IPC_ADMITTED);
    case IPC_CONTAINER_CONNECT:
        return admission_pay(child, ADMISSION_CONNECT, IPC_ADMITTED);
    case IPC_RING_DONE:
    case IPC_LINES_DROPPED:
        return admission_pay(child, ADMISSION_DONE, IPC_ADMITTED);
    case IPC_STATUS_ASK:
        return admission_pay(child, ADMISSION_STATUS, IPC_ADMITTED);
    default: /* COMMITTED, LACKED, PONG: held to what was asked by who takes them */
        return IPC_ADMITTED;
    }
    /* It is the only one, and the question is still open. */
    is_awaited = child->events->awaits(child, announced->message, ipc_serial_of(announced));
    return is_awaited ? IPC_ADMITTED : admission_pay(child, ADMISSION_LATE, IPC_DROPPED);
}
