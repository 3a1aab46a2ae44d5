/* SPDX-License-Identifier: MIT */
/* Ports for tests that run at the same time. */
#ifndef TESTS_SHARED_PORT_H
#define TESTS_SHARED_PORT_H

/* A free port of 127.0.0.1, which no other test gets while this one runs. */
int rig_port(void);

#endif
