/* SPDX-License-Identifier: MIT */
/* Setters of the main file: who the processes are, where they log, which tenants there are. */
#include "setters_internal.h"
#include "tenant_internal.h"

#include "base/sandbox_mode.h"

#include <sys/un.h>

static bool check_name(struct build *build, const struct config_word *word, const char *what)
{
    bool is_good = word->text.len > 0 && word->text.len <= 255;

    for (size_t i = 0; i < word->text.len; i++) {
        unsigned char c = (unsigned char)word->text.data[i];

        if (c <= 0x20 || c == 0x7f || c == ':' || c == '/')
            is_good = false;
    }
    if (!is_good)
        build_refuse(build, word, "is no name of a %s", what);
    return is_good;
}

void set_user(struct build *build, const struct config_directive *directive)
{
    if (check_name(build, &directive->words[1], "user"))
        build->main->user = arena_slice(build->arena, directive->words[1].text);
    if (directive->word_count == 3 && check_name(build, &directive->words[2], "group"))
        build->main->group = arena_slice(build->arena, directive->words[2].text);
}

void set_error_log(struct build *build, const struct config_directive *directive)
{
    const struct config_word *sink = &directive->words[1];
    struct config_main *model = build->main;

    if (slice_equal(sink->text, SLICE("stderr"))) {
        model->log_sink = LOG_SINK_STDERR;
    } else if (slice_equal(sink->text, SLICE("syslog"))) {
        model->log_sink = LOG_SINK_SYSLOG;
    } else if (slice_starts_with(sink->text, SLICE("syslog:")) ||
               slice_starts_with(sink->text, SLICE("memory:"))) {
        build_refuse(build, sink, "is not supported: \"%s\" takes stderr, syslog or a file",
                     build->rule->name);
    } else if (build_names_file(build, sink)) {
        model->log_sink = LOG_SINK_FILE;
        model->log_file = build_path(build, sink->text);
    }
    if (directive->word_count < 3)
        return;

    const struct config_word *word = &directive->words[2];
    int level = log_level_parse(arena_text(&build->scratch, word->text));

    if (level < 0)
        build_refuse(build, word,
                     "is no level of \"%s\"; allowed: debug, info, notice, warn, error",
                     build->rule->name);
    else
        model->log_level = (enum log_level)level;
}

void set_sandbox(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];

    for (uint32_t i = SANDBOX_OFF; i <= SANDBOX_ON; i++) {
        if (slice_equal_nocase(word->text, slice_of(sandbox_mode_name(i)))) {
            build->main->sandbox = i;
            return;
        }
    }
    build_refuse(build, word, "is not allowed: \"%s\" is \"on\", \"off\" or \"log\"",
                 build->rule->name);
}

/* The engine's socket, which connect(2) takes by a path of at most 107 bytes (unix(7)). */
void set_container_socket(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct slice path;

    if (!build_names_file(build, word))
        return;
    path = build_path(build, word->text);
    if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
        diag_error(build->diags, word->place, "\"%.*s\" is too long for a Unix socket's path",
                   SLICE_PRINTF(slice_head(path, 128)));
    else
        build->main->container_socket = path;
}

void set_tenants(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];
    struct slice path;

    if (!build_is_text(word->text)) {
        diag_error(build->diags, word->place, "\"%s\" names no files", build->rule->name);
        return;
    }
    path = build_path(build, word->text);
    list_push(&build->globs, &build->scratch, path);
}

/* The defaults that tenants get: what the block says, behind the formats that stand beside it. */
static const struct config_block *join_defaults(struct build *build,
                                                const struct config_block *block)
{
    const struct config_directive *const *formats = build->formats.items;
    const struct config_directive *directive;
    struct config_block *joined;

    if (build->formats.count == 0)
        return block;
    joined = ARENA_NEW(build->arena, struct config_block);
    STAILQ_INIT(joined);
    for (uint32_t i = 0; i < build->formats.count; i++) {
        struct config_directive *copy = ARENA_NEW(build->arena, struct config_directive);

        *copy = *formats[i];
        STAILQ_INSERT_TAIL(joined, copy, next);
    }
    if (!block)
        return joined;
    STAILQ_FOREACH (directive, block, next) {
        struct config_directive *copy = ARENA_NEW(build->arena, struct config_directive);

        *copy = *directive;
        STAILQ_INSERT_TAIL(joined, copy, next);
    }
    return joined;
}

static void read_defaults(struct build *build, const struct config_block *block)
{
    struct config_tenant unused = {0}; /* the tenants build their own */
    struct tenant_build parts = {0};
    struct level level;

    build->main->defaults = join_defaults(build, block);
    build->tenant = &unused;
    build->parts = &parts;
    build_level(build, &level, CONTEXT_DEFAULTS, build->main->defaults);
    log_formats_finish(build);
    build->tenant = NULL;
    build->parts = NULL;
}

void set_defaults(struct build *build, const struct config_directive *directive)
{
    read_defaults(build, directive->block);
}

void set_main_log_format(struct build *build, const struct config_directive *directive)
{
    list_push(&build->formats, &build->scratch, directive);
}

void main_finish_defaults(struct build *build)
{
    if (!build->main->defaults && build->formats.count > 0)
        read_defaults(build, NULL);
}
