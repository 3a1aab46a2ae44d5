/* SPDX-License-Identifier: MIT */
/* Zones: tables that all workers of a tenant share; limit_req_zone, limit_conn_zone. */
#include "setters_internal.h"

#include "tenant_internal.h"
#include "text/value_internal.h"

#define ZONES_MAX  64
#define ZONES_MOST (1ULL << 30) /* bytes, of all together */
#define ZONE_LEAST (32 * 1024)  /* bytes: nginx's 8 pages */

/* ---- zones of a tenant ---- */

static struct zone_build *zones_find(const struct build *build, struct slice name)
{
    struct zone_build *zones = build->parts->zones.items;

    for (uint32_t i = 0; i < build->parts->zones.count; i++) {
        if (slice_equal(zones[i].zone.name, name))
            return &zones[i];
    }
    return NULL;
}

struct config_zone *zone_add(struct build *build, enum config_zone_kind kind, struct slice name,
                             struct diag_place place)
{
    struct zone_build *zone = zones_find(build, name);
    bool is_default = build->level && build->level->context == CONTEXT_DEFAULTS;

    if (zone && (!zone->is_default || is_default)) {
        diag_error(build->diags, place,
                   "zone \"%.*s\" is a duplicate: it was given before, at %s:%u:%u",
                   SLICE_PRINTF(slice_head(name, 64)), zone->zone.place.file, zone->zone.place.line,
                   zone->zone.place.column);
        return NULL;
    }
    if (!zone && build->parts->zones.count == ZONES_MAX) {
        diag_error(build->diags, place, "a tenant has %d zones at most", ZONES_MAX);
        return NULL;
    }
    if (!zone)
        zone = list_add(&build->parts->zones, &build->scratch, sizeof(*zone));
    *zone = (struct zone_build){.is_default = is_default};
    zone->zone.kind = kind;
    zone->zone.name = zone->zone.identity = arena_slice(build->arena, name);
    zone->zone.place = build_place(build, place);
    return &zone->zone;
}

void zone_use(struct build *build, const struct zone_use *use)
{
    struct zone_use *kept = list_add(&build->parts->zone_uses, &build->scratch, sizeof(*kept));

    *kept = *use;
    kept->place = build_place(build, use->place);
    kept->name = arena_slice(&build->scratch, use->name);
}

static void zones_find_used(struct build *build)
{
    const struct zone_use *uses = build->parts->zone_uses.items;

    for (uint32_t i = 0; i < build->parts->zone_uses.count; i++) {
        const struct zone_build *zone = zones_find(build, uses[i].name);
        bool wants_rates = uses[i].kind == ZONE_RATES;

        if (!zone || zone->zone.kind != uses[i].kind)
            diag_error(build->diags, uses[i].place, "there is no zone \"%.*s\": \"%s\" makes one",
                       SLICE_PRINTF(slice_head(uses[i].name, 64)),
                       wants_rates ? "limit_req_zone" : "limit_conn_zone");
        else
            *uses[i].index =
                (uint32_t)(zone - (const struct zone_build *)build->parts->zones.items);
    }
}

void zones_finish(struct build *build)
{
    const struct zone_build *zones = build->parts->zones.items;
    struct config_tenant *model = build->tenant;
    uint64_t size = 0;

    zones_find_used(build);
    model->zone_count = build->parts->zones.count;
    model->zones = ARENA_ARRAY(build->arena, struct config_zone, model->zone_count);
    for (uint32_t i = 0; i < model->zone_count; i++) {
        model->zones[i] = zones[i].zone;
        size += model->zones[i].size;
        if (size <= ZONES_MOST)
            continue;
        diag_error(build->diags, model->zones[i].place,
                   "the zones of a tenant are larger than 1g together");
        return;
    }
}

/* ---- directives ---- */

/* What limit_req_zone and limit_conn_zone say. */
struct zone_words {
    const struct config_word *zone; /* NULL: not yet */
    struct slice name;
    uint64_t size;
    uint32_t rate;
};

/* NAME:SIZE */
static bool zone_read_name(struct build *build, const struct config_word *word, struct slice text,
                           struct zone_words *words)
{
    const char *colon = text.len > 0 ? memchr(text.data, ':', text.len) : NULL;
    struct slice size = {0};

