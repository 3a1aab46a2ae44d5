/* SPDX-License-Identifier: MIT */
/* The list itself: what no reader should have to check by eye. */
#include "sandbox_internal.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static bool is_conditional(const struct rule *rule)
{
    return rule->conditions[0].op;
}

/* A rule without conditions would make those of the same call useless. */
Test(rules, a_call_is_free_or_has_conditions)
{
    for (size_t i = 0; i < sandbox_rule_count; i++) {
        const struct rule *a = &sandbox_rules[i];

        cr_expect(a->roles & (SANDBOX_WORKER | SANDBOX_RESOLVER | SANDBOX_OBSERVER));
        cr_expect(!a->conditions[RULE_CONDITIONS].op, "the list of conditions has an end");
        for (size_t j = 0; j < i; j++) {
            const struct rule *b = &sandbox_rules[j];

            cr_expect(a->call != b->call || !(a->roles & b->roles) ||
                          (is_conditional(a) && is_conditional(b)),
                      "call %d twice", a->call);
        }
    }
}

/* What no role may ever make, whatever its arguments: nobody adds it by mistake. */
Test(rules, the_dangerous_ones_are_on_no_list)
{
    static const char *const never[] = {"execve",
                                        "execveat",
                                        "ptrace",
                                        "process_vm_readv",
                                        "process_vm_writev",
                                        "setns",
                                        "unshare",
                                        "mount",
                                        "umount2",
                                        "pivot_root",
                                        "chroot",
                                        "bpf",
                                        "kill",
                                        "tkill",
                                        "keyctl",
                                        "add_key",
                                        "request_key",
                                        "userfaultfd",
                                        "io_uring_setup",
                                        "io_uring_enter",
                                        "pidfd_open",
                                        "pidfd_getfd",
                                        "kcmp",
                                        "perf_event_open",
                                        "open_by_handle_at",
                                        "name_to_handle_at",
                                        "init_module",
                                        "kexec_load",
                                        "reboot",
                                        "seccomp",
                                        "prctl",
                                        "setuid",
                                        "setresuid",
                                        "setgroups",
                                        "capset",
                                        "unlinkat",
                                        "renameat2",
                                        "linkat",
                                        "symlinkat",
                                        "mkdirat",
                                        "fchmodat",
                                        "fchownat",
                                        "bind",
                                        "listen",
                                        "splice"};

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        int call = seccomp_syscall_resolve_name(never[i]);

        cr_assert_neq(call, __NR_SCMP_ERROR, "%s", never[i]);
        for (size_t j = 0; j < sandbox_rule_count; j++)
            cr_expect_neq(sandbox_rules[j].call, call, "%s", never[i]);
    }
}
