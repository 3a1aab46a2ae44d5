/* SPDX-License-Identifier: MIT */
/* The state as bytes: a frame around what each of its parts puts and gets. */
#include "upgrade/state.h"

#include "ipc/body.h"
#include "ipc/message.h"
#include "tenant/bundle.h"

#include <unistd.h>

/* ---- putting ---- */

void state_encode(struct wire_writer *writer, const struct state *state)
{
    wire_put_u64(writer, STATE_MAGIC);
    wire_put_u32(writer, STATE_FORMAT);
    wire_put_u32(writer, BUNDLE_MAGIC);
    wire_put_u32(writer, state->ipc_version);
    wire_put_slice(writer, state->config);
    wire_put_slice(writer, state->settings);
    ipc_put_identity(writer, state->identity);
    wire_put_slice(writer, state->pid_path);
    wire_put_descriptor(writer, state->pid_fd);
    wire_put_descriptor(writer, state->log_fd);
    wire_put_descriptor(writer, state->tally_fd);
    wire_put_slice(writer, state->control_path);
    wire_put_descriptor(writer, state->control_fd);
    wire_put_u32(writer, state->upgrades);
    wire_put_u64(writer, state->started);
    wire_put_u64(writer, state->reload);
    wire_put_u32(writer, state->rotation);
}

/* ---- getting, whatever the bytes are: another version's, cut short, or garbage ---- */

/* Syslog, standard error, or a file. */
static int get_log(struct wire_reader *reader)
{
    struct wire_reader before = *reader;

    if (wire_get_u32(&before) != STDERR_FILENO)
        return wire_get_descriptor(reader);
    *reader = before;
    return STDERR_FILENO;
}

static void get_all(struct wire_reader *reader, struct state *state)
{
    state->config = wire_get_plain(reader);
    state->settings = wire_get_slice(reader);
    ipc_get_identity(reader, &state->identity);
    state->pid_path = wire_get_plain(reader);
    state->pid_fd = wire_get_descriptor(reader);
    state->log_fd = get_log(reader);
    state->tally_fd = wire_get_descriptor(reader);
    state->control_path = wire_get_plain(reader);
    state->control_fd = wire_get_descriptor(reader);
    state->upgrades = wire_get_u32(reader);
    state->started = wire_get_u64(reader);
    state->reload = wire_get_u64(reader);
    state->rotation = wire_get_u32(reader);
    state->rest = reader->rest;
}

int state_decode(struct state *state, struct slice bytes, const char **why)
{
    struct wire_reader reader;

    *state = (struct state){.pid_fd = -1, .log_fd = -1, .tally_fd = -1, .control_fd = -1};
    wire_reader_init(&reader, bytes);
    *why = NULL;
    if (wire_get_u64(&reader) != STATE_MAGIC)
        *why = "it is no state of nsgate";
    else if (wire_get_u32(&reader) != STATE_FORMAT)
        *why = "the state has a format of another version";
    else if (wire_get_u32(&reader) != BUNDLE_MAGIC)
        *why = "tenants are kept in a format of another version";
    if (*why)
        return -1;
    state->ipc_version = wire_get_u32(&reader);
    get_all(&reader, state);
    if (!reader.failed)
        return 0;
    *why = "the state is damaged";
    return -1;
}

/* ---- descriptors ---- */

static void state_show(int *fd, void (*act)(int *fd, void *context), void *context)
{
    if (*fd > STDERR_FILENO)
        act(fd, context);
}

void state_each_descriptor(struct state *state, void (*act)(int *fd, void *context), void *context)
{
    state_show(&state->pid_fd, act, context);
    state_show(&state->log_fd, act, context);
    state_show(&state->tally_fd, act, context);
    state_show(&state->control_fd, act, context);
}
