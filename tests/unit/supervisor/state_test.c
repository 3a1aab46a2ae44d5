/* SPDX-License-Identifier: MIT */
/* The state as bytes: everything comes out as it was put in, and its descriptors are found. */
#include "reload/record.h"
#include "state_sample.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <unistd.h>

static void count_descriptor(int *fd, void *context)
{
    unsigned *count = context;

    cr_assert_geq(*fd, 3);
    (*count)++;
}

Test(state, a_round_trip)
{
    struct sample sample;
    struct sample again;
    struct wire_writer first;
    struct wire_writer second;

    sample_open(&sample);
    wire_writer_init(&first);
    wire_writer_init(&second);
    sample_put(&first, &sample);
    cr_assert_eq(sample_get(&again, wire_written(&first)), 0);
    sample_put(&second, &again);
    cr_assert(slice_equal(wire_written(&first), wire_written(&second)));
    sample_close(&sample);
    sample_close(&again);
    wire_writer_free(&first);
    wire_writer_free(&second);
}

Test(state, everything_is_there)
{
    struct sample sample;
    struct sample got;
    const struct state *state = &got.state;
    struct wire_writer bytes;
    const struct record *a;
    const struct record *b;

    sample_open(&sample);
    wire_writer_init(&bytes);
    sample_put(&bytes, &sample);
    cr_assert_eq(sample_get(&got, wire_written(&bytes)), 0);
    cr_assert(slice_equal(state->config, SLICE("/etc/nsgate.conf")));
    cr_assert_eq(state->identity.groups[1], 7);
    cr_assert_eq(got.workers.count, 2);
    cr_assert_eq(got.workers.workers[1].pid, 102);
    cr_assert_eq(got.workers.workers[1].index, 2);
    cr_assert_eq(got.workers.workers[0].asked, 9);
    cr_assert_eq(got.workers.workers[0].answered, 8);
    cr_assert_eq(got.workers.half, 1);
    cr_assert_eq(state->rotation, 3600);
    a = registry_find(&got.registry, SLICE("a"));
    b = registry_find(&got.registry, SLICE("b"));
    cr_assert(a && b);
    cr_assert_eq(a->assignment.slot, 5);
    cr_assert_eq(a->tickets.count, 2);
    cr_assert_eq(a->tickets.keys[1][0], 'Z');
    cr_assert_eq(a->plan.listener_count, 2);
    cr_assert_eq(a->sockets.listeners[0].state, LISTENER_BOUND);
    cr_assert_eq(a->sockets.listeners[0].fd, 21);
    cr_assert_eq(a->sockets.listeners[1].state, LISTENER_DEGRADED);
    cr_assert_eq(a->sockets.listeners[1].error, EADDRINUSE);
    cr_assert(a->sockets.servers[0].is_used && !a->sockets.servers[1].is_used);
    cr_assert_eq(a->sockets.servers[0].id.inode, 7);
    cr_assert_str_eq(a->sockets.servers[1].netns->text, "pid:17");
    cr_assert_str_eq(address_zone(&a->plan.listeners[1].address), "eth0");
    cr_assert_eq(a->plan.dependencies.count, 1);
    cr_assert_eq(a->plan.dependencies.items[0].inode, 42);
    cr_assert(slice_equal(ipc_blob_bytes(a->plan.bundle), SLICE("the bundle of a")));
    cr_assert_eq(claims_owner(&got.registry.claims, SLICE("10.0.0.1:443")), &a->sockets);
    cr_assert_not(record_is_in_force(b));
    cr_assert(b->is_refused);
    cr_assert_str_eq(b->sockets.trouble, "does not exist");
    cr_assert_str_eq(b->error, "b.conf:1:1: no");
    cr_assert_eq(resident_where(&b->sockets.resident).inode, 5);
    cr_assert_str_eq(a->names_trouble, "host not found");
    cr_assert(!a->awaits_names && a->retry.at == 0.);
    cr_assert(b->awaits_names && b->retry.at > 0. && b->retry.pause == 4.);
    cr_assert_eq(b->retry.reason, RETRY_NAMES);
    cr_assert_str_eq(b->retry.dependencies.items[0].path, "/nowhere/b.conf");
    cr_assert_eq(state->upgrades, 3);
    cr_assert_eq(got.workers.generation, 5);
    cr_assert_eq(state->started, 1234567);
    cr_assert_eq(a->version, 8);
    cr_assert_eq(a->sockets.served[0], 5);
    cr_assert_eq(a->sockets.served[1], 2);
    cr_assert_eq(a->plan.expires, 2000000000);
    sample_close(&got);
    sample_close(&sample);
    wire_writer_free(&bytes);
}

Test(state, descriptors_that_go_along)
{
    struct sample sample;
    unsigned count = 0;

    sample_open(&sample);
    state_each_descriptor(&sample.state, count_descriptor, &count);
    cr_assert_eq(count, 4); /* pid, log, tally, control */
    registry_each_descriptor(&sample.registry, count_descriptor, &count);
    cr_assert_eq(count, 5); /* one listener */
    sample.state.log_fd = STDERR_FILENO;
    count = 0;
    state_each_descriptor(&sample.state, count_descriptor, &count);
    cr_assert_eq(count, 3);
    sample_close(&sample);
}
