/* SPDX-License-Identifier: MIT */
/* Makes and ends processes in namespaces of their own. */
#include "shared/netns.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t test_netns_start(char path[64])
{
    int ready[2];
    pid_t child;
    char byte;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        close_range(3, ~0u, 0);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    if (byte != 'y') {
        test_netns_end(child);
        cr_skip_test("no right to make network namespaces here");
    }
    snprintf(path, 64, "/proc/%d/ns/net", (int)child);
    return child;
}

void test_netns_end(pid_t process)
{
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
}

static int netns_raise_here(const char *path)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int handle = open(path, O_RDONLY | O_CLOEXEC);

    if (handle < 0 || setns(handle, CLONE_NEWNET) < 0)
        return 1;
    return ioctl(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCSIFFLAGS, &request) < 0;
}

void test_netns_raise(const char *path)
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(netns_raise_here(path));
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}
