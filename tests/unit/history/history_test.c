/* SPDX-License-Identifier: MIT */
/* What is remembered from look to look, of whom, and for how long. */
#include "history/history.h"
#include "shared/figures_rig.h"

#include <criterion/criterion.h>

static struct figures_rig rig;
static struct history history;
static double now = 1000;

static void begin(void)
{
    figures_rig_begin(&rig);
    history_init(&history);
}

static void end(void)
{
    history_free(&history);
    figures_rig_end(&rig);
}

static void look(void)
{
    history_take(&history, figures_rig_look(&rig, ""), now, now + 1e9);
    now += HISTORY_EVERY;
}

static uint64_t owner_of(uint32_t slot)
{
    return metrics_board_tenant(&rig.board, slot)->owner;
}

static struct metrics_cells *tenant(uint32_t slot, const char *name)
{
    return figures_rig_tenant(&rig, slot, &(struct metrics_text){.name = slice_of(name)});
}

TestSuite(history, .init = begin, .fini = end);

Test(history, traffic_becomes_a_curve)
{
    struct metrics_cells *cells = tenant(3, "a");
    const struct series *series;

    figures_rig_ask(cells, 500, 200, 0.02);
    look();
    cr_assert_null(history_series(&history, owner_of(3)), "nobody knows when that was");
    for (int i = 0; i < 3; i++) {
        figures_rig_ask(cells, 40, 200, 0.0005);
        figures_rig_ask(cells, 10, 503, 0.02);
        look();
    }
    series = history_series(&history, owner_of(3));
    cr_assert_not_null(series);
    cr_assert_eq(series->count, 1);
    cr_expect_float_eq(series_at(series, 0)->rate, 10.f, 0.1f);
    cr_expect_float_eq(series_at(series, 0)->errors, 2.f, 0.1f);
    cr_expect_float_eq(series_at(series, 0)->p99, 0.02f, 0.01f);
    cr_expect_lt(series_at(series, 0)->p50, 0.002f);
    cr_expect_float_eq(series_at(&history.all, 0)->rate, 10.f, 0.1f);
    cr_expect_float_eq(history_now(&history, series, 5).rate, 10.f, 0.1f);
}

Test(history, who_has_no_traffic_costs_nothing_and_who_had_some_is_forgotten)
{
    struct metrics_cells *cells = tenant(0, "busy");

    tenant(1, "quiet");
    look();
    figures_rig_ask(cells, 5, 200, 0.01);
    look();
    cr_assert_not_null(history_series(&history, owner_of(0)));
    cr_assert_null(history_series(&history, owner_of(1)));
    for (int i = 0; i < 3 * SERIES_POINTS - 6; i++)
        look();
    cr_assert_not_null(history_series(&history, owner_of(0)), "its curve is not over");
    for (int i = 0; i < 12; i++)
        look();
    cr_assert_null(history_series(&history, owner_of(0)));
    figures_rig_ask(cells, 5, 500, 0.01);
    look();
    cr_assert_not_null(history_series(&history, owner_of(0)), "and is remembered again");
}

Test(history, another_tenant_in_the_slot_begins_anew)
{
    struct metrics_cells *cells = tenant(0, "a");
    const struct series *series;
    uint64_t before = owner_of(0);

    look();
    figures_rig_ask(cells, 5, 200, 0.01);
    look();
    metrics_board_leave(&rig.board, 0);
    look();
    cr_assert_null(history_series(&history, before));
    metrics_release(&rig.worker, cells);
    cells = tenant(0, "b");
    figures_rig_ask(cells, 70, 200, 0.01);
    look();
    series = history_series(&history, owner_of(0));
    cr_assert_eq(series->now.requests + series->before.requests, 70);
}

static void tell(const char *error)
{
    metrics_board_set_text(&rig.board, 0,
                           &(struct metrics_text){.name = SLICE("a"), .error = slice_of(error)});
    look();
}

Test(history, errors_are_kept_with_their_time)
{
    static char longer[3000];
    const struct history_errors *errors;

    tenant(0, "a");
    look();
    cr_assert_null(history_errors(&history, owner_of(0)));
    tell("one");
    tell("one");
    tell("");
    memset(longer, 'x', sizeof(longer) - 1);
    tell(longer);
    errors = history_errors(&history, owner_of(0));
    cr_assert_eq(errors->count, 3);
    cr_expect_str_eq(errors->last[0].text, "one");
    cr_expect_str_eq(errors->last[1].text, "");
    cr_expect_eq(strlen(errors->last[2].text), HISTORY_ERROR_SIZE);
    cr_expect_float_eq(errors->last[1].since - errors->last[0].since, 2 * HISTORY_EVERY, 0.1);
    tell(longer);
    cr_expect_eq(errors->count, 3, "the same, cut");
    for (int i = 0; i < 20; i++)
        tell(i % 2 ? "odd" : "even");
    cr_expect_eq(errors->count, 23);
    cr_expect_str_eq(errors->last[22 % HISTORY_ERRORS].text, "odd");
}

Test(history, the_last_reload_is_the_one_that_was_seen)
{
    struct metrics_cells *gateway = metrics_gateway(&rig.board);

    metrics_add_label(gateway, METRIC_RELOADS, METRIC_RELOAD_DONE, 5);
    look();
    cr_assert_eq(history.reload, -1);
    metrics_add_label(gateway, METRIC_RELOADS, METRIC_RELOAD_REFUSED, 1);
    look();
    cr_expect_eq(history.reload, METRIC_RELOAD_REFUSED);
    metrics_add_label(gateway, METRIC_RELOADS, METRIC_RELOAD_DONE, 1);
    look();
    cr_expect_eq(history.reload, METRIC_RELOAD_DONE);
}

Test(history, all_tenants_are_counted)
{
    for (uint32_t i = 0; i < 3; i++) {
        tenant(i, "a");
        metrics_set_label(metrics_board_tenant(&rig.board, i), METRIC_STATE,
                          i < 2 ? METRIC_STATE_SERVING : METRIC_STATE_WAITING, 1);
        metrics_set(figures_rig_part(&rig, i, METRIC_SCOPE_CERTIFICATE, SLICE("x")),
                    METRIC_CERTIFICATE_EXPIRY, (uint64_t)1e9 + i * 86400 * 6);
    }
    look();
    cr_expect_eq(history.states[METRIC_STATE_SERVING], 2);
    cr_expect_eq(history.states[METRIC_STATE_WAITING], 1);
    cr_expect_eq(history.expired, 1);
    cr_expect_eq(history.expiring, 1);
}
