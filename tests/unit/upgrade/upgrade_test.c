/* SPDX-License-Identifier: MIT */
/* The way of an upgrade, with an owner that has nothing to hand on, and binaries that are scripts.
 */
#include "upgrade/upgrade.h"

#include "base/memory.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct owner {
    struct loop loop;
    struct upgrade upgrade;
    ev_signal child;
    struct hold hold;
    unsigned changes; /* of the settings, one with each trial */
    char waited[160];
    char refused[640];
};

static void end_resolver(void *owner)
{
    (void)owner;
}

static void gather(void *context, struct state *state, struct wire_writer *settings)
{
    struct owner *owner = context;

    *state = (struct state){
        .config = SLICE("the main file"), .pid_fd = -1, .log_fd = -1, .tally_fd = -1};
    state->control_fd = -1;
    wire_put_u32(settings, owner->changes > 0 ? owner->changes++ : 0);
}

static void put_rest(void *owner, struct wire_writer *writer)
{
    (void)owner;
    wire_put_u32(writer, 0);
}

static void each_descriptor(void *owner, void (*act)(int *fd, void *context), void *context)
{
    (void)owner;
    (void)act;
    (void)context;
}

static void waits(void *context, const char *text)
{
    struct owner *owner = context;

    snprintf(owner->waited, sizeof(owner->waited), "%s", text);
    owner->upgrade.patience = 0.; /* that was enough */
}

static void refused(void *context, const char *why)
{
    struct owner *owner = context;

    snprintf(owner->refused, sizeof(owner->refused), "%s", why);
    loop_stop(&owner->loop);
}

static const struct upgrade_events events = {end_resolver,    gather, put_rest,
                                             each_descriptor, waits,  refused};

static void describe_godot(const struct hold *hold, char text[PENDING_TEXT])
{
    (void)hold;
    snprintf(text, PENDING_TEXT, "Godot");
}

static void on_child(struct ev_loop *ev, ev_signal *watcher, int revents)
{
    (void)ev;
    (void)revents;
    upgrade_on_child(watcher->data);
}

static void owner_open(struct owner *owner, const char *script)
{
    char *path = memory_text("/tmp/nsg-upgrade.XXXXXX");
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_gt(dprintf(fd, "#!/bin/sh\n%s\n", script), 0);
    fchmod(fd, 0700);
    close(fd);
    *owner = (struct owner){.changes = 0};
    loop_init(&owner->loop);
    hold_init(&owner->hold, &owner->loop, describe_godot);
    upgrade_init(&owner->upgrade, &owner->loop, &events, owner);
    free(owner->upgrade.binary);
    owner->upgrade.binary = path;
    ev_signal_init(&owner->child, on_child, SIGCHLD);
    owner->child.data = &owner->upgrade;
    ev_signal_start(owner->loop.ev, &owner->child);
}

static void owner_close(struct owner *owner)
{
    unlink(owner->upgrade.binary);
    ev_signal_stop(owner->loop.ev, &owner->child);
    hold_set(&owner->hold, 0);
    upgrade_free(&owner->upgrade);
    loop_free(&owner->loop);
}

Test(upgrade, is_refused_by_the_binary)
{
    struct owner owner;

    owner_open(&owner, "echo too old >&3; exit 1");
    upgrade_begin(&owner.upgrade);
    loop_run(&owner.loop);
    cr_assert_str_eq(owner.refused, "too old");
    cr_assert_eq(owner.upgrade.state, UPGRADE_NONE);
    owner_close(&owner);
}

Test(upgrade, does_not_wait_for_ever)
{
    struct owner owner;

    owner_open(&owner, "exit 0");
    hold_set(&owner.hold, PENDING_UPGRADE);
    upgrade_begin(&owner.upgrade);
    loop_run(&owner.loop);
    cr_assert_str_eq(owner.waited, "Godot");
    cr_assert_str_eq(owner.refused, "it has waited 0 s for Godot");
    owner_close(&owner);
}

/* No look in between finds that out: the end of what is under way tells. */
Test(upgrade, goes_on_when_all_is_quiet)
{
    struct owner owner;

    owner_open(&owner, "echo too old >&3; exit 1");
    hold_set(&owner.hold, PENDING_UPGRADE);
    upgrade_begin(&owner.upgrade);
    ev_run(owner.loop.ev, EVRUN_ONCE);
    cr_assert_eq(owner.upgrade.state, UPGRADE_WANTED);
    hold_set(&owner.hold, 0);
    for (int i = 0; i < 3 && owner.upgrade.state == UPGRADE_WANTED; i++)
        ev_run(owner.loop.ev, EVRUN_ONCE);
    cr_assert_eq(owner.upgrade.state, UPGRADE_TRYING);
    cr_assert_str_eq(owner.waited, "");
    owner_close(&owner);
}

/* What takes over is what was tried. */
Test(upgrade, is_not_tried_for_ever)
{
    struct owner owner;

    owner_open(&owner, "printf ready >&3");
    owner.changes = 1;
    upgrade_begin(&owner.upgrade);
    loop_run(&owner.loop);
    cr_assert_str_eq(owner.refused, "a reload has changed something during each of 5 trials");
    owner_close(&owner);
}

Test(upgrade, takes_over_in_the_same_process)
{
    struct owner owner;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        owner_open(&owner, "[ \"$2\" = candidate ] && printf ready >&3 && exit\n"
                           "rm \"$0\"\n"
                           "[ \"$1 $2 $3\" = \"-c the main file --resume\" ] && exit 7\n"
                           "exit 8");
        upgrade_begin(&owner.upgrade);
        loop_run(&owner.loop);
        _exit(9);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(WEXITSTATUS(status), 7);
}

Test(upgrade, is_abandoned)
{
    struct owner owner;

    owner_open(&owner, "sleep 100");
    upgrade_begin(&owner.upgrade);
    while (owner.upgrade.state != UPGRADE_TRYING)
        ev_run(owner.loop.ev, EVRUN_ONCE);
    cr_assert_not(upgrade_is_due(&owner.upgrade));
    upgrade_abandon(&owner.upgrade);
    cr_assert_eq(owner.upgrade.state, UPGRADE_NONE);
    cr_assert_str_eq(owner.refused, "");
    owner_close(&owner);
}
