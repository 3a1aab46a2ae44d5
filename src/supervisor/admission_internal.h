/* SPDX-License-Identifier: MIT */
/* Which messages of children are looked at: one allowance per child, over all of them. */
#ifndef SUPERVISOR_ADMISSION_INTERNAL_H
#define SUPERVISOR_ADMISSION_INTERNAL_H

#include "ipc/channel.h"

struct child;

/* As ipc_channel_set_admit has it; the owner is the child. */
enum ipc_admission admission_judge(void *owner, const struct ipc_announced *announced);

/* A message has led to more work than most of its kind: microseconds of it. */
void admission_charge(struct child *child, double cost);

#endif
