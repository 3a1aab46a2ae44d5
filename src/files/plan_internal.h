/* SPDX-License-Identifier: MIT */
/* What the files that make plans share. */
#ifndef FILES_PLAN_INTERNAL_H
#define FILES_PLAN_INTERNAL_H

#include "files/plan.h"

void plan_certificate_free(struct plan_certificate *certificate);

/* Those that the model's servers have, none twice. */
void plan_fill_certificates(struct plan *plan, const struct config_tenant *model);

#endif
