/* SPDX-License-Identifier: MIT */
/* What the supervisor keeps of root's power. */
#include "daemon/privileges.h"

#include "base/log.h"

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The reason stands beside each. */
static const unsigned kept_capabilities[] = {
    CAP_SYS_ADMIN,        /* setns(2) */
    CAP_NET_BIND_SERVICE, /* ports below 1024 in the host's namespace */
    CAP_SYS_PTRACE,       /* /proc/PID/ns/net of other users' processes */
    CAP_DAC_READ_SEARCH,  /* keys that only their owner may read */
    CAP_SETUID,           /* children become the unprivileged user */
    CAP_SETGID,
    CAP_SETPCAP, /* children drop the bounding set */
    CAP_KILL,    /* signals to children under their own user */
};

/* Keys of all tenants are in our memory: no core dump, no ptrace(2) by our own user. */
static int privileges_close_memory(void)
{
    if (prctl(PR_SET_DUMPABLE, 0) == 0)
        return 0;
    log_error("cannot become undumpable: %s", strerror(errno));
    return -1;
}

int privileges_reduce(void)
{
    bool has[sizeof(kept_capabilities) / sizeof(kept_capabilities[0])];
    size_t count = sizeof(has) / sizeof(has[0]);
    int result;

    if (geteuid() != 0) {
        log_notice("not root: only `netns host` can be served, on ports that are open to all");
        return privileges_close_memory();
    }
    capng_get_caps_process();
    for (size_t i = 0; i < count; i++) {
        has[i] = capng_have_capability(CAPNG_PERMITTED, kept_capabilities[i]) != 0;
        if (!has[i])
            log_warn("capability %s is missing", capng_capability_to_name(kept_capabilities[i]));
    }
    /* The bounding set too: root gets all of it back by an exec otherwise (capabilities(7)). */
    capng_clear(CAPNG_SELECT_ALL);
    for (size_t i = 0; i < count; i++) {
        if (has[i])
            capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
                         kept_capabilities[i]);
    }
    result = capng_apply(CAPNG_SELECT_ALL);
    if (result == 0)
        return privileges_close_memory();
    log_error("cannot reduce the capabilities (libcap-ng says %d)", result);
    return -1;
}

void privileges_raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            log_warn("cannot raise the limit of descriptors: %s", strerror(errno));
    }
}
