/* SPDX-License-Identifier: MIT */
/* The way of one tenant's file: read, examined, accepted, put in force. */
#ifndef RELOAD_TENANT_RELOAD_INTERNAL_H
#define RELOAD_TENANT_RELOAD_INTERNAL_H

#include "reload/reload.h"

/* Reads the record's file; what comes of it follows, at once or when the resolver has answered. */
void tenant_reload_begin(struct reload *reload, struct record *record);

/* All of the reload's tenants are decided but those who want what others have had: they get it now,
 * if those have given it up, or are refused. */
void tenant_reload_settle(struct reload *reload);

/* What the resolver and time lead to. Their owner is the reload. */
extern const struct examiner_events tenant_reload_examiner;
extern const struct retry_events tenant_reload_retry;

#endif
