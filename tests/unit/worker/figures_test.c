/* SPDX-License-Identifier: MIT */
/* A worker tells what its tenants have. */
#include "worker/process.h"

#include <unistd.h>

static struct process process;

static void ask(uint64_t serial)
{
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u64(&body, serial);
    ipc_send(process.channel, IPC_FIGURES_ASK, &body, NULL);
    wire_writer_free(&body);
    process_until(&process, process.figures == serial);
}

Test(figures, of_all_connections_and_of_each_tenant)
{
    struct wire_reader reader;
    int fd;

    process_start(&process);
    process_setup(&process);
    process_send_tenant(&process, 1, "return 200 'one';");
    process_send_listener(&process);
    process_until(&process, process.committed == 1);
    ask(7);
    cr_assert_eq(process.figures_len, 4, "a tenant that has nothing costs nothing");
    fd = process_get(&process, "one");
    ask(8);
    wire_reader_init(&reader, (struct slice){process.text, process.figures_len});
    cr_assert_eq(wire_get_u32(&reader), 1);
    cr_assert(slice_equal(wire_get_slice(&reader), SLICE("acme")));
    cr_assert_eq(wire_get_u32(&reader), 1);
    cr_assert_eq(wire_get_u32(&reader), 0);
    cr_assert_eq(wire_get_u64(&reader), 1);
    cr_assert_eq(wire_finish(&reader), 0);
    close(fd);
    cr_assert_eq(process_end(&process), 0);
}

Test(figures, a_question_that_is_none_is_against_the_rules)
{
    process_start(&process);
    process_setup(&process);
    process_send_u32(&process, IPC_FIGURES_ASK, 1);
    process_until(&process, process.is_gone);
    process_end(&process);
}
