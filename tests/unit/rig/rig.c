/* SPDX-License-Identifier: MIT */
/* Runs a supervisor for tests, and plays its children. */
#include "rig/rig.h"

#include "ipc/body.h"
#include "ipc/sealed.h"
#include "ipc/spawn.h"
#include "supervisor/supervisor.h"
#include "supervisor/supervisor_internal.h"
#include "supervisor/trial_internal.h"
#include "tenant/bundle.h"
#include "upgrade/upgrade.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RIG_PATIENCE 10000 /* milliseconds */

/* ---- the children ---- */

struct actor {
    struct loop loop;
    struct ipc_channel *channel;
    unsigned index;   /* of a worker */
    bool stays;       /* drains for ever */
    bool has_counted; /* act_count */
    struct metrics_file figures;
    bool never_commits;    /* from a tenant on */
    struct ipc_blob *asks; /* what asks for sockets after TENANT_REMOVE */
};

static bool blob_has(struct slice blob, const char *text)
{
    return blob.len > 0 && memmem(blob.data, blob.len, text, strlen(text)) != NULL;
}

/* For ever, but not longer than any test. */
static void act_hang(void)
{
    alarm(90);
    pause();
}

/* The path behind such a word, as in "marks-flood:PATH;". */
static const char *act_path_of(struct slice blob, const char *word)
{
    static char path[128];
    const char *at = memmem(blob.data, blob.len, word, strlen(word));

    snprintf(path, sizeof(path), "%.*s", (int)strcspn(at, ";"), at);
    memmove(path, path + strlen(word), strlen(path + strlen(word)) + 1);
    return path;
}

/* Of "resolver-die-until:PATH;", "worker-die-until:PATH;" and "names-die-until:PATH;". */
static const char *act_path(struct slice blob)
{
    return act_path_of(blob, "die-until:");
}

/* What the real one does, without looking: the files go, an identity that is valid comes. */
static void act_put_examined(struct wire_writer *writer, struct slice raw)
{
    struct bundle_identity identity = {.certificate_path = SLICE("c"), .key_path = SLICE("k")};
    struct bundle bundle;
    struct arena arena;

    arena_init(&arena, 4096);
    if (bundle_decode(&bundle, &arena, raw) != 0)
        _exit(10);
    bundle.files = NULL;
    bundle.file_count = 0;
    identity.der.chain[identity.der.chain_count++] = SLICE("leaf");
    identity.der.key = SLICE("key");
    identity.der.not_after = blob_has(raw, "outdate-me") ? 1 : INT64_MAX;
    bundle.identities = &identity;
    bundle.identity_count = 1;
    if (blob_has(raw, "own-tree")) /* a whole bundle, as it wishes */
        bundle_encode(writer, &bundle);
    else
        bundle_put_findings(writer, &bundle);
    arena_free(&arena);
}

/* What a process that an intruder has taken over may say: "flood:NAME;", from the moment on that
 * the file of "marks-flood:PATH;" is there. */
static void act_flood(struct actor *actor, struct slice blob, struct slice tenant)
{
    const char *at = memmem(blob.data, blob.len, "flood:", 6);
    struct ipc_blob *bytes = ipc_blob_new(SLICE("\1\0\0\0"));
    enum ipc_message message = IPC_NONE;
    struct wire_writer body;
    struct wire_writer none;

    for (int i = 1; i < IPC_MESSAGE_COUNT_; i++) {
        const char *name = ipc_message_name((enum ipc_message)i);

        if (strncmp(at + 6, name, strlen(name)) == 0 && at[6 + strlen(name)] == ';')
            message = (enum ipc_message)i;
    }
    wire_writer_init(&body);
    wire_writer_init(&none);
    if (message == IPC_LACKED) {
        ipc_put_lacked(&body, &(struct ipc_lacked){1, SLICE("127.0.0.1:1"), EMFILE});
    } else if (message == IPC_SOCKETS_ASK) {
        ipc_put_sockets_ask(&body,
                            &(struct ipc_sockets_ask){tenant, SLICE("127.0.0.1:1"), AF_INET});
    } else if (message == IPC_LISTENER_DEAD) {
        ipc_put_listener_dead(&body,
                              &(struct ipc_listener_dead){tenant, SLICE("127.0.0.1:1"), EINVAL});
    } else if (message == IPC_CONTAINER) {
        ipc_put_container(&body,
                          &(struct ipc_container){SLICE("some"), 1, SLICE("/"), SLICE("why")});
    } else if (message == IPC_EXAMINED) {
        ipc_put_examined(&body, &(struct ipc_examined){.serial = 1000000});
    } else if (message != IPC_READY && message != IPC_CONTAINER_CONNECT) {
        ipc_put_serial(&body, &(struct ipc_serial){1000000});
    }
    close(open(act_path_of(blob, "marks-flood:"), O_CREAT | O_CLOEXEC | O_WRONLY, 0644));
    for (;;) {
        while (ipc_channel_queued(actor->channel) < 64)
            ipc_send(
                actor->channel, message, &body,
                &(struct ipc_attachments){.blob = ipc_message_has_blob(message) ? bytes : NULL});
        ev_run(actor->loop.ev, EVRUN_ONCE);
    }
}

