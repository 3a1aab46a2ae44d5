/* SPDX-License-Identifier: MIT */
/* The supervisor's side of examining: a window of bundles at the resolver. */
#include "examine_internal.h"

#include "adopt_internal.h"
#include "supervisor_internal.h"

#include "base/memory.h"
#include "namespaces/containers.h"
#include "tenant/bundle.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define EXAMINE_WINDOW 64   /* bundles that may be pending at once */
#define EXAMINE_LIMIT  60.0 /* seconds for an answer; names have their own, shorter limits */
#define EXAMINE_DEATHS 2    /* deaths of the resolver over one bundle that refuse it */
#define EXAMINE_TURNS  2    /* how often it works on one: until its names are known, and then */
#define EXAMINE_IDLE   0.1  /* seconds that a resolver without work is kept */

/* Most bytes of an answer, diagnostics included: what DER, addresses and sentences take instead of
 * the files, and much more. Without it a resolver that was broken into could fill our memory. */
#define EXAMINE_GROWTH 4
#define EXAMINE_EXTRA  (64 * 1024)

/* The one that the resolver has had for the longest time; NULL: it has none. */
static struct examination *examine_oldest(const struct supervisor *supervisor)
{
    struct examination *oldest = NULL;
    struct examination *examination;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->is_sent && (!oldest || examination->sent_at < oldest->sent_at))
            oldest = examination;
    }
    return oldest;
}

static void examine_watch(struct supervisor *supervisor)
{
    struct examiner *examiner = &supervisor->examiner;
    const struct examination *oldest = examine_oldest(supervisor);
    double left;

    ev_timer_stop(supervisor->loop.ev, &examiner->watch);
    if (!oldest && examine_is_wanted(supervisor))
        return;
    left = EXAMINE_IDLE;
    if (oldest)
        left = oldest->sent_at + EXAMINE_LIMIT - loop_now(&supervisor->loop);
    ev_timer_set(&examiner->watch, left > 0. ? left : 0., 0.);
    ev_timer_start(supervisor->loop.ev, &examiner->watch);
}

static void examine_send(struct supervisor *supervisor, struct examination *examination)
{
    const struct ipc_attachments bundle = {.blob = examination->plan.bundle};

    examination->is_sent = true;
    examination->turns = 0;
    examination->sent_at = loop_now(&supervisor->loop);
    ipc_send_serial(supervisor->resolver.channel, IPC_EXAMINE,
                    &(struct ipc_serial){examination->serial}, &bundle);
}

bool examine_is_wanted(const struct supervisor *supervisor)
{
    if (!TAILQ_EMPTY(&supervisor->examiner.pending))
        return true;
    return supervisor->namespaces.containers > 0 && !upgrade_is_due(&supervisor->upgrade);
}

/* The resolver runs while there is work and a moment longer: nobody who has seen all keys stays
 * around, and an idle gateway does without its memory. One that has died by itself or is still
 * ending comes back by child_on_death. */
static void examine_want_resolver(struct supervisor *supervisor)
{
    struct child *resolver = &supervisor->resolver;
    bool may_start = resolver->pid == 0 && !ev_is_active(&resolver->timer);

    if (examine_is_wanted(supervisor) && may_start && !resolver->is_stopping)
        child_start(resolver);
}

static struct examination *examine_first_suspect(const struct supervisor *supervisor)
{
    struct examination *examination;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->deaths > 0)
            return examination;
    }
    return NULL;
}

/* What a resolver has died over goes behind all others, and alone: the others do not wait for it,
 * and the next death is its own for certain. */
static void examine_send_pending(struct supervisor *supervisor)
{
    struct examination *examination;
    bool has_sent = false;

    if (!child_is_up(&supervisor->resolver)) {
        examine_want_resolver(supervisor);
        return;
    }
    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->deaths == 0 && !examination->is_sent)
            examine_send(supervisor, examination);
        has_sent = has_sent || examination->is_sent;
    }
    examination = has_sent ? NULL : examine_first_suspect(supervisor);
    if (examination)
        examine_send(supervisor, examination);
    examine_watch(supervisor);
}

bool examine_is_of_suspect(const struct supervisor *supervisor)
{
    const struct examination *examination;
    bool is_of_suspect = false;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->is_sent && examination->deaths == 0)
            return false;
        is_of_suspect = is_of_suspect || examination->is_sent;
    }
    return is_of_suspect;
}

bool examine_is_pending(const struct supervisor *supervisor, uint64_t serial)
{
    const struct examination *examination;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->serial == serial)
            return examination->is_sent;
    }
    return false;
}

int examine_on_working(struct supervisor *supervisor, uint64_t serial)
{
    struct examination *examination;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->serial == serial)
            return examination->is_sent && examination->turns++ < EXAMINE_TURNS ? 0 : ERROR_IPC;
    }
    return 0; /* its tenant has gone meanwhile */
}

void examine_see_to_resolver(struct supervisor *supervisor)
{
    if (supervisor->state == SUPERVISOR_RUNNING)
        examine_send_pending(supervisor);
}

