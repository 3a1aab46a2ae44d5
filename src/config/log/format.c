/* SPDX-License-Identifier: MIT */
/* log_format: what lines of an access log look like, and the formats that are there by themselves.
 */
#include "setters_internal.h"

#include "tenant_internal.h"

static const struct builtin {
    const char *name;
    enum config_log_escape escape;
    const char *text;
    bool is_final; /* no log_format may take its name, as in nginx */
} builtins[] = {
    {"combined", LOG_ESCAPE_DEFAULT,
     "$remote_addr - $remote_user [$time_local] \"$request\" $status $body_bytes_sent "
     "\"$http_referer\" \"$http_user_agent\"",
     true},
    {"json", LOG_ESCAPE_JSON,
     "{\"time\":\"$time_iso8601\",\"tenant\":\"$tenant\",\"server_name\":\"$server_name\","
     "\"remote_addr\":\"$remote_addr\",\"remote_port\":\"$remote_port\","
     "\"remote_user\":\"$remote_user\",\"connection\":$connection,"
     "\"connection_requests\":$connection_requests,\"method\":\"$request_method\","
     "\"host\":\"$host\",\"uri\":\"$request_uri\",\"protocol\":\"$server_protocol\","
     "\"request\":\"$request\",\"status\":$status,\"request_length\":$request_length,"
     "\"bytes_sent\":$bytes_sent,\"body_bytes_sent\":$body_bytes_sent,"
     "\"request_time\":$request_time,\"completion\":\"$request_completion\","
     "\"referer\":\"$http_referer\",\"user_agent\":\"$http_user_agent\","
     "\"ssl_protocol\":\"$ssl_protocol\",\"ssl_cipher\":\"$ssl_cipher\","
     "\"ssl_server_name\":\"$ssl_server_name\",\"ssl_session_reused\":\"$ssl_session_reused\","
     "\"ssl_client_verify\":\"$ssl_client_verify\",\"ssl_client_s_dn\":\"$ssl_client_s_dn\","
     "\"tls_handshake_time\":\"$tls_handshake_time\",\"tls_failure\":\"$tls_failure\","
     "\"upstream_addr\":\"$upstream_addr\","
     "\"upstream_status\":\"$upstream_status\","
     "\"upstream_connect_time\":\"$upstream_connect_time\","
     "\"upstream_header_time\":\"$upstream_header_time\","
     "\"upstream_response_time\":\"$upstream_response_time\",\"close_reason\":\"$close_reason\"}",
     false},
};

#define BUILTIN_COUNT (sizeof(builtins) / sizeof(builtins[0]))

static const struct builtin *find_builtin(struct slice name)
{
    for (unsigned i = 0; i < BUILTIN_COUNT; i++) {
        if (slice_equal(name, slice_of(builtins[i].name)))
            return &builtins[i];
    }
    return NULL;
}

static struct log_format_build *find(const struct build *build, struct slice name)
{
    struct log_format_build *formats = build->parts->log_formats.items;

    for (uint32_t i = 0; i < build->parts->log_formats.count; i++) {
        if (slice_equal(formats[i].format->name, name))
            return &formats[i];
    }
    return NULL;
}

/* A tenant's takes the place of one of the defaults, in what they log too. */
static struct log_format_build *add(struct build *build, const struct config_word *name)
{
    struct log_format_build *format = find(build, name->text);
    const struct builtin *builtin = find_builtin(name->text);
    bool is_default = build->level->context == CONTEXT_DEFAULTS;

    if (builtin && builtin->is_final) {
        build_refuse(build, name, "is a duplicate: that \"%s\" is always there", build->rule->name);
        return NULL;
    }
    if (format && (!format->is_default || is_default)) {
        diag_error(build->diags, name->place,
                   "duplicate \"%s\" name \"%.*s\": it was given before, at %s:%u:%u",
                   build->rule->name, SLICE_PRINTF(slice_head(name->text, 64)), format->place.file,
                   format->place.line, format->place.column);
        return NULL;
    }
    if (!format)
        format = list_add(&build->parts->log_formats, &build->scratch, sizeof(*format));
    *format = (struct log_format_build){.format = ARENA_NEW(build->arena, struct config_log_format),
                                        .is_default = is_default,
                                        .place = name->place};
    format->format->name = arena_slice(build->arena, name->text);
    return format;
}