    words->zone = word;
    words->name = text;
    if (colon) {
        words->name.len = (size_t)(colon - text.data);
        size = (struct slice){colon + 1, text.len - words->name.len - 1};
    }
    if (words->name.len == 0 || words->name.len > 64 || words->name.data[0] == '.' ||
        !build_is_clean(words->name))
        diag_error(build->diags, word->place,
                   "\"%.*s\" has no name of a zone: it is zone=NAME:SIZE, and the name of at most "
                   "64 bytes begins with no dot",
                   SLICE_PRINTF(slice_head(word->text, 80)));
    else if (size.len == 0 || value_size(size, &words->size) != 0 || words->size > ZONES_MOST)
        diag_error(build->diags, word->place, "invalid zone size \"%.*s\": it is zone=NAME:SIZE",
                   SLICE_PRINTF(slice_head(word->text, 80)));
    else if (words->size < ZONE_LEAST)
        diag_error(build->diags, word->place, "zone \"%.*s\" is too small: 32k at least",
                   SLICE_PRINTF(words->name));
    else
        return true;
    return false;
}

/* "10r/s", "30r/m", "10": thousandths a second, rounded down as nginx does. */
static bool zone_read_rate(struct build *build, const struct config_word *word, struct slice text,
                           struct zone_words *words)
{
    uint64_t number, scale = 1;

    if (slice_ends_with(text, SLICE("r/m")))
        scale = 60;
    if (scale == 60 || slice_ends_with(text, SLICE("r/s")))
        text.len -= 3;
    if (slice_to_u64(text, UINT32_MAX / 1000, &number) != 0 || number == 0) {
        diag_error(build->diags, word->place,
                   "invalid rate \"%.*s\": it is rate=Nr/s or rate=Nr/m, N from 1 to %u",
                   SLICE_PRINTF(slice_head(word->text, 64)), UINT32_MAX / 1000);
        return false;
    }
    words->rate = (uint32_t)(number * 1000 / scale);
    return true;
}

/* Whether a parameter of that name stands before this one, which is the i-th word. */
static bool zone_has_word(const struct config_directive *directive, uint32_t i)
{
    struct slice text = directive->words[i].text;
    const char *equals = text.len > 0 ? memchr(text.data, '=', text.len) : NULL;

    for (uint32_t j = 2; equals && j < i; j++) {
        if (slice_starts_with(directive->words[j].text,
                              slice_head(text, (size_t)(equals - text.data) + 1)))
            return true;
    }
    return false;
}

static bool zone_read_words(struct build *build, const struct config_directive *directive,
                            struct zone_words *words)
{
    bool has_rate = build->rule->set == set_limit_req_zone;

    for (uint32_t i = 2; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];
        struct slice text = word->text;
        bool is_right = true;

        if (zone_has_word(directive, i)) {
            diag_error(build->diags, word->place, "duplicate parameter \"%.*s\" of \"%s\"",
                       SLICE_PRINTF(slice_head(text, 64)), build->rule->name);
            is_right = false;
        } else if (slice_starts_with(text, SLICE("zone="))) {
            is_right = zone_read_name(build, word, slice_from(text, 5), words);
        } else if (has_rate && slice_starts_with(text, SLICE("rate="))) {
            is_right = zone_read_rate(build, word, slice_from(text, 5), words);
        } else if (has_rate && slice_equal(text, SLICE("sync"))) {
            diag_warning(build->diags, word->place,
                         "\"sync\" has no effect: a zone is this host's");
        } else {
            diag_error(build->diags, word->place, "invalid parameter \"%.*s\" of \"%s\"",
                       SLICE_PRINTF(slice_head(text, 64)), build->rule->name);
            is_right = false;
        }
        if (!is_right)
            return false;
    }
    if (!words->zone)
        diag_error(build->diags, directive->words[0].place, "\"%s\" must have \"zone\" parameter",
                   build->rule->name);
    return words->zone;
}

static void set_zone(struct build *build, const struct config_directive *directive,
                     enum config_zone_kind kind)
{
    struct zone_words words = {.rate = 1000}; /* nginx's 1r/s */
    const struct config_word *key = &directive->words[1];
    struct config_template value = {0};
    struct config_zone *zone;

    if (!zone_read_words(build, directive, &words) ||
        config_template_parse(&value, build->arena, key->text, key->place, build->diags) != 0)
        return;
    zone = zone_add(build, kind, words.name, words.zone->place);
    if (!zone)
        return;
    zone->identity =
        arena_printf(build->arena, "%.*s %.*s", SLICE_PRINTF(words.name), SLICE_PRINTF(key->text));
    zone->size = words.size;
    zone->rate = words.rate;
    zone->key = value;
}

void set_limit_req_zone(struct build *build, const struct config_directive *directive)
{
    set_zone(build, directive, ZONE_RATES);
}

void set_limit_conn_zone(struct build *build, const struct config_directive *directive)
{
    set_zone(build, directive, ZONE_COUNTS);
}
