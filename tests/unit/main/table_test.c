/* SPDX-License-Identifier: MIT */
/* The status as columns. */
#include "main/status_internal.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>

static void print(json_t *gateway)
{
    cr_assert_not_null(gateway);
    table_print(gateway);
    fflush(stdout);
    json_decref(gateway);
}

TestSuite(table, .init = cr_redirect_stdout);

Test(table, columns_are_as_wide_as_what_stands_in_them)
{
    print(json_pack(
        "{s:s, s:i, s:i, s:i, s:i, s:i, s:[{s:s, s:s, s:I, s:s, s:i, s:i, s:i, s:s, s:i,"
        " s:n}, {s:s, s:s, s:n, s:s, s:i, s:i, s:i, s:n, s:i, s:s}]}",
        "version", "1.2", "pid", 7, "uptime", 273600, "workers", 2, "generation", 3, "connections",
        41, "tenants", //
        "tenant", "a-long-name-of-one", "namespace", "/run/a", "inode", (json_int_t)9, "state",
        "serving", "bound", 1, "listeners", 2, "connections", 41, "certificate_expiry",
        "2030-01-02T03:04:05Z", "generation", 1, "last_error", "tenant", "b", "namespace", "",
        "inode", "state", "refused", "bound", 0, "listeners", 0, "connections", 0,
        "certificate_expiry", "generation", 0, "last_error", "no server"));
    cr_assert_stdout_eq_str(
        "nsgate 1.2, pid 7, up 3d 4h; 2 workers of generation 3, 41 connections\n\n"
        "TENANT              NAMESPACE  STATE    LISTENERS  CONNECTIONS  EXPIRES     GENERATION  "
        "LAST ERROR\n"
        "a-long-name-of-one  /run/a[9]  serving  1/2        41           2030-01-02  1           "
        "-\n"
        "b                   -          refused  0/0        0            -           0           "
        "no server\n");
}

Test(table, workers_that_drain_are_told)
{
    print(json_pack("{s:i, s:i, s:[]}", "uptime", 3661, "draining", 2, "tenants"));
    cr_assert_stdout_eq_str(
        "nsgate , pid 0, up 1h 1m; 0 workers of generation 0, 0 connections; 2 workers of before "
        "drain\n\n"
        "TENANT  NAMESPACE  STATE  LISTENERS  CONNECTIONS  EXPIRES  GENERATION  LAST ERROR\n");
}

/* A tenant's own text must not move a cursor, and a long one ends with a word. */
Test(table, errors_are_clean_and_cut)
{
    char error[400];

    memset(error, 'w', sizeof(error));
    error[sizeof(error) - 1] = '\0';
    memcpy(error, "a \x1b[2J \x7f ", 9);
    print(json_pack("{s:i, s:[{s:s, s:s}]}", "uptime", 61, "tenants", "tenant", "a\x1b",
                    "last_error", error));
    cr_assert_stdout_eq_str(
        "nsgate , pid 0, up 1m 1s; 0 workers of generation 0, 0 connections\n\n"
        "TENANT  NAMESPACE  STATE  LISTENERS  CONNECTIONS  EXPIRES  GENERATION  LAST ERROR\n"
        "a?      -          -      0/0        0            -        0           a ?[2J ? ...\n");
}
