/* SPDX-License-Identifier: MIT */
/* Rates as lines of text: as a screen, and as a plain table. */
#include "view_internal.h"

#include "printable_internal.h"
#include "status_internal.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_STATE   8  /* columns of a state */
#define VIEW_FIGURES 55 /* columns of all that stands behind the name */
#define VIEW_AROUND  6  /* lines that are no tenant's */
#define VIEW_SILENCE 3. /* seconds without an answer that are worth a word */
#define VIEW_CELL    32 /* bytes of a figure */

/* ---- figures ---- */

static void view_rate(double rate, char text[VIEW_CELL])
{
    if (rate < 0)
        snprintf(text, VIEW_CELL, "-");
    else
        snprintf(text, VIEW_CELL, rate < 99.95 ? "%.1f" : "%.0f", rate);
}

static void view_time(double seconds, char text[VIEW_CELL])
{
    if (seconds < 0)
        snprintf(text, VIEW_CELL, "-");
    else if (isinf(seconds))
        snprintf(text, VIEW_CELL, "> 30 s");
    else if (seconds < .0995)
        snprintf(text, VIEW_CELL, "%.1f ms", seconds * 1e3);
    else if (seconds < .9995)
        snprintf(text, VIEW_CELL, "%.0f ms", seconds * 1e3);
    else
        snprintf(text, VIEW_CELL, "%.2f s", seconds);
}

static void view_figures(FILE *out, const struct rate *rate)
{
    char requests[VIEW_CELL], errors[VIEW_CELL], p99[VIEW_CELL];

    view_rate(rate->requests, requests);
    view_rate(rate->errors, errors);
    view_time(rate->p99, p99);
    fputs("  ", out);
    printable_cell(out, rate->state, VIEW_STATE);
    fprintf(out, " %10s %9s %9s %12.0f", requests, errors, p99, rate->connections);
}

static void view_titles(FILE *out, size_t name)
{
    fprintf(out, "%-*s  %-8s %10s %9s %9s %12s", (int)name, "TENANT", "STATE", "REQUESTS/S",
            "ERRORS/S", "P99", "CONNECTIONS");
}

/* All tenants in one line. */
static void view_sum(FILE *out, const struct rates *rates)
{
    char requests[VIEW_CELL], errors[VIEW_CELL], p99[VIEW_CELL];

    view_rate(rates->all.requests, requests);
    view_rate(rates->all.errors, errors);
    view_time(rates->all.p99, p99);
    fprintf(out, "%zu of %zu tenants serve; %s requests/s, %s errors/s, p99 %s", rates->serving,
            rates->count, requests, errors, p99);
}

static size_t view_longest_name(const struct rates *rates)
{
    size_t longest = strlen("TENANT");

    for (size_t i = 0; i < rates->count; i++) {
        size_t width = printable_width(rates->each[i].name);

        longest = width > longest ? width : longest;
    }
    return longest;
}

/* ---- plain ---- */

void view_table(FILE *out, const json_t *gateway, struct rates *rates)
{
    size_t name = view_longest_name(rates);

    rates_sort(rates, RATE_BY_REQUESTS, false);
    table_put_gateway(out, gateway);
    fputc('\n', out);
    view_sum(out, rates);
    fputs("\n\n", out);
    view_titles(out, name);
    fputc('\n', out);
    for (size_t i = 0; i < rates->count; i++) {
        printable_cell(out, rates->each[i].name, name);
        view_figures(out, &rates->each[i]);
        fputc('\n', out);
    }
}

/* ---- a screen ---- */

static const struct {
    char key;
    const char *rest;
} view_orders[] = {
    [RATE_BY_REQUESTS] = {'r', "equests"}, [RATE_BY_ERRORS] = {'e', "rrors"},
    [RATE_BY_P99] = {'p', "99"},           [RATE_BY_CONNECTIONS] = {'c', "onnections"},
    [RATE_BY_STATE] = {'s', "tate"},       [RATE_BY_NAME] = {'t', "enant"},
};

/* Erases what was there before; the last line of the screen must not scroll it. */
static void view_end_line(FILE *out)
{
    fputs("\x1b[K\r\n", out);
}

