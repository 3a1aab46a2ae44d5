/* SPDX-License-Identifier: MIT */
/* A real frontend on loopback, with blocking-free clients and a scripted backend in one loop. */
#ifndef TESTS_FRONTEND_GATE_H
#define TESTS_FRONTEND_GATE_H

#include "frontend/frontend.h"

#include <criterion/criterion.h>

struct gate {
    struct loop loop;
    struct tls_contexts *contexts;
    struct backends *backends;
    struct frontend *frontend;
    struct tally *tally; /* NULL unless a test makes one */
    uint32_t descriptors;
    ev_timer tick;
    uint16_t port; /* the listener's real one */
    int listener;  /* the gate's own duplicate of it, as another worker would have */
    unsigned dead, drained;
    int dead_error;
    struct bundle_identity identity; /* for "/c/acme.crt"; empty unless gate_make_identity */
    struct arena arena;
    int server; /* the backend's listener; -1 */
    uint16_t server_port;
    char text[1024 * 1024]; /* what the last client call read */
    size_t len;
    bool ended, was_reset; /* how it ended */
    int log;               /* of gate_watch_log; 0 */
};

#define GATE_ADDRESS  "127.0.0.1:8080"
#define GATE_LISTENER (&(const struct frontend_listener_id){SLICE("acme"), SLICE(GATE_ADDRESS), 0})

/* A gate without tenants; then a tenant "acme" with the text of its server block, whose
 * listener (GATE_ADDRESS in the text's terms) gets a free port. */
void gate_open(struct gate *gate);
void gate_start(struct gate *gate, const char *server);
/* The same with a backend (server_accept) behind `location /`, and settings of the server. */
void gate_start_proxy(struct gate *gate, const char *settings);
void gate_close(struct gate *gate);

/* Sets or replaces a tenant: `netns host; EXTRA server { listen GATE_ADDRESS...; SERVER }`. */
void gate_set_tenant(struct gate *gate, const char *name, const char *extra, const char *server);
void gate_listen(struct gate *gate, const char *tenant);

/* A self-signed pair for "acme.test" as "/c/acme.crt", "/c/acme.key"; the former is good for
 * ssl_client_certificate too. */
void gate_make_identity(struct gate *gate);

/* One turn of the loop, at most a few milliseconds. */
void gate_turn(struct gate *gate);
void gate_run(struct gate *gate, double seconds);

#define gate_until(gate, condition)                                                                \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 8000, "waited in vain for " #condition);                          \
            gate_turn(gate);                                                                       \
        }                                                                                          \
    } while (0)

/* From now on every line of the log is kept; and whether one has the text. */
void gate_watch_log(struct gate *gate);
bool gate_has_logged(const struct gate *gate, const char *text);

/* ---- clients ---- */

int client_open(struct gate *gate);
void client_send(struct gate *gate, int fd, const char *text);
void client_send_bytes(struct gate *gate, int fd, const char *data, size_t len);

/* Reads into gate->text (emptied first) until it has the text in it; and until the end. */
void client_expect(struct gate *gate, int fd, const char *text);
void client_rest(struct gate *gate, int fd);

/* Sends, waits for the text, and closes. */
void client_ask(struct gate *gate, const char *request, const char *text);
unsigned gate_count(const struct gate *gate, const char *text);

/* ---- the backend ---- */

/* Waits for a connection from the gate; non-blocking. */
int server_accept(struct gate *gate);

#endif
