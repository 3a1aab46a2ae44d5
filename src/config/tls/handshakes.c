/* SPDX-License-Identifier: MIT */
/* Limits of handshakes: handshake_rate, and the tables in which all workers of a tenant count. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

/* Of the rate and of the burst; the tables count in thousandths (cells/rates.h). */
#define RATE_MOST 100000

/* 65,536 clients; pages that nothing was written to cost nothing. */
#define CLIENTS_SIZE (UINT64_C(1) << 20)
/* One key. */
#define ONE_SIZE 1024

static const char form[] =
    "is not allowed: \"handshake_rate\" takes N/s or N/m, and burst=N, both of at most 100000, and "
    "per=client or per=tenant; or off";

struct rate_words {
    struct config_rate rate;
    bool is_off;
    bool has_burst;
    bool of_client; /* which of the two it says */
    bool of_tenant;
};

/* "20/s", "100/m", "off" */
static bool read_rate(struct slice text, struct rate_words *words)
{
    uint64_t number, scale = slice_ends_with(text, SLICE("/m")) ? 60 : 1;

    words->is_off = slice_equal(text, SLICE("off"));
    if (words->is_off)
        return true;
    if (scale == 1 && !slice_ends_with(text, SLICE("/s")))
        return false;
    text.len -= 2;
    if (slice_to_u64(text, RATE_MOST, &number) != 0 || number == 0)
        return false;
    words->rate.rate = (uint32_t)(number * 1000 / scale);
    words->rate.burst = (uint32_t)(number * 1000);
    return true;
}

/* No word stands twice. */
static bool read_word(struct slice text, struct rate_words *words)
{
    bool has_per = words->of_client || words->of_tenant;
    uint64_t number;

    if (slice_equal(text, SLICE("per=client")) && !has_per) {
        words->of_client = true;
    } else if (slice_equal(text, SLICE("per=tenant")) && !has_per) {
        words->of_tenant = true;
    } else if (slice_starts_with(text, SLICE("burst=")) && !words->is_off && !words->has_burst &&
               slice_to_u64(slice_from(text, 6), RATE_MOST, &number) == 0) {
        words->rate.burst = (uint32_t)(number * 1000);
        words->has_burst = true;
    } else {
        return false;
    }
    return true;
}

/* A tenant's own takes the place of one of the defaults. */
static void set_rate(struct build *build, const struct config_directive *directive,
                     struct config_rate *rate, const struct config_rate *said)
{
    bool *is_given = rate == &build->tenant->client_handshakes
                         ? &build->parts->has_client_handshakes
                         : &build->parts->has_tenant_handshakes;

    if (build->level->context == CONTEXT_TENANT) {
        if (*is_given)
            build_refuse(build, &directive->words[0],
                         "is a duplicate: each of per=client and per=tenant is given once");
        *is_given = true;
    }
    *rate = *said;
}

void set_handshake_rate(struct build *build, const struct config_directive *directive)
{
    struct rate_words words = {0};

    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];

        if (i == 1 ? !read_rate(word->text, &words) : !read_word(word->text, &words)) {
            build_refuse(build, word, "%s", form);
            return;
        }
    }
    if (words.of_client || !words.of_tenant)
        set_rate(build, directive, &build->tenant->client_handshakes, &words.rate);
    if (words.of_tenant || (words.is_off && !words.of_client))
        set_rate(build, directive, &build->tenant->tenant_handshakes, &words.rate);
}

static void add_table(struct build *build, enum config_zone_kind kind, struct slice name,
                      uint64_t size)
{
    struct config_zone *zone = zone_add(build, kind, name, (struct diag_place){0});

    if (zone)
        zone->size = size;
}

void handshakes_finish(struct build *build)
{
    const struct config_tenant *tenant = build->tenant;

    if (tenant->max_handshakes > 0)
        add_table(build, ZONE_COUNTS, CONFIG_HANDSHAKES, ONE_SIZE);
    if (tenant->client_handshakes.rate > 0)
        add_table(build, ZONE_RATES, CONFIG_CLIENT_HANDSHAKES, CLIENTS_SIZE);
    if (tenant->tenant_handshakes.rate > 0)
        add_table(build, ZONE_RATES, CONFIG_TENANT_HANDSHAKES, ONE_SIZE);
}
