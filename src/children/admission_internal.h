/* SPDX-License-Identifier: MIT */
/* Which messages of children are looked at: one allowance per child, over all of them. */
#ifndef CHILDREN_ADMISSION_INTERNAL_H
#define CHILDREN_ADMISSION_INTERNAL_H

#include "ipc/channel.h"

/* As ipc_channel_set_admit has it; the owner is the child. */
enum ipc_admission admission_judge(void *owner, const struct ipc_announced *announced);

#endif
