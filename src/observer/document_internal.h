/* SPDX-License-Identifier: MIT */
/* The page that people look at: one HTML document, whose parts are in page/. */
#ifndef OBSERVER_DOCUMENT_INTERNAL_H
#define OBSERVER_DOCUMENT_INTERNAL_H

#include "base/slice.h"

/* Nothing is loaded from anywhere, only the document's own style and script apply, no text ever
 * becomes markup, and only this observer is asked. */
#define DOCUMENT_POLICY(style, script)                                                             \
    "default-src 'none'; style-src " style "; script-src " script                                  \
    "; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"                     \
    "; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

extern const struct slice document_bytes;
extern const char document_policy[]; /* of Content-Security-Policy */

#endif
