/* SPDX-License-Identifier: MIT */
/* The bodies of messages, byte by byte: workers of another binary read them (IPC_VERSION). */
#include "ipc/body.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>

/* A change below is another language: raise IPC_VERSION, and write it here. */
#define GOLDEN_VERSION 8

/* X(MESSAGE, its body, a sample, the sample's bytes). Numbers count through their bytes, so that
 * fields that change places show. */
#define GOLDEN(X)                                                                                  \
    X(SETUP, setup,                                                                                \
      (.index = 0x04030201, .column = 0x14131211, .log_level = 0x24232221, .log_sink = 0x31,       \
       .identity = {.keep = true,                                                                  \
                    .user = 0x44434241,                                                            \
                    .group = 0x54535251,                                                           \
                    .groups = {0x64636261, 0x74737271},                                            \
                    .group_count = 2,                                                              \
                    .sandbox = 2}),                                                                \
      "0102030411121314212223243101414243445152535402000000616263647172737402")                    \
    X(READY, ready, (0x01, 0x02), "0102")                                                          \
    X(LOG, log, (0x04030201, 0x11), "0102030411")                                                  \
    X(EXAMINE, serial, (0x0807060504030201), "0102030405060708")                                   \
    X(EXAMINED, examined, (0x0807060504030201, true, false, true), "0102030405060708010001")       \
    X(TENANT, tenant,                                                                              \
      (0x0807060504030201, SLICE("ab"), 0x14131211, 0x2827262524232221, SLICE("cde"), SLICE("fg"), \
       SLICE("hi")),                                                                               \
      "010203040506070802000000616211121314212223242526272803000000636465020000006667"             \
      "020000006869")                                                                              \
    X(TENANT_REMOVE, tenant_remove, (0x0807060504030201, SLICE("ab"), true),                       \
      "010203040506070802000000616201")                                                            \
    X(COMMITTED, serial, (0x0807060504030201), "0102030405060708")                                 \
    X(WORKING, serial, (0x0807060504030201), "0102030405060708")                                   \
    X(LISTENER, listener, (0x0807060504030201, SLICE("ab"), SLICE("cde"), 0x1817161514131211),     \
      "0102030405060708020000006162030000006364651112131415161718")                                \
    X(LACKED, lacked, (0x0807060504030201, SLICE("ab"), 0x14131211),                               \
      "010203040506070802000000616211121314")                                                      \
    X(LISTENER_CLOSE, listener_close, (SLICE("ab"), SLICE("cde"), 0x0807060504030201, 0x14131211), \
      "02000000616203000000636465010203040506070811121314")                                        \
    X(LISTENER_DEAD, listener_dead, (SLICE("ab"), SLICE("cde"), 0x04030201),                       \
      "0200000061620300000063646501020304")                                                        \
    X(DRAIN, drain, (0x04030201, true), "0102030401")                                              \
    X(PING, serial, (0x0807060504030201), "0102030405060708")                                      \
    X(PONG, serial, (0x0807060504030201), "0102030405060708")                                      \
    X(SOCKETS_ASK, sockets_ask, (SLICE("ab"), SLICE("cde"), AF_INET6),                             \
      "0200000061620300000063646506")                                                              \
    X(SOCKETS, sockets, (SLICE("ab"), SLICE("cde"), AF_INET, 0x04030201),                          \
      "020000006162030000006364650401020304")                                                      \
    X(SOCKETS_STALE, sockets_stale, (SLICE("ab"), SLICE("cde"), 0x04030201),                       \
      "0200000061620300000063646501020304")                                                        \
    X(CONTAINER_FOLLOW, container_name, (SLICE("ab")), "020000006162")                             \
    X(CONTAINER_FORGET, container_name, (SLICE("ab")), "020000006162")                             \
    X(CONTAINER_SOCKET, container_socket, (0x04030201, SLICE("ab")), "01020304020000006162")       \
    X(CONTAINER, container, (SLICE("ab"), 0x04030201, SLICE("cde"), SLICE("fg")),                  \
      "0200000061620102030403000000636465020000006667")                                            \
    X(OBSERVE, observe, (SLICE("ab"), SLICE("cde")), "02000000616203000000636465")                 \
    X(OBSERVE_CLOSE, observe, (SLICE("ab"), SLICE("")), "02000000616200000000")                    \
    X(STATUS, status, (0x04030201), "01020304")                                                    \
    X(FIGURES, figures, (0x04030201), "01020304")                                                  \
    X(RING, ring, (0x04030201), "01020304")                                                        \
    X(RING_END, ring, (0x04030201), "01020304")                                                    \
    X(RING_DONE, ring, (0x04030201), "01020304")                                                   \
    X(LINES_DROPPED, dropped, (0x04030201), "01020304")                                            \
    X(DESTINATION, destination,                                                                    \
      (0x04030201, {.kind = 2,                                                                     \
                    .identity = SLICE("ab"),                                                       \
                    .server = {.local = {AF_UNIX, "/x"}, .len = 5},                                \
                    .priority = 0x14131211,                                                        \
                    .tag = SLICE("cde"),                                                           \
                    .has_hostname = true}),                                                        \
      "010203040202000000616205000000"                                                             \
      "01002f7800"                                                                                 \
      "00000000"                                                                                   \
      "111213140300000063646501")                                                                  \
    X(DESTINATION_CLOSE, destination_close, (0x04030201), "01020304")

