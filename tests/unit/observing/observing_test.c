/* SPDX-License-Identifier: MIT */
/* Where the observer answers follows the settings, and there is one only if it is wanted. */
#include "rig/rig.h"
#include "rig/talk.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

TestSuite(observing, .fini = rig_end);

static void write_main(const struct rig *rig, const char *more)
{
    rig_write(rig, "nsgate.conf",
              "worker_processes 1;\nerror_log log info;\npid pid;\ntenants tenants/*.conf;\n%s",
              more);
}

Test(observing, starts_and_ends_with_the_settings)
{
    struct rig rig;
    char text[128];
    int port = rig_port();

    rig_open(&rig);
    rig_start(&rig, "started: 0 tenants");
    cr_assert_eq(rig_count(&rig, "started observer"), 0);
    snprintf(text, sizeof(text), "observe 127.0.0.1:%d;", port);
    write_main(&rig, text);
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    rig_expect(&rig, "started observer");
    cr_assert(rig_connects(port));
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    cr_assert_eq(rig_count(&rig, "observing at"), 1, "what stays is not bound again");
    write_main(&rig, "");
    cr_assert_eq(talk(&rig, "reload\n", "end\t0\n"), 0);
    for (int i = 0; i < 10000 && rig_connects(port); i++) /* until the observer has ended, too */
        usleep(1000);
    cr_assert_not(rig_connects(port));
    rig_close(&rig);
}

Test(observing, an_address_in_use_is_told_once_and_tried_again)
{
    struct rig rig;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct stat status;

    rig_open(&rig);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/sock", rig.folder);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 1), 0);
    write_main(&rig, "observe unix:sock;");
    rig_start(&rig, "started: 0 tenants");
    rig_expect(&rig, "cannot observe at unix:");
    close(fd); /* what is left is stale */
    rig_expect(&rig, "observing at unix:");
    cr_assert_eq(rig_count(&rig, "cannot observe at"), 1);
    cr_assert_eq(stat(address.sun_path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0666);
    kill(rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&rig), 0);
    cr_assert_lt(stat(address.sun_path, &status), 0, "its name goes with it");
    rig_close(&rig);
}

/* Whatever became of it, another one follows. */
Test(observing, it_is_started_again)
{
    struct rig rig;
    char text[64];

    rig_open(&rig);
    snprintf(text, sizeof(text), "observe 127.0.0.1:%d;", rig_port());
    write_main(&rig, text);
    rig_start(&rig, "started observer");
    kill(rig_child(&rig, "observer"), SIGKILL);
    rig_expect(&rig, ") was killed by signal 9");
    rig_expect(&rig, "started observer");
    rig_signal(&rig, SIGTERM, "ending");
    cr_assert_eq(rig_wait(&rig), 0);
    rig_close(&rig);
}
