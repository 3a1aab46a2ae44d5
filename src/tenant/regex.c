/* SPDX-License-Identifier: MIT */
/* Regular expressions with limits: what a client sends must not cost a worker its time. */
#include "tenant_internal.h"

#include "base/log.h"
#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

/* Backtracking steps that PCRE2 may take from one starting point (pcre2_set_match_limit of
 * pcre2api(3)): some for each byte, so that an expression that is linear in the path stays below
 * and one that is exponential ends at once. */
#define REGEX_STEPS(len)  (2000 + 4 * (len))
#define REGEX_DEPTH_LIMIT 20000
#define REGEX_HEAP_LIMIT  4096 /* KiB */

/* The limit holds for each starting point alone, and `x.*[yz]` takes half a second on 8 KiB of x
 * below it. So a long subject is searched from a window of starting points at a time, and after
 * REGEX_BUDGET seconds of CPU no further. A search cannot give way to other tenants' work: the
 * first window takes 0.2 ms for that expression, and the later ones become longer only where one
 * was short (2.5 ms at the very worst, for a subject that is made for it). */
#define REGEX_WINDOW_FIRST 100000  /* steps, if each starting point takes all that it may */
#define REGEX_WINDOW_MAX   1000000 /* steps */
#define REGEX_WINDOW_SHORT 0.00005 /* seconds: the next one may be twice as long */
#define REGEX_BUDGET       0.001

struct tenant_regex {
    SLIST_ENTRY(tenant_regex) next;
    struct tenant_regexes *owner;
    pcre2_code *code;
    struct slice pattern;
    bool is_whole; /* never in windows: anchored, or characters of several bytes */
};

struct tenant_regexes {
    SLIST_HEAD(, tenant_regex) all;
    struct slice tenant;
    pcre2_match_context *limits;
    pcre2_match_data *data; /* keeps PCRE2's backtracking frames, 20 KiB and more; NULL when idle */
    bool used;              /* since the last trim */
};

static void *regex_alloc(size_t size, void *unused)
{
    (void)unused;
    return memory_alloc(size);
}

static void regex_release(void *data, void *unused)
{
    (void)unused;
    free(data);
}

struct tenant_regexes *tenant_regexes_new(struct slice tenant)
{
    struct tenant_regexes *regexes = memory_zeroed(1, sizeof(*regexes));
    SLIST_INIT(&regexes->all);
    regexes->tenant = tenant;
    /* The general context is copied into what is made from it. */
    pcre2_general_context *memory = pcre2_general_context_create(regex_alloc, regex_release, NULL);
    regexes->limits = pcre2_match_context_create(memory);
    pcre2_general_context_free(memory);
    pcre2_set_depth_limit(regexes->limits, REGEX_DEPTH_LIMIT);
    pcre2_set_heap_limit(regexes->limits, REGEX_HEAP_LIMIT);
    return regexes;
}

void tenant_regexes_free(struct tenant_regexes *regexes)
{
    if (!regexes)
        return;
    while (!SLIST_EMPTY(&regexes->all)) {
        struct tenant_regex *regex = SLIST_FIRST(&regexes->all);
        SLIST_REMOVE_HEAD(&regexes->all, next);
        pcre2_code_free(regex->code);
        free(regex);
    }
    pcre2_match_data_free(regexes->data);
    pcre2_match_context_free(regexes->limits);
    free(regexes);
}

void tenant_regexes_trim(struct tenant_regexes *regexes)
{
    if (!regexes)
        return;
    if (!regexes->used) {
        pcre2_match_data_free(regexes->data);
        regexes->data = NULL;
    }
    regexes->used = false;
}

