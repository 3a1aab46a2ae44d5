/* SPDX-License-Identifier: MIT */
/* Who is silent for too long is killed, and nobody else. */
#include "children/heartbeat_internal.h"

#include "children/crew.h"
#include "ipc/body.h"
#include "rig/rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* A worker that does not run, or such a resolver, and its end of its channel. */
struct patient {
    struct crew crew;
    struct child *child;
    struct ipc_channel *far;
    unsigned pings;
    uint64_t number; /* of the last one */
};

static int on_message(void *owner, struct ipc_received *received)
{
    struct patient *patient = owner;

    cr_assert_eq(received->message, IPC_PING);
    patient->pings++;
    patient->number = wire_get_u64(&received->body);
    return wire_finish(&received->body);
}

static void on_gone(void *owner, const char *reason)
{
    (void)owner;
    (void)reason;
}

static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};

static void patient_open(struct patient *patient, enum ipc_role role)
{
    struct crew *crew = &patient->crew;
    int sockets[2];

    *patient = (struct patient){0};
    crew_open(crew, role == ROLE_WORKER ? 1 : 0, 0);
    patient->child = role == ROLE_WORKER ? &crew->workers[0] : &crew->children.resolver;
    cr_assert_eq(ipc_pair(sockets), 0);
    patient->child->channel = ipc_channel_new(
        &crew->loop, sockets[0], (struct ipc_ends){ROLE_SUPERVISOR, role}, &events, patient);
    patient->far = ipc_channel_new(&crew->loop, sockets[1],
                                   (struct ipc_ends){role, ROLE_SUPERVISOR}, &events, patient);
    patient->child->state = CHILD_READY;
}

static void patient_close(struct patient *patient)
{
    ipc_channel_free(patient->far);
    crew_close(&patient->crew);
}

static void tick(struct patient *patient, unsigned times)
{
    struct crew *crew = &patient->crew;

    for (unsigned i = 0; i < times; i++)
        ev_invoke(crew->loop.ev, &crew->children.heartbeat, EV_TIMER);
    ev_run(crew->loop.ev, EVRUN_NOWAIT);
}

/* What the worker says. */
static int answer(struct patient *patient, uint64_t number)
{
    struct ipc_received received = {.message = IPC_PONG};
    struct wire_writer body;
    int result;

    wire_writer_init(&body);
    ipc_put_serial(&body, &(struct ipc_serial){number});
    wire_reader_init(&received.body, wire_written(&body));
    result = heartbeat_on_answer(patient->child, &received);
    wire_writer_free(&body);
    return result;
}

TestSuite(heartbeat, .fini = rig_end);

Test(heartbeat, silence_is_counted_in_ticks)
{
    struct patient patient;

    patient_open(&patient, ROLE_WORKER);
    tick(&patient, 5);
    cr_assert_eq(patient.pings, 1, "one question at a time");
    cr_assert_eq(answer(&patient, 1), 0);
    tick(&patient, 5);
    cr_assert_eq(patient.number, 2);
    cr_assert_not(patient.child->heartbeat.is_hung);
    tick(&patient, 1);
    cr_assert(patient.child->heartbeat.is_hung);
    patient_close(&patient);
}

Test(heartbeat, a_start_may_take_longer)
{
    struct patient patient;

    patient_open(&patient, ROLE_WORKER);
    patient.child->state = CHILD_STARTING;
    tick(&patient, 10);
    cr_assert_not(patient.child->heartbeat.is_hung);
    cr_assert_eq(patient.pings, 0);
    tick(&patient, 1);
    cr_assert(patient.child->heartbeat.is_hung);
    patient_close(&patient);
}

/* Others must not wait for what it hangs over. */
Test(heartbeat, a_resolver_has_as_long_as_a_worker)
{
    struct patient patient;

    patient_open(&patient, ROLE_RESOLVER);
    tick(&patient, 5);
    cr_assert_not(patient.child->heartbeat.is_hung);
    tick(&patient, 1);
    cr_assert(patient.child->heartbeat.is_hung);
    patient_close(&patient);
}

Test(heartbeat, a_resolver_has_longer_while_its_owner_is_patient, .timeout = 60)
{
    struct patient patient;

    patient_open(&patient, ROLE_RESOLVER);
    patient.crew.is_patient = true;
    tick(&patient, 20);
    cr_assert_not(patient.child->heartbeat.is_hung);
    patient.crew.is_patient = false; /* others wait now */
    tick(&patient, 1);
    cr_assert(patient.child->heartbeat.is_hung);
    patient_close(&patient);
}

Test(heartbeat, nobody_is_patient_for_ever)
{
    struct patient patient;

    patient_open(&patient, ROLE_RESOLVER);
    patient.crew.is_patient = true;
    tick(&patient, 20);
    cr_assert_not(patient.child->heartbeat.is_hung);
    tick(&patient, 1);
    cr_assert(patient.child->heartbeat.is_hung);
    patient_close(&patient);
}

Test(heartbeat, only_what_was_asked_can_be_answered)
{
    struct patient patient;

    patient_open(&patient, ROLE_WORKER);
    cr_assert_eq(answer(&patient, 1), ERROR_IPC);
    tick(&patient, 1);
    cr_assert_eq(child_ping(patient.child), 2);
    cr_assert_eq(answer(&patient, 2), ERROR_IPC);
    cr_assert_eq(answer(&patient, 1), 0);
    cr_assert_eq(answer(&patient, 1), ERROR_IPC);
    cr_assert_eq(answer(&patient, 2), 0);
    patient_close(&patient);
}

Test(heartbeat, a_stopped_worker_is_replaced, .timeout = 40)
{
    struct rig rig;
    char line[96];
    pid_t old;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "a");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started: 2 tenants"); /* both workers have committed one */
    old = rig_child(&rig, "worker 1");
    kill(old, SIGSTOP);
    rig_expect(&rig, "worker 1 does not answer, killing it");
    snprintf(line, sizeof(line), "worker 1 (pid %d) was killed by signal 9", (int)old);
    rig_expect(&rig, line);
    for (int i = 0; i < 2000 && rig_child(&rig, "worker 1") == old; i++)
        usleep(5000);
    cr_assert_neq(rig_child(&rig, "worker 1"), old);
    cr_assert_not(rig_has_logged(&rig, "worker 0 does not answer"));
    rig_close(&rig);
}

/* As with one over which they die: nobody else shall suffer from it for ever. */
Test(heartbeat, who_hangs_workers_twice_is_refused, .timeout = 60)
{
    struct rig rig;
    int port = rig_port();

    rig_open(&rig);
    rig_tenant(&rig, "a", port, "a");
    rig_tenant(&rig, "b", rig_port(), "hang-worker");
    rig_start(&rig, "listening on");
    rig_expect(&rig, "does not answer, killing it");
    rig_expect(&rig, "workers died over it twice");
    rig_expect(&rig, "started: ");
    cr_assert(rig_connects(port));
    rig_close(&rig);
}

/* From outside, and with others at work: nobody is to blame, and the wait is short. */
Test(heartbeat, a_stopped_resolver_is_replaced, .timeout = 60)
{
    struct rig rig;

    rig_open(&rig);
    rig_tenant(&rig, "a", rig_port(), "slow-resolver");
    rig_tenant(&rig, "b", rig_port(), "b");
    rig_start(&rig, "started resolver");
    usleep(300 * 1000); /* it is at work */
    kill(rig_child(&rig, "resolver"), SIGSTOP);
    rig_expect(&rig, "resolver does not answer, killing it");
    rig_expect(&rig, "started: 2 tenants, 0 waiting, 0 refused");
    rig_close(&rig);
}
