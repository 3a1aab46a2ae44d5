/* SPDX-License-Identifier: MIT */
/* The supervisor's side of examining: a window of bundles at the resolver. */
#include "reload/examiner.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "ipc/body.h"
#include "tenant/bundle.h"

#include <stdlib.h>

#define EXAMINER_WINDOW 64   /* bundles that may be pending at once */
#define EXAMINER_LIMIT  60.0 /* seconds for an answer; names have their own, shorter limits */
#define EXAMINER_DEATHS 2    /* deaths of the resolver over one bundle that refuse it */
#define EXAMINER_TURNS  2    /* how often it works on one: until its names are known, and then */
#define EXAMINER_IDLE   0.1  /* seconds that a resolver without work is kept */

/* Most bytes of an answer, diagnostics included: what DER, addresses and sentences take instead of
 * the files, and much more. Without it a resolver that was broken into could fill our memory. */
#define EXAMINER_GROWTH 4
#define EXAMINER_EXTRA  (64 * 1024)

/* The one that the resolver has had for the longest time; NULL: it has none. */
static struct examination *examiner_oldest(const struct examiner *examiner)
{
    struct examination *oldest = NULL;
    struct examination *examination;

    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->is_sent && (!oldest || examination->sent_at < oldest->sent_at))
            oldest = examination;
    }
    return oldest;
}

static void examiner_watch(struct examiner *examiner)
{
    const struct examination *oldest = examiner_oldest(examiner);
    double left;

    deadline_stop(&examiner->watch);
    if (!oldest && examiner_is_wanted(examiner))
        return;
    left = EXAMINER_IDLE;
    if (oldest)
        left = oldest->sent_at + EXAMINER_LIMIT - loop_now(examiner->loop);
    deadline_set(&examiner->watch, left);
}

static void examiner_send(struct examiner *examiner, struct examination *examination)
{
    const struct ipc_attachments bundle = {.blob = examination->plan.bundle};

    examination->is_sent = true;
    examination->turns = 0;
    examination->sent_at = loop_now(examiner->loop);
    ipc_send_serial(examiner->resolver->channel(examiner->resolver_owner), IPC_EXAMINE,
                    &(struct ipc_serial){examination->serial}, &bundle);
}

bool examiner_is_wanted(const struct examiner *examiner)
{
    if (!TAILQ_EMPTY(&examiner->pending))
        return true;
    return examiner->resolver->has_other_work(examiner->resolver_owner);
}

static struct examination *examiner_first_suspect(const struct examiner *examiner)
{
    struct examination *examination;

    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->deaths > 0)
            return examination;
    }
    return NULL;
}

/* What a resolver has died over goes behind all others, and alone: the others do not wait for it,
 * and the next death is its own for certain. */
void examiner_advance(struct examiner *examiner)
{
    struct examination *examination;
    bool has_sent = false;

    if (!examiner->resolver->channel(examiner->resolver_owner)) {
        if (examiner_is_wanted(examiner))
            examiner->resolver->on_work(examiner->resolver_owner);
        return;
    }
    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->deaths == 0 && !examination->is_sent)
            examiner_send(examiner, examination);
        has_sent = has_sent || examination->is_sent;
    }
    examination = has_sent ? NULL : examiner_first_suspect(examiner);
    if (examination)
        examiner_send(examiner, examination);
    examiner_watch(examiner);
}

bool examiner_is_of_suspect(const struct examiner *examiner)
{
    const struct examination *examination;
    bool is_of_suspect = false;

    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->is_sent && examination->deaths == 0)
            return false;
        is_of_suspect = is_of_suspect || examination->is_sent;
    }
    return is_of_suspect;
}

bool examiner_is_pending(const struct examiner *examiner, uint64_t serial)
{
    const struct examination *examination;

    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->serial == serial)
            return examination->is_sent;
    }
    return false;
}

int examiner_on_working(struct examiner *examiner, uint64_t serial)
{
    struct examination *examination;

    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->serial == serial)
            return examination->is_sent && examination->turns++ < EXAMINER_TURNS ? 0 : ERROR_IPC;
    }
    return 0; /* its tenant has gone meanwhile */
}

/* Takes it out of the list; the caller frees it. */
static void examiner_take(struct examiner *examiner, struct examination *examination)
{
    TAILQ_REMOVE(&examiner->pending, examination, next);
    examiner->count--;
    examination->record->examination = NULL;
}

static void examination_free(struct examination *examination)
{
    plan_free(&examination->plan);
    free(examination);
}

/* ---- answers ---- */

/* What workers get: our own tree, with what the resolver has found in place of the files. It cannot
 * change anything else, whoever has taken it over. NULL when it is no finding. */
static struct ipc_blob *examiner_compose(struct examination *examination, struct slice findings)
{
    struct ipc_blob *blob = NULL;
    struct wire_writer bytes;
    struct arena arena;
    struct bundle bundle;

    arena_init(&arena, 4096);
    if (bundle_decode(&bundle, &arena, ipc_blob_bytes(examination->plan.bundle)) == 0 &&
        bundle_get_findings(&bundle, &arena, findings) == 0) {
        bundle.files = NULL;
        bundle.file_count = 0;
        wire_writer_init(&bytes);
        bundle_encode(&bytes, &bundle);
        blob = ipc_blob_new(wire_written(&bytes));
        wire_writer_free(&bytes);
        plan_take_certificates(&examination->plan, &bundle);
    }
    arena_free(&arena);
    return blob;
}