static void view_footer(const struct view *view, FILE *out)
{
    fputs("sort:", out);
    for (size_t i = 0; i < sizeof(view_orders) / sizeof(view_orders[0]); i++)
        fprintf(out, i == (size_t)view->order ? " \x1b[7m%c%s%s\x1b[m" : " %c%s%s",
                view_orders[i].key, view_orders[i].rest,
                i != (size_t)view->order ? "" : (view->is_reversed ? " -" : ""));
    fputs("  same key: reverse  arrows: scroll  q: quit", out);
}

/* The two lines above, cut at the screen's end. */
static void view_head(const struct view *view, FILE *out, const json_t *gateway,
                      const struct rates *rates, double age)
{
    char *text = NULL, *line;
    size_t len;
    FILE *lines = open_memstream(&text, &len);

    if (!lines)
        return;
    table_put_gateway(lines, gateway);
    fputc('\n', lines);
    if (age > VIEW_SILENCE)
        fprintf(lines, "no answer for %.0f s; ", age);
    view_sum(lines, rates);
    fclose(lines);
    for (char *rest = text; (line = strsep(&rest, "\n"));) {
        printable_put(out, line, view->width);
        view_end_line(out);
    }
    free(text);
}

/* How many tenants there is room for. */
static size_t view_room(const struct view *view)
{
    return view->height > VIEW_AROUND ? view->height - VIEW_AROUND : 1;
}

static void view_tenants(struct view *view, FILE *out, const struct rates *rates)
{
    size_t room = view_room(view), longest = view_longest_name(rates);
    size_t most = view->width > VIEW_FIGURES + 6 ? view->width - VIEW_FIGURES : 6;
    size_t name = longest < most ? longest : most;
    size_t last = rates->count > room ? rates->count - room : 0;

    view->first = view->first > last ? last : view->first;
    fputs("\x1b[1m", out);
    view_titles(out, name);
    fputs("\x1b[m", out);
    view_end_line(out);
    for (size_t i = view->first; i < rates->count && i < view->first + room; i++) {
        printable_cell(out, rates->each[i].name, name);
        view_figures(out, &rates->each[i]);
        view_end_line(out);
    }
    if (rates->count > room)
        fprintf(out, "%zu to %zu of %zu", view->first + 1, view->first + room, rates->count);
}

void view_screen(struct view *view, FILE *out, const json_t *gateway, struct rates *rates,
                 double age)
{
    rates_sort(rates, view->order, view->is_reversed);
    fputs("\x1b[H", out);
    view_head(view, out, gateway, rates, age);
    view_end_line(out);
    view_tenants(view, out, rates);
    fprintf(out, "\x1b[K\x1b[J\x1b[%u;1H", view->height);
    view_footer(view, out);
    fputs("\x1b[K", out);
}

/* ---- keys ---- */

static void view_scroll(struct view *view, long lines)
{
    if (lines < 0 && view->first < (size_t)-lines)
        view->first = 0;
    else
        view->first += (size_t)lines; /* what is too far is cut when it is shown */
}

static bool view_key_of_order(struct view *view, char key)
{
    for (size_t i = 0; i < sizeof(view_orders) / sizeof(view_orders[0]); i++) {
        if (view_orders[i].key != key)
            continue;
        view->is_reversed = view->order == (enum rate_order)i && !view->is_reversed;
        view->order = (enum rate_order)i;
        view->first = 0;
        return true;
    }
    return false;
}

bool view_key(struct view *view, const char *bytes, size_t len)
{
    const long page = (long)view_room(view);
    const struct {
        const char *bytes;
        long lines;
    } keys[] = {{"\x1b[A", -1},         {"\x1bOA", -1},       {"\x1b[B", 1},
                {"\x1bOB", 1},          {"\x1b[5~", -page},   {"\x1b[6~", page},
                {"\x1b[H", -INT32_MAX}, {"\x1b[F", INT32_MAX}};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (len == strlen(keys[i].bytes) && memcmp(bytes, keys[i].bytes, len) == 0) {
            view_scroll(view, keys[i].lines);
            return true;
        }
    }
    return len == 1 && view_key_of_order(view, bytes[0]);
}
