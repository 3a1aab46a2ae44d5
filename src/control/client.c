/* SPDX-License-Identifier: MIT */
/* The bytes of a control connection: reading a request, queueing lines, closing. */
#include "control_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "version.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLIENT_LIMIT   10.0 /* seconds for a request, and for any progress of an answer */
#define CLIENT_LOOK    1.0  /* seconds between looks at whether one who waits is still there */
#define CLIENT_OUT_MAX (32 << 20) /* bytes of an answer: 10,000 tenants with a long error each */

/* Who has nothing to read but what becomes of an upgrade does not hold that up, nor does a child
 * that asks: it would have an upgrade wait for ever. */
static void client_note(struct control_client *client)
{
    bool waits = client->fd < 0 || client->is_within ||
                 (client->state == CONTROL_UPGRADING && client->out_len == 0);

    hold_set(&client->hold, waits ? 0 : PENDING_UPGRADE);
}

static void client_describe(const struct hold *hold, char text[PENDING_TEXT])
{
    (void)hold;
    snprintf(text, PENDING_TEXT, "clients of the control socket");
}

void control_client_set_state(struct control_client *client, enum control_state state)
{
    client->state = state;
    client_note(client);
}

void control_client_close(struct control_client *client)
{
    struct control *control = client->control;

    if (client->fd < 0)
        return;
    ev_io_stop(control->loop->ev, &client->reader);
    ev_io_stop(control->loop->ev, &client->writer);
    deadline_stop(&client->limit);
    close(client->fd);
    client->fd = -1;
    client_note(client);
    TAILQ_REMOVE(&control->clients, client, next);
    if (client->is_within)
        control->asked = NULL;
    else
        control->count--;
    loop_bury(control->loop, &client->grave);
    control_on_room(control);
}

static void client_on_grave(struct loop_task *grave)
{
    struct control_client *client = CONTAINER_OF(grave, struct control_client, grave);

    free(client->out);
    free(client);
}

/* For a reload, an upgrade or figures; then nothing is read of it that would tell of its end. */
static bool client_waits(const struct control_client *client)
{
    return client->state != CONTROL_READING && client->state != CONTROL_ENDING &&
           client->out_len == 0;
}

/* Both halves, that is: who has only closed the one that sends still reads. */
static bool client_is_gone(const struct control_client *client)
{
    struct pollfd end = {.fd = client->fd};

    return poll(&end, 1, 0) == 1 && (end.revents & (POLLHUP | POLLERR)) != 0;
}

static void client_on_limit(struct deadline *limit)
{
    struct control_client *client = CONTAINER_OF(limit, struct control_client, limit);

    if (client_waits(client) && !client_is_gone(client))
        deadline_set(limit, CLIENT_LOOK);
    else
        control_client_close(client);
}

/* ---- writing ---- */

static void client_reserve(struct control_client *client, size_t size)
{
    if (client->out_capacity - client->out_len >= size)
        return;
    client->out_capacity = (client->out_capacity + size) * 2;
    client->out = memory_resize(client->out, client->out_capacity);
}

static void client_put_field(struct control_client *client, struct slice field)
{
    static const char digits[] = "0123456789abcdef";

    client_reserve(client, field.len * 4 + 1); /* a separator follows */
    for (size_t i = 0; i < field.len; i++) {
        unsigned char byte = (unsigned char)field.data[i];
        char *at = client->out + client->out_len;

        if (byte >= 0x20 && byte != 0x7f && byte != '\\') {
            *at = (char)byte;
            client->out_len++;
            continue;
        }
        at[0] = '\\';
        at[1] = 'x';
        at[2] = digits[byte >> 4];
        at[3] = digits[byte & 15];
        client->out_len += 4;
    }
}

void control_put(struct control_client *client, const struct slice *fields, size_t count)
{
    if (client->out_len > CLIENT_OUT_MAX)
        return;
    for (size_t i = 0; i < count; i++) {
        client_put_field(client, fields[i]);
        client->out[client->out_len++] = i + 1 < count ? '\t' : '\n';
    }
    client_note(client);
    if (client->out_len > CLIENT_OUT_MAX) {
        deadline_set(&client->limit, 0.); /* closes it: not here, where others are told too */
        return;
    }
    if (!ev_is_active(&client->writer))
        deadline_set(&client->limit, CLIENT_LIMIT);
    ev_io_start(client->control->loop->ev, &client->writer);
}

void control_end(struct control_client *client, int status)
{
    char digit = (char)('0' + status);

    control_say(client, SLICE("end"), (struct slice){&digit, 1});
    control_client_set_state(client, CONTROL_ENDING);
}

static void client_on_sent(struct control_client *client)
{
    client->out_len = client->sent = 0;
    client_note(client);
    ev_io_stop(client->control->loop->ev, &client->writer);
    if (client->state == CONTROL_ENDING)
        control_client_close(client);
    else if (client_waits(client))
        deadline_set(&client->limit, CLIENT_LOOK);
}

static void client_on_writable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct control_client *client = watcher->data;
    ssize_t sent;

    (void)ev;
    (void)events;
    sent = write(client->fd, client->out + client->sent, client->out_len - client->sent);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (sent < 0) {
        control_client_close(client);
        return;
    }
    client->sent += (size_t)sent;
    if (client->sent == client->out_len)
        client_on_sent(client);
    else if (client->state != CONTROL_READING && client->out_len <= CLIENT_OUT_MAX)
        deadline_set(&client->limit, CLIENT_LIMIT);
}

/* ---- reading ---- */

void control_client_take(struct control_client *client, struct slice request)
{
    ev_io_stop(client->control->loop->ev, &client->reader);
    deadline_set(&client->limit, CLIENT_LIMIT);
    control_run(client, request);
    if (client_waits(client))
        deadline_set(&client->limit, CLIENT_LOOK);
}

/* Nothing is expected behind the first line, and a client may close its sending half. */
static void client_take(struct control_client *client)
{
    const char *end = memchr(client->request, '\n', client->request_len);

    if (!end && client->request_len < sizeof(client->request))
        return;
    control_client_take(client,
                        (struct slice){client->request, end ? (size_t)(end - client->request)
                                                            : client->request_len});
}

static void client_on_readable(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct control_client *client = watcher->data;
    ssize_t got;

    (void)ev;
    (void)events;
    got = read(client->fd, client->request + client->request_len,
               sizeof(client->request) - client->request_len);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        control_client_close(client);
        return;
    }
    client->request_len += (size_t)got;
    client_take(client);
}

struct control_client *control_client_new(struct control *control, int fd, bool is_within)
{
    struct control_client *client = memory_zeroed(1, sizeof(*client));
    char upgrades[16];
    char pid[16];

    client->control = control;
    client->fd = fd;
    client->is_within = is_within;
    hold_init(&client->hold, control->loop, client_describe);
    control_client_set_state(client, CONTROL_READING);
    client->grave.run = client_on_grave;
    ev_io_init(&client->reader, client_on_readable, fd, EV_READ);
    ev_io_init(&client->writer, client_on_writable, fd, EV_WRITE);
    client->reader.data = client->writer.data = client;
    deadline_init(&client->limit, control->loop, client_on_limit);
    deadline_set(&client->limit, CLIENT_LIMIT);
    TAILQ_INSERT_TAIL(&control->clients, client, next);
    if (is_within)
        control->asked = client;
    else
        control->count++;
    ev_io_start(control->loop->ev, &client->reader);
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    snprintf(upgrades, sizeof(upgrades), "%u", control->upgrades);
    control_say(client, SLICE("hello"), SLICE(NSGATE_VERSION), slice_of(pid), slice_of(upgrades));
    return client;
}
