/* SPDX-License-Identifier: MIT */
/* The system's CA certificates: from their files to a sealed memfd, so that workers neither open
 * files nor hold them each for itself. */
#include "authorities_internal.h"

#include "base/log.h"
#include "ipc/sealed.h"
#include "tls/tls.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int authorities_read(void)
{
    /* Not of the heap, which would keep room for it; only what is written takes memory. */
    char *room = mmap(NULL, TLS_SYSTEM_MAX, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int fd = -1;

    if (room != MAP_FAILED) {
        fd = sealed_new("nsgate-authorities",
                        (struct slice){room, tls_system_read(room, TLS_SYSTEM_MAX)});
        if (fd < 0)
            log_error("no memory for the system's CA certificates: %s", strerror(errno));
        munmap(room, TLS_SYSTEM_MAX);
    } else {
        log_error("no memory to read the system's CA certificates: %s", strerror(errno));
    }
    return fd;
}
