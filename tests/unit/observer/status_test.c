/* SPDX-License-Identifier: MIT */
/* The status: asked for once for all, kept for a moment, and never half. */
#include "observer/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct rig rig;

static void turn_until_told(void)
{
    for (int i = 0; i < 20000 && rig.server.status.is_asking; i++)
        rig_turn(&rig);
    cr_assert_not(rig.server.status.is_asking);
}

Test(status, is_asked_for_once_and_kept)
{
    struct status *status = &rig.server.status;

    rig_open(&rig, "");
    cr_assert_not(status_is_there(status));
    cr_assert_not(status_is_there(status));
    cr_assert_eq(rig.asked, 1);
    rig_tell(&rig, "gateway\tstate=ending\tpid=7\nend\t2\n");
    turn_until_told();
    cr_assert(status_is_there(status));
    cr_assert_str_eq(status->state, "ending");
    cr_assert_not_null(strstr(status->json->bytes.data, "\"pid\": 7"));
    rig.loop.now += 2 * STATUS_AGE;
    cr_assert_not(status_is_there(status));
    cr_assert_eq(rig.asked, 2);
    rig_close(&rig);
}

static void expect_none(const char *lines)
{
    rig_open(&rig, "");
    cr_assert_not(status_is_there(&rig.server.status));
    rig_tell(&rig, lines);
    turn_until_told();
    cr_expect(status_is_there(&rig.server.status), "it is known that there is none");
    cr_expect_null(rig.server.status.json);
    cr_expect_str_eq(rig.server.status.state, "");
    rig_close(&rig);
}

Test(status, half_of_it_is_none)
{
    static char line[100000];

    expect_none(NULL);
    expect_none("");
    expect_none("gateway\tstate=serving\tpid=7\n");
    expect_none("gateway\tstate=serving\tpid=7\nend\t0");
    expect_none("error\tit is ending\nend\t1\n");
    memset(line, 'x', sizeof(line) - 1);
    expect_none(line);
}

Test(status, what_comes_unasked_is_closed)
{
    rig_open(&rig, "");
    rig_tell(&rig, "gateway\tpid=7\nend\t0\n");
    rig_tell(&rig, NULL);
    cr_assert_null(rig.server.status.stream);
    rig_close(&rig);
}