/* Texts in the bundle tell what to do with it. */
/* As by a fault of its own; a sanitizer would make another signal of it. */
static void crash(void)
{
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static int act_examine(struct actor *actor, struct ipc_received *received)
{
    bool is_garbled = blob_has(received->blob, "garble-me");
    bool lacks_names =
        blob_has(received->blob, "names-die-until:") && access(act_path(received->blob), F_OK) < 0;
    bool is_refused = blob_has(received->blob, "refuse-me") || lacks_names;
    bool is_outdated = blob_has(received->blob, "outdate-me");
    bool is_unresolved = lacks_names || blob_has(received->blob, "claims-names");
    uint64_t serial = wire_get_u64(&received->body);
    struct diag_list diags;
    struct wire_writer body;
    struct wire_writer bytes;
    struct ipc_blob *blob;

    ipc_send_serial(actor->channel, IPC_WORKING, &(struct ipc_serial){serial}, NULL);
    if (blob_has(received->blob, "kill-me"))
        _exit(9);
    if (blob_has(received->blob, "hang-resolver"))
        act_hang();
    if (blob_has(received->blob, "resolver-flood:"))
        act_flood(actor, received->blob, SLICE("a"));
    if (blob_has(received->blob, "slow-resolver"))
        sleep(1);
    if (blob_has(received->blob, "resolver-die-until:") &&
        access(act_path(received->blob), F_OK) < 0)
        crash();
    diag_list_init(&diags);
    if (is_refused)
        diag_error(&diags, ((struct diag_place){"examined.conf", 3, 4}),
                   lacks_names ? "host not found in upstream" : "refused as it wished");
    wire_writer_init(&body);
    ipc_put_examined(&body,
                     &(struct ipc_examined){serial, !is_refused, is_outdated, is_unresolved});
    if (is_garbled)
        wire_put_u8(&body, 0);
    wire_writer_init(&bytes);
    bundle_put_diags(&bytes, &diags);
    if (!is_refused)
        act_put_examined(&bytes, received->blob);
    for (int i = 0; i < 100000 && blob_has(received->blob, "swell-me"); i++)
        wire_put_u8(&bytes, 0);
    blob = ipc_blob_new(wire_written(&bytes));
    ipc_send(actor->channel, IPC_EXAMINED, &body, &(struct ipc_attachments){.blob = blob});
    ipc_blob_unref(blob);
    wire_writer_free(&body);
    wire_writer_free(&bytes);
    diag_list_free(&diags);
    return 0;
}

static void act_map_figures(struct actor *actor, int fd)
{
    char *memory = sealed_memory_map(fd, metrics_file_size(METRICS_OF_WORKER), true);

    if (memory && metrics_file_open(&actor->figures, METRICS_OF_WORKER, memory) != 0)
        actor->figures.memory = NULL;
}

/* A worker's log is the one that the test reads; the last descriptors are tally and figures. */
static void act_set_up(struct actor *actor, struct ipc_received *received)
{
    static int log_fd = -1;
    struct ipc_setup setup;

    if (ipc_get_setup(&received->body, &setup) != 0)
        return;
    actor->index = setup.index;
    if (received->descriptor_count > 1)
        act_map_figures(actor, received->descriptors[received->descriptor_count - 1]);
    if (received->descriptor_count == 3)
        ipc_set_log(received, &(struct ipc_log){setup.log_level, setup.log_sink}, &log_fd);
}

/* A worker asks for sockets as often as the bundle says: "ask-sockets" for one question, then
 * "flood-sockets" for many; with "ask-when-removed", the same once more after TENANT_REMOVE. It
 * asks for the namespace of the bundle's first server. */
static void act_ask_sockets(struct actor *actor, struct slice tenant, struct slice blob)
{
    const char *name = blob_has(blob, "netns=") ? memmem(blob.data, blob.len, "netns=", 6) : NULL;
    unsigned questions = blob_has(blob, "flood-sockets") ? 1000 : 1;
    struct wire_writer body;
    size_t len = 0;

    if (!blob_has(blob, "ask-sockets"))
        return;
    while (name && name + 6 + len < blob.data + blob.len && name[6 + len] > ' ')
        len++;
    wire_writer_init(&body);
    ipc_put_sockets_ask(
        &body, &(struct ipc_sockets_ask){
                   tenant, name ? (struct slice){name + 6, len} : SLICE("unnamed"), AF_INET});
    if (blob_has(blob, "odd-family"))
        body.data[body.len - 1] = 5;
    for (unsigned i = 0; i < questions; i++)
        ipc_send(actor->channel, IPC_SOCKETS_ASK, &body, NULL);
    wire_writer_free(&body);
}

/* What came is told where the test sees it: as a worker's line in the log. */
static void act_tell_sockets(struct ipc_received *received)
{
    static unsigned refusals;
    struct slice tenant = wire_get_slice(&received->body);
    struct slice netns = wire_get_slice(&received->body);
    bool is_stale = received->message == IPC_SOCKETS_STALE;
    uint8_t family = is_stale ? 0 : wire_get_u8(&received->body);
    uint32_t number = wire_get_u32(&received->body);

    if (number == EAGAIN && refusals++ > 0)
        return;
    log_info("%s: %.*s, %.*s, family %u, %u, %u sockets", ipc_message_name(received->message),
             SLICE_PRINTF(tenant), SLICE_PRINTF(netns), family, number, received->descriptor_count);
}

static void act_tell_close(struct wire_reader *body)
{
    struct slice tenant = wire_get_slice(body);
    struct slice address = wire_get_slice(body);
    bool is_inside = wire_get_u64(body) != 0;

    log_info("LISTENER_CLOSE: %.*s, %.*s %s, %u", SLICE_PRINTF(tenant), SLICE_PRINTF(address),
             is_inside ? "inside" : "outside", wire_get_u32(body));
}

/* Of a worker's seven connections five are tenant a's, and it has answered 100 requests of a. */
static void act_count(struct actor *actor, const struct ipc_received *received)
{
    struct wire_reader body = received->body;
    struct metrics_cells *cells;
    struct slice name;

    name = wire_get_slice(&body); /* the serial is taken */
    wire_get_u32(&body);
    if (!actor->figures.memory)
        return;
    metrics_set(metrics_worker(&actor->figures, 0), METRIC_WORKER_CONNECTIONS, 7);
    if (!slice_equal(name, SLICE("a")) || actor->has_counted)
        return;
    actor->has_counted = true;
    cells = metrics_take(&actor->figures, METRIC_SCOPE_TENANT, wire_get_u64(&body), SLICE(""));
    metrics_set(cells, METRIC_CONNECTIONS, 5);
    metrics_set(cells, METRIC_DRAINING, 1);
    metrics_add_label(cells, METRIC_REQUESTS, metric_request(METRIC_PROTOCOL_H2, 200), 100);
    metrics_add_label(cells, METRIC_REFUSED, METRIC_LIMIT_MAX_HANDSHAKES, 3);
}

static void act_commit(struct actor *actor, uint64_t serial)
{
    ipc_send_serial(actor->channel, IPC_COMMITTED, &(struct ipc_serial){serial}, NULL);
}

static int act_on_message(void *owner, struct ipc_received *received)
{
    struct actor *actor = owner;
    uint64_t serial;

    switch (received->message) {
    case IPC_SETUP:
        act_set_up(actor, received);
        ipc_send_ready(actor->channel, IPC_READY, &(struct ipc_ready){0}, NULL);
        break;
    case IPC_EXAMINE:
        return act_examine(actor, received);
    case IPC_TENANT:
        if (blob_has(received->blob, "die-of-traffic"))
            crash();
        serial = wire_get_u64(&received->body);
        ipc_send_serial(actor->channel, IPC_WORKING, &(struct ipc_serial){serial}, NULL);
        if (blob_has(received->blob, "ask-when-removed") && !actor->asks)
            actor->asks = ipc_blob_new(received->blob);
        if (blob_has(received->blob, "end-worker"))
            _exit(11);
        if (blob_has(received->blob, "hang-worker"))
            act_hang();
        if ((blob_has(received->blob, "worker-die-until:") ||
             (blob_has(received->blob, "worker-1-die-until:") && actor->index == 1)) &&
            access(act_path(received->blob), F_OK) < 0)
            crash();
        if (blob_has(received->blob, "slow-worker"))
            sleep(1);
        actor->stays = actor->stays || blob_has(received->blob, "keep-worker");
        act_count(actor, received);
        actor->never_commits = actor->never_commits || blob_has(received->blob, "never-commit");
        if (!actor->never_commits)
            act_commit(actor, serial);
        if (blob_has(received->blob, "worker-flood:"))
            act_flood(actor, received->blob, wire_get_slice(&received->body));
        act_ask_sockets(actor, wire_get_slice(&received->body), received->blob);
        break;
    case IPC_TENANT_REMOVE:
        act_commit(actor, wire_get_u64(&received->body));
        act_ask_sockets(actor, wire_get_slice(&received->body),
                        actor->asks ? ipc_blob_bytes(actor->asks) : (struct slice){0});
        break;
    case IPC_SOCKETS:
    case IPC_SOCKETS_STALE:
        act_tell_sockets(received);
        break;
    case IPC_LISTENER_CLOSE:
        act_tell_close(&received->body);
        break;
    case IPC_LISTENER: /* kept open until this process ends */
        received->descriptors[0] = -1;
        if (!actor->never_commits)
            act_commit(actor, wire_get_u64(&received->body));
        break;
    case IPC_PING:
        return ipc_answer_ping(actor->channel, received);
    case IPC_DRAIN:
        wire_get_u32(&received->body);
        if (wire_get_u8(&received->body) == 0 && !actor->stays)
            _exit(0);
        break;
    default:
        break;
    }
    return 0;
}

static void act_on_gone(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
    _exit(0);
}

_Noreturn static void act(enum ipc_role role)
{
    static const struct ipc_events events = {.on_message = act_on_message, .on_gone = act_on_gone};
    struct actor actor = {0};

    sigset_t none;

    /* Also when its supervisor is gone already, it ends. */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGSEGV, SIG_DFL); /* a sanitizer would make another signal of it */
    alarm(60);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loop_init(&actor.loop);
    actor.channel = ipc_channel_new(&actor.loop, SPAWN_CHANNEL_FD,
                                    (struct ipc_ends){role, ROLE_SUPERVISOR}, &events, &actor);
    loop_run(&actor.loop);
    _exit(0);
}

