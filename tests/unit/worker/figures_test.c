/* SPDX-License-Identifier: MIT */
/* A worker tells what its tenants have. */
#include "worker/rig.h"

#include <unistd.h>

static struct rig rig;

static void ask(uint64_t serial)
{
    ipc_send_serial(rig.channel, IPC_FIGURES_ASK, &(struct ipc_serial){serial}, NULL);
    rig_until(&rig, rig.figures == serial);
}

Test(figures, of_all_connections_and_of_each_tenant)
{
    struct wire_reader reader;
    int fd;

    rig_start(&rig);
    rig_setup(&rig);
    rig_send_tenant(&rig, 1, "return 200 'one';");
    rig_send_listener(&rig);
    rig_until(&rig, rig.committed == 1);
    ask(7);
    cr_assert_eq(rig.figures_len, 4, "a tenant that has nothing costs nothing");
    fd = rig_get(&rig, "one");
    ask(8);
    wire_reader_init(&reader, (struct slice){rig.text, rig.figures_len});
    cr_assert_eq(wire_get_u32(&reader), 1);
    cr_assert(slice_equal(wire_get_slice(&reader), SLICE("acme")));
    cr_assert_eq(wire_get_u32(&reader), 1);
    cr_assert_eq(wire_get_u32(&reader), 0);
    cr_assert_eq(wire_get_u64(&reader), 1);
    cr_assert_eq(wire_get_u64(&reader), 0);
    cr_assert_eq(wire_finish(&reader), 0);
    close(fd);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(figures, a_question_that_is_none_is_against_the_rules)
{
    rig_start(&rig);
    rig_setup(&rig);
    rig_send_u32(&rig, IPC_FIGURES_ASK, 1);
    rig_until(&rig, rig.is_gone);
    rig_end(&rig);
}
