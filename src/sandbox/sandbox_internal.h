/* SPDX-License-Identifier: MIT */
/* What the files of the sandbox share. */
#ifndef SANDBOX_SANDBOX_INTERNAL_H
#define SANDBOX_SANDBOX_INTERNAL_H

#include "sandbox/sandbox.h"

#include <seccomp.h>
#include <stddef.h>

/* ---- rules.c ---- */

#define RULE_CONDITIONS 3

/* One system call with what must hold of its arguments: all conditions of a rule, of which the
 * first without an operator ends the list. A call may have several rules, of which one must hold.
 */
struct rule {
    int call; /* SCMP_SYS() */
    unsigned roles;
    struct scmp_arg_cmp conditions[RULE_CONDITIONS + 1];
};

/* The hot ones first. */
extern const struct rule sandbox_rules[];
extern const size_t sandbox_rule_count;

/* In place of a value: the process's own number. */
#define RULE_SELF UINT32_MAX

/* ---- filter.c ---- */

/* Returns 0, 1 when there is no seccomp here, or -1 with *why and errno. */
int filter_load(enum sandbox_role role, enum sandbox_mode mode, const char **why);

/* ---- violation.c ---- */

/* Before the filter is loaded: what SIGSYS leads to from now on. */
int violation_prepare(enum sandbox_mode mode);

/* System calls that the process makes from this one place are not held to the list, where that can
 * be told (x86-64): its address, as seccomp sees it, or 0. */
uintptr_t violation_gate(void);

/* ---- landlock.c ---- */

/* No file but what the role may open. Returns the version of Landlock that does it, 0 when there is
 * none here, or -1 with *why and errno. */
int landlock_enter(enum sandbox_role role, const char **why);

#endif
