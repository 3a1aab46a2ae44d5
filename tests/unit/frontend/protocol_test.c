/* SPDX-License-Identifier: MIT */
/* Which protocol a client speaks: the preface in one piece or in many, and what only begins so. */
#include "frontend/h2/client.h"

#include <sys/socket.h>
#include <unistd.h>

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
static const char preface[] = PREFACE;

static struct rig rig;
/* A frame of SETTINGS without entries. */
static const char settings[9] = {0, 0, 0, 4, 0, 0, 0, 0, 0};

/* The first bytes that the gateway says. */
static void first_bytes(int fd, char *out, size_t len)
{
    rig_until(&rig, recv(fd, out, len, MSG_DONTWAIT | MSG_PEEK) == (ssize_t)len);
    cr_assert_eq(recv(fd, out, len, 0), (ssize_t)len);
}

Test(protocol, the_preface_chooses_http2_however_it_comes)
{
    char head[9];

    rig_start(&rig, "return 200 'ok';");
    for (size_t piece = 1; piece <= 24; piece += 23) {
        int fd = client_open(&rig);

        for (size_t at = 0; at < 24; at += piece) {
            client_send_bytes(&rig, fd, &preface[at], piece);
            rig_run(&rig, 0.005);
        }
        client_send_bytes(&rig, fd, settings, sizeof(settings));
        first_bytes(fd, head, sizeof(head));
        cr_assert_eq(head[3], 4, "SETTINGS");
        close(fd);
    }
    rig_close(&rig);
}

Test(protocol, what_only_begins_like_it_is_http1)
{
    rig_start(&rig, "return 200 'ok';");
    client_ask(&rig, "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "HTTP/1.1 ");
    client_ask(&rig, "PRI / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200");
    client_ask(&rig, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200");
    int fd = client_open(&rig);
    client_send(&rig, fd, "P");
    rig_run(&rig, 0.02);
    client_send(&rig, fd, "UT / HTTP/1.1\r\nHost: a\r\n\r\n");
    client_expect(&rig, fd, "HTTP/1.1 200");
    client_send(&rig, fd, PREFACE);
    client_expect(&rig, fd, "HTTP/1.1 ");
    close(fd);
    rig_close(&rig);
}

/* RFC 9113 section 3.4, and what no protocol of ours begins with: an answer at once, or the end. */
Test(protocol, what_is_neither_is_answered_at_once)
{
    static const char *const firsts[] = {"INVALID CONNECTION PREFACE\r\n\r\n",
                                         "SSH-2.0-OpenSSH_9.2\r\n",
                                         "EHLO a.test\r\n",
                                         "\x80\x90\xff",
                                         "{\"id\": 1}",
                                         "PRI\r\n"};

    rig_start(&rig, "client_header_timeout 60s; return 200 'ok';");
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
        client_ask(&rig, firsts[i], "HTTP/1.1 400");
    client_ask(&rig, "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "HTTP/1.1 505");
    rig_close(&rig);
}

Test(protocol, half_a_preface_has_the_deadline_of_a_head)
{
    rig_start(&rig, "client_header_timeout 100ms; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "PRI * HTTP/2.0\r\n\r\nSM");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408"));
    close(fd);
    rig_close(&rig);
}

Test(protocol, off_means_http1)
{
    rig_start(&rig, "http2 off; return 200 'ok';");
    client_ask(&rig, PREFACE, "HTTP/1.1 505");
    rig_close(&rig);
}
