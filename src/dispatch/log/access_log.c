/* SPDX-License-Identifier: MIT */
/* access_log: the lines of an exchange that is over. */
#include "dispatch_internal.h"

#include "base/memory.h"
#include "log/line_internal.h"

/* Bytes that a value has in any case, whatever the ones before it take: numbers, times and
 * addresses are whole, an IPv6 one with its port too (48), and there is room for what stands behind
 * a value that was cut (3). LOG_FORMAT_PARTS_MAX of them, and LOG_FORMAT_TEXT_MAX, fit a line. */
#define VALUE_LEAST 51

_Static_assert(LOG_FORMAT_PARTS_MAX *VALUE_LEAST + LOG_FORMAT_TEXT_MAX + VALUE_LEAST <
                   DISPATCH_LINE_MAX,
               "a line has room for every format");

/* What a part takes at least. */
static size_t least(const struct config_part *part)
{
    return part->variable == VARIABLE_LITERAL ? part->text.len : VALUE_LEAST;
}

/* As a number of JSON, which has no zeros before it. */
static struct slice value_of(struct dispatch *dispatch, const struct config_log_format *format,
                             const struct config_part *part)
{
    bool is_none = part->variable == VARIABLE_STATUS && dispatch->status == 0;
    return is_none && format->escape == LOG_ESCAPE_JSON ? SLICE("0")
                                                        : variable_value(dispatch, part);
}

/* Values are cut where there is no room for them, never the format's own text: what is JSON stays
 * JSON. */
static struct slice make_line(struct dispatch *dispatch, const struct config_log_format *format)
{
    struct dispatch_shared *shared = dispatch->shared;
    if (!shared->line)
        shared->line = memory_alloc(DISPATCH_LINE_MAX);
    struct log_line line = {.data = shared->line};
    size_t room = DISPATCH_LINE_MAX - 1;
    for (uint32_t i = 0; i < format->text.count; i++)
        room -= least(&format->text.parts[i]);
    for (uint32_t i = 0; i < format->text.count; i++) {
        const struct config_part *part = &format->text.parts[i];
        size_t before = line.len;
        if (part->variable == VARIABLE_LITERAL) {
            log_line_put(&line, part->text);
            continue;
        }
        log_line_put_value(&line, format->escape, value_of(dispatch, format, part),
                           room + VALUE_LEAST);
        size_t taken = line.len - before;
        room -= taken > VALUE_LEAST ? taken - VALUE_LEAST : 0;
    }
    line.data[line.len++] = '\n';
    return (struct slice){line.data, line.len};
}

static bool is_wanted(struct dispatch *dispatch, const struct config_access_log *log)
{
    if (!log->is_conditional)
        return true;
    struct slice value = variables_evaluate(dispatch, &log->condition);
    return value.len > 0 && !slice_equal(value, SLICE("0"));
}

/* What failed before there could be a request. */
static bool is_handshake(const struct dispatch *dispatch)
{
    const struct exchange_client *client = dispatch->exchange->client;
    return client->is_tls && client->tls_seconds < 0;
}

enum dispatch_verdict access_log(struct dispatch *dispatch)
{
    const struct config_settings *settings = dispatch->settings;
    const struct dispatch_log *to = &dispatch->shared->log;
    const struct tenant *tenant = dispatch->tenant;
    if (settings->access_log_count == 0 || !to->write || !tenant->log_numbers)
        return DISPATCH_CONTINUE;
    if (is_handshake(dispatch) && !settings->access_log_handshakes)
        return DISPATCH_CONTINUE;
    for (uint32_t i = 0; i < settings->access_log_count; i++) {
        const struct config_access_log *log = &settings->access_logs[i];
        if (is_wanted(dispatch, log))
            to->write(to->owner, tenant->log_numbers[log->destination],
                      make_line(dispatch, log->format));
    }
    return DISPATCH_CONTINUE;
}