/* Runs before Criterion's main, with the arguments of it (glibc). */
__attribute__((constructor)) static void become_child(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[3], UPGRADE_RESUME_ARGUMENT) == 0)
        _exit(resume_main(argv[2], (int)strtol(argv[4], NULL, 10), "/proc/self/exe"));
    if (argc != 3 || strcmp(argv[1], SPAWN_ROLE_ARGUMENT) != 0)
        return;
    if (strcmp(argv[2], "opener") == 0)
        _exit(log_opener_run());
    if (strcmp(argv[2], "candidate") == 0)
        _exit(trial_main("/proc/self/exe", SPAWN_CHANNEL_FD, SPAWN_SECOND_FD));
    if (strcmp(argv[2], "observer") == 0)
        act(ROLE_OBSERVER);
    act(strcmp(argv[2], "worker") == 0 ? ROLE_WORKER : ROLE_RESOLVER);
}

/* ---- the rig ---- */

static void rig_path(const struct rig *rig, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", rig->folder, name);
}

void rig_write(const struct rig *rig, const char *name, const char *format, ...)
{
    char path[128];
    va_list arguments;
    FILE *file;

    rig_path(rig, name, path);
    file = fopen(path, "w");
    cr_assert_not_null(file, "%s", path);
    va_start(arguments, format);
    vfprintf(file, format, arguments);
    va_end(arguments);
    fclose(file);
}

