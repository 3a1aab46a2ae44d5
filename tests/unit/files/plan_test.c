/* SPDX-License-Identifier: MIT */
/* Plans as values. */
#include "files/plan.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <string.h>

Test(plan, finds_listeners_by_their_address)
{
    struct plan_listener listeners[2] = {{.text = (char *)"[::]:443", .ipv6only = true},
                                         {.text = (char *)"10.0.0.1:80"}};
    struct plan plan = {.listeners = listeners, .listener_count = 2};
    struct plan_listener dual = {.text = (char *)"[::]:443"};
    struct plan_listener other = {.text = (char *)"10.0.0.1:80", .backlog = 7};

    cr_assert_eq(plan_find_listener(&plan, "10.0.0.1:80"), &listeners[1]);
    cr_assert_null(plan_find_listener(&plan, "10.0.0.1:81"));
    cr_assert_null(plan_find_same(&plan, &dual), "a socket cannot become one of both families");
    cr_assert_eq(plan_find_same(&plan, &other), &listeners[1]);
}

Test(plan, is_of_one_namespace_by_its_text)
{
    struct plan a = {.netns.text = (char *)"acme"};
    struct plan b = {.netns.text = (char *)"acme"};
    struct plan none = {0};

    cr_assert(plan_same_netns(&a, &b));
    cr_assert_not(plan_same_netns(&a, &none));
    cr_assert_not(plan_same_netns(&none, &none), "nothing is in force");
}

static struct plan_certificate remembered = {
    .server = (char *)"a.test", .kind = TLS_KIND_ECDSA, .expires = 2000000000};

static void fill(struct plan *plan, struct plan_listener *listener, struct plan_netns *place)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(80)};

    inet_pton(AF_INET6, "fe80::1", &address.sin6_addr);
    *listener = (struct plan_listener){
        .text = (char *)"[fe80::1%eth0]:80", .backlog = 511, .ipv6only = true};
    address_set(&listener->address, (struct sockaddr *)&address, sizeof(address));
    address_set_zone(&listener->address, "eth0");
    *place = (struct plan_netns){.kind = NETNS_PID, .pid = 17, .text = (char *)"pid:17"};
    *plan = (struct plan){.netns = {.kind = NETNS_HOST, .text = (char *)"host"},
                          .listeners = listener,
                          .listener_count = 1,
                          .servers = place,
                          .server_count = 1,
                          .has_names = true,
                          .expires = 2000000000,
                          .certificates = &remembered,
                          .certificate_count = 1,
                          .bundle = ipc_blob_new(SLICE("bundle"))};
}

/* What was put is there, and of what is cut short or changed nothing is left behind. */
Test(plan, goes_to_the_next_binary)
{
    struct plan_listener listener;
    struct plan_netns place;
    struct wire_writer writer;
    struct wire_reader reader;
    struct plan plan;
    struct plan got = {0};

    fill(&plan, &listener, &place);
    wire_writer_init(&writer);
    plan_put(&writer, &plan);
    wire_reader_init(&reader, wire_written(&writer));
    plan_get(&reader, &got);
    cr_assert_eq(wire_finish(&reader), 0);
    cr_assert_str_eq(got.listeners[0].text, "[fe80::1%eth0]:80");
    cr_assert_str_eq(address_zone(&got.listeners[0].address), "eth0");
    cr_assert(got.listeners[0].ipv6only && got.listeners[0].backlog == 511);
    cr_assert(got.servers[0].kind == NETNS_PID && got.servers[0].pid == 17);
    cr_assert(got.has_names && got.expires == 2000000000 && plan_same_netns(&got, &plan));
    cr_assert(slice_equal(ipc_blob_bytes(got.bundle), SLICE("bundle")));
    cr_assert_eq(got.certificate_count, 1);
    cr_assert_str_eq(got.certificates[0].server, "a.test");
    cr_assert(got.certificates[0].kind == TLS_KIND_ECDSA &&
              got.certificates[0].expires == 2000000000);
    plan_free(&got);
    for (size_t len = 0; len < wire_written(&writer).len; len++) {
        wire_reader_init(&reader, slice_head(wire_written(&writer), len));
        plan_get(&reader, &got);
        cr_assert(reader.failed);
        plan_free(&got);
    }
    ipc_blob_unref(plan.bundle);
    wire_writer_free(&writer);
}
