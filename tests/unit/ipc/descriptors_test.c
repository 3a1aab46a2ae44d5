/* SPDX-License-Identifier: MIT */
/* Datagrams with descriptors. */
#include "../../../src/ipc/descriptors_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

Test(descriptors, travel_and_close_on_exec)
{
    int sockets[2];
    int pipes[2];
    int got[DESCRIPTORS_ROOM];
    char bytes[8];
    unsigned count;
    bool truncated;
    struct iovec part = {(char *)"hello", 5};
    struct stat a;
    struct stat b;

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(descriptors_send(sockets[0], &part, 1, pipes, 2), 0);
    cr_assert_eq(descriptors_receive(sockets[1], bytes, sizeof(bytes), got, &count, &truncated), 5);
    cr_assert_eq(count, 2);
    cr_assert_not(truncated);
    fstat(pipes[1], &a);
    fstat(got[1], &b);
    cr_assert_eq(a.st_ino, b.st_ino);
    cr_assert_neq(fcntl(got[0], F_GETFD) & FD_CLOEXEC, 0);
    descriptors_close(got, count);
    cr_assert_eq(got[0], -1);
}

Test(descriptors, too_many_are_closed)
{
    int sockets[2];
    int many[DESCRIPTORS_ROOM + 1];
    int got[DESCRIPTORS_ROOM];
    char bytes[8];
    unsigned count;
    bool truncated;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(many))];
    } control = {0};
    struct iovec part = {(char *)"x", 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    int next;

    cr_assert_eq(ipc_pair(sockets), 0);
    for (int i = 0; i <= DESCRIPTORS_ROOM; i++)
        many[i] = sockets[0];
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(many));
    memcpy(CMSG_DATA(&control.head), many, sizeof(many));
    cr_assert_eq(sendmsg(sockets[0], &message, 0), 1);
    next = dup(0);
    close(next);
    cr_assert_eq(descriptors_receive(sockets[1], bytes, sizeof(bytes), got, &count, &truncated), 1);
    cr_assert(truncated);
    cr_assert_leq(count, DESCRIPTORS_ROOM);
    descriptors_close(got, count);
    cr_assert_eq(dup(0), next, "a descriptor was leaked");
}

Test(descriptors, a_long_datagram_is_truncated)
{
    int sockets[2];
    int got[DESCRIPTORS_ROOM];
    char bytes[4];
    unsigned count;
    bool truncated;
    struct iovec part = {(char *)"hello", 5};

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(descriptors_send(sockets[0], &part, 1, NULL, 0), 0);
    descriptors_receive(sockets[1], bytes, sizeof(bytes), got, &count, &truncated);
    cr_assert(truncated);
}

Test(descriptors, a_full_socket_and_a_closed_one)
{
    int sockets[2];
    struct iovec part = {(char *)"hello", 5};
    int error;

    cr_assert_eq(ipc_pair(sockets), 0);
    do
        error = descriptors_send(sockets[0], &part, 1, NULL, 0);
    while (error == 0);
    cr_assert_eq(error, EAGAIN);
    close(sockets[1]);
    error = descriptors_send(sockets[0], &part, 1, NULL, 0);
    cr_assert(error == EPIPE || error == ECONNRESET);
}