static bool examiner_is_plausible(const struct examination *examination, struct slice blob)
{
    return blob.len / EXAMINER_GROWTH <=
           ipc_blob_bytes(examination->plan.bundle).len + EXAMINER_EXTRA / EXAMINER_GROWTH;
}

/* Returns 0 or ERROR_IPC. */
static int examiner_read_answer(struct examination *examination, const struct ipc_examined *answer,
                                struct slice blob, struct examined *examined)
{
    struct wire_reader reader;

    wire_reader_init(&reader, blob);
    if (!examiner_is_plausible(examination, blob) ||
        bundle_get_diags(&reader, &examined->diags) != 0)
        return ERROR_IPC;
    examined->is_outdated = answer->outdated;
    /* Who waits for names is read again for ever: that is not the resolver's to ask for. */
    examined->is_unresolved = answer->unresolved && examination->plan.has_names;
    if (!answer->usable)
        return 0;
    examined->bundle = examiner_compose(examination, reader.rest);
    return examined->bundle ? 0 : ERROR_IPC;
}

static int examiner_on_answer(struct examiner *examiner, struct examination *examination,
                              const struct ipc_examined *answer, struct slice blob)
{
    struct examined examined = {0};
    int result;

    diag_list_init(&examined.diags);
    result = examiner_read_answer(examination, answer, blob, &examined);
    if (result == 0) {
        examiner_take(examiner, examination);
        examiner->events->on_examined(examiner->owner, examination->record, &examination->plan,
                                      &examined);
        examination_free(examination);
        examiner_advance(examiner);
    }
    diag_list_free(&examined.diags);
    return result;
}

int examiner_on_message(struct examiner *examiner, struct ipc_received *received)
{
    struct examination *examination;
    struct ipc_examined answer;

    if (received->message != IPC_EXAMINED || ipc_get_examined(&received->body, &answer) != 0)
        return ERROR_IPC;
    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->serial == answer.serial)
            return examiner_on_answer(examiner, examination, &answer, received->blob);
    }
    return 0; /* its tenant has gone meanwhile */
}

/* ---- submitting ---- */

bool examiner_has_room(const struct examiner *examiner)
{
    return examiner->count < (examiner->is_single ? 1 : EXAMINER_WINDOW);
}

void examiner_submit(struct examiner *examiner, struct record *record, struct plan *plan)
{
    struct examination *examination = memory_zeroed(1, sizeof(*examination));

    examination->record = record;
    examination->plan = *plan;
    *plan = (struct plan){0};
    examination->serial = ++examiner->serial;
    if (record->retry.reason == RETRY_DEATH && record->retry.pause > 0.)
        examination->deaths = EXAMINER_DEATHS - 1;
    record->examination = examination;
    TAILQ_INSERT_TAIL(&examiner->pending, examination, next);
    examiner->count++;
    examiner_advance(examiner);
}

/* Nobody will answer. */
static void examiner_drop(struct examiner *examiner, struct examination *examination)
{
    struct record *record = examination->record;

    examiner_take(examiner, examination);
    claims_release(examiner->claims, &record->sockets, &examination->plan, &record->plan);
    examination_free(examination);
}

void examiner_forget(struct examiner *examiner, struct record *record)
{
    if (!record->examination)
        return;
    examiner_drop(examiner, record->examination);
    examiner_advance(examiner); /* others may have waited for it, and the watch was its own */
}

/* ---- the resolver's life ---- */

/* What it has died over. */
static struct examination *examiner_find_guilty(const struct examiner *examiner, uint64_t serial)
{
    struct examination *examination;

    if (examiner->is_single) /* nobody waits there for ever */
        return TAILQ_FIRST(&examiner->pending);
    TAILQ_FOREACH (examination, &examiner->pending, next) {
        if (examination->is_sent && examination->serial == serial)
            return examination;
    }
    return NULL;
}

void examiner_on_death(struct examiner *examiner, uint64_t serial)
{
    struct examination *guilty = examiner_find_guilty(examiner, serial);
    struct examination *examination;

    deadline_stop(&examiner->watch);
    TAILQ_FOREACH (examination, &examiner->pending, next)
        examination->is_sent = false;
    if (!guilty || ++guilty->deaths < EXAMINER_DEATHS)
        return;
    examiner_take(examiner, guilty);
    examiner->events->on_deadly(examiner->owner, guilty->record, &guilty->plan);
    examination_free(guilty);
}

static void examiner_on_limit(struct deadline *watch)
{
    struct examiner *examiner = CONTAINER_OF(watch, struct examiner, watch);
    const struct examination *oldest = examiner_oldest(examiner);

    if (oldest)
        examiner->resolver->on_overdue(examiner->resolver_owner, oldest->serial);
    else
        examiner->resolver->on_idle(examiner->resolver_owner);
}

void examiner_init(struct examiner *examiner, struct loop *loop, struct claims *claims)
{
    *examiner = (struct examiner){.loop = loop, .claims = claims};
    TAILQ_INIT(&examiner->pending);
    deadline_init(&examiner->watch, loop, examiner_on_limit);
}

void examiner_connect(struct examiner *examiner, const struct examiner_resolver *resolver,
                      void *owner)
{
    examiner->resolver = resolver;
    examiner->resolver_owner = owner;
}

void examiner_tell(struct examiner *examiner, const struct examiner_events *events, void *owner)
{
    examiner->events = events;
    examiner->owner = owner;
}

void examiner_free(struct examiner *examiner)
{
    struct examination *examination;

    deadline_stop(&examiner->watch);
    while ((examination = TAILQ_FIRST(&examiner->pending)))
        examiner_drop(examiner, examination);
}
