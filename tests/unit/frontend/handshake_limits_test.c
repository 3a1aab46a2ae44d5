/* SPDX-License-Identifier: MIT */
/* Who may begin a handshake: clients by their rate, all together by theirs, and how many at once.
 */
#include "frontend/rig.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TLS_SERVER                                                                                 \
    "server_name acme.test; ssl_certificate acme.crt; ssl_certificate_key acme.key; "              \
    "return 200 'ok';"

static struct rig rig;

static void set(const char *limits)
{
    rig_set_tenant(&rig, "acme", limits, TLS_SERVER);
}

static void start(const char *limits)
{
    rig_open(&rig);
    rig_make_identity(&rig);
    rig_watch_log(&rig);
    set(limits);
    rig_listen(&rig, "acme");
}

/* From 127.0.0.LAST. */
static int open_from(unsigned last)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + last)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&from, sizeof(from)), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static uint64_t refused(void)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < METRIC_LIMITS; i++)
        sum += rig_figure(&rig, METRIC_REFUSED, i);
    return sum;
}

/* Whether a connection from there is kept, when the frontend has looked at it. */
static bool is_admitted(unsigned last, int *fd)
{
    unsigned before = frontend_connections(rig.frontend);
    uint64_t refused_before = refused();

    *fd = open_from(last);
    rig_until(&rig, frontend_connections(rig.frontend) > before || refused() > refused_before);
    return refused() == refused_before;
}

/* The same, and it is closed. */
static bool passes(unsigned last)
{
    unsigned before = frontend_connections(rig.frontend);
    int fd;
    bool is = is_admitted(last, &fd);

    close(fd);
    rig_until(&rig, frontend_connections(rig.frontend) == before);
    return is;
}

static uint32_t in_progress(void)
{
    struct cells_map *map = cells_map_new(rig.cells.fd, rig.cells.regions, rig.cells.count, 1);
    struct cells_counts *counts = cells_map_counts(map, CONFIG_HANDSHAKES);
    uint32_t total = counts_total(counts, counts_hash(counts, SLICE("")));

    cells_map_free(map);
    return total;
}

Test(handshake_limits, none_hold_by_default)
{
    start("");
    for (int i = 0; i < 50; i++)
        cr_assert(passes(1));
    rig_close(&rig);
}

Test(handshake_limits, a_client_is_held_to_its_rate_and_others_are_not)
{
    start("handshake_rate 1/m burst=2;");
    for (int i = 0; i < 3; i++)
        cr_assert(passes(1));
    for (int i = 0; i < 20; i++)
        cr_assert_not(passes(1));
    cr_assert(passes(2), "another address");
    cr_assert_eq(refused(), 20);
    cr_assert(rig_has_logged(&rig, "client 127.0.0.1: refused before its handshake: "
                                   "client_handshake_rate: its address begins handshakes too "
                                   "often; so were 0 others"));
    rig_close(&rig);
}

Test(handshake_limits, all_clients_together_are_held_to_theirs)
{
    start("handshake_rate 1/m burst=1; handshake_rate 1/m burst=3 per=tenant;");
    cr_assert(passes(1));
    cr_assert(passes(1));
    for (int i = 0; i < 10; i++)
        cr_assert_not(passes(1), "by its own rate, which is not the tenant's loss");
    cr_assert(passes(2));
    cr_assert(passes(3));
    cr_assert_not(passes(4));
    cr_assert(rig_has_logged(&rig, "client 127.0.0.4: refused before its handshake: "
                                   "tenant_handshake_rate"));
    rig_close(&rig);
}

Test(handshake_limits, who_is_refused_is_reset)
{
    int first, second;

    start("max_handshakes 1;");
    cr_assert(is_admitted(1, &first));
    cr_assert_not(is_admitted(1, &second));
    client_rest(&rig, second);
    cr_assert(rig.was_reset);
    cr_assert_eq(rig.len, 0);
    close(first);
    close(second);
    rig_close(&rig);
}

/* What another worker has, in column 1, counts too; and it is given back when that is dead. */
Test(handshake_limits, at_most_so_many_are_in_progress_over_all_workers)
{
    struct cells_counts *others;
    struct cells_map *map;
    int first, second, third;

    start("max_handshakes 2;");
    map = cells_map_new(rig.cells.fd, rig.cells.regions, rig.cells.count, 1);
    others = cells_map_counts(map, CONFIG_HANDSHAKES);
    cr_assert_eq(counts_take(others, counts_hash(others, SLICE("")), 2), COUNTS_TAKEN);
    cr_assert(is_admitted(1, &first));
    cr_assert_eq(in_progress(), 2);
    cr_assert_not(passes(2));
    cells_clear(&rig.cells, 1, 2);
    cr_assert(is_admitted(2, &second));
    cr_assert_not(passes(3));
    close(first);
    rig_until(&rig, in_progress() == 1);
    cr_assert(is_admitted(3, &third));
    close(second);
    close(third);
    rig_until(&rig, in_progress() == 0);
    cells_map_free(map);
    rig_close(&rig);
}