void rig_remove(const struct rig *rig, const char *name)
{
    char path[128];

    rig_path(rig, name, path);
    cr_assert_eq(unlink(path), 0, "%s", path);
}

void rig_tenant(const struct rig *rig, const char *name, int port, const char *text)
{
    char file[64];

    snprintf(file, sizeof(file), "tenants/%s.conf", name);
    rig_write(rig, file, "netns host;\nserver { listen 127.0.0.1:%d; return 200 \"%s\"; }\n", port,
              text);
}

/* What a test that failed has left: the folder, and the supervisor in it. */
static struct {
    char folder[64];
    pid_t pid;
} rig_left;

void rig_open(struct rig *rig)
{
    char path[128];

    *rig = (struct rig){.folder = "/tmp/nsg-supervisor-XXXXXX"};
    cr_assert_not_null(mkdtemp(rig->folder));
    memcpy(rig_left.folder, rig->folder, sizeof(rig_left.folder));
    rig_path(rig, "tenants", path);
    cr_assert_eq(mkdir(path, 0755), 0);
    rig_write(rig, "nsgate.conf",
              "worker_processes 2;\nworkers_per_tenant 1;\nerror_log log info;\npid pid;\n"
              "worker_shutdown_timeout 1s;\ntenants tenants/*.conf;\n");
    rig_write(rig, "log", "%s", "");
    rig_program(rig, NULL);
}