/* The table, in the order of the numbers that are sent. */
static const char *const golden_table[] = {
    "SETUP 1 14 3 0",
    "AUTHORITIES 1 2 1 0",
    "LOG 1 14 1 0",
    "EXAMINE 1 4 0 1",
    "EXAMINED 4 1 0 1",
    "TENANT 1 2 1 1",
    "TENANT_REMOVE 1 2 0 0",
    "COMMITTED 2 1 0 0",
    "WORKING 6 1 0 0",
    "LISTENER 1 2 1 0",
    "LACKED 2 1 0 0",
    "LISTENER_CLOSE 1 2 0 0",
    "LISTENER_DEAD 2 1 0 0",
    "READY 14 1 0 0",
    "DRAIN 1 2 0 0",
    "PING 1 14 0 0",
    "PONG 14 1 0 0",
    "SOCKETS_ASK 2 1 0 0",
    "SOCKETS 1 2 4 0",
    "SOCKETS_STALE 1 2 0 0",
    "CONTAINER_FOLLOW 1 4 0 0",
    "CONTAINER_FORGET 1 4 0 0",
    "CONTAINER_CONNECT 4 1 0 0",
    "CONTAINER_SOCKET 1 4 1 0",
    "CONTAINER 4 1 0 0",
    "FIGURES 1 8 1 0",
    "OBSERVE 1 8 1 0",
    "OBSERVE_CLOSE 1 8 0 0",
    "STATUS_ASK 8 1 0 0",
    "STATUS 1 8 1 0",
    "RING 1 10 2 0",
    "RING_END 1 8 0 0",
    "RING_DONE 8 1 0 0",
    "LINES_DROPPED 8 1 0 0",
    "DESTINATION 1 8 1 0",
    "DESTINATION_CLOSE 1 8 0 0",
};

static void expect_bytes(const struct wire_writer *writer, const char *message, const char *hex)
{
    char text[512] = "";

    for (size_t i = 0; i < writer->len; i++)
        snprintf(text + 2 * i, 3, "%02x", writer->data[i]);
    cr_expect_str_eq(text, hex, "%s is %s", message, text);
}

