/* SPDX-License-Identifier: MIT */
/* Blobs: counted here, sealed on the way, checked on arrival. */
#include "ipc/blob_internal.h"

#include "ipc/channel.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

Test(blob, is_shared)
{
    struct ipc_blob *blob = ipc_blob_new(SLICE("secret"));

    cr_assert_eq(ipc_blob_ref(blob), blob);
    ipc_blob_unref(blob);
    cr_assert(slice_equal(ipc_blob_bytes(blob), SLICE("secret")));
    ipc_blob_unref(blob);
    ipc_blob_unref(NULL);
}

Test(blob, a_memfd_that_nobody_can_change)
{
    struct ipc_blob *blob = ipc_blob_new(SLICE("secret"));
    int fd = blob_to_memfd(blob);
    struct slice bytes;

    cr_assert_geq(fd, 0);
    cr_assert_neq(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    cr_assert_lt(pwrite(fd, "x", 1, 0), 0);
    cr_assert_lt(ftruncate(fd, 0), 0);
    cr_assert_null(blob_map(fd, 6, &bytes));
    cr_assert(slice_equal(bytes, SLICE("secret")));
    blob_unmap(bytes);
    cr_assert_str_eq(blob_map(fd, 5, &bytes), "blob of a wrong size");
    close(fd);
    ipc_blob_unref(blob);
}

Test(blob, an_empty_one)
{
    struct ipc_blob *blob = ipc_blob_new(SLICE(""));
    int fd = blob_to_memfd(blob);
    struct slice bytes;

    cr_assert_null(blob_map(fd, 0, &bytes));
    cr_assert_eq(bytes.len, 0);
    blob_unmap(bytes);
    close(fd);
    ipc_blob_unref(blob);
}

Test(blob, what_is_not_sealed_is_refused)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct slice bytes;
    int pipes[2];

    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_str_eq(blob_map(fd, 10, &bytes), "blob that is not sealed");
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), 0);
    cr_assert_str_eq(blob_map(fd, 10, &bytes), "blob that is not sealed");
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_str_eq(blob_map(pipes[0], 0, &bytes), "blob that is not sealed");
    close(fd);
}
