/* SPDX-License-Identifier: MIT */
/* What is left of root. */
#include "daemon/privileges.h"

#include <cap-ng.h>
#include <criterion/criterion.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

Test(privileges, are_reduced_for_good)
{
    if (geteuid() != 0)
        cr_skip_test("not root");
    cr_assert_eq(privileges_reduce(), 0);
    cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
    capng_get_caps_process();
    cr_assert(capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN));
    cr_assert(capng_have_capability(CAPNG_BOUNDING_SET, CAP_SYS_ADMIN));
    cr_assert_not(capng_have_capability(CAPNG_PERMITTED, CAP_DAC_OVERRIDE));
    cr_assert_not(capng_have_capability(CAPNG_BOUNDING_SET, CAP_DAC_OVERRIDE));
    cr_assert_not(capng_have_capability(CAPNG_BOUNDING_SET, CAP_SYS_MODULE));
}

Test(privileges, of_an_ordinary_user)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(1);
        _exit(privileges_reduce() == 0 ? 0 : 2);
    }
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

Test(privileges, as_many_descriptors_as_allowed)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    privileges_raise_descriptors();
    getrlimit(RLIMIT_NOFILE, &limit);
    cr_assert_eq(limit.rlim_cur, limit.rlim_max);
}
