/* SPDX-License-Identifier: MIT */
/* What those are told who wait. */
#include "control/control.h"

#include "rig.h"

#include "control/protocol.h"

#include "io/pending.h"

#include <criterion/criterion.h>
#include <unistd.h>

struct talk {
    struct rig rig;
    int reload;
    int reopen;
    int upgrade;
};

/* One client waits for each. */
static void begin(struct talk *talk)
{
    rig_open(&talk->rig);
    talk->reload = rig_ask(&talk->rig, "reload\n");
    talk->reopen = rig_ask(&talk->rig, "reopen\n");
    talk->upgrade = rig_ask(&talk->rig, "upgrade\n");
    while (talk->rig.runs < 3)
        rig_turn(&talk->rig);
}

static void heard(struct talk *talk, int fd, const char *expected)
{
    const char *said = talk->rig.said;

    rig_end(&talk->rig, fd);
    cr_assert_eq(strncmp(said, "hello\t", 6), 0);
    cr_assert_str_eq(strchr(said, '\n') + 1, expected);
}

Test(control, tells_each_what_it_waits_for)
{
    struct diag_list diags;
    struct talk talk;

    begin(&talk);
    diag_list_init(&diags);
    diag_warning(&diags, ((struct diag_place){"nsgate.conf", 1, 2}), "odd");
    control_tell_line(&talk.rig.control, "warning", "of the reload before");
    control_tell_reload_begun(&talk.rig.control, &diags);
    control_tell_tenant(&talk.rig.control, "added", SLICE("a"), NULL);
    control_tell_line(&talk.rig.control, "warning", "odd, too");
    control_tell_line(&talk.rig.control, "error", "not in force");
    control_tell_upgrade_waits(&talk.rig.control, "a reload");
    control_tell_reload_ended(&talk.rig.control, "done", CONTROL_LACKING);
    control_tell_reopened(&talk.rig.control, NULL);
    heard(&talk, talk.reload,
          "warning\tnsgate.conf:1:2: odd\nadded\ta\nwarning\todd, too\nerror\tnot in force\n"
          "summary\tdone\nend\t2\n");
    heard(&talk, talk.reopen, "end\t0\n");
    cr_assert(control_is_quiet(&talk.rig.control));
    control_refuse_each(&talk.rig.control, CONTROL_UPGRADING, "too old");
    heard(&talk, talk.upgrade, "waits\ta reload\nerror\ttoo old\nend\t1\n");
    diag_list_free(&diags);
    rig_close(&talk.rig);
}

Test(control, tells_of_what_is_refused)
{
    struct diag_list diags;
    struct talk talk;

    begin(&talk);
    cr_assert_not(control_is_quiet(&talk.rig.control));
    diag_list_init(&diags);
    diag_error(&diags, ((struct diag_place){"nsgate.conf", 1, 2}), "wrong");
    control_tell_reload_refused(&talk.rig.control, &diags, "refused");
    control_tell_reopened(&talk.rig.control, "cannot open");
    heard(&talk, talk.reload, "error\tnsgate.conf:1:2: wrong\nsummary\trefused\nend\t1\n");
    heard(&talk, talk.reopen, "error\tcannot open\nend\t1\n");
    close(talk.upgrade);
    diag_list_free(&diags);
    rig_close(&talk.rig);
}

Test(control, tells_all_that_it_ends)
{
    struct talk talk;

    begin(&talk);
    control_tell_ending(&talk.rig.control);
    heard(&talk, talk.reload, "error\tnsgate is ending\nend\t1\n");
    heard(&talk, talk.reopen, "error\tnsgate is ending\nend\t1\n");
    heard(&talk, talk.upgrade, "error\tnsgate is ending\nend\t1\n");
    rig_close(&talk.rig);
}

Test(control, what_is_asked_from_within_is_answered_and_no_more)
{
    struct rig rig;
    int fd;

    rig_open(&rig);
    fd = control_ask(&rig.control, "status");
    cr_assert_geq(fd, 0);
    cr_assert_eq(rig.runs, 1);
    cr_assert_eq(write(fd, "reload\n", 7), 7);
    for (int i = 0; i < 10; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.runs, 1, "nothing else is heard there");
    control_end_each(&rig.control, CONTROL_COUNTING, CONTROL_GOOD);
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "hello\t") && rig_said(&rig, "\nend\t0\n"));
    rig_close(&rig);
}

/* However often it asks, and whether it reads or not. */
Test(control, who_asks_from_within_is_in_nobodys_way)
{
    struct rig rig;
    int within[20];
    int fd;

    rig_open(&rig);
    for (int i = 0; i < 20; i++)
        within[i] = control_ask(&rig.control, "status");
    cr_assert(control_is_quiet(&rig.control));
    cr_assert_null(pending_first(&rig.loop, PENDING_UPGRADE));
    cr_assert_eq(rig.control.count, 0);
    for (int i = 0; i < 19; i++)
        rig_end(&rig, within[i]); /* the next one has taken its place */
    fd = rig_ask(&rig, "never\n");
    rig_end(&rig, fd);
    cr_assert(rig_said(&rig, "a reason"));
    control_ask_end(&rig.control);
    control_ask_end(&rig.control);
    rig_end(&rig, within[19]);
    cr_assert_not(rig_said(&rig, "end"));
    cr_assert_null(rig.control.asked);
    rig_close(&rig);
}
