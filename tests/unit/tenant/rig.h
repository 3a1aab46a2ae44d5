/* SPDX-License-Identifier: MIT */
/* A tenant file's text, on its way to a bundle and a runtime. */
#ifndef TESTS_TENANT_RIG_H
#define TESTS_TENANT_RIG_H

#include "tenant/tenant.h"

struct rig {
    struct config_tree tree;
    struct arena arena;
    struct diag_list diags;
    struct bundle bundle;
    struct tls_contexts *contexts;
    struct tenant *tenant; /* NULL until rig_build */
};

/* Parses text (which must be free of syntax errors) into a bundle of the tenant "acme". */
void rig_init(struct rig *rig, const char *text);
/* Adds an examined pair "/c/NAME.crt", "/c/NAME.key" made of filler bytes. */
void rig_add_identity(struct rig *rig, const char *name);
/* Adds a resolved name with IPv4 addresses 192.0.2.1 to 192.0.2.COUNT. */
void rig_add_name(struct rig *rig, const char *host, uint16_t port, uint32_t count);
/* Builds rig->tenant; false with errors in diags. */
bool rig_build(struct rig *rig);
/* All of that, with an assertion; no identities and no names. */
void rig_run(struct rig *rig, const char *text);
/* A bundle that has everything: defaults, files, identities, names, trusted certificates. */
void rig_fill(struct rig *rig);
void rig_free(struct rig *rig);

/* Whether a diag at that line has the text in its message. */
bool rig_has_diag(const struct rig *rig, uint32_t line, const char *text);

#endif
