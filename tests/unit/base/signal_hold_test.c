/* SPDX-License-Identifier: MIT */
/* Inherited masks and dispositions, and signals that come too early. */
#include "base/signal_hold.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

Test(signal_hold, what_comes_early_waits_for_its_handler)
{
    signal_hold_all();
    raise(SIGHUP);
    raise(SIGTERM);
    signal(SIGHUP, on_signal);
    signal(SIGTERM, SIG_IGN);
    cr_assert_eq(caught, 0);
    signal_release_all();
    cr_assert_eq(caught, SIGHUP);
}

Test(signal_hold, what_was_ignored_is_not_any_more)
{
    static const int numbers[] = {SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM};
    struct sigaction action;

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], SIG_IGN);
    signal_hold_all();
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        cr_assert_eq(sigaction(numbers[i], NULL, &action), 0);
        cr_assert(action.sa_handler == SIG_DFL, "signal %d", numbers[i]);
    }
}

Test(signal_hold, handlers_stay)
{
    struct sigaction action;

    signal(SIGUSR1, on_signal);
    signal_hold_all();
    cr_assert_eq(sigaction(SIGUSR1, NULL, &action), 0);
    cr_assert(action.sa_handler == on_signal);
}

Test(signal_hold, the_mask_is_empty_afterwards_whatever_was_inherited)
{
    sigset_t mask;

    sigfillset(&mask);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    signal_hold_all();
    signal_release_all();
    sigprocmask(SIG_SETMASK, NULL, &mask);
    for (int number = 1; number < SIGRTMIN; number++)
        cr_assert_neq(sigismember(&mask, number), 1, "signal %d", number);
}

Test(signal_hold, a_file_at_its_limit_is_an_error_and_no_end)
{
    struct rlimit limit = {4, 4};
    char path[] = "/tmp/nsg-hold-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    unlink(path);
    signal_hold_all();
    signal_release_all();
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_eq(write(fd, "12345678", 8), 4);
    cr_assert_eq(write(fd, "x", 1), -1);
    cr_assert_eq(errno, EFBIG);
    close(fd);
}

static void tell_mask(const void *argument)
{
    sigset_t mask;

    raise(SIGTERM); /* waits */
    sigprocmask(SIG_SETMASK, NULL, &mask);
    _exit(sigismember(&mask, SIGHUP) == 1 && caught == 0 ? *(const int *)argument : 1);
}

Test(signal_hold, a_child_takes_no_signal_with_the_handlers_of_its_parent)
{
    const int wanted = 42;
    sigset_t mask;
    int status;
    pid_t pid;

    signal(SIGTERM, on_signal);
    pid = signal_hold_fork(tell_mask, &wanted);
    cr_assert_gt(pid, 0);
    sigprocmask(SIG_SETMASK, NULL, &mask);
    cr_assert_eq(sigismember(&mask, SIGHUP), 0, "the parent's is as before");
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 42);
}
