/* SPDX-License-Identifier: MIT */
/* A session's beginning and end, and its SETTINGS. */
#include "session_internal.h"

#include "base/memory.h"

#include <malloc.h>
#include <stdlib.h>

/* ---- nghttp2's memory: without it the process ends, as everywhere. It stands in the account of
 * whose work made the session, if that was bounded then. ---- */

static void charge(const struct h2_session *session, void *memory)
{
    size_t size = session->account ? malloc_usable_size(memory) : 0;

    if (session->role == H2_SERVER)
        account_take_standing(session->account, size);
    else
        account_take(session->account, size);
}

static void discharge(const struct h2_session *session, void *memory)
{
    size_t size = session->account ? malloc_usable_size(memory) : 0;

    if (session->role == H2_SERVER)
        account_give_standing(session->account, size);
    else
        account_give(session->account, size);
}

static void *nghttp2_take(size_t size, void *user)
{
    void *memory = memory_alloc(size);

    charge(user, memory);
    return memory;
}

static void nghttp2_give(void *memory, void *user)
{
    discharge(user, memory);
    free(memory);
}

static void *nghttp2_take_zeroed(size_t count, size_t size, void *user)
{
    void *memory = memory_zeroed(count, size);

    charge(user, memory);
    return memory;
}

static void *nghttp2_resize(void *old, size_t size, void *user)
{
    void *memory;

    discharge(user, old);
    memory = memory_resize(old, size);
    charge(user, memory);
    return memory;
}

void h2_settings_init(struct h2_settings *settings, enum h2_role role)
{
    *settings = (struct h2_settings){
        .streams_max = 128,
        .stream_window = 128 * 1024,
        .stream_window_max = 1024 * 1024,
        .connection_window = (role == H2_SERVER ? 2 : 16) * 1024 * 1024,
        .head_max = 32 * 1024,
        .fields_max = 100,
        .connect_protocol = true,
    };
}

static nghttp2_option *make_options(enum h2_role role)
{
    nghttp2_option *option;
    if (nghttp2_option_new(&option) != 0)
        memory_exhausted(0);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_peer_max_concurrent_streams(option, H2_STREAMS_BEFORE_SETTINGS);
    nghttp2_option_set_max_reserved_remote_streams(option, 0);
    /* CVE-2024-28182: a head of 32 KiB takes two frames. */
    nghttp2_option_set_max_continuations(option, 8);
    /* CVE-2019-9512 and -9515: answers that are queued and not read. */
    nghttp2_option_set_max_outbound_ack(option, 1000);
    nghttp2_option_set_max_settings(option, 32);
    /* limits.c counts resets, and knows what was served. */
    nghttp2_option_set_stream_reset_rate_limit(option, UINT64_MAX, UINT64_MAX);
    /* h2_head_field removes it from what servers send. */
    if (role == H2_CLIENT)
        nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
    return option;
}

static void submit_settings(struct h2_session *session)
{
    const struct h2_settings *settings = &session->settings;
    nghttp2_settings_entry entries[6];
    size_t count = 0;
    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings->stream_window};
    entries[count++] =
        (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, settings->head_max};
    if (session->role == H2_SERVER) {
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                                    settings->streams_max};
        /* RFC 9113 section 5.3.2: its priority tree is costly and nobody has use for it. */
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
        if (settings->connect_protocol)
            entries[count++] =
                (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    } else {
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
        entries[count++] = (nghttp2_settings_entry){NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0};
    }
    nghttp2_submit_settings(session->nghttp2, NGHTTP2_FLAG_NONE, entries, count);
    nghttp2_session_set_local_window_size(session->nghttp2, NGHTTP2_FLAG_NONE, 0,
                                          (int32_t)settings->connection_window);
}

struct h2_session *h2_session_new(enum h2_role role, const struct h2_settings *settings,
                                  const struct h2_events *events, void *owner,
                                  struct chain_pool *pool)
{
    struct h2_session *session = memory_zeroed(1, sizeof(*session));
    nghttp2_mem memory = {session, nghttp2_take, nghttp2_give, nghttp2_take_zeroed, nghttp2_resize};
    session->account = account_is_bounded(pool->account) ? pool->account : NULL;
    session->role = role;
    session->settings = *settings;
    session->events = events;
    session->owner = owner;
    session->reason = "";
    session->unaware_id = INT32_MAX;
    session->scan.left = role == H2_SERVER ? NGHTTP2_CLIENT_MAGIC_LEN : 0;
    TAILQ_INIT(&session->streams);
    chain_init(&session->body, pool);
    chain_init(&session->payload, pool);

    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option = make_options(role);
    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        memory_exhausted(0);
    h2_set_receive_callbacks(callbacks);
    h2_set_write_callbacks(callbacks);
    int error =
        role == H2_SERVER
            ? nghttp2_session_server_new3(&session->nghttp2, callbacks, session, option, &memory)
            : nghttp2_session_client_new3(&session->nghttp2, callbacks, session, option, &memory);
    if (error != 0)
        memory_exhausted(0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    submit_settings(session);
    return session;
}

static void free_streams(struct h2_session *session)
{
    struct h2_stream *stream;
    while ((stream = TAILQ_FIRST(&session->streams))) {
        TAILQ_REMOVE(&session->streams, stream, next);
        spares_give(&session->body.pool->objects, stream, sizeof(*stream));
    }
}

void h2_session_free(struct h2_session *session)
{
    if (!session)
        return;
    nghttp2_session_del(session->nghttp2);
    free_streams(session);
    chain_clear(&session->body);
    chain_clear(&session->payload);
    free(session->nv);
    free(session->resets_seen);
    free(session);
}

void h2_terminate(struct h2_session *session, uint32_t code)
{
    h2_fail(session, code, "");
}

void h2_announce_shutdown(struct h2_session *session)
{
    if (session->role == H2_SERVER)
        nghttp2_submit_shutdown_notice(session->nghttp2);
}

void h2_shutdown(struct h2_session *session)
{
    session->is_closing = true;
    session->is_shut = true;
    nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session->nghttp2),
                          NGHTTP2_NO_ERROR, NULL, 0);
}

void h2_ping(struct h2_session *session)
{
    nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, NULL);
}
