/* SPDX-License-Identifier: MIT */
/* What those are told who wait. */
#include "control/control.h"

#include "server.h"

#include "control/protocol.h"

#include <criterion/criterion.h>
#include <unistd.h>

struct talk {
    struct server server;
    int reload;
    int reopen;
    int upgrade;
};

/* One client waits for each. */
static void begin(struct talk *talk)
{
    server_open(&talk->server);
    talk->reload = server_ask(&talk->server, "reload\n");
    talk->reopen = server_ask(&talk->server, "reopen\n");
    talk->upgrade = server_ask(&talk->server, "upgrade\n");
    while (talk->server.runs < 3)
        server_turn(&talk->server);
}

static void heard(struct talk *talk, int fd, const char *expected)
{
    const char *said = talk->server.said;

    server_end(&talk->server, fd);
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
    control_tell_warning(&talk.server.control, "of the reload before");
    control_tell_reload_begun(&talk.server.control, &diags);
    control_tell_tenant(&talk.server.control, "added", SLICE("a"), NULL);
    control_tell_warning(&talk.server.control, "odd, too");
    control_tell_error(&talk.server.control, "not in force");
    control_tell_upgrade_waits(&talk.server.control, "a reload");
    control_tell_reload_ended(&talk.server.control, "done", CONTROL_LACKING);
    control_tell_reopened(&talk.server.control, NULL);
    heard(&talk, talk.reload,
          "warning\tnsgate.conf:1:2: odd\nadded\ta\nwarning\todd, too\nerror\tnot in force\n"
          "summary\tdone\nend\t2\n");
    heard(&talk, talk.reopen, "end\t0\n");
    cr_assert(control_is_quiet(&talk.server.control));
    control_tell_upgrade_refused(&talk.server.control, "too old");
    heard(&talk, talk.upgrade, "waits\ta reload\nerror\ttoo old\nend\t1\n");
    diag_list_free(&diags);
    server_close(&talk.server);
}

Test(control, tells_of_what_is_refused)
{
    struct diag_list diags;
    struct talk talk;

    begin(&talk);
    cr_assert_not(control_is_quiet(&talk.server.control));
    diag_list_init(&diags);
    diag_error(&diags, ((struct diag_place){"nsgate.conf", 1, 2}), "wrong");
    control_tell_reload_refused(&talk.server.control, &diags, "refused");
    control_tell_reopened(&talk.server.control, "cannot open");
    heard(&talk, talk.reload, "error\tnsgate.conf:1:2: wrong\nsummary\trefused\nend\t1\n");
    heard(&talk, talk.reopen, "error\tcannot open\nend\t1\n");
    close(talk.upgrade);
    diag_list_free(&diags);
    server_close(&talk.server);
}

Test(control, tells_all_that_it_ends)
{
    struct talk talk;

    begin(&talk);
    control_tell_ending(&talk.server.control);
    heard(&talk, talk.reload, "error\tnsgate is ending\nend\t1\n");
    heard(&talk, talk.reopen, "error\tnsgate is ending\nend\t1\n");
    heard(&talk, talk.upgrade, "error\tnsgate is ending\nend\t1\n");
    server_close(&talk.server);
}
