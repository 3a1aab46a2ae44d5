/* SPDX-License-Identifier: MIT */
/* Why connections were closed, as the debug log tells it. */
#include "backend/h2/h2_rig.h"

#include "base/log.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct rig rig;
static int log_fd;

static void setup(void)
{
    rig_init(&rig, 1);
    log_fd = memfd_create("log", MFD_CLOEXEC);
    log_set_sink(LOG_SINK_FILE, log_fd);
    log_set_level(LOG_LEVEL_DEBUG);
}

static void teardown(void)
{
    rig_free(&rig);
}

TestSuite(backend_close, .init = setup, .fini = teardown);

static bool was_told(const char *reason)
{
    char text[16384], line[64];
    ssize_t len = pread(log_fd, text, sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    snprintf(line, sizeof(line), ": closed: %s\n", reason);
    return strstr(text, line) != NULL;
}

Test(backend_close, what_the_response_forbids_and_what_the_server_ends)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
    RIG_UNTIL(&rig, was_told("not_kept"));
    visit_close(&visit);
    close(fd);
    fd = serve_once(&rig, 0, -1);
    cr_assert_not(was_told("end"));
    close(fd);
    RIG_UNTIL(&rig, was_told("end"));
}

Test(backend_close, failures_by_their_error)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int fd = server_accept(&rig, 0);
    server_read(&rig, fd, "\r\n\r\n");
    server_send(fd, "no HTTP\r\n\r\n");
    RIG_UNTIL(&rig, visit.failures == 1);
    cr_expect(was_told("response"));
    visit_close(&visit);
    close(fd);
}

Test(backend_close, what_is_done_here)
{
    struct visit visit;
    visit_get(&visit, &rig);
    int aborted = server_accept(&rig, 0);
    visit_close(&visit);
    cr_expect(was_told("aborted"));
    int kept = serve_once(&rig, 0, -1);
    cr_expect(backends_close_idle(rig.backends));
    cr_expect(was_told("shortage"));
    close(kept);
    kept = serve_once(&rig, 0, -1);
    rig.upstream_config.keepalive = 0;
    rig_bind(&rig);
    cr_expect(was_told("keepalive_full"));
    close(kept);
    rig.upstream_config.keepalive = 1;
    rig_bind(&rig);
    kept = serve_once(&rig, 0, -1);
    backends_drain(rig.backends);
    cr_expect(was_told("draining"));
    close(kept);
    close(aborted);
}

Test(backend_close, of_http2_alike)
{
    rig_free(&rig);
    h2_rig_init(&rig);
    struct peer *peer = h2_serve_once(&rig, NULL);
    h2_shutdown(peer->session);
    H2_UNTIL(&rig, was_told("backend_closed"));
    h2_serve_once(&rig, NULL);
    cr_expect(backends_close_idle(rig.backends));
    cr_expect(was_told("shortage"));
    peers_free();
}