/* Takes it out of the list; the caller frees it. */
static void examine_take(struct supervisor *supervisor, struct examination *examination)
{
    TAILQ_REMOVE(&supervisor->examiner.pending, examination, next);
    supervisor->examiner.count--;
    examination->record->examination = NULL;
}

static void examine_free(struct examination *examination)
{
    plan_free(&examination->plan);
    free(examination);
}

/* ---- outcomes ---- */

static void examine_refuse(struct supervisor *supervisor, struct examination *examination)
{
    struct record *record = examination->record;

    examine_take(supervisor, examination);
    claims_release(&supervisor->registry.claims, &record->sockets, &examination->plan,
                   &record->plan);
    examine_free(examination);
    round_refused(supervisor, record);
}

/* Host names have no address yet: what is in force stays, and the same files are tried again. */
static void examine_wait(struct supervisor *supervisor, struct examination *examination)
{
    struct record *record = examination->record;

    examine_take(supervisor, examination);
    claims_release(&supervisor->registry.claims, &record->sockets, &examination->plan,
                   &record->plan);
    again_later(supervisor, record, AGAIN_NAMES, &examination->plan.dependencies);
    examine_free(examination);
    round_waits(record);
}

/* Owns the bundle. */
static void examine_accept(struct supervisor *supervisor, struct examination *examination,
                           struct ipc_blob *bundle)
{
    struct record *record = examination->record;

    examine_take(supervisor, examination);
    ipc_blob_unref(examination->plan.bundle);
    examination->plan.bundle = bundle;
    round_accepted(supervisor, record, &examination->plan);
    examine_free(examination);
}

/* Whether it has certificates and every one is valid now: it may have been examined long ago. */
static bool examine_is_valid_now(const struct ipc_blob *blob)
{
    int64_t now = (int64_t)time(NULL);
    struct arena arena;
    struct bundle bundle;
    bool valid;

    arena_init(&arena, 4096);
    valid = bundle_decode(&bundle, &arena, ipc_blob_bytes(blob)) == 0 && bundle.identity_count > 0;
    for (uint32_t i = 0; valid && i < bundle.identity_count; i++) {
        const struct tls_der *der = &bundle.identities[i].der;

        valid = der->not_before <= now && now <= der->not_after;
    }
    arena_free(&arena);
    return valid;
}

/* A certificate that is expired or not yet valid never takes the place of a valid one. */
static bool examine_may_replace(struct supervisor *supervisor, struct record *record)
{
    if (!record_is_in_force(record) || !examine_is_valid_now(record->plan.bundle))
        return true;
    report_text(supervisor, record, DIAG_ERROR,
                "%s: the certificate is not valid at this time, the valid one before it stays",
                record->file);
    return false;
}

static int64_t examine_expiry(const struct bundle *bundle)
{
    int64_t first = 0;

    for (uint32_t i = 0; i < bundle->identity_count; i++) {
        int64_t expires = bundle->identities[i].der.not_after;

        if (i == 0 || expires < first)
            first = expires;
    }
    return first;
}

/* What workers get: our own tree, with what the resolver has found in place of the files. It cannot
 * change anything else, whoever has taken it over. NULL when it is no finding. */
static struct ipc_blob *examine_compose(struct examination *examination, struct slice findings)
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
        examination->plan.expires = examine_expiry(&bundle);
    }
    arena_free(&arena);
    return blob;
}

static bool examine_is_plausible(const struct examination *examination, struct slice blob)
{
    return blob.len / EXAMINE_GROWTH <=
           ipc_blob_bytes(examination->plan.bundle).len + EXAMINE_EXTRA / EXAMINE_GROWTH;
}

/* Names that still have no address are not told of each time that they are asked for. */
static void examine_report(struct supervisor *supervisor, struct record *record,
                           const struct diag_list *diags, bool unresolved)
{
    bool had_trouble = record->names_trouble != NULL;

    if (unresolved && report_names(record, diags))
        return;
    report_diags(supervisor, record, diags);
    if (unresolved)
        return;
    record_set_names_trouble(record, NULL);
    again_end(record);
    if (had_trouble && diags->errors == 0)
        log_notice("tenant %s: its host names have addresses again", record->name);
}

static int examine_on_answer(struct supervisor *supervisor, struct examination *examination,
                             struct ipc_examined answer, struct slice blob)
{
    struct record *record = examination->record;
    struct ipc_blob *bundle = NULL;
    struct wire_reader reader;
    struct diag_list diags;

    if (!examine_is_plausible(examination, blob))
        return ERROR_IPC;
    /* Who waits for names is read again for ever: that is not the resolver's to ask for. */
    answer.unresolved = answer.unresolved && examination->plan.has_names;
    diag_list_init(&diags);
    wire_reader_init(&reader, blob);
    if (bundle_get_diags(&reader, &diags) != 0 ||
        (answer.usable && !(bundle = examine_compose(examination, reader.rest)))) {
        diag_list_free(&diags);
        return ERROR_IPC;
    }
    examine_report(supervisor, record, &diags, answer.unresolved);
    diag_list_free(&diags);
    if (bundle && answer.outdated && !examine_may_replace(supervisor, record)) {
        ipc_blob_unref(bundle);
        bundle = NULL;
    }
    if (bundle)
        examine_accept(supervisor, examination, bundle);
    else if (answer.unresolved && supervisor->round.kind != ROUND_TEST)
        examine_wait(supervisor, examination);
    else
        examine_refuse(supervisor, examination);
    if (bundle && answer.unresolved)
        again_later(supervisor, record, AGAIN_NAMES, NULL);
    examine_send_pending(supervisor);
    round_advance(supervisor);
    return 0;
}