Test(handshake_limits, one_that_is_complete_holds_no_place)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    int fd;

    start("max_handshakes 1;");
    cr_assert(is_admitted(1, &fd));
    cr_assert_eq(in_progress(), 1);
    SSL_set_fd(ssl, fd);
    SSL_set_tlsext_host_name(ssl, "acme.test");
    cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    rig_until(&rig, SSL_connect(ssl) == 1);
    rig_until(&rig, in_progress() == 0);
    cr_assert_eq(frontend_connections(rig.frontend), 1);
    cr_assert(passes(1));
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    rig_close(&rig);
}

Test(handshake_limits, who_finds_no_place_costs_no_rate)
{
    int first;

    start("max_handshakes 1; handshake_rate 1/m burst=2; handshake_rate 1/m burst=3 per=tenant;");
    cr_assert(is_admitted(1, &first));
    for (int i = 0; i < 20; i++)
        cr_assert_not(passes(1));
    cr_assert(rig_has_logged(&rig, "refused before its handshake: max_handshakes"));
    close(first);
    rig_until(&rig, in_progress() == 0);
    cr_assert(passes(1));
    cr_assert(passes(1));
    cr_assert_not(passes(1), "its rate");
    cr_assert_eq(in_progress(), 0);
    cr_assert(passes(2));
    cr_assert_not(passes(3), "the rate of all");
    cr_assert_eq(in_progress(), 0);
    rig_close(&rig);
}

/* A reload in the middle: the table is the same, and nothing is counted twice or lost. */
Test(handshake_limits, a_reload_loses_no_count)
{
    int first, second;

    start("max_handshakes 1;");
    cr_assert(is_admitted(1, &first));
    set("max_handshakes 2;");
    cr_assert(is_admitted(1, &second));
    cr_assert_not(passes(1));
    close(first);
    rig_until(&rig, in_progress() == 1);
    close(second);
    rig_until(&rig, in_progress() == 0);
    set("");
    for (int i = 0; i < 5; i++)
        cr_assert(passes(1));
    rig_close(&rig);
}

Test(handshake_limits, addresses_without_tls_have_no_handshakes)
{
    rig_open(&rig);
    rig_set_tenant(&rig, "acme", "max_handshakes 1; handshake_rate 1/m burst=0;",
                   "return 200 'ok';");
    rig_listen(&rig, "acme");
    for (int i = 0; i < 5; i++)
        cr_assert(passes(1));
    rig_close(&rig);
}

/* 200 refused in a moment are one line for each reason, and another one after ten seconds. */
Test(handshake_limits, a_flood_is_told_once)
{
    double begun = ev_time();

    start("handshake_rate 1/m burst=0;");
    cr_assert(passes(1));
    cr_assert_not(passes(1));
    rig_until(&rig, rig_has_logged(&rig, "so were 0 others since that was told last"));
    for (int i = 0; i < 200; i++)
        cr_assert_not(passes(1));
    cr_assert_leq(rig_count_logged(&rig, "others since that was told last"),
                  1 + (unsigned)((ev_time() - begun) / 10));
    cr_assert_eq(refused(), 201);
    rig_close(&rig);
}

/* The table is bounded: whoever comes after very many others is served all the same. */
Test(handshake_limits, very_many_addresses_hold_nobody_up)
{
    struct rates_ask ask = {rates_now(), 16, 0};
    struct cells_rates *rates;
    struct cells_map *map;
    unsigned refusals = 0;
    uint32_t excess;

    start("handshake_rate 1/m burst=0;");
    map = cells_map_new(rig.cells.fd, rig.cells.regions, rig.cells.count, 1);
    rates = cells_map_rates(map, CONFIG_CLIENT_HANDSHAKES);
    for (uint32_t i = 0; i < 1000000; i++)
        refusals += !rates_take(
            rates, rates_hash(rates, (struct slice){(const char *)&i, sizeof(i)}), &ask, &excess);
    cr_assert_lt(refusals, 1000, "%u of a million", refusals);
    cr_assert(passes(1));
    cr_assert_not(passes(1));
    cells_map_free(map);
    rig_close(&rig);
}
