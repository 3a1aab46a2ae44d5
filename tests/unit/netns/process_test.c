/* SPDX-License-Identifier: MIT */
/* Processes that live, end, and are no longer who they were. */
#include "netns/process.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process in new namespaces of those kinds, once it is there. */
static pid_t make_process(int kinds)
{
    int ready[2];
    pid_t child;
    char byte;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_NAME, ") Z 1 2 3"); /* its own choice, and no trap */
        byte = unshare(kinds) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (byte != 'y') {
        kill(child, SIGKILL);
        cr_skip_test("no right to make such namespaces here");
    }
    return child;
}

static void follow_to_the_end(bool may_hold)
{
    struct netns_home *home = netns_home_open();
    pid_t child = make_process(CLONE_NEWNET);
    struct netns_process process;
    struct netns_id seen;
    struct netns_id id;
    siginfo_t info;
    char why[160];
    int fd;

    cr_assert_eq(netns_process_find(&process, child, may_hold), 0);
    cr_assert_eq(process.pid, child);
    cr_assert_eq(process.fd >= 0, may_hold);
    cr_assert(netns_process_lives(&process));
    cr_assert_eq(netns_process_open(home, &process, &fd, &id, why), NETNS_OPEN_OK, "%s", why);
    close(fd);
    cr_assert_eq(netns_process_look(&process, &seen), 0);
    cr_assert(netns_id_equal(seen, id));
    kill(child, SIGKILL);
    cr_assert_eq(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    cr_assert_not(netns_process_lives(&process), "not waited for yet");
    waitpid(child, NULL, 0);
    cr_assert_not(netns_process_lives(&process));
    cr_assert_eq(netns_process_open(home, &process, &fd, &id, why), NETNS_OPEN_ABSENT);
    cr_assert_eq(fd, -1);
    netns_process_release(&process);
    netns_process_release(&process);
    cr_assert_not(netns_process_lives(&process));
    netns_home_close(home);
}

Test(process, with_a_descriptor)
{
    follow_to_the_end(true);
}

Test(process, without_one)
{
    follow_to_the_end(false);
}

Test(process, its_end_wakes)
{
    pid_t child = make_process(CLONE_NEWNET);
    struct netns_process process;
    struct pollfd end;

    cr_assert_eq(netns_process_find(&process, child, true), 0);
    end = (struct pollfd){process.fd, POLLIN, 0};
    cr_assert_eq(poll(&end, 1, 0), 0);
    kill(child, SIGKILL);
    cr_assert_eq(poll(&end, 1, 5000), 1);
    netns_process_release(&process);
    waitpid(child, NULL, 0);
}

/* The number is the same, the process another: only the start time tells. */
Test(process, a_number_that_was_reused)
{
    pid_t child = make_process(CLONE_NEWNET);
    struct netns_home *home = netns_home_open();
    struct netns_process process;
    struct netns_id id;
    char why[160];
    int fd;

    cr_assert_eq(netns_process_find(&process, child, false), 0);
    process.started--;
    cr_assert_not(netns_process_lives(&process));
    cr_assert_eq(netns_process_open(home, &process, &fd, &id, why), NETNS_OPEN_ABSENT);
    cr_assert_str_eq(why, "does not exist");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    netns_home_close(home);
}

static void *say_thread(void *argument)
{
    int *pipes = argument;
    pid_t number = (pid_t)syscall(SYS_gettid);
    char byte;

    (void)!write(pipes[1], &number, sizeof(number));
    (void)!read(pipes[2], &byte, 1);
    return NULL;
}

Test(process, what_is_none)
{
    struct netns_process process;
    pthread_t thread;
    pid_t number;
    int pipes[4];

    cr_assert_eq(netns_process_find(&process, 4194303, true), -1);
    cr_assert_eq(process.pid, 0);
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(pipe(pipes + 2), 0);
    cr_assert_eq(pthread_create(&thread, NULL, say_thread, pipes), 0);
    cr_assert_eq(read(pipes[0], &number, sizeof(number)), sizeof(number));
    cr_assert_eq(netns_process_find(&process, number, true), -1, "a thread is no process");
    (void)!write(pipes[3], "x", 1);
    pthread_join(thread, NULL);
}

/* Its own user namespace may own its network: a container without root. */
Test(process, in_a_user_namespace)
{
    struct netns_home *home = netns_home_open();
    pid_t child = make_process(CLONE_NEWUSER | CLONE_NEWNET);
    struct netns_process process;
    struct netns_id id;
    char why[160];
    int fd;

    cr_assert_eq(netns_process_find(&process, child, true), 0);
    cr_assert_eq(netns_process_open(home, &process, &fd, &id, why), NETNS_OPEN_OK, "%s", why);
    close(fd);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    netns_process_release(&process);
    netns_home_close(home);
}

Test(process, in_the_hosts_namespace)
{
    struct netns_home *home = netns_home_open();
    struct netns_process process;
    struct netns_id id;
    char why[160];
    int fd;

    cr_assert_eq(netns_process_find(&process, getpid(), true), 0);
    cr_assert_eq(netns_process_open(home, &process, &fd, &id, why), NETNS_OPEN_REFUSED);
    cr_assert_str_eq(why, "is the host's own network namespace");
    netns_process_release(&process);
    netns_home_close(home);
}
