/* SPDX-License-Identifier: MIT */
/* Listeners that wait, degrade and come back. */
#include "rig/rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(listeners, .fini = rig_end);

Test(listeners, a_taken_port_is_retried)
{
    struct rig rig;
    int port = rig_port();
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants, 1 waiting, 0 refused");
    rig_expect(&rig, "bind: Address already in use");
    close(fd);
    rig_expect(&rig, "tenant a: listening on 127.0.0.1:");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* Interfaces that come and go: tests/gateway/zones_test.py. */
Test(listeners, an_interface_that_is_not_there_is_waited_for)
{
    struct rig rig;

    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf",
              "netns host;\nserver { listen [fe80::1%%nsg-none]:8080; return 200; }\n");
    rig_start(&rig, "started: 1 tenants, 1 waiting, 0 refused");
    rig_expect(&rig, "cannot listen on [fe80::1%nsg-none]:8080 in host: nsg-none: No such device");
    rig_close(&rig);
}

Test(listeners, a_namespace_that_appears_late)
{
    struct rig rig;
    char path[128];
    char from[64];
    char byte;
    int ready[2];
    pid_t child;

    cr_assert_eq(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        byte = unshare(CLONE_NEWNET) == 0 ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    if (byte != 'y')
        cr_skip_test("no right to make network namespaces here");
    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf",
              "netns %s/link;\nserver { listen 127.0.0.1:8080; return 200; }\n", rig.folder);
    rig_start(&rig, "started: 1 tenants, 1 waiting, 0 refused");
    rig_expect(&rig, "waiting for network namespace");
    snprintf(from, sizeof(from), "/proc/%d/ns/net", (int)child);
    snprintf(path, sizeof(path), "%s/link", rig.folder);
    cr_assert_eq(symlink(from, path), 0);
    rig_expect(&rig, "tenant a: listening on 127.0.0.1:8080 in ");
    cr_assert_not(rig_connects(8080), "it listens in the host's namespace");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    rig_close(&rig);
}

Test(listeners, never_in_the_hosts_namespace_by_a_path)
{
    struct rig rig;

    rig_open(&rig);
    rig_write(&rig, "tenants/a.conf",
              "netns /proc/self/ns/net;\nserver { listen 127.0.0.1:8081; return 200; }\n");
    rig_start(&rig, "started: 1 tenants, 1 waiting, 0 refused");
    rig_expect(&rig, "is the host's own network namespace");
    rig_close(&rig);
}
