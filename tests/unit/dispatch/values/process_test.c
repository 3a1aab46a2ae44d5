/* SPDX-License-Identifier: MIT */
/* Variables of time and of this process. */
#include "dispatch/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *shown(struct rig *rig)
{
    rig->lines_len = 0;
    rig_get(rig, "/", "");
    rig_end(rig);
    return rig->lines + 4;
}

static void open_format(struct rig *rig, const char *format)
{
    char text[512];
    snprintf(text, sizeof text,
             "log_format f '%s'; access_log /l f; server { listen 10.0.0.1:80; return 204; }\n",
             format);
    rig_open(rig, text);
}

Test(process_values, who_logs)
{
    struct rig rig;
    char host[256] = "", expected[512];
    open_format(&rig, "$hostname $pid");
    gethostname(host, sizeof host - 1);
    for (char *at = host; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 32);
    snprintf(expected, sizeof expected, "%s %d\n", host, (int)getpid());
    cr_expect_str_eq(shown(&rig), expected);
    rig_close(&rig);
}

/* The texts are made anew when the second is another one. */
Test(process_values, time_goes_on)
{
    struct rig rig;
    char first[128];
    setenv("TZ", "UTC0", 1);
    open_format(&rig, "$time_local $time_iso8601");
    rig.loop.wall_offset = 1700000000.25 - loop_now(&rig.loop);
    snprintf(first, sizeof first, "%s", shown(&rig));
    cr_expect_str_eq(first, "14/Nov/2023:22:13:20 +0000 2023-11-14T22:13:20+00:00\n");
    rig.loop.wall_offset = 1700000061.25 - loop_now(&rig.loop);
    cr_expect_str_eq(shown(&rig), "14/Nov/2023:22:14:21 +0000 2023-11-14T22:14:21+00:00\n");
    rig_close(&rig);
}
