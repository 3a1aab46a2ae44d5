/* SPDX-License-Identifier: MIT */
/* What a child that an intruder has taken over can make of the supervisor's time. */
#include "rig/rig.h"

#include "children/admission_internal.h"
#include "children/crew.h"
#include "ipc/body.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

TestSuite(admission, .fini = rig_end);

/* ---- one message ---- */

static struct crew crew;
static struct child *child;

static void open_child(enum ipc_role role)
{
    crew_open(&crew, 1, 0);
    child = role == ROLE_WORKER ? &crew.workers[0] : &crew.children.resolver;
}

static enum ipc_admission judge_blob(enum ipc_message message, uint64_t serial, size_t blob_len)
{
    struct ipc_announced announced = {.message = message, .blob_len = blob_len};
    enum ipc_admission admission;
    struct wire_writer body;

    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){serial});
    wire_reader_init(&announced.body, wire_written(&body));
    admission = admission_judge(child, &announced);
    wire_writer_free(&body);
    return admission;
}

static enum ipc_admission judge(enum ipc_message message, uint64_t serial)
{
    return judge_blob(message, serial, 10);
}

Test(admission, ready_once_per_life)
{
    open_child(ROLE_WORKER);
    cr_assert_eq(judge(IPC_READY, 0), IPC_ADMITTED);
    child->is_ready = true;
    cr_assert_eq(judge(IPC_READY, 0), IPC_REFUSED);
}

Test(admission, answers_to_what_was_not_asked_are_not_looked_at)
{
    open_child(ROLE_RESOLVER);
    crew.awaited = 7;
    cr_assert_eq(judge(IPC_EXAMINED, 7), IPC_ADMITTED);
    cr_assert_eq(judge(IPC_WORKING, 7), IPC_ADMITTED);
    cr_assert_eq(judge(IPC_EXAMINED, 6), IPC_DROPPED);
    cr_assert_eq(judge(IPC_WORKING, 8), IPC_DROPPED);
}

/* A start with 10,000 tenants. */
Test(admission, answers_are_free)
{
    open_child(ROLE_WORKER);
    for (int i = 0; i < 100000; i++) {
        cr_assert_eq(judge(IPC_COMMITTED, 1), IPC_ADMITTED);
        cr_assert_eq(judge(IPC_LACKED, 1), IPC_ADMITTED);
        cr_assert_eq(judge(IPC_WORKING, 1), IPC_ADMITTED);
        cr_assert_eq(judge(IPC_PONG, 1), IPC_ADMITTED);
    }
}

/* All that a tenant with very many listeners or servers may ask for at once. */
Test(admission, an_honest_burst_is_no_excess)
{
    open_child(ROLE_WORKER);
    for (int i = 0; i < 500; i++)
        cr_assert_eq(judge(IPC_LISTENER_DEAD, 0), IPC_ADMITTED);
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(judge(IPC_SOCKETS_ASK, 0), IPC_ADMITTED);
}

Test(admission, one_allowance_is_over_all_of_them)
{
    open_child(ROLE_WORKER);
    for (int i = 0; i < 1000; i++)
        (void)judge(IPC_LISTENER_DEAD, 0);
    for (int i = 0; i < 6000; i++)
        (void)judge(IPC_SOCKETS_ASK, 0);
    cr_assert_eq(judge(IPC_LISTENER_DEAD, 0), IPC_REFUSED);
    cr_assert(child->is_excessive);
    crew.loop.now += 0.5;
    cr_assert_eq(judge(IPC_LISTENER_DEAD, 0), IPC_ADMITTED, "it comes back with time");
}

/* ---- a flood ---- */

/* Seconds of two: 0.1 at once, 0.2 in that time, and the starts. */
#define FLOOD_MOST 0.4

static const struct flood {
    char child[16];
    char message[32];
} floods[] = {{"worker", "READY"},
              {"worker", "COMMITTED"},
              {"worker", "LACKED"},
              {"worker", "WORKING"},
              {"worker", "PONG"},
              {"worker", "LISTENER_DEAD"},
              {"worker", "SOCKETS_ASK"},
              {"resolver", "READY"},
              {"resolver", "EXAMINED"},
              {"resolver", "WORKING"},
              {"resolver", "PONG"},
              {"resolver", "CONTAINER"},
              {"resolver", "CONTAINER_CONNECT"}};

ParameterizedTestParameters(admission, a_flood_costs_little)
{
    return cr_make_param_array(struct flood, floods, sizeof(floods) / sizeof(floods[0]));
}

static double cpu_of(pid_t pid)
{
    clockid_t clock;
    struct timespec spent;

    cr_assert_eq(clock_getcpuclockid(pid, &clock), 0);
    cr_assert_eq(clock_gettime(clock, &spent), 0);
    return (double)spent.tv_sec + (double)spent.tv_nsec * 1e-9;
}

static bool is_minded(const struct rig *rig)
{
    return rig_has_logged(rig, "refused message: ") || rig_has_logged(rig, "malformed message: ");
}

/* A tenth of a core, and what may be spent at once. It comes back again and again, and goes on:
 * starting it is ours to pay, some milliseconds for each of its lives, two a second at most. */
ParameterizedTest(const struct flood *flood, admission, a_flood_costs_little, .timeout = 40)
{
    struct rig rig;
    char text[192];
    char mark[96];
    double before;
    double spent;

    rig_open(&rig);
    snprintf(mark, sizeof(mark), "%s/mark", rig.folder);
    snprintf(text, sizeof(text), "%s-flood:%s; marks-flood:%s;", flood->child, flood->message,
             mark);
    rig_tenant(&rig, "a", rig_port(), text);
    rig_start(&rig, "started worker");
    before = cpu_of(rig.pid);
    for (int i = 0; i < 2000 && access(mark, F_OK) < 0; i++)
        usleep(5000);
    cr_assert_eq(access(mark, F_OK), 0, "it has begun");
    sleep(2);
    spent = cpu_of(rig.pid) - before;
    cr_log_info("%s floods %s: %.0f ms in 2 s", flood->child, flood->message, 1000. * spent);
    cr_assert_lt(spent, FLOOD_MOST, "%s floods %s: %g s", flood->child, flood->message, spent);
    for (int i = 0; i < 2000 && !is_minded(&rig); i++)
        usleep(5000);
    cr_assert(is_minded(&rig), "%s floods %s, and nobody minds", flood->child, flood->message);
    rig_close(&rig);
}