Test(body, bytes_change_with_the_version_only)
{
    struct wire_writer writer;

    cr_assert_eq(IPC_VERSION, GOLDEN_VERSION);
#define UNWRAP(...) {__VA_ARGS__}
#define X(message, name, sample, hex)                                                              \
    {                                                                                              \
        struct ipc_##name body = UNWRAP sample;                                                    \
                                                                                                   \
        wire_writer_init(&writer);                                                                 \
        ipc_put_##name(&writer, &body);                                                            \
        expect_bytes(&writer, #message, hex);                                                      \
        wire_writer_free(&writer);                                                                 \
    }
    GOLDEN(X)
#undef X
}

static unsigned roles_that(enum ipc_message message, bool is_sender)
{
    unsigned roles = 0;

    for (unsigned from = ROLE_SUPERVISOR; from <= ROLE_OBSERVER; from <<= 1) {
        for (unsigned to = ROLE_SUPERVISOR; to <= ROLE_OBSERVER; to <<= 1) {
            if (ipc_message_is_allowed(message, (enum ipc_role)from, (enum ipc_role)to))
                roles |= is_sender ? from : to;
        }
    }
    return roles;
}

Test(body, the_table_changes_with_the_version_only)
{
    cr_assert_eq(IPC_VERSION, GOLDEN_VERSION);
    cr_assert_eq(IPC_MESSAGE_COUNT_ - 1, sizeof(golden_table) / sizeof(golden_table[0]));
    for (unsigned i = 1; i < IPC_MESSAGE_COUNT_; i++) {
        enum ipc_message message = (enum ipc_message)i;
        char text[64];

        snprintf(text, sizeof(text), "%s %u %u %u %d", ipc_message_name(message),
                 roles_that(message, true), roles_that(message, false),
                 ipc_message_descriptors(message), ipc_message_has_blob(message));
        cr_expect_str_eq(text, golden_table[i - 1]);
    }
}

/* But for those that have no body. */
Test(body, every_message_has_a_sample)
{
    bool has_sample[IPC_MESSAGE_COUNT_] = {
        [IPC_AUTHORITIES] = true, [IPC_CONTAINER_CONNECT] = true, [IPC_STATUS_ASK] = true};

#define X(message, name, sample, hex) has_sample[IPC_##message] = true;
    GOLDEN(X)
#undef X
    for (unsigned i = 1; i < IPC_MESSAGE_COUNT_; i++)
        cr_expect(has_sample[i], "%s", ipc_message_name((enum ipc_message)i));
}

/* What was put is got: putting it again gives the same bytes. Fewer or more are malformed. */
Test(body, round_trips_and_no_other_length)
{
#define X(message, name, sample, hex)                                                              \
    {                                                                                              \
        struct ipc_##name sent = UNWRAP sample;                                                    \
        struct ipc_##name got;                                                                     \
        struct wire_writer writer;                                                                 \
        struct wire_writer again;                                                                  \
        struct wire_reader reader;                                                                 \
                                                                                                   \
        wire_writer_init(&writer);                                                                 \
        wire_writer_init(&again);                                                                  \
        ipc_put_##name(&writer, &sent);                                                            \
        wire_reader_init(&reader, wire_written(&writer));                                          \
        cr_expect_eq(ipc_get_##name(&reader, &got), 0, #message);                                  \
        ipc_put_##name(&again, &got);                                                              \
        cr_expect(slice_equal(wire_written(&writer), wire_written(&again)), #message);             \
        for (size_t len = 0; len < again.len; len++) {                                             \
            wire_reader_init(&reader, slice_head(wire_written(&again), len));                      \
            cr_expect_eq(ipc_get_##name(&reader, &got), ERROR_IPC, #message " of %zu", len);       \
        }                                                                                          \
        wire_put_u8(&again, 0);                                                                    \
        wire_reader_init(&reader, wire_written(&again));                                           \
        cr_expect_eq(ipc_get_##name(&reader, &got), ERROR_IPC, #message " and more");              \
        wire_writer_free(&writer);                                                                 \
        wire_writer_free(&again);                                                                  \
    }
    GOLDEN(X)
#undef X
}

static struct wire_reader reader_of(const char *bytes, size_t len)
{
    struct wire_reader reader;

    wire_reader_init(&reader, (struct slice){bytes, len});
    return reader;
}

Test(body, what_no_sender_puts_is_malformed)
{
    struct wire_reader when = reader_of("\x01\x00\x00\x00\x02", 5);
    struct wire_reader family = reader_of("\x00\x00\x00\x00\x00\x00\x00\x00\x05", 9);
    struct wire_reader error = reader_of("\x00\x00\x00\x80\x00\x00\x00\x00", 8);
    struct ipc_drain drain;
    struct ipc_sockets_ask ask;
    struct ipc_container_socket answer;

    cr_assert_eq(ipc_get_drain(&when, &drain), ERROR_IPC);
    cr_assert_eq(ipc_get_sockets_ask(&family, &ask), ERROR_IPC);
    cr_assert_eq(ipc_get_container_socket(&error, &answer), ERROR_IPC);
}

Test(body, the_serial_is_read_before_the_rest)
{
    struct ipc_announced announced = {.body =
                                          reader_of("\x05\x00\x00\x00\x00\x00\x00\x00more", 12)};

    cr_assert_eq(ipc_serial_of(&announced), 5);
    cr_assert_eq(ipc_serial_of(&announced), 5, "nothing is taken");
}

Test(body, limits_are_milliseconds)
{
    cr_assert_eq(ipc_milliseconds(1.5), 1500);
    cr_assert_eq(ipc_milliseconds(1e9), IPC_NO_LIMIT);
    cr_assert_eq(ipc_milliseconds(INFINITY), IPC_NO_LIMIT);
    cr_assert_eq(ipc_seconds(1500), 1.5);
    cr_assert(isinf(ipc_seconds(IPC_NO_LIMIT)));
}

Test(body, cells_that_cannot_be_are_refused)
{
    struct cells_region region = {.kind = CELLS_RATES, .size = 8192, .offset = 4096, .key = "key"};
    struct cells cells = {.fd = -1, .regions = &region, .count = 1}, got;

    for (unsigned wrong = 0; wrong < 4; wrong++) {
        struct wire_writer writer;
        struct wire_reader reader;

        region.kind = wrong == 1 ? (enum cells_kind)7 : CELLS_RATES;
        region.offset = wrong == 2 ? 5 : 4096;
        region.size = wrong == 3 ? 0 : 8192;
        wire_writer_init(&writer);
        ipc_put_cells(&writer, &cells);
        wire_reader_init(&reader, wire_written(&writer));
        ipc_get_cells(&reader, &got);
        cr_expect_eq(wire_finish(&reader), wrong ? ERROR_IPC : 0, "%u", wrong);
        if (!wrong)
            cr_expect_eq(memcmp(got.regions, &region, sizeof(region)), 0);
        cells_free(&got);
        wire_writer_free(&writer);
    }
}
