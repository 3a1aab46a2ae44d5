/* SPDX-License-Identifier: MIT */
/* Headers of datagrams, and what is refused before anybody looks into them. */
#include "ipc/datagram.h"

#include <criterion/criterion.h>

static const char *refusal(uint32_t message, uint32_t blob_len, unsigned descriptors)
{
    uint32_t words[2] = {message, blob_len};
    struct ipc_datagram datagram;
    const char *reason;

    ipc_datagram_decode(&datagram, (struct slice){(const char *)words, sizeof(words)},
                        (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR}, descriptors, &reason);
    return reason;
}

Test(datagram, round_trip)
{
    unsigned char bytes[IPC_HEADER_SIZE + 3] = {0};
    struct ipc_datagram datagram;
    const char *reason;

    ipc_datagram_head(bytes, IPC_TENANT, 77);
    memcpy(bytes + IPC_HEADER_SIZE, "abc", 3);
    cr_assert_eq(ipc_datagram_decode(&datagram, (struct slice){(char *)bytes, sizeof(bytes)},
                                     (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR}, 1, &reason),
                 0);
    cr_assert_null(reason);
    cr_assert_eq(datagram.message, IPC_TENANT);
    cr_assert_eq(datagram.blob_len, 77);
    cr_assert(slice_equal(datagram.body, SLICE("abc")));
}

Test(datagram, refusals)
{
    struct ipc_datagram datagram;
    const char *reason;

    cr_assert_eq(ipc_datagram_decode(&datagram, SLICE("1234567"),
                                     (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR}, 0, &reason),
                 ERROR_IPC);
    cr_assert_str_eq(reason, "truncated message");
    cr_assert_str_eq(refusal(0, 0, 0), "unknown message");
    cr_assert_str_eq(refusal(IPC_MESSAGE_COUNT_, 0, 0), "unknown message");
    cr_assert_str_eq(refusal(UINT32_MAX, 0, 0), "unknown message");
    cr_assert_str_eq(refusal(IPC_COMMITTED, 0, 0), "message that this process may not send");
    cr_assert_str_eq(refusal(IPC_TENANT, 1, 0), "wrong number of descriptors");
    cr_assert_str_eq(refusal(IPC_TENANT, 1, 3), "wrong number of descriptors");
    cr_assert_str_eq(refusal(IPC_LISTENER, 0, 0), "wrong number of descriptors");
    cr_assert_str_eq(refusal(IPC_DRAIN, 0, 1), "wrong number of descriptors");
    cr_assert_str_eq(refusal(IPC_DRAIN, 1, 0), "blob of a wrong size");
    cr_assert_str_eq(refusal(IPC_TENANT, IPC_BLOB_MAX + 1, 1), "blob of a wrong size");
}
