/* SPDX-License-Identifier: MIT */
/* Setters of the inherited settings that no generic setter fits. */
#include "setters_internal.h"

#include "build_internal.h"
#include "text/value_internal.h"

void set_keepalive_timeout(struct build *build, const struct config_directive *directive)
{
    uint64_t ignored;

    set_time(build, directive);
    if (directive->word_count < 3)
        return;

    const struct config_word *word = &directive->words[2];

    if (value_time(word->text, &ignored) != 0)
        build_refuse(build, word, "is no time");
    else
        diag_warning(build->diags, word->place,
                     "the second time of \"keepalive_timeout\" has no effect: no \"Keep-Alive\" "
                     "header is sent");
}

/* A head may take number times size bytes; the bound keeps one client from taking much more. */
#define HEADER_BUFFERS_MAX     64
#define HEADER_BUFFER_SIZE_MIN 512
#define HEADER_BUFFER_SIZE_MAX (1024UL * 1024)
#define HEADER_TOTAL_MAX       (1024UL * 1024)

void set_header_buffers(struct build *build, const struct config_directive *directive)
{
    const struct config_word *count = &directive->words[1];
    const struct config_word *size = &directive->words[2];
    struct config_settings *settings;
    uint64_t number = 0, bytes = 0;

    if (slice_to_u64(count->text, HEADER_BUFFERS_MAX, &number) != 0 || number == 0)
        build_refuse(build, count, "is not allowed: the number of \"%s\" is 1 to %d",
                     build->rule->name, HEADER_BUFFERS_MAX);
    if (value_size(size->text, &bytes) != 0 || bytes < HEADER_BUFFER_SIZE_MIN ||
        bytes > HEADER_BUFFER_SIZE_MAX) {
        build_refuse(build, size, "is not allowed: the size of \"%s\" is %d bytes to 1m",
                     build->rule->name, HEADER_BUFFER_SIZE_MIN);
        return;
    }
    if (number == 0)
        return;
    if (number * bytes > HEADER_TOTAL_MAX) {
        diag_error(build->diags, count->place,
                   "\"%s\" allows %llu bytes in all: at most 1m is supported", build->rule->name,
                   (unsigned long long)(number * bytes));
        return;
    }
    settings = build_settings(build);
    settings->header_buffers = (uint32_t)number;
    settings->header_buffer_size = (uint32_t)bytes;
}

/* ---- words that are bits ---- */

struct bit_name {
    const char *name;
    uint32_t bit;
};

/* Joins the bits of all words; an unknown one is told with those that are allowed. */
static bool read_bits(struct build *build, const struct config_directive *directive,
                      const struct bit_name *names, unsigned count, uint32_t *bits)
{
    bool is_good = true;

    *bits = 0;
    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];
        unsigned found = 0;

        while (found < count && !slice_equal(word->text, slice_of(names[found].name)))
            found++;
        if (found < count) {
            *bits |= names[found].bit;
            continue;
        }

        struct slice allowed = {"", 0};

        for (unsigned j = 0; j < count; j++)
            allowed = arena_printf(&build->scratch, "%.*s%s%s", SLICE_PRINTF(allowed),
                                   j ? ", " : "", names[j].name);
        build_refuse(build, word, "is not allowed in \"%.*s\"; allowed: %.*s",
                     SLICE_PRINTF(directive->words[0].text), SLICE_PRINTF(allowed));
        is_good = false;
    }
    return is_good;
}

void set_next_upstream(struct build *build, const struct config_directive *directive)
{
    static const struct bit_name names[] = {{"error", NEXT_ERROR},
                                            {"timeout", NEXT_TIMEOUT},
                                            {"invalid_header", NEXT_INVALID_HEADER},
                                            {"http_500", NEXT_HTTP_500},
                                            {"http_502", NEXT_HTTP_502},
                                            {"http_503", NEXT_HTTP_503},
                                            {"http_504", NEXT_HTTP_504},
                                            {"http_403", NEXT_HTTP_403},
                                            {"http_404", NEXT_HTTP_404},
                                            {"http_429", NEXT_HTTP_429},
                                            {"non_idempotent", NEXT_NON_IDEMPOTENT},
                                            {"off", 0}};
    uint32_t bits;

    if (!read_bits(build, directive, names, sizeof(names) / sizeof(names[0]), &bits))
        return;
    for (uint32_t i = 1; i < directive->word_count && directive->word_count > 2; i++) {
        const struct config_word *word = &directive->words[i];

        if (slice_equal(word->text, SLICE("off"))) {
            diag_error(build->diags, word->place, "\"off\" stands alone in \"%s\"",
                       build->rule->name);
            return;
        }
    }
    build_settings(build)->proxy_next_upstream = bits;
}

void set_ssl_protocols(struct build *build, const struct config_directive *directive)
{
    static const struct bit_name names[] = {{"TLSv1.2", TLS_VERSION_1_2},
                                            {"TLSv1.3", TLS_VERSION_1_3}};
    static const char *const old[] = {"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"};
    uint32_t bits;

    for (uint32_t i = 1; i < directive->word_count; i++) {
        const struct config_word *word = &directive->words[i];

        for (unsigned j = 0; j < sizeof(old) / sizeof(old[0]); j++) {
            if (slice_equal(word->text, slice_of(old[j]))) {
                diag_error(build->diags, word->place,
                           "%s is not supported: it is not safe (RFC 8996); \"%s\" takes TLSv1.2 "
                           "and TLSv1.3",
                           old[j], build->rule->name);
                return;
            }
        }
    }
    if (read_bits(build, directive, names, sizeof(names) / sizeof(names[0]), &bits))
        *(uint32_t *)build_field(build) = bits;
}
