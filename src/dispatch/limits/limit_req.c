/* SPDX-License-Identifier: MIT */
/* limit_req: how many requests of a key may come in a time, over all workers of the tenant. What is
 * beyond the rate waits, what is beyond the burst is refused. */
#include "dispatch_internal.h"

#include "base/container_of.h"
#include "io/deadline.h"

#include <stdio.h>

#define KEY_MOST 65535 /* bytes; nginx's */

struct limit_delay {
    struct deadline deadline;
    struct dispatch *dispatch;
};

/* What one zone says of this request. */
struct asked {
    const struct config_limit_req *limit;
    const struct config_zone *zone;
    struct cells_rates *rates; /* NULL: it says nothing, for the key is empty */
    uint64_t hash;
    struct rates_ask ask;
    uint32_t excess;
};

/* ---- waiting ---- */

void limit_req_stop(struct dispatch *dispatch)
{
    if (dispatch->delay)
        deadline_stop(&dispatch->delay->deadline);
    dispatch->delay = NULL;
}

static void on_delayed(struct deadline *deadline)
{
    struct dispatch *dispatch = CONTAINER_OF(deadline, struct limit_delay, deadline)->dispatch;
    limit_req_stop(dispatch);
    phases_run_request(dispatch);
}

static enum dispatch_verdict wait_for(struct dispatch *dispatch, double seconds)
{
    struct limit_delay *delay = ARENA_NEW(&dispatch->exchange->arena, struct limit_delay);
    delay->dispatch = dispatch;
    deadline_init(&delay->deadline, dispatch->exchange->loop, on_delayed);
    deadline_set(&delay->deadline, seconds);
    dispatch->delay = delay;
    return DISPATCH_WAIT;
}

/* ---- verdicts ---- */

static void tell(const struct dispatch *dispatch, enum log_level level, const char *what,
                 const struct asked *asked)
{
    char text[192];
    if (!log_is_enabled(level))
        return;
    snprintf(text, sizeof(text), "%s%s, excess: %u.%03u%s by zone \"%.*s\"", what,
             dispatch->settings->limit_req.dry_run ? ", dry run" : "", asked->excess / 1000,
             asked->excess % 1000, *what == 'd' ? "," : "", SLICE_PRINTF(asked->zone->name));
    report_note(dispatch, level, text);
}

static enum dispatch_verdict refuse(struct dispatch *dispatch, const struct asked *asked)
{
    const struct config_limit_manner *manner = &dispatch->settings->limit_req;
    tell(dispatch, manner->level, "limiting requests", asked);
    dispatch->limit_req = manner->dry_run ? LIMIT_REJECTED_DRY_RUN : LIMIT_REJECTED;
    return manner->dry_run ? DISPATCH_CONTINUE : limit_refuse(dispatch, manner);
}

static enum dispatch_verdict pass(struct dispatch *dispatch, const struct asked *slowest,
                                  uint64_t milliseconds)
{
    const struct config_limit_manner *manner = &dispatch->settings->limit_req;
    dispatch->limit_req = LIMIT_PASSED;
    if (milliseconds == 0)
        return DISPATCH_CONTINUE;
    tell(dispatch, manner->level > LOG_LEVEL_INFO ? manner->level - 1 : manner->level,
         "delaying request", slowest);
    dispatch->limit_req = manner->dry_run ? LIMIT_DELAYED_DRY_RUN : LIMIT_DELAYED;
    return manner->dry_run ? DISPATCH_CONTINUE : wait_for(dispatch, (double)milliseconds / 1000.);
}

/* ---- judging, in nginx's order ---- */

static void prepare(struct dispatch *dispatch, const struct config_limit_req *limit,
                    struct asked *asked)
{
    asked->limit = limit;
    asked->zone = &dispatch->tenant->config.zones[limit->zone];
    struct cells_rates *rates = tenant_zone_rates(dispatch->tenant, limit->zone);
    struct slice key = limit_key(dispatch, asked->zone, KEY_MOST);
    if (key.len == 0 || !rates)
        return;
    asked->rates = rates;
    asked->hash = rates_hash(rates, key);
    asked->ask = (struct rates_ask){rates_now(), asked->zone->rate, limit->burst};
}

/* Milliseconds that the request waits for this one's sake. */
static uint64_t delay_of(const struct asked *asked)
{
    uint32_t free = asked->limit->delay;
    if (asked->excess <= free)
        return 0;
    return (uint64_t)(asked->excess - free) * 1000 / asked->zone->rate;
}

/* All have let it pass, and the last has accounted it; so do the others now. */
static enum dispatch_verdict account(struct dispatch *dispatch, struct asked *asked, uint32_t count)
{
    const struct asked *slowest = &asked[count - 1];
    uint64_t most = delay_of(slowest);
    for (uint32_t i = count - 1; i-- > 0;) {
        if (!asked[i].rates)
            continue;
        asked[i].excess = rates_account(asked[i].rates, asked[i].hash, &asked[i].ask);
        uint64_t milliseconds = delay_of(&asked[i]);
        if (milliseconds > most) {
            most = milliseconds;
            slowest = &asked[i];
        }
    }
    return pass(dispatch, slowest, most);
}

enum dispatch_verdict limit_req(struct dispatch *dispatch)
{
    const struct config_settings *settings = dispatch->settings;
    uint32_t count = settings->limit_req_count, said = 0;
    if (count == 0)
        return DISPATCH_CONTINUE;
    struct asked *asked = ARENA_ARRAY(&dispatch->exchange->arena, struct asked, count);
    for (uint32_t i = 0; i < count; i++) {
        struct asked *each = &asked[i];
        prepare(dispatch, &settings->limit_reqs[i], each);
        if (!each->rates)
            continue;
        said++;
        bool passes = i + 1 == count
                          ? rates_take(each->rates, each->hash, &each->ask, &each->excess)
                          : rates_look(each->rates, each->hash, &each->ask, &each->excess);
        if (!passes)
            return refuse(dispatch, each);
    }
    return said > 0 ? account(dispatch, asked, count) : DISPATCH_CONTINUE;
}
