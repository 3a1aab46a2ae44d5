/* SPDX-License-Identifier: MIT */
/* What becomes of a system call that is not on the list: SIGSYS, its name in the log, the end. */
#include "sandbox_internal.h"

#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#define CALLS     512 /* numbers from 0; the newest of x86-64 and of the generic table are below */
#define NAME_SIZE 32

/* Of the one sandbox of a process: a signal handler has no other way to it. */
static struct {
    enum sandbox_mode mode;
    char names[CALLS][NAME_SIZE]; /* libseccomp's answers are allocated: not for a handler */
    time_t told[CALLS];           /* when each was logged */
} state;

/* ---- passing on ---- */

#ifdef __x86_64__
/* long pass(const long long call[7]): makes the system call of a number and six arguments. */
__asm__(".text\n"
        ".type sandbox_pass, @function\n"
        "sandbox_pass:\n"
        "    .cfi_startproc\n"
        "    movq (%rdi), %rax\n"
        "    movq 16(%rdi), %rsi\n"
        "    movq 24(%rdi), %rdx\n"
        "    movq 32(%rdi), %r10\n"
        "    movq 40(%rdi), %r8\n"
        "    movq 48(%rdi), %r9\n"
        "    movq 8(%rdi), %rdi\n"
        "    syscall\n"
        "sandbox_passed:\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size sandbox_pass, . - sandbox_pass\n");
long sandbox_pass(const long long call[7]);
extern const char sandbox_passed[];

uintptr_t violation_gate(void)
{
    return state.mode == SANDBOX_LOG ? (uintptr_t)sandbox_passed : 0;
}

static void violation_get(const ucontext_t *context, long long call[7])
{
    static const int registers[7] = {REG_RAX, REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};

    for (int i = 0; i < 7; i++)
        call[i] = context->uc_mcontext.gregs[registers[i]];
}

static void violation_pass(ucontext_t *context, const long long call[7])
{
    context->uc_mcontext.gregs[REG_RAX] = sandbox_pass(call);
}
#else
uintptr_t violation_gate(void)
{
    return 0;
}

static void violation_get(const ucontext_t *context, long long call[7])
{
    (void)context;
    memset(call, 0, 7 * sizeof(call[0]));
}

static void violation_pass(ucontext_t *context, const long long call[7])
{
    (void)context;
    (void)call;
}
#endif

/* ---- the signal ---- */

/* An argument, unless it may be an address: those are nobody's to know. */
static void violation_argument(char text[16], long long value)
{
    int lower = (int)value; /* AT_FDCWD, with or without its sign in the upper half */

    if (value != (long long)lower && value != (long long)(uint32_t)lower)
        snprintf(text, 16, "address");
    else
        snprintf(text, 16, lower < 0 && lower > -4096 ? "%d" : "%#x", (unsigned)lower);
}

/* Only what may be called in a handler, and no lock: the call may come from within localtime(3). */
static void violation_tell(int number, const long long call[7])
{
    bool is_known = number >= 0 && number < CALLS && state.names[number][0];
    char arguments[3][16], unknown[NAME_SIZE];

    for (int i = 0; i < 3; i++)
        violation_argument(arguments[i], call[i + 1]);
    snprintf(unknown, sizeof(unknown), "%d", number);
    log_set_in_signal(true);
    log_error("sandbox: system call %s(%s, %s, %s) is not allowed%s",
              is_known ? state.names[number] : unknown, arguments[0], arguments[1], arguments[2],
              state.mode == SANDBOX_ON ? ": this process ends" : "");
    log_set_in_signal(false);
}

/* Whether it is to be logged: each name once a second. */
static bool violation_is_due(int number)
{
    time_t now = time(NULL);
    size_t index = (size_t)number < CALLS ? (size_t)number : CALLS - 1;

    if (state.told[index] == now)
        return false;
    state.told[index] = now;
    return true;
}

static void on_violation(int signal_number, siginfo_t *info, void *context)
{
    int saved = errno;
    long long call[7];

    violation_get(context, call);
    if (state.mode == SANDBOX_ON || violation_is_due(info->si_syscall))
        violation_tell(info->si_syscall, call);
    if (state.mode == SANDBOX_ON)
        raise(signal_number); /* SA_RESETHAND: this time it is the end */
    violation_pass(context, call);
    errno = saved;
}

static void violation_name_calls(void)
{
    for (int i = 0; i < CALLS; i++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);

        if (name)
            snprintf(state.names[i], NAME_SIZE, "%s", name);
        free(name);
    }
}

int violation_prepare(enum sandbox_mode mode)
{
    /* SA_NODEFER: a violation within the handler is no silent death. */
    const struct sigaction action = {
        .sa_sigaction = on_violation,
        .sa_flags = (int)(SA_SIGINFO | SA_NODEFER | (mode == SANDBOX_ON ? SA_RESETHAND : 0)),
    };

    state.mode = mode;
    violation_name_calls();
    return sigaction(SIGSYS, &action, NULL);
}
