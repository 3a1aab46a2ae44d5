/* SPDX-License-Identifier: MIT */
/* The observer process: its manners, and that it goes when the supervisor goes. */
#include "observer/observer.h"

#include "base/log.h"
#include "ipc/body.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct process {
    struct loop loop;
    struct ipc_channel *channel;
    pid_t pid;
    bool is_ready, is_gone;
    unsigned asked;
    uint64_t pong;
};

static int on_message(void *owner, struct ipc_received *received)
{
    struct process *process = owner;
    struct ipc_serial serial;

    process->is_ready = process->is_ready || received->message == IPC_READY;
    process->asked += received->message == IPC_STATUS_ASK;
    if (received->message == IPC_PONG && ipc_get_serial(&received->body, &serial) == 0)
        process->pong = serial.serial;
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)reason;
    ((struct process *)owner)->is_gone = true;
}

static void start(struct process *process, bool with_setup)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    const struct ipc_setup setup = {
        .log_level = LOG_LEVEL_ERROR, .log_sink = LOG_SINK_STDERR, .identity = {.keep = true}};
    int sockets[2];

    *process = (struct process){.pid = 0};
    cr_assert_eq(ipc_pair(sockets), 0);
    process->pid = fork();
    cr_assert_geq(process->pid, 0);
    if (process->pid == 0) {
        close(sockets[0]);
        _exit(observer_main(sockets[1]));
    }
    close(sockets[1]);
    loop_init(&process->loop);
    process->channel =
        ipc_channel_new(&process->loop, sockets[0],
                        (struct ipc_ends){ROLE_SUPERVISOR, ROLE_OBSERVER}, &events, process);
    if (with_setup)
        ipc_send_setup(process->channel, IPC_SETUP, &setup, NULL);
}

static void turn(struct process *process)
{
    ev_run(process->loop.ev, EVRUN_NOWAIT);
    usleep(500);
}

/* Returns its exit status. */
static int end(struct process *process)
{
    int status;

    ipc_channel_free(process->channel);
    cr_assert_eq(waitpid(process->pid, &status, 0), process->pid);
    loop_free(&process->loop);
    return status;
}

static struct process process;

Test(observer, is_ready_answers_and_goes_with_the_supervisor, .timeout = 30)
{
    start(&process, true);
    while (!process.is_ready)
        turn(&process);
    kill(process.pid, SIGTERM);
    ipc_send_serial(process.channel, IPC_PING, &(struct ipc_serial){5}, NULL);
    while (process.pong != 5)
        turn(&process);
    cr_assert_eq(end(&process), 0);
}

Test(observer, answers_at_what_it_is_given, .timeout = 30)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct ipc_observe body = {SLICE("127.0.0.1:1"), SLICE("")};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof(address);
    char said[256] = "";

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(fd, 5), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    start(&process, true);
    ipc_send_observe(process.channel, IPC_OBSERVE, &body, &(struct ipc_attachments){&fd, 1, NULL});
    close(fd);
    cr_assert_eq(connect(client, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_gt(dprintf(client, "GET /healthz HTTP/1.0\r\n\r\n"), 0);
    while (read(client, said, sizeof(said) - 1) < 0)
        turn(&process);
    cr_assert_not_null(strstr(said, " 200 OK"));
    cr_assert_gt(dprintf(client, "x"), 0);
    close(client);
    ipc_send_observe(process.channel, IPC_OBSERVE_CLOSE, &body, NULL);
    cr_assert_eq(end(&process), 0);
}

Test(observer, takes_nothing_before_its_setup, .timeout = 30)
{
    start(&process, false);
    ipc_send_serial(process.channel, IPC_PING, &(struct ipc_serial){5}, NULL);
    while (!process.is_gone)
        turn(&process);
    cr_assert_eq(process.pong, 0);
    end(&process);
}
