/* SPDX-License-Identifier: MIT */
/* Resuming from what is no state, and from states that another binary may have left; upgrade_test.c
 * has those that this one leaves. */
#include "files/settings.h"
#include "supervisor/supervisor_internal.h"

#include "rig/rig.h"
#include "state_sample.h"

#include "base/memory.h"
#include "ipc/sealed.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

TestSuite(resume, .fini = rig_end);

Test(resume, from_nothing)
{
    cr_assert_eq(resume_main("/nowhere.conf", open("/dev/null", O_RDONLY | O_CLOEXEC), "/nowhere"),
                 1);
}

Test(resume, from_garbage)
{
    cr_assert_eq(resume_main("/nowhere.conf", sealed_new("test", SLICE("garbage")), "/nowhere"), 1);
}

/* A rig with a state that says little; its descriptors are as after execve(2). */
struct resume_rig {
    struct rig rig;
    struct wire_writer settings;
    struct state state;
    struct children_state workers;
    struct registry registry;
    char config[128];
    char pid_path[128];
};

static void resume_rig_open(struct resume_rig *resume)
{
    struct settings *settings;
    struct diag_list diags;
    char log[128];

    rig_open(&resume->rig);
    snprintf(resume->config, sizeof(resume->config), "%s/nsgate.conf", resume->rig.folder);
    snprintf(resume->pid_path, sizeof(resume->pid_path), "%s/pid", resume->rig.folder);
    snprintf(log, sizeof(log), "%s/log", resume->rig.folder);
    diag_list_init(&diags);
    settings = settings_read(resume->config, &config_files, &diags);
    cr_assert_not_null(settings);
    wire_writer_init(&resume->settings);
    settings_put(&resume->settings, settings);
    resume->state = (struct state){.config = slice_of(resume->config),
                                   .settings = wire_written(&resume->settings),
                                   .identity = settings->identity,
                                   .pid_path = slice_of(resume->pid_path),
                                   .pid_fd = -1,
                                   .log_fd = open(log, O_WRONLY | O_APPEND),
                                   .tally_fd = -1,
                                   .control_fd = -1,
                                   .ipc_version = IPC_VERSION};
    resume->registry = (struct registry){0};
    resume->workers = (struct children_state){0};
    settings_free(settings);
    diag_list_free(&diags);
}

/* A worker of before: it lives until its channel closes. */
static pid_t resume_rig_fork_worker(int channel)
{
    pid_t pid = fork();
    char byte;

    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (recv(channel, &byte, 1, 0) > 0)
        ;
    _exit(0);
}

/* In a process of its own, as a supervisor with that worker, if there is a channel for it. */
static void resume_rig_run(struct resume_rig *resume, const int *channel)
{
    struct wire_writer bytes;
    int fd;

    resume->rig.pid = fork();
    if (resume->rig.pid != 0)
        return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (channel) {
        resume->workers.workers[0] = (struct worker_state){
            .pid = resume_rig_fork_worker(channel[1]), .index = 1, .channel = channel[0]};
        resume->workers.count = 1;
        close(channel[1]);
    }
    wire_writer_init(&bytes);
    state_encode(&bytes, &resume->state);
    sample_put_workers(&bytes, &resume->workers);
    registry_put(&bytes, &resume->registry);
    sample_put_no_logs(&bytes);
    wire_put_bool(&bytes, false);
    fd = sealed_new("test", wire_written(&bytes));
    wire_writer_free(&bytes);
    _exit(resume_main(resume->config, fd, "/proc/self/exe"));
}

static void resume_rig_close(struct resume_rig *resume)
{
    kill(resume->rig.pid, SIGTERM);
    cr_assert_eq(rig_wait(&resume->rig), 0);
    close(resume->state.log_fd);
    registry_free(&resume->registry);
    wire_writer_free(&resume->settings);
    rig_close(&resume->rig);
}

/* Nothing can be said to them, but they drain when their channel closes: not before others serve.
 */
Test(resume, workers_that_speak_another_version)
{
    struct resume_rig resume;
    int channel[2];

    resume_rig_open(&resume);
    resume.state.ipc_version = IPC_VERSION + 1;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
    resume_rig_run(&resume, channel);
    rig_expect(&resume.rig, "2 new workers serve, the old ones drain");
    rig_expect(&resume.rig, "upgrade done: ");
    rig_expect(&resume.rig, "the old workers have ended");
    close(channel[0]);
    close(channel[1]);
    resume_rig_close(&resume);
}

/* In the state it is bound, but by now somebody has closed it. */
Test(resume, a_listener_that_does_not_listen)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct resume_rig resume;
    struct plan_listener *plan;
    struct listener *listener;
    struct record *record;
    char text[32];
    int port = rig_port();

    resume_rig_open(&resume);
    rig_tenant(&resume.rig, "a", port, "a");
    record = registry_restore(&resume.registry, SLICE("a"), SLICE("a.conf"), 0);
    record->tickets.count = 1;
    record->plan.netns.kind = NETNS_HOST;
    record->plan.netns.text = memory_text("host");
    record->plan.bundle = ipc_blob_new(SLICE("some bundle"));
    record->plan.listener_count = 1;
    plan = record->plan.listeners = memory_zeroed(1, sizeof(*plan));
    address.sin_port = htons((uint16_t)port);
    address_set(&plan->address, (struct sockaddr *)&address, sizeof(address));
    snprintf(text, sizeof(text), "127.0.0.1:%d", port);
    plan->text = memory_text(text);
    plan->backlog = 5;
    tenant_sockets_fill(&record->sockets);
    listener = &record->sockets.listeners[0];
    listener->state = LISTENER_BOUND;
    listener->fd = socket(AF_INET, SOCK_STREAM, 0);
    resume_rig_run(&resume, NULL);
    close(listener->fd);
    listener->fd = -1;
    rig_expect(&resume.rig, "tenant a: listening on ");
    cr_assert(rig_connects(port));
    resume_rig_close(&resume);
}
