/* SPDX-License-Identifier: MIT */
/* What the observer shows under which path. */
#ifndef OBSERVER_PAGES_INTERNAL_H
#define OBSERVER_PAGES_INTERNAL_H

#include "feed_internal.h"
#include "status_internal.h"

struct page {
    const char *path;
    const char *type;   /* of what it is */
    const char *policy; /* of security, for browsers; NULL: it is no document */
    bool needs_status;  /* it waits for a fresh one */
    /* Its answer: returns the HTTP status, and the body in *text. */
    int (*make)(const struct status *status, struct text **text);
    /* In its place, what the body is made of while it is written. */
    int (*open)(struct feed **feed, struct looks *looks, const struct feed_request *request);
};

/* The page of a path; where there is none, one that tells which there are. Never NULL. */
const struct page *pages_find(struct slice path);

/* The answer to what cannot be answered: a line of text. */
const struct page *pages_refusal(int status);

#endif
