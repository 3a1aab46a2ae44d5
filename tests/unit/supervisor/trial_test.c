/* SPDX-License-Identifier: MIT */
/* A candidate's answers to states that it cannot go on from; upgrade_test.c has the good ones. */
#include "files/settings.h"
#include "supervisor/trial_internal.h"

#include "rig/rig.h"
#include "state_sample.h"

#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

TestSuite(trial, .fini = rig_end);

/* Returns the exit status; answer has at least 512 bytes. */
static int ask(int state, char *answer)
{
    int sockets[2];
    ssize_t len;
    int status;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
    status = trial_main("/proc/self/exe", sockets[1], state);
    len = recv(sockets[0], answer, 511, MSG_WAITALL);
    answer[len > 0 ? len : 0] = '\0';
    close(sockets[0]);
    return status;
}

Test(trial, no_state_at_all)
{
    char answer[512];

    cr_assert_eq(ask(open("/dev/null", O_RDONLY | O_CLOEXEC), answer), 1);
    cr_assert_str_eq(answer, "it was given a blob that is not sealed");
    cr_assert_eq(ask(sealed_new("test", SLICE("something else")), answer), 1);
    cr_assert_str_eq(answer, "it is no state of nsgate");
}

/* The sample with the rig's main file, settings that were put, and a bundle, if there is one. */
static int rig_state(const struct rig *rig, bool is_damaged, const char *bundle)
{
    struct wire_writer settings;
    struct wire_writer bytes;
    struct settings *read;
    struct diag_list diags;
    struct sample sample;
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/nsgate.conf", rig->folder);
    diag_list_init(&diags);
    read = settings_read(path, &config_files, &diags);
    cr_assert_not_null(read);
    wire_writer_init(&settings);
    wire_writer_init(&bytes);
    settings_put(&settings, read);
    sample_open(&sample);
    sample.state.config = slice_of(path);
    sample.state.identity = (struct cage_identity){.keep = true};
    sample.state.settings = is_damaged ? SLICE("garbage") : wire_written(&settings);
    if (bundle) {
        struct record *record = registry_find(&sample.registry, SLICE("a"));

        ipc_blob_unref(record->plan.bundle);
        record->plan.bundle = ipc_blob_new(slice_of(bundle));
    }
    sample_put(&bytes, &sample);
    fd = sealed_new("test", wire_written(&bytes));
    sample_close(&sample);
    settings_free(read);
    wire_writer_free(&settings);
    wire_writer_free(&bytes);
    diag_list_free(&diags);
    return fd;
}

Test(trial, what_the_main_file_said_is_damaged)
{
    struct rig rig;
    char answer[512];

    rig_open(&rig);
    cr_assert_eq(ask(rig_state(&rig, true, NULL), answer), 1);
    cr_assert_not_null(strstr(answer, "what was kept of it is damaged"), "%s", answer);
    rig_close(&rig);
}

/* Descriptors of the sample are only numbers, and stay so. */
Test(trial, a_good_one)
{
    struct rig rig;
    char answer[512];
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int kept = fcntl(fd, F_DUPFD_CLOEXEC, 21);

    rig_open(&rig);
    cr_assert_eq(kept, 21);
    cr_assert_eq(ask(rig_state(&rig, false, NULL), answer), 0, "%s", answer);
    cr_assert_str_eq(answer, "ready\n");
    cr_assert_geq(fcntl(kept, F_GETFD), 0);
    rig_close(&rig);
}

Test(trial, a_tenant_that_its_worker_dies_of)
{
    struct rig rig;
    char answer[512];

    rig_open(&rig);
    cr_assert_eq(ask(rig_state(&rig, false, "end-worker"), answer), 1);
    cr_assert_str_eq(answer, "its worker failed");
    rig_close(&rig);
}

/* The file is good for what runs, but not for this version, or is not there at all. */
Test(trial, no_main_file)
{
    struct rig rig;
    char answer[512];
    int fd;

    rig_open(&rig);
    fd = rig_state(&rig, false, NULL);
    rig_remove(&rig, "nsgate.conf");
    cr_assert_eq(ask(fd, answer), 1);
    cr_assert_not_null(strstr(answer, "nsgate.conf"), "%s", answer);
    rig_close(&rig);
}
