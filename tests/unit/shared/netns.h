/* SPDX-License-Identifier: MIT */
/* Processes in network namespaces of their own, for tests of what binds in them. */
#ifndef SHARED_NETNS_H
#define SHARED_NETNS_H

#include <sys/types.h>

/* A process that sits in a new namespace, until test_netns_end; the test is
 * skipped where none can be made. path: its /proc/PID/ns/net. */
pid_t test_netns_start(char path[64]);
void test_netns_end(pid_t process);
/* Its loopback device is up from now on: 127.0.0.1 is there. */
void test_netns_raise(const char *path);

#endif
