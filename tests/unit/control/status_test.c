/* SPDX-License-Identifier: MIT */
/* The lines of -s status. */
#include "control/status.h"

#include "rig.h"

#include "control/protocol.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

Test(status, a_long_error_is_cut)
{
    char text[70000];
    struct rig rig;
    int fd;

    memset(text, 'x', sizeof(text));
    memcpy(text + 1023, "\xc3\xa4", 2); /* the last byte that fits is half a character */
    rig_open(&rig);
    fd = rig_ask(&rig, "status\n");
    while (rig.runs < 1)
        rig_turn(&rig);
    status_tell_tenant(&rig.control, &(struct status_tenant){.name = "a",
                                                             .netns = "",
                                                             .state = "refused",
                                                             .error = {text, sizeof(text)}});
    control_end_each(&rig.control, CONTROL_COUNTING, CONTROL_GOOD);
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "\terror=xxxx") && rig_said(&rig, "xxxx...\nend\t0\n"));
    rig_close(&rig);
}

Test(status, tells_of_the_gateway_and_its_tenants)
{
    const struct status_gateway gateway = {.state = "serving",
                                           .uptime = 7.4,
                                           .generation = 2,
                                           .workers = 3,
                                           .ready = 2,
                                           .draining = 1,
                                           .is_arriving = true,
                                           .connections = 9,
                                           .sandbox = "on",
                                           .landlock = 6,
                                           .last_reload = "partial",
                                           .reloaded = 86400};
    const struct status_tenant tenant = {.name = "a",
                                         .netns = "acme",
                                         .inode = 40,
                                         .state = "degraded",
                                         .bound = 1,
                                         .listeners = 2,
                                         .connections = 3,
                                         .draining = 4,
                                         .requests = 5,
                                         .codes = SLICE("2xx:5"),
                                         .durations = SLICE("1:5,+Inf:0"),
                                         .refused = 8,
                                         .expires = 6,
                                         .generation = 7,
                                         .error = SLICE("no\tnews")};
    struct rig rig;
    char pid[64];
    int fds[2];

    rig_open(&rig);
    for (int i = 0; i < 2; i++)
        fds[i] = rig_ask(&rig, "status\n");
    while (rig.runs < 2)
        rig_turn(&rig);
    status_tell_gateway(&rig.control, &gateway);
    status_tell_tenant(&rig.control, &tenant);
    control_end_each(&rig.control, CONTROL_COUNTING, CONTROL_LACKING);
    snprintf(pid, sizeof(pid), "\tstate=serving\tpid=%d\tuptime=7\t", (int)getpid());
    for (int i = 0; i < 2; i++) {
        rig_end(&rig, fds[i]);
        cr_assert(rig_said(&rig, "\ngateway\tversion=") && rig_said(&rig, pid));
        cr_assert(rig_said(
            &rig,
            "\tsandbox=on\tlandlock=6\tgeneration=2\tworkers=3\tready=2\tdraining=1\tarriving=1\t"
            "connections=9\tpartial=0\treload=partial\treloaded=86400\n"));
        cr_assert(rig_said(&rig,
                           "\ntenant\tname=a\tnetns=acme\tinode=40\tstate=degraded\tbound=1\t"
                           "listeners=2\tconnections=3\tdraining=4\trequests=5\tcodes=2xx:"
                           "5\tdurations=1:5,+Inf:0\t"
                           "refused=8\texpires=6\tgeneration=7\terror=no\\x09news\nend\t2\n"));
    }
    rig_close(&rig);
}

Test(status, an_upstream_is_told_with_what_is_down)
{
    const struct status_upstream good = {"a", "good", 3, 3, {0}, 0};
    const struct status_upstream bad = {"a", "pool", 3, 1, {"10.0.0.1:80", "unix:/x\ty"}, 2};
    struct rig rig;
    int fd;

    rig_open(&rig);
    fd = rig_ask(&rig, "status\n");
    while (rig.runs < 1)
        rig_turn(&rig);
    status_tell_upstream(&rig.control, &good);
    status_tell_upstream(&rig.control, &bad);
    control_end_each(&rig.control, CONTROL_COUNTING, CONTROL_GOOD);
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "\nupstream\ttenant=a\tupstream=pool\tservers=3\tup=1\t"
                             "down=10.0.0.1:80\tdown=unix:/x\\x09y\nend\t0\n"));
    cr_assert_not(rig_said(&rig, "good"));
    rig_close(&rig);
}
