/* SPDX-License-Identifier: MIT */
/* From the list of a role to the kernel's filter. */
#include "sandbox_internal.h"

#include "base/descriptor.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTER_MAX 4096 /* instructions (BPF_MAXINSNS) */

/* libseccomp's results are negated errno. */
static int filter_fail(const char **why, const char *step, int result)
{
    *why = step;
    errno = -result;
    return -1;
}

static int filter_add(scmp_filter_ctx filter, const struct rule *rule)
{
    struct scmp_arg_cmp conditions[RULE_CONDITIONS];
    unsigned count = 0;

    for (; rule->conditions[count].op; count++) {
        conditions[count] = rule->conditions[count];
        if (conditions[count].datum_b == RULE_SELF)
            conditions[count].datum_b = (scmp_datum_t)getpid();
    }
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rule->call, count, conditions);
}

/* In the list's order, hot calls first: measured, that is a tenth quicker than libseccomp's binary
 * tree (SCMP_FLTATR_CTL_OPTIMIZE), whether a call has conditions or not. Calls that this
 * architecture does not have are passed over: libseccomp knows them by negative numbers. */
static int filter_fill(scmp_filter_ctx filter, enum sandbox_role role)
{
    int result = 0;

    for (size_t i = 0; i < sandbox_rule_count && result == 0; i++) {
        const struct rule *rule = &sandbox_rules[i];
        uint8_t priority = i < UINT8_MAX ? (uint8_t)(UINT8_MAX - i) : 0;

        if (!(rule->roles & role) || rule->call < 0)
            continue;
        result = filter_add(filter, rule);
        if (result == 0 && !rule->conditions[0].op)
            result = seccomp_syscall_priority(filter, rule->call, priority);
    }
    return result;
}

/* ---- loading ---- */

/* In front of the program: what comes from the gate passes. Returns the number of instructions. */
static unsigned filter_put_gate(struct sock_filter *program, uintptr_t gate)
{
    const unsigned offset = offsetof(struct seccomp_data, instruction_pointer);
    const struct sock_filter check[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)gate, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)((uint64_t)gate >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };

    memcpy(program, check, sizeof(check));
    return sizeof(check) / sizeof(check[0]);
}

/* libseccomp writes its program to descriptors only. Returns the number of instructions, or a
 * negated errno. */
static int filter_export(scmp_filter_ctx filter, struct sock_filter *program, unsigned room)
{
    int fd = memfd_create("nsgate-filter", MFD_CLOEXEC);
    int result = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    ssize_t size = result == 0 ? pread(fd, program, room * sizeof(*program), 0) : 0;

    descriptor_close(fd);
    if (result == 0 && (size <= 0 || (size_t)size == room * sizeof(*program)))
        result = -E2BIG;
    return result < 0 ? result : (int)((size_t)size / sizeof(*program));
}

/* Returns 1 where there is no seccomp: not in the kernel, or not for us in the container. */
static int filter_install(struct sock_filter *program, unsigned count, const char **why)
{
    struct sock_fprog all = {.len = (unsigned short)count, .filter = program};

    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &all) == 0)
        return 0;
    if (errno == ENOSYS || errno == EINVAL || errno == EPERM)
        return 1;
    return filter_fail(why, "seccomp", -errno);
}

static int filter_load_program(scmp_filter_ctx filter, const char **why)
{
    struct sock_filter *program = malloc(FILTER_MAX * sizeof(*program));
    uintptr_t gate = violation_gate();
    unsigned count = 0;
    int result;

    if (!program)
        return filter_fail(why, "memory for the filter", -ENOMEM);
    if (gate)
        count = filter_put_gate(program, gate);
    result = filter_export(filter, program + count, FILTER_MAX - count);
    result = result < 0 ? filter_fail(why, "seccomp_export_bpf", result)
                        : filter_install(program, count + (unsigned)result, why);
    free(program);
    return result;
}

int filter_load(enum sandbox_role role, enum sandbox_mode mode, const char **why)
{
    bool is_logged_by_kernel = mode == SANDBOX_LOG && !violation_gate();
    scmp_filter_ctx filter = seccomp_init(is_logged_by_kernel ? SCMP_ACT_LOG : SCMP_ACT_TRAP);
    int result;

    if (!filter)
        return filter_fail(why, "seccomp_init", -ENOMEM);
    result = filter_fill(filter, role);
    result = result < 0 ? filter_fail(why, "the list of system calls", result)
                        : filter_load_program(filter, why);
    seccomp_release(filter);
    return result;
}
