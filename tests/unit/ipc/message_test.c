/* SPDX-License-Identifier: MIT */
/* The message table: who may say what. */
#include "ipc/message.h"

#include <criterion/criterion.h>

Test(message, names)
{
    cr_assert_str_eq(ipc_message_name(IPC_TENANT_REMOVE), "TENANT_REMOVE");
    cr_assert_str_eq(ipc_message_name(IPC_NONE), "NONE");
    cr_assert_str_eq(ipc_message_name(IPC_MESSAGE_COUNT_), "NONE");
}

Test(message, directions)
{
    cr_assert(ipc_message_is_allowed(IPC_SETUP, ROLE_SUPERVISOR, ROLE_WORKER));
    cr_assert(ipc_message_is_allowed(IPC_SETUP, ROLE_SUPERVISOR, ROLE_RESOLVER));
    cr_assert(ipc_message_is_allowed(IPC_EXAMINED, ROLE_RESOLVER, ROLE_SUPERVISOR));
    cr_assert(ipc_message_is_allowed(IPC_READY, ROLE_WORKER, ROLE_SUPERVISOR));
    cr_assert_not(ipc_message_is_allowed(IPC_SETUP, ROLE_WORKER, ROLE_SUPERVISOR));
    cr_assert_not(ipc_message_is_allowed(IPC_EXAMINED, ROLE_WORKER, ROLE_SUPERVISOR));
    cr_assert_not(ipc_message_is_allowed(IPC_COMMITTED, ROLE_RESOLVER, ROLE_SUPERVISOR));
    cr_assert_not(ipc_message_is_allowed(IPC_TENANT, ROLE_SUPERVISOR, ROLE_RESOLVER));
    cr_assert_not(ipc_message_is_allowed(IPC_NONE, ROLE_SUPERVISOR, ROLE_WORKER));
    cr_assert_not(ipc_message_is_allowed(IPC_MESSAGE_COUNT_, ROLE_SUPERVISOR, ROLE_WORKER));
}

Test(message, what_goes_with_them)
{
    cr_assert(ipc_message_has_blob(IPC_TENANT));
    cr_assert_not(ipc_message_has_blob(IPC_LISTENER));
    cr_assert_eq(ipc_message_descriptors(IPC_SETUP), 3);
    cr_assert_eq(ipc_message_least_descriptors(IPC_SETUP), 0);
    cr_assert_eq(ipc_message_descriptors(IPC_LISTENER), 1);
    cr_assert_eq(ipc_message_least_descriptors(IPC_LISTENER), 1);
    cr_assert_eq(ipc_message_least_descriptors(IPC_AUTHORITIES), 1);
}
