/* SPDX-License-Identifier: MIT */
/* A real frontend on loopback, with blocking-free clients and a scripted backend in one loop. */
#ifndef TESTS_FRONTEND_RIG_H
#define TESTS_FRONTEND_RIG_H

#include "frontend/frontend.h"

#include <criterion/criterion.h>

struct rig {
    struct loop loop;
    struct tls_contexts *contexts;
    struct backends *backends;
    struct frontend *frontend;
    struct tally *tally; /* NULL unless a test makes one */
    struct cells cells;  /* of the tenant that was set last */
    struct metrics_file figures;
    uint64_t number; /* whose they are, of the tenant that is set next */
    uint32_t descriptors;
    ev_timer tick;
    double stalled; /* seconds in which no turn ended though the tick was due */
    uint16_t port;  /* the listener's real one */
    int listener;   /* the rig's own duplicate of it, as another worker would have */
    unsigned dead, drained;
    int dead_error;
    struct bundle_identity identity; /* for "/c/acme.crt"; empty unless rig_make_identity */
    struct arena arena;
    int server; /* the backend's listener; -1 */
    uint16_t server_port;
    char text[1024 * 1024]; /* what the last client call read */
    size_t len;
    bool ended, was_reset; /* how it ended */
    int log;               /* of rig_watch_log; 0 */
};

#define RIG_ADDRESS  "127.0.0.1:8080"
#define RIG_LISTENER (&(const struct frontend_listener_id){SLICE("acme"), SLICE(RIG_ADDRESS), 0})

/* A rig without tenants; then a tenant "acme" with the text of its server block, whose
 * listener (RIG_ADDRESS in the text's terms) gets a free port. */
void rig_open(struct rig *rig);
void rig_start(struct rig *rig, const char *server);
/* The same with a backend (server_accept) behind `location /`, and settings of the server. */
void rig_start_proxy(struct rig *rig, const char *settings);
void rig_close(struct rig *rig);

/* Sets or replaces a tenant: `netns host; EXTRA server { listen RIG_ADDRESS...; SERVER }`. */
void rig_set_tenant(struct rig *rig, const char *name, const char *extra, const char *server);
void rig_listen(struct rig *rig, const char *tenant);

/* A self-signed pair for "acme.test" as "/c/acme.crt", "/c/acme.key"; the former is good for
 * ssl_client_certificate too. */
void rig_make_identity(struct rig *rig);

/* What was counted for the number. */
uint64_t rig_figure(struct rig *rig, enum metric metric, unsigned label);

/* One turn of the loop, at most a few milliseconds. */
void rig_turn(struct rig *rig);
void rig_run(struct rig *rig, double seconds);

/* How long something took: without what a machine that stood still has made it late. It is never
 * early because of that. */
struct rig_watch {
    double begin, stalled;
};

struct rig_watch rig_watch(const struct rig *rig);
double rig_took(const struct rig *rig, const struct rig_watch *watch);
void rig_expect_took(const struct rig *rig, const struct rig_watch *watch, double least,
                     double most);

#define rig_until(rig, condition)                                                                  \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 8000, "waited in vain for " #condition);                          \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

/* From now on every line of the log is kept; how often the text is there, and whether it is. */
void rig_watch_log(struct rig *rig);
unsigned rig_count_logged(const struct rig *rig, const char *text);
bool rig_has_logged(const struct rig *rig, const char *text);

/* ---- clients ---- */

int client_open(struct rig *rig);
void client_send(struct rig *rig, int fd, const char *text);
void client_send_bytes(struct rig *rig, int fd, const char *data, size_t len);

/* Reads into rig->text (emptied first) until it has the text in it; and until the end. */
void client_expect(struct rig *rig, int fd, const char *text);
void client_rest(struct rig *rig, int fd);

/* Sends, waits for the text, and closes. */
void client_ask(struct rig *rig, const char *request, const char *text);
unsigned rig_count(const struct rig *rig, const char *text);

/* ---- the backend ---- */

/* Waits for a connection from the frontend; non-blocking. */
int server_accept(struct rig *rig);

#endif
