/* SPDX-License-Identifier: MIT */
/* What a service manager hears, played by a datagram socket. */
#include "daemon/notify.h"

#include "rig/rig.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct manager {
    struct loop loop;
    struct notify notify;
    int fd;
    char path[64];
    char text[NOTIFY_TEXT + 1]; /* of the last datagram; empty: none came */
};

static void unset(void)
{
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
}

TestSuite(notify, .init = unset, .fini = rig_end);

/* name: a path, or "@..." for the abstract namespace. */
static void manager_open(struct manager *manager, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

    *manager = (struct manager){.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    snprintf(manager->path, sizeof(manager->path), "%s", name);
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    cr_assert_eq(bind(manager->fd, (struct sockaddr *)&address, len), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    loop_init(&manager->loop);
    notify_init(&manager->notify, &manager->loop);
}

static void manager_close(struct manager *manager)
{
    notify_free(&manager->notify);
    loop_free(&manager->loop);
    close(manager->fd);
    if (manager->path[0] == '/')
        unlink(manager->path);
}

static const char *manager_take(struct manager *manager, int patience)
{
    struct pollfd readable = {.fd = manager->fd, .events = POLLIN};
    ssize_t len = 0;

    if (poll(&readable, 1, patience) > 0)
        len = recv(manager->fd, manager->text, sizeof(manager->text) - 1, 0);
    manager->text[len > 0 ? len : 0] = '\0';
    return manager->text;
}

/* Turns the loop until a datagram comes. */
static const char *manager_wait(struct manager *manager)
{
    for (int i = 0; i < 1000; i++) {
        ev_run(manager->loop.ev, EVRUN_NOWAIT);
        if (manager_take(manager, 10)[0])
            return manager->text;
    }
    cr_assert_fail("nothing came");
    return NULL;
}

static void assert_begins(const char *text, const char *beginning)
{
    cr_assert_eq(strncmp(text, beginning, strlen(beginning)), 0, "%s", text);
}

static const char *own_path(char path[64])
{
    snprintf(path, 64, "/tmp/nsg-notify-%d", (int)getpid());
    return path;
}

Test(notify, says_nothing_without_a_socket)
{
    struct notify notify;
    struct loop loop;

    loop_init(&loop);
    notify_init(&notify, &loop);
    notify_start(&notify);
    notify_ready(&notify, "x");
    notify_reloading(&notify);
    notify_stopping(&notify, 1.);
    cr_assert_eq(notify.state, NOTIFY_OFF);
    cr_assert_lt(notify.fd, 0);
    notify_free(&notify);
    loop_free(&loop);
}

static void follow_a_life(const char *name)
{
    struct manager manager;
    struct timespec now;
    long long then;

    manager_open(&manager, name);
    notify_start(&manager.notify);
    cr_assert_str_eq(manager_wait(&manager), "EXTEND_TIMEOUT_USEC=30000000");
    notify_ready(&manager.notify, "started: 1 tenants");
    cr_assert_str_eq(manager_take(&manager, 0), "READY=1\nSTATUS=started: 1 tenants");
    notify_reloading(&manager.notify);
    assert_begins(manager_take(&manager, 0), "RELOADING=1\nMONOTONIC_USEC=");
    then = strtoll(strchr(manager.text, '\n') + strlen("\nMONOTONIC_USEC="), NULL, 10);
    clock_gettime(CLOCK_MONOTONIC, &now);
    cr_assert_leq(then, (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    cr_assert_gt(then, ((long long)now.tv_sec - 60) * 1000000);
    notify_ready(&manager.notify, "reload done");
    cr_assert_str_eq(manager_take(&manager, 0), "READY=1\nSTATUS=reload done");
    notify_stopping(&manager.notify, 31.);
    cr_assert_str_eq(manager_take(&manager, 0),
                     "STOPPING=1\nEXTEND_TIMEOUT_USEC=31000000\nSTATUS=ending");
    notify_ready(&manager.notify, "no more");
    cr_assert_str_empty(manager_take(&manager, 0), "an end is the end");
    manager_close(&manager);
}

Test(notify, tells_a_life_to_a_path)
{
    char path[64];

    follow_a_life(own_path(path));
}

Test(notify, tells_a_life_to_an_abstract_name)
{
    char name[64];

    snprintf(name, sizeof(name), "@nsg-notify-%d", (int)getpid());
    follow_a_life(name);
}

Test(notify, a_reload_is_told_only_by_who_was_ready)
{
    struct manager manager;
    char path[64];

    manager_open(&manager, own_path(path));
    notify_start(&manager.notify);
    notify_reloading(&manager.notify);
    cr_assert_str_empty(manager_take(&manager, 0));
    manager_close(&manager);
}

Test(notify, a_status_is_one_line)
{
    struct manager manager;
    char path[64];

    manager_open(&manager, own_path(path));
    notify_start(&manager.notify);
    notify_ready(&manager.notify, "a\nSTOPPING=1\x01");
    cr_assert_str_eq(manager_take(&manager, 0), "READY=1\nSTATUS=a?STOPPING=1?");
    manager_close(&manager);
}

Test(notify, the_watchdog_hears_twice_in_its_time)
{
    struct manager manager;
    struct timespec begin;
    struct timespec end;
    char path[64];
    char pid[16];

    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "200000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    manager_open(&manager, own_path(path));
    notify_start(&manager.notify);
    notify_ready(&manager.notify, "x");
    (void)manager_take(&manager, 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < 4; i++)
        cr_assert_str_eq(manager_wait(&manager), "WATCHDOG=1");
    clock_gettime(CLOCK_MONOTONIC, &end);
    cr_assert_lt((double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9,
                 2.);
    manager_close(&manager);
}

Test(notify, another_process_has_the_watchdog)
{
    static const char *const others[] = {"1", "none", ""};

    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct manager manager;
        char path[64];

        setenv("WATCHDOG_USEC", "2000", 1);
        setenv("WATCHDOG_PID", others[i], 1);
        manager_open(&manager, own_path(path));
        notify_start(&manager.notify);
        cr_assert_not(ev_is_active(&manager.notify.beat), "WATCHDOG_PID=%s", others[i]);
        manager_close(&manager);
    }
}

Test(notify, a_full_queue_gets_the_last_word_later)
{
    struct manager manager;
    char path[64];

    manager_open(&manager, own_path(path));
    notify_start(&manager.notify);
    notify_ready(&manager.notify, "0");
    for (int i = 0; i < 10000 && !manager.notify.due[0]; i++) {
        notify_reloading(&manager.notify);
        notify_ready(&manager.notify, "full");
    }
    cr_assert(manager.notify.due[0], "the queue never was full");
    notify_ready(&manager.notify, "the last");
    while (manager_take(&manager, 0)[0])
        cr_assert_null(strstr(manager.text, "the last"));
    cr_assert_str_eq(manager_wait(&manager), "READY=1\nSTATUS=the last");
    cr_assert_not(ev_is_active(&manager.notify.tick), "nothing is due any more");
    manager_close(&manager);
}

Test(notify, a_manager_that_is_gone_is_no_obstacle)
{
    struct manager manager;
    char path[64];

    manager_open(&manager, own_path(path));
    unlink(path);
    notify_start(&manager.notify);
    notify_ready(&manager.notify, "x");
    cr_assert_eq(manager.notify.state, NOTIFY_READY);
    cr_assert(manager.notify.has_failed);
    cr_assert_str_empty(manager.notify.due);
    manager_close(&manager);
}

Test(notify, an_address_of_another_kind_is_none)
{
    static const char *const names[] = {"", "@", "/", "vsock:2:1", "relative"};
    char too_long[200];

    memset(too_long, 'x', sizeof(too_long));
    too_long[0] = '/';
    too_long[sizeof(too_long) - 1] = '\0';
    for (unsigned i = 0; i <= sizeof(names) / sizeof(names[0]); i++) {
        struct notify notify;
        struct loop loop;

        setenv("NOTIFY_SOCKET", i < sizeof(names) / sizeof(names[0]) ? names[i] : too_long, 1);
        loop_init(&loop);
        notify_init(&notify, &loop);
        notify_start(&notify);
        cr_assert_eq(notify.state, NOTIFY_OFF, "%s", getenv("NOTIFY_SOCKET"));
        notify_free(&notify);
        loop_free(&loop);
    }
}

/* ---- a whole supervisor ---- */

Test(notify, a_supervisor_tells_its_life)
{
    struct manager manager;
    struct rig rig;
    char path[64];

    manager_open(&manager, own_path(path));
    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_start(&rig, "started: 1 tenants");
    while (strncmp(manager_take(&manager, 5000), "EXTEND", 6) == 0)
        ;
    assert_begins(manager.text, "READY=1\nSTATUS=started: 1 tenants, 0 waiting, 0 refused");
    rig_signal(&rig, SIGHUP, "reload done: ");
    assert_begins(manager_take(&manager, 5000), "RELOADING=1\n");
    assert_begins(manager_take(&manager, 5000), "READY=1\nSTATUS=reload done: 0 added");
    rig_write(&rig, "nsgate.conf", "nonsense;\n");
    rig_signal(&rig, SIGHUP, "reload refused: ");
    assert_begins(manager_take(&manager, 5000), "RELOADING=1\n");
    assert_begins(manager_take(&manager, 5000), "READY=1\nSTATUS=reload refused: 1 error in ");
    kill(rig.pid, SIGQUIT);
    assert_begins(manager_take(&manager, 5000), "STOPPING=1\nEXTEND_TIMEOUT_USEC=2000000\n");
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
    manager_close(&manager);
}

static bool process_has(pid_t pid, const char *what, const char *text)
{
    char bytes[8192];
    char path[64];
    size_t len;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
    file = fopen(path, "r");
    cr_assert_not_null(file);
    len = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

Test(notify, children_do_not_know_of_it)
{
    struct timespec nap = {0, 5 * 1000 * 1000};
    struct manager manager;
    struct rig rig;
    char path[64];
    pid_t worker;

    setenv("WATCHDOG_USEC", "60000000", 1);
    setenv("NSG_WITNESS", "x", 1);
    manager_open(&manager, own_path(path));
    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    worker = rig_child(&rig, "worker 0");
    for (int i = 0; i < 1000 && !process_has(worker, "environ", "NSG_WITNESS="); i++)
        nanosleep(&nap, NULL); /* it may not have come to execve(2) yet */
    cr_assert(process_has(worker, "environ", "NSG_WITNESS="));
    cr_assert_not(process_has(worker, "environ", "NOTIFY_SOCKET="));
    cr_assert_not(process_has(worker, "environ", "WATCHDOG_"));
    rig_close(&rig);
    manager_close(&manager);
}