void rig_program(const struct rig *rig, const char *script)
{
    char self[256] = {0};
    char path[128];
    char fresh[128];

    rig_path(rig, "program", path);
    rig_path(rig, "program.new", fresh);
    if (script) {
        rig_write(rig, "program.new", "#!/bin/sh\n%s\n", script);
        cr_assert_eq(chmod(fresh, 0755), 0);
    } else {
        cr_assert_gt(readlink("/proc/self/exe", self, sizeof(self) - 1), 0);
        cr_assert_eq(symlink(self, fresh), 0);
    }
    cr_assert_eq(rename(fresh, path), 0);
}

static int rig_unlink(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

void rig_end(void)
{
    if (rig_left.pid > 0) {
        kill(rig_left.pid, SIGKILL);
        waitpid(rig_left.pid, NULL, 0);
    }
    if (rig_left.folder[0])
        nftw(rig_left.folder, rig_unlink, 8, FTW_DEPTH | FTW_PHYS);
    rig_left.pid = 0;
    rig_left.folder[0] = '\0';
}

void rig_close(struct rig *rig)
{
    rig_end();
    rig->pid = 0;
}

static char *rig_log(const struct rig *rig)
{
    char path[128];
    static char text[1 << 20];
    ssize_t len;
    int fd;

    rig_path(rig, "log", path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    len = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

bool rig_has_logged(const struct rig *rig, const char *text)
{
    return strstr(rig_log(rig), text) != NULL;
}

unsigned rig_count(const struct rig *rig, const char *text)
{
    unsigned count = 0;

    for (const char *at = rig_log(rig); (at = strstr(at, text)); at += strlen(text))
        count++;
    return count;
}

static void rig_expect_from(struct rig *rig, const char *text, size_t from)
{
    struct timespec nap = {0, 5 * 1000 * 1000};

    for (int waited = 0; waited < RIG_PATIENCE; waited += 5) {
        const char *log = rig_log(rig);

        if (strlen(log) > from && strstr(log + from, text))
            return;
        nanosleep(&nap, NULL);
    }
    fprintf(stderr, "%s", rig_log(rig));
    cr_assert_fail("the log never said: %s", text);
}

void rig_expect(struct rig *rig, const char *text)
{
    rig_expect_from(rig, text, 0);
}

void rig_signal(struct rig *rig, int signal, const char *line)
{
    size_t from = strlen(rig_log(rig));

    cr_assert_eq(kill(rig->pid, signal), 0);
    rig_expect_from(rig, line, from);
}

void rig_start(struct rig *rig, const char *line)
{
    char path[128];
    char program[128];

    rig_path(rig, "nsgate.conf", path);
    rig_path(rig, "program", program);
    rig->pid = fork();
    if (rig->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close_range(3, ~0u, 0); /* what the test holds, a port for example */
        _exit(supervisor_main(path, program));
    }
    if (rig_left.pid == 0)
        rig_left.pid = rig->pid;
    if (line)
        rig_expect(rig, line);
}

int rig_wait(struct rig *rig)
{
    struct timespec nap = {0, 5 * 1000 * 1000};
    int status;

    for (int waited = 0; waited < RIG_PATIENCE; waited += 5) {
        if (waitpid(rig->pid, &status, WNOHANG) == rig->pid) {
            if (rig_left.pid == rig->pid)
                rig_left.pid = 0;
            rig->pid = 0;
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        nanosleep(&nap, NULL);
    }
    cr_assert_fail("the supervisor does not end");
    return -1;
}

pid_t rig_child(const struct rig *rig, const char *name)
{
    char text[64];
    const char *at = rig_log(rig);
    long pid = 0;

    snprintf(text, sizeof(text), "started %s (pid ", name);
    while ((at = strstr(at, text)))
        pid = strtol(at += strlen(text), NULL, 10);
    cr_assert_gt(pid, 0);
    return (pid_t)pid;
}

bool rig_connects(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    close(fd);
    return connected;
}
