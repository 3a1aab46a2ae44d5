/* SPDX-License-Identifier: MIT */
/* The table of messages as data: names, who may send them, what goes with them. */
#include "ipc/message.h"

struct message_rule {
    const char *name;
    unsigned from;
    unsigned to;
    unsigned descriptors;
    bool blob;
};

static const struct message_rule message_rules[IPC_MESSAGE_COUNT_] = {
#define X(name, from, to, descriptors, blob)                                                       \
    [IPC_##name] = {#name, (unsigned)(from), (unsigned)(to), descriptors, blob},
    IPC_MESSAGES(X)
#undef X
};

static const struct message_rule *message_rule(enum ipc_message message)
{
    static const struct message_rule nothing = {"NONE", 0, 0, 0, false};
    unsigned index = (unsigned)message;

    return index > IPC_NONE && index < IPC_MESSAGE_COUNT_ ? &message_rules[index] : &nothing;
}

const char *ipc_message_name(enum ipc_message message)
{
    return message_rule(message)->name;
}

bool ipc_message_is_allowed(enum ipc_message message, enum ipc_role from, enum ipc_role to)
{
    const struct message_rule *rule = message_rule(message);

    return (rule->from & (unsigned)from) != 0 && (rule->to & (unsigned)to) != 0;
}

unsigned ipc_message_descriptors(enum ipc_message message)
{
    return message_rule(message)->descriptors;
}

unsigned ipc_message_least_descriptors(enum ipc_message message)
{
    if (message == IPC_RING)
        return 2;
    return message == IPC_LISTENER || message == IPC_AUTHORITIES || message == IPC_OBSERVE;
}

bool ipc_message_has_blob(enum ipc_message message)
{
    return message_rule(message)->blob;
}
