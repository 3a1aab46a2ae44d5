/* SPDX-License-Identifier: MIT */
/* Datagrams with descriptors. */
#include "ipc/descriptors_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

Test(descriptors, travel_and_close_on_exec)
{
    int sockets[2];
    int pipes[2];
    struct descriptors got;
    char bytes[8];
    struct iovec part = {(char *)"hello", 5};
    struct stat a;
    struct stat b;

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(descriptors_send(sockets[0], &part, 1, pipes, 2), 0);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 5);
    cr_assert_eq(got.count, 2);
    cr_assert(!got.is_cut && !got.is_lacking);
    fstat(pipes[1], &a);
    fstat(got.fds[1], &b);
    cr_assert_eq(a.st_ino, b.st_ino);
    cr_assert_neq(fcntl(got.fds[0], F_GETFD) & FD_CLOEXEC, 0);
    descriptors_close(got.fds, got.count);
    cr_assert_eq(got.fds[0], -1);
    descriptors_drop(sockets[1]);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), -1);
    cr_assert_eq(errno, EAGAIN);
}

Test(descriptors, a_peer_that_ends_between_look_and_drop)
{
    int sockets[2];
    struct descriptors got;
    char bytes[8];

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(send(sockets[0], "first", 5, 0), 5);
    cr_assert_eq(send(sockets[0], "last", 4, 0), 4);
    cr_assert_eq(send(sockets[1], "unread", 6, 0), 6);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 5);
    close(sockets[0]);
    descriptors_drop(sockets[1]);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 4,
                 "not the first again");
    descriptors_drop(sockets[1]);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 0, "the end");
    close(sockets[1]);
}

Test(descriptors, what_there_is_no_room_for_is_not_lost)
{
    int sockets[2];
    int pipes[2];
    struct descriptors got;
    char bytes[8];
    struct iovec part = {(char *)"hello", 5};
    struct rlimit full;
    int next;

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(descriptors_send(sockets[0], &part, 1, pipes, 2), 0);
    getrlimit(RLIMIT_NOFILE, &full);
    next = dup(0);
    close(next);
    for (rlim_t room = 0; room < 2; room++) {
        struct rlimit few = {(rlim_t)next + room, full.rlim_max};

        setrlimit(RLIMIT_NOFILE, &few);
        cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 5);
        cr_assert(got.is_lacking && !got.is_cut);
        cr_assert_eq(got.count, room);
        descriptors_close(got.fds, got.count);
    }
    setrlimit(RLIMIT_NOFILE, &full);
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 5);
    cr_assert_eq(got.count, 2);
    cr_assert_not(got.is_lacking);
    descriptors_close(got.fds, got.count);
}

Test(descriptors, too_many_are_closed)
{
    int sockets[2];
    int many[DESCRIPTORS_ROOM + 1];
    struct descriptors got;
    char bytes[8];
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
    cr_assert_eq(descriptors_look(sockets[1], bytes, sizeof(bytes), &got), 1);
    cr_assert(got.is_cut);
    cr_assert_leq(got.count, DESCRIPTORS_ROOM);
    descriptors_close(got.fds, got.count);
    descriptors_drop(sockets[1]);
    cr_assert_eq(dup(0), next, "a descriptor was leaked");
}

Test(descriptors, a_long_datagram_is_truncated)
{
    int sockets[2];
    struct descriptors got;
    char bytes[4];
    struct iovec part = {(char *)"hello", 5};

    cr_assert_eq(ipc_pair(sockets), 0);
    cr_assert_eq(descriptors_send(sockets[0], &part, 1, NULL, 0), 0);
    descriptors_look(sockets[1], bytes, sizeof(bytes), &got);
    cr_assert(got.is_cut);
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
