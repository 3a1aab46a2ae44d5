/* SPDX-License-Identifier: MIT */
/* Changed tenants keep the sockets of the addresses that they keep. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The inode of the socket that listens on 127.0.0.1:PORT; 0: none. */
static unsigned long socket_inode(int port)
{
    FILE *file = fopen("/proc/net/tcp", "re");
    unsigned long found = 0;
    char line[256];
    char wanted[32];

    snprintf(wanted, sizeof(wanted), " 0100007F:%04X 00000000:0000 0A", port);
    while (fgets(line, sizeof(line), file)) {
        if (strstr(line, wanted))
            sscanf(line, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &found);
    }
    fclose(file);
    return found;
}

static void write_two(const struct rig *rig, int one, int two, const char *text)
{
    rig_write(rig, "tenants/a.conf",
              "netns host;\nserver { listen 127.0.0.1:%d; listen 127.0.0.1:%d backlog=9; "
              "return 200 %s; }\n",
              one, two, text);
}

TestSuite(apply, .fini = rig_end);

Test(apply, addresses_that_stay_keep_their_socket)
{
    struct rig rig;
    int one = rig_port();
    int two = rig_port();
    int three = rig_port();
    unsigned long inode;

    rig_open(&rig);
    write_two(&rig, one, two, "old");
    rig_start(&rig, "started: 1 tenants");
    inode = socket_inode(one);
    cr_assert_neq(inode, 0);
    write_two(&rig, one, three, "new");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed");
    cr_assert_eq(socket_inode(one), inode);
    cr_assert(rig_connects(three));
    cr_assert_neq(socket_inode(three), 0);
    rig_remove(&rig, "tenants/a.conf");
    talk_force(&rig, "reload done: 0 added, 0 changed, 1 removed");
    cr_assert_not(rig_has_logged(&rig, "cannot listen"));
    rig_close(&rig);
}

static bool holds_socket(pid_t pid, unsigned long inode)
{
    char wanted[64];
    char path[64];
    char target[64];
    bool found = false;

    snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
    for (int fd = 3; fd < 64 && !found; fd++) {
        ssize_t len;

        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        len = readlink(path, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    return found;
}

Test(apply, an_unchanged_tenant_gets_its_new_number_of_workers)
{
    struct rig rig;
    int port = rig_port();
    unsigned long inode;

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants, 0 waiting");
    inode = socket_inode(port);
    rig_write(&rig, "nsgate.conf",
              "worker_processes 2;\nworkers_per_tenant 2;\nerror_log log info;\npid pid;\n"
              "tenants tenants/*.conf;\n");
    rig_remove(&rig, "tenants/a.conf");
    rig_tenant(&rig, "a", port, "a"); /* examined again, with the same outcome */
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    for (int i = 0; i < 1000 && !holds_socket(rig_child(&rig, "worker 1"), inode); i++)
        usleep(5000);
    cr_assert(holds_socket(rig_child(&rig, "worker 0"), inode));
    cr_assert(holds_socket(rig_child(&rig, "worker 1"), inode));
    rig_close(&rig);
}

Test(apply, a_tenant_that_moves_is_bound_anew)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_start(&rig, "started: 1 tenants, 0 waiting");
    rig_write(&rig, "tenants/a.conf",
              "netns nsg-not-there;\nserver { listen 127.0.0.1:%d; return 200; }\n", port);
    rig_signal(&rig, SIGHUP, "waiting for network namespace nsg-not-there");
    rig_expect(&rig, "reload done: 0 added, 1 changed");
    rig_tenant(&rig, "a", port, "a");
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 1 changed");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}
