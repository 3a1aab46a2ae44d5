/* SPDX-License-Identifier: MIT */
/* The cage of children: what is gone afterwards stays gone, and a failure names its step. */
#include "ipc/cage.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* The C library's, but for a name service that hangs. */
struct passwd *getpwnam(const char *name)
{
    static struct passwd found;
    static char texts[4096];
    struct passwd *result = NULL;

    while (strcmp(name, "hangs") == 0)
        pause();
    errno = getpwnam_r(name, &found, texts, sizeof(texts), &result);
    return result;
}

enum { ENTERED = 0, FAILED = 1, BROKEN = 2 };

/* What holds for every process in the cage. */
static int check_cage(void)
{
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
        return BROKEN;
    if (prctl(PR_CAPBSET_READ, 0 /* CAP_CHOWN */, 0, 0, 0) != 0 && getuid() == 0)
        return BROKEN;
    return ENTERED;
}

static int check_nobody(void)
{
    gid_t groups[8];
    if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534 || getegid() != 65534)
        return BROKEN;
    if (getgroups(8, groups) != 1 || groups[0] != 65534)
        return BROKEN;
    if (setuid(0) == 0 || setgid(0) == 0 || setgroups(0, NULL) == 0)
        return BROKEN;
    return check_cage();
}

/* Enters in a child; check runs there. why is expected on failure. */
static int enter(struct slice user, struct slice group, int (*check)(void), const char *step)
{
    pid_t pid = fork();
    if (pid == 0) {
        const char *why = NULL;
        struct cage_identity identity = {.keep = user.len == 0};
        if ((identity.keep || cage_find(&identity, user, group, &why) == 0) &&
            cage_enter(&identity, &why) == 0)
            _exit(check());
        _exit(step && strcmp(why, step) == 0 && errno != 0 ? FAILED : BROKEN);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(cage, keeps_the_identity_when_none_is_named)
{
    cr_expect_eq(enter((struct slice){0}, (struct slice){0}, check_cage, NULL), ENTERED);
}

Test(cage, becomes_the_user_for_good)
{
    if (getuid() != 0)
        cr_skip_test("needs root");
    cr_expect_eq(enter(SLICE("nobody"), (struct slice){0}, check_nobody, NULL), ENTERED);
    cr_expect_eq(enter(SLICE("nobody"), SLICE("nogroup"), check_nobody, NULL), ENTERED);
    cr_expect_eq(enter(SLICE("root"), (struct slice){0}, check_cage, NULL), ENTERED);
}

/* What the C library loads to look a user up is not loaded into the caller. */
Test(cage, looks_up_in_a_process_of_its_own)
{
    struct cage_identity identity;
    const char *why = NULL;
    char line[512];
    FILE *maps;

    cr_assert_eq(cage_find(&identity, SLICE("nobody"), SLICE("nogroup"), &why), 0);
    cr_assert_eq(identity.user, 65534);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD, "it is gone");
    maps = fopen("/proc/self/maps", "r");
    cr_assert_not_null(maps);
    while (fgets(line, sizeof(line), maps))
        cr_assert_null(strstr(line, "libnss_systemd"));
    fclose(maps);
}

static void on_alarm(int signal)
{
    (void)signal;
}

/* Nor does a signal now and then make it longer. */
Test(cage, a_name_service_that_hangs_is_not_waited_for_for_ever, .timeout = 60)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval often = {.it_value.tv_usec = 500000, .it_interval.tv_usec = 500000};
    struct cage_identity identity;
    const char *why = NULL;

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    cr_assert_lt(cage_find(&identity, SLICE("hangs"), SLICE(""), &why), 0);
    cr_assert_eq(errno, ETIMEDOUT);
    cr_assert_str_eq(why, "the process that looks it up");
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD, "it is gone");
}

/* Who is killed while it looks a user up leaves nobody behind, and nobody holds what it held. */
Test(cage, a_lookup_ends_with_who_waits_for_it, .timeout = 60)
{
    struct cage_identity identity;
    const char *why = NULL;
    int held[2], status;
    struct pollfd end;
    pid_t pid;

    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    cr_assert_eq(pipe(held), 0);
    pid = fork();
    if (pid == 0) {
        close(held[0]);
        _exit(cage_find(&identity, SLICE("hangs"), SLICE(""), &why));
    }
    close(held[1]);
    usleep(300000); /* it hangs by now, or is about to begin: it ends either way */
    kill(pid, SIGKILL);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    end = (struct pollfd){.fd = held[0], .events = POLLIN};
    cr_assert_eq(poll(&end, 1, 5000), 1, "nobody has it");
    while (waitpid(-1, &status, 0) > 0)
        cr_expect(!WIFSIGNALED(status) || WTERMSIG(status) == SIGKILL);
    cr_assert_eq(errno, ECHILD);
}

Test(cage, names_the_step_that_failed)
{
    static char long_name[1000];
    struct slice none = {0};
    memset(long_name, 'a', sizeof(long_name));
    cr_expect_eq(enter(SLICE("no-such-user"), none, check_cage, "the user"), FAILED);
    cr_expect_eq(enter(SLICE("root"), SLICE("no-such-group"), check_cage, "the group"), FAILED);
    cr_expect_eq(enter((struct slice){long_name, 999}, none, check_cage, "the user's name"),
                 FAILED);
    cr_expect_eq(enter(SLICE("ro\0ot"), none, check_cage, "the user's name"), FAILED);
    cr_expect_eq(
        enter(SLICE("root"), (struct slice){long_name, 999}, check_cage, "the group's name"),
        FAILED);
}

Test(cage, the_supervisors_signals_are_ignored)
{
    cage_ignore_signals();
    raise(SIGHUP);
    raise(SIGINT);
    raise(SIGPIPE);
    raise(SIGUSR2);
    cr_assert_neq(signal(SIGTERM, SIG_DFL), SIG_IGN);
}

/* A gateway that has used up its descriptors can still read its files anew. */
Test(cage, a_user_is_found_without_a_free_descriptor)
{
    struct cage_identity identity;
    const char *why = NULL;

    while (dup(STDERR_FILENO) >= 0)
        continue;
    cr_assert_eq(cage_find(&identity, SLICE("nobody"), SLICE("nogroup"), &why), 0, "%s", why);
}
