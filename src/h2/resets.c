/* SPDX-License-Identifier: MIT */
/* Streams that were reset a moment ago: what comes for one that we reset may have crossed our
 * RST_STREAM (RFC 9113 section 5.1), what comes for one that the peer reset is an error. */
#include "session_internal.h"

#include "base/memory.h"

/* Seconds in which streams are forgiven all, because more were reset than are remembered. */
#define FORGIVING 10.0

static struct h2_resets *take_resets(struct h2_session *session)
{
    if (!session->resets_seen) {
        session->resets_seen = memory_zeroed(1, sizeof(*session->resets_seen));
        session->resets_seen->forgotten = -FORGIVING;
    }
    return session->resets_seen;
}

static int find_ours(const struct h2_resets *resets, int32_t id)
{
    for (int i = 0; resets && i < H2_RESETS_OURS; i++) {
        if (resets->ours[i].id == id)
            return i;
    }
    return -1;
}

static int find_peers(const struct h2_resets *resets, int32_t id)
{
    for (int i = 0; resets && i < H2_RESETS_PEERS; i++) {
        if (resets->peers[i] == id)
            return i;
    }
    return -1;
}

void h2_note_reset(struct h2_session *session, int32_t id, uint32_t left)
{
    struct h2_resets *resets = take_resets(session);
    if (find_ours(resets, id) >= 0)
        return;
    unsigned at = resets->our_next;
    if (resets->ours[at].id != 0)
        resets->forgotten = session->now;
    resets->ours[at].id = id;
    resets->ours[at].left = left;
    resets->our_next = (at + 1) % H2_RESETS_OURS;
}

void h2_note_peer_reset(struct h2_session *session, int32_t id)
{
    struct h2_resets *resets = take_resets(session);
    resets->peers[resets->peer_next] = id;
    resets->peer_next = (resets->peer_next + 1) % H2_RESETS_PEERS;
}

bool h2_is_reset_by_us(const struct h2_session *session, int32_t id)
{
    const struct h2_resets *resets = session->resets_seen;
    return resets && (find_ours(resets, id) >= 0 || session->now < resets->forgotten + FORGIVING);
}

bool h2_is_reset_by_peer(const struct h2_session *session, int32_t id)
{
    return find_peers(session->resets_seen, id) >= 0;
}

bool h2_crossed_reset(struct h2_session *session, int32_t id, uint32_t length)
{
    struct h2_resets *resets = session->resets_seen;
    int at = find_ours(resets, id);
    if (at < 0 || length == 0 || length > resets->ours[at].left)
        return false;
    resets->ours[at].left -= length;
    return true;
}
