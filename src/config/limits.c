/* SPDX-License-Identifier: MIT */
/* limit_req, limit_conn: inherited all or nothing, as in nginx; limit_rate. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

#define BURST_MOST 200000 /* what excess is counted up to, and some room */

/* Whether a directive of this level, before this one, names the same zone. */
static bool is_duplicate(const struct build *build, const struct config_directive *directive,
                         struct slice zone, struct slice prefix)
{
    const struct config_directive *other;

    STAILQ_FOREACH (other, build->level->block, next) {
        if (other == directive)
            return false;
        if (!slice_equal(other->words[0].text, directive->words[0].text))
            continue;
        for (uint32_t i = 1; i < (prefix.len > 0 ? other->word_count : 2); i++) {
            struct slice text = other->words[i].text;

            if (slice_starts_with(text, prefix) && slice_equal(slice_from(text, prefix.len), zone))
                return true;
        }
    }
    return false;
}

static void use_zone(struct build *build, const struct config_directive *directive,
                     const struct zone_use *use, struct slice prefix)
{
    if (is_duplicate(build, directive, use->name, prefix))
        diag_error(build->diags, use->place, "zone \"%.*s\" is a duplicate in this block",
                   SLICE_PRINTF(slice_head(use->name, 64)));
    else
        zone_use(build, use);
}

/* ---- limit_req ---- */

/* A number of requests, in thousandths. */
static void read_requests(struct build *build, const struct config_word *word, size_t prefix,
                          uint32_t *value)
{
    uint64_t number;

    if (slice_to_u64(slice_from(word->text, prefix), BURST_MOST, &number) != 0 || number == 0)
        diag_error(build->diags, word->place, "invalid value \"%.*s\": it is 1 to %u",
                   SLICE_PRINTF(slice_head(word->text, 64)), BURST_MOST);
    else
        *value = (uint32_t)number * 1000;
}

static struct config_limit_req *add_limit_req(struct build *build)
{
    struct config_settings *settings = build_settings(build);

    if (!build->level->limit_reqs) {
        build->level->limit_reqs = ARENA_ARRAY(build->arena, struct config_limit_req,
                                               build_count(build, slice_of(build->rule->name)));
        settings->limit_reqs = build->level->limit_reqs;
        settings->limit_req_count = 0;
    }
    return &build->level->limit_reqs[settings->limit_req_count++];
}

void set_limit_req(struct build *build, const struct config_directive *directive)
{
    struct config_limit_req *limit = add_limit_req(build);
    struct zone_use use = {.index = &limit->zone, .kind = ZONE_RATES};

    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];
        struct slice text = word->text;

        if (slice_starts_with(text, SLICE("zone="))) {
            use.name = slice_from(text, 5);
            use.place = word->place;
        } else if (slice_starts_with(text, SLICE("burst="))) {
            read_requests(build, word, 6, &limit->burst);
        } else if (slice_starts_with(text, SLICE("delay="))) {
            read_requests(build, word, 6, &limit->delay);
        } else if (slice_equal(text, SLICE("nodelay"))) {
            limit->delay = LIMIT_NO_DELAY;
        } else {
            diag_error(build->diags, word->place, "invalid parameter \"%.*s\" of \"%s\"",
                       SLICE_PRINTF(slice_head(text, 64)), build->rule->name);
        }
    }
    if (use.name.len > 0)
        use_zone(build, directive, &use, SLICE("zone="));
    else
        diag_error(build->diags, directive->words[0].place, "\"%s\" must have \"zone\" parameter",
                   build->rule->name);
}

/* ---- limit_conn ---- */

void set_limit_conn(struct build *build, const struct config_directive *directive)
{
    const struct config_word *zone = &directive->words[1], *number = &directive->words[2];
    struct config_settings *settings = build_settings(build);
    struct config_limit_conn *limit;
    uint64_t most;

    if (!build->level->limit_conns) {
        build->level->limit_conns = ARENA_ARRAY(build->arena, struct config_limit_conn,
                                                build_count(build, slice_of(build->rule->name)));
        settings->limit_conns = build->level->limit_conns;
        settings->limit_conn_count = 0;
    }
    limit = &build->level->limit_conns[settings->limit_conn_count++];
    if (slice_to_u64(number->text, 65535, &most) != 0 || most == 0)
        diag_error(build->diags, number->place,
                   "invalid number of connections \"%.*s\": it is 1 to 65535",
                   SLICE_PRINTF(slice_head(number->text, 64)));
    else
        limit->most = (uint32_t)most;
    use_zone(build, directive,
             &(struct zone_use){&limit->zone, ZONE_COUNTS, zone->text, zone->place}, SLICE(""));
}

/* ---- both ---- */

void set_limit_level(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    enum log_level *level = build_field(build);

    for (enum log_level each = LOG_LEVEL_INFO; each <= LOG_LEVEL_ERROR; each++) {
        if (slice_equal_nocase(word->text, slice_of(log_level_name(each)))) {
            *level = each;
            return;
        }
    }
    diag_error(build->diags, word->place,
               "\"%.*s\" is not allowed: \"%s\" is info, notice, warn or error",
               SLICE_PRINTF(slice_head(word->text, 64)), build->rule->name);
}

/* ---- limit_rate ---- */

int config_size_parse(struct slice text, uint64_t *bytes)
{
    return value_size(text, bytes);
}

void set_variable_size(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct config_size size = {0};
    bool is_plain = word->text.len == 0 || !memchr(word->text.data, '$', word->text.len);

    if (is_plain && value_size(word->text, &size.bytes) != 0) {
        diag_error(build->diags, word->place,
                   "\"%.*s\" is no size: \"%s\" takes a number of bytes, or one with k, m or g, "
                   "or variables",
                   SLICE_PRINTF(slice_head(word->text, 64)), build->rule->name);
        return;
    }
    if (!is_plain && config_template_parse(&size.variable, build->arena, word->text, word->place,
                                           build->diags) != 0)
        return;
    *(struct config_size *)build_field(build) = size;
}