int examine_on_message(struct supervisor *supervisor, struct ipc_received *received)
{
    struct examination *examination;
    struct ipc_examined answer;

    if (received->message != IPC_EXAMINED || ipc_get_examined(&received->body, &answer) != 0)
        return ERROR_IPC;
    if (supervisor->state != SUPERVISOR_RUNNING)
        return 0;
    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (examination->serial == answer.serial)
            return examine_on_answer(supervisor, examination, answer, received->blob);
    }
    return 0; /* its tenant has gone meanwhile */
}

/* ---- submitting ---- */

bool examine_has_room(const struct supervisor *supervisor)
{
    /* -t examines one after the other, so that it tells in the order of the files. */
    return supervisor->examiner.count < (supervisor->round.kind == ROUND_TEST ? 1 : EXAMINE_WINDOW);
}

void examine_submit(struct supervisor *supervisor, struct record *record, struct plan *plan)
{
    struct examination *examination = memory_zeroed(1, sizeof(*examination));

    examination->record = record;
    examination->plan = *plan;
    *plan = (struct plan){0};
    examination->serial = ++supervisor->examiner.serial;
    if (record->again.reason == AGAIN_DEATH && record->again.pause > 0.)
        examination->deaths = EXAMINE_DEATHS - 1;
    record->examination = examination;
    TAILQ_INSERT_TAIL(&supervisor->examiner.pending, examination, next);
    supervisor->examiner.count++;
    examine_send_pending(supervisor);
}

void examine_forget(struct supervisor *supervisor, struct record *record)
{
    struct examination *examination = record->examination;

    if (!examination)
        return;
    examine_take(supervisor, examination);
    claims_release(&supervisor->registry.claims, &record->sockets, &examination->plan,
                   &record->plan);
    examine_free(examination);
    examine_send_pending(supervisor); /* others may have waited for it, and the watch was its own */
}

/* ---- the resolver's life ---- */

void examine_on_start(struct supervisor *supervisor)
{
    namespace_containers_on_resolver(&supervisor->namespaces);
    examine_send_pending(supervisor);
}

/* What it was working on, if it was its own fault that it died. */
static struct examination *examine_find_guilty(const struct supervisor *supervisor)
{
    const struct child *resolver = &supervisor->resolver;
    struct examination *examination;

    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next) {
        if (resolver->has_failed && examination->is_sent &&
            examination->serial == resolver->working)
            return examination;
    }
    return NULL;
}

void examine_on_death(struct supervisor *supervisor)
{
    struct examination *guilty = examine_find_guilty(supervisor);
    struct examination *examination;

    if (supervisor->round.kind == ROUND_TEST) /* one at a time: nobody waits there for ever */
        guilty = TAILQ_FIRST(&supervisor->examiner.pending);
    ev_timer_stop(supervisor->loop.ev, &supervisor->examiner.watch);
    TAILQ_FOREACH (examination, &supervisor->examiner.pending, next)
        examination->is_sent = false;
    if (guilty && ++guilty->deaths >= EXAMINE_DEATHS) {
        report_text(supervisor, guilty->record, DIAG_ERROR, "%s: the resolver died over it twice",
                    guilty->record->file);
        again_later(supervisor, guilty->record, AGAIN_DEATH, &guilty->plan.dependencies);
        examine_refuse(supervisor, guilty);
    }
    round_advance(supervisor);
}

static void examine_on_limit(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    const struct examination *oldest = examine_oldest(supervisor);

    (void)events;
    ev_timer_stop(ev, timer);
    if (oldest) {
        log_error("the resolver does not answer, killing it");
        supervisor->resolver.working = oldest->serial;
        supervisor->resolver.heartbeat.is_hung = true;
        child_signal(&supervisor->resolver, SIGKILL);
    } else if (child_is_up(&supervisor->resolver)) {
        child_dismiss(&supervisor->resolver);
    }
}

void examiner_init(struct supervisor *supervisor)
{
    TAILQ_INIT(&supervisor->examiner.pending);
    ev_timer_init(&supervisor->examiner.watch, examine_on_limit, 0., 0.);
    supervisor->examiner.watch.data = supervisor;
}

void examiner_free(struct supervisor *supervisor)
{
    struct examination *examination = TAILQ_FIRST(&supervisor->examiner.pending);

    ev_timer_stop(supervisor->loop.ev, &supervisor->examiner.watch);
    while (examination) {
        struct examination *next = TAILQ_NEXT(examination, next);

        examine_take(supervisor, examination);
        claims_release(&supervisor->registry.claims, &examination->record->sockets,
                       &examination->plan, &examination->record->plan);
        examine_free(examination);
        examination = next;
    }
}
