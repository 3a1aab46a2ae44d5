/* SPDX-License-Identifier: MIT */
/* `ssl_verify_client` and what belongs to it: what a server asks of its clients' certificates. */
#include "setters_internal.h"

#include "tenant_internal.h"

void set_verify_client(struct build *build, const struct config_directive *directive)
{
    static const char *const modes[] = {[VERIFY_OFF] = "off",
                                        [VERIFY_ON] = "on",
                                        [VERIFY_OPTIONAL] = "optional",
                                        [VERIFY_OPTIONAL_NO_CA] = "optional_no_ca"};
    const struct config_word *word = &directive->words[1];
    struct config_settings *settings;

    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (!slice_equal_nocase(word->text, slice_of(modes[i])))
            continue;
        settings = build_settings(build);
        settings->ssl_verify_client = (enum config_verify)i;
        settings->ssl_verify_client_place = build_place(build, word->place);
        return;
    }
    build_refuse(build, word,
                 "is not allowed: \"%s\" is \"on\", \"off\", \"optional\" or "
                 "\"optional_no_ca\"",
                 build->rule->name);
}

/* Nothing that was meant to keep strangers out is dropped without a word. What a server has from
 * the tenant or its defaults may be meant for others. */
static void warn(struct build *build)
{
    const struct config_settings *settings = build->level->settings;
    bool is_off = settings->ssl_verify_client == VERIFY_OFF;

    if (!is_off && build->server->has_ssl && build->server->has_plain)
        diag_warning(build->diags, settings->ssl_verify_client_place,
                     "the server at %s:%u also listens without \"ssl\": nobody is asked for a "
                     "certificate there",
                     build->server->config.place.file, build->server->config.place.line);
    if (!is_off && !build->server->has_ssl && build_count(build, SLICE("ssl_verify_client")))
        diag_warning(build->diags, settings->ssl_verify_client_place,
                     "\"ssl_verify_client\" has no effect: the server does not listen with "
                     "\"ssl\"");
    if (!is_off && build->server->has_ssl)
        return;
    if (build_count(build, SLICE("ssl_client_certificate")))
        diag_warning(build->diags, settings->ssl_client_certificate.place,
                     "\"ssl_client_certificate\" has no effect: clients are not verified here");
    if (build_count(build, SLICE("ssl_trusted_certificate")))
        diag_warning(build->diags, settings->ssl_trusted_certificate.place,
                     "\"ssl_trusted_certificate\" has no effect: clients are not verified here");
}

void verification_finish(struct build *build)
{
    const struct config_settings *settings = build->level->settings;
    struct config_verification *verification;

    warn(build);
    if (!build->server->has_ssl || settings->ssl_verify_client == VERIFY_OFF)
        return;
    if (settings->ssl_verify_client != VERIFY_OPTIONAL_NO_CA &&
        settings->ssl_client_certificate.path.len == 0 &&
        settings->ssl_trusted_certificate.path.len == 0) {
        diag_error(build->diags, settings->ssl_verify_client_place,
                   "\"ssl_verify_client\" needs an \"ssl_client_certificate\" or "
                   "\"ssl_trusted_certificate\" to verify with");
        return;
    }
    verification = arena_alloc(build->arena, sizeof(*verification));
    *verification = (struct config_verification){.mode = settings->ssl_verify_client,
                                                 .depth = settings->ssl_verify_depth,
                                                 .named = settings->ssl_client_certificate,
                                                 .trusted = settings->ssl_trusted_certificate};
    build->server->config.verification = verification;
}

void verification_check_tenant(struct build *build, const struct config_block *root)
{
    const struct config_tenant *tenant = build->tenant;
    const struct config_directive *directive;

    for (uint32_t i = 0; i < tenant->listen_count; i++) {
        if (tenant->listens[i].ssl)
            return;
    }
    STAILQ_FOREACH (directive, root, next) {
        if (slice_equal(directive->words[0].text, SLICE("ssl_verify_client")) &&
            directive->word_count == 2 &&
            !slice_equal_nocase(directive->words[1].text, SLICE("off")))
            diag_warning(build->diags, directive->words[1].place,
                         "\"ssl_verify_client\" has no effect: no server listens with \"ssl\"");
    }
}