static bool read_escape(struct build *build, const struct config_word *word,
                        enum config_log_escape *escape)
{
    static const char *const names[] = {
        [LOG_ESCAPE_DEFAULT] = "default", [LOG_ESCAPE_JSON] = "json", [LOG_ESCAPE_NONE] = "none"};
    struct slice value = slice_from(word->text, sizeof("escape=") - 1);

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_equal(value, slice_of(names[i]))) {
            *escape = (enum config_log_escape)i;
            return true;
        }
    }
    diag_error(build->diags, word->place,
               "unknown log format escaping \"%.*s\": it is default, json or none",
               SLICE_PRINTF(slice_head(value, 64)));
    return false;
}

/* What the values' room must not depend on. */
static bool fits(const struct config_template *text)
{
    size_t len = 0;

    for (uint32_t i = 0; i < text->count; i++) {
        if (text->parts[i].variable == VARIABLE_LITERAL)
            len += text->parts[i].text.len;
    }
    return len <= LOG_FORMAT_TEXT_MAX && text->count <= LOG_FORMAT_PARTS_MAX;
}

void set_log_format(struct build *build, const struct config_directive *directive)
{
    struct log_format_build *made = add(build, &directive->words[1]);
    struct slice text = {"", 0};
    uint32_t first = 2;

    if (!made)
        return;
    if (slice_starts_with(directive->words[2].text, SLICE("escape="))) {
        if (!read_escape(build, &directive->words[2], &made->format->escape))
            return;
        first = 3;
    }
    for (uint32_t i = first; i < directive->word_count; i++)
        text = arena_printf(&build->scratch, "%.*s%.*s", SLICE_PRINTF(text),
                            SLICE_PRINTF(directive->words[i].text));
    if (text.len == 0)
        diag_error(build->diags, directive->words[0].place, "\"%s\" has no text",
                   build->rule->name);
    else if (config_template_parse(&made->format->text, build->arena, text,
                                   directive->words[first].place, build->diags) == 0 &&
             !fits(&made->format->text))
        diag_error(build->diags, directive->words[first].place,
                   "this format is too long: %d bytes and %d variables at most",
                   LOG_FORMAT_TEXT_MAX, LOG_FORMAT_PARTS_MAX / 2);
}

/* ---- who uses them ---- */

void log_format_use(struct build *build, const struct log_format_use *use)
{
    struct log_format_use *kept =
        list_add(&build->parts->log_format_uses, &build->scratch, sizeof(*kept));

    *kept = *use;
    kept->place = build_place(build, use->place);
    kept->name = arena_slice(&build->scratch, use->name);
}

static struct config_log_format *make_builtin(struct build *build, const struct builtin *builtin)
{
    struct log_format_build made = {.format = ARENA_NEW(build->arena, struct config_log_format)};

    made.format->name = arena_slice(build->arena, slice_of(builtin->name));
    made.format->escape = builtin->escape;
    config_template_parse(&made.format->text, build->arena, slice_of(builtin->text), made.place,
                          build->diags);
    list_push(&build->parts->log_formats, &build->scratch, made);
    return made.format;
}

static void tell_unknown(struct build *build, const struct log_format_use *use)
{
    const struct log_format_build *formats = build->parts->log_formats.items;
    struct slice names = {"", 0};

    for (unsigned i = 0; i < BUILTIN_COUNT; i++)
        names = arena_printf(&build->scratch, "%.*s%s%s", SLICE_PRINTF(names), i > 0 ? ", " : "",
                             builtins[i].name);
    for (uint32_t i = 0; i < build->parts->log_formats.count; i++) {
        if (!find_builtin(formats[i].format->name))
            names = arena_printf(&build->scratch, "%.*s, %.*s", SLICE_PRINTF(names),
                                 SLICE_PRINTF(slice_head(formats[i].format->name, 64)));
    }
    diag_error(build->diags, use->place, "unknown log format \"%.*s\"; there are: %.*s",
               SLICE_PRINTF(slice_head(use->name, 64)), SLICE_PRINTF(names));
}

void log_formats_finish(struct build *build)
{
    const struct log_format_use *uses = build->parts->log_format_uses.items;

    for (uint32_t i = 0; i < build->parts->log_format_uses.count; i++) {
        const struct log_format_build *made = find(build, uses[i].name);
        const struct builtin *builtin = find_builtin(uses[i].name);

        if (made)
            uses[i].log->format = made->format;
        else if (builtin)
            uses[i].log->format = make_builtin(build, builtin);
        else
            tell_unknown(build, &uses[i]);
    }
}