struct tenant_regex *tenant_regex_new(struct tenant_regexes *regexes, struct slice pattern,
                                      bool ignores_case, struct diag_place place,
                                      struct diag_list *diags)
{
    int error;
    PCRE2_SIZE offset;
    /* \C would look at half a character under (*UTF); nobody needs it. */
    uint32_t options =
        PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT | (ignores_case ? PCRE2_CASELESS : 0);
    PCRE2_SPTR text = (PCRE2_SPTR)(pattern.len > 0 ? pattern.data : "");
    pcre2_code *code = pcre2_compile(text, pattern.len, options, &error, &offset, NULL);
    if (!code) {
        PCRE2_UCHAR reason[256];
        pcre2_get_error_message(error, reason, sizeof(reason));
        diag_error(diags, place, "invalid regular expression \"%.*s\": %s at offset %zu",
                   SLICE_PRINTF(pattern), (const char *)reason, (size_t)offset);
        return NULL;
    }
    struct tenant_regex *regex = memory_zeroed(1, sizeof(*regex));
    regex->owner = regexes;
    regex->code = code;
    regex->pattern = pattern;
    pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    regex->is_whole = (options & (PCRE2_ANCHORED | PCRE2_UTF)) != 0;
    SLIST_INSERT_HEAD(&regexes->all, regex, next);
    return regex;
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Starting points that may take so many steps each. */
static size_t window_of(size_t all, size_t each)
{
    return all > each ? all / each : 1;
}

static int search(const struct tenant_regex *regex, struct slice subject)
{
    struct tenant_regexes *owner = regex->owner;
    PCRE2_SPTR text = (PCRE2_SPTR)(subject.len > 0 ? subject.data : "");
    size_t steps = REGEX_STEPS(subject.len);
    size_t window = regex->is_whole ? subject.len + 1 : window_of(REGEX_WINDOW_FIRST, steps);
    double end = 0, before = 0;
    pcre2_set_match_limit(owner->limits, (uint32_t)(steps < UINT32_MAX ? steps : UINT32_MAX));
    for (size_t start = 0;;) {
        bool is_last = start + window > subject.len; /* the end is a starting point too */
        pcre2_set_offset_limit(owner->limits, is_last ? PCRE2_UNSET : start + window - 1);
        int result =
            pcre2_match(regex->code, text, subject.len, start, 0, owner->data, owner->limits);
        if (result != PCRE2_ERROR_NOMATCH || is_last)
            return result;
        double now = cpu_now();
        bool is_short = start > 0 && now - before < REGEX_WINDOW_SHORT;
        if (start == 0)
            end = now + REGEX_BUDGET;
        else if (now > end)
            return PCRE2_ERROR_MATCHLIMIT;
        start += window;
        if (is_short && 2 * window <= window_of(REGEX_WINDOW_MAX, steps))
            window *= 2;
        else if (!is_short && before > 0 && window > 1)
            window /= 2;
        before = now;
    }
}

enum tenant_match tenant_regex_match(const struct tenant_regex *regex, struct slice subject)
{
    struct tenant_regexes *owner = regex->owner;
    if (!owner->data) {
        /* One pair: nobody asks for captures. */
        pcre2_general_context *memory =
            pcre2_general_context_create(regex_alloc, regex_release, NULL);
        owner->data = pcre2_match_data_create(1, memory);
        pcre2_general_context_free(memory);
    }
    owner->used = true;
    int result = search(regex, subject);
    if (result >= 0)
        return MATCH_YES;
    if (result == PCRE2_ERROR_NOMATCH)
        return MATCH_NO;
    PCRE2_UCHAR reason[128];
    pcre2_get_error_message(result, reason, sizeof(reason));
    log_warn("tenant %.*s: the regular expression \"%.*s\" failed on %zu bytes: %s",
             SLICE_PRINTF(owner->tenant), SLICE_PRINTF(regex->pattern), subject.len,
             (const char *)reason);
    return MATCH_FAILED;
}

struct tenant_regex *tenant_regex_for_name(struct tenant_regexes *regexes,
                                           const struct config_name *name, struct diag_list *diags)
{
    bool has_capital = false;
    for (size_t i = 0; i < name->text.len; i++)
        has_capital |= name->text.data[i] >= 'A' && name->text.data[i] <= 'Z';
    return tenant_regex_new(regexes, name->text, has_capital, name->place, diags);
}

struct tenant_regex *tenant_regex_for_location(struct tenant_regexes *regexes,
                                               const struct config_location *location,
                                               struct diag_list *diags)
{
    if (location->kind != LOCATION_REGEX && location->kind != LOCATION_REGEX_NOCASE)
        return NULL;
    return tenant_regex_new(regexes, location->pattern, location->kind == LOCATION_REGEX_NOCASE,
                            location->place, diags);
}
