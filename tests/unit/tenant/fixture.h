/* SPDX-License-Identifier: MIT */
/* A tenant file's text, on its way to a bundle and a runtime. */
#ifndef TESTS_TENANT_FIXTURE_H
#define TESTS_TENANT_FIXTURE_H

#include "tenant/tenant.h"

struct fixture {
    struct config_tree tree;
    struct arena arena;
    struct diag_list diags;
    struct bundle bundle;
    struct tls_contexts *contexts;
    struct tenant *tenant; /* NULL until fixture_build */
};

/* Parses text (which must be free of syntax errors) into a bundle of the tenant "acme". */
void fixture_init(struct fixture *fixture, const char *text);
/* Adds an examined pair "/c/NAME.crt", "/c/NAME.key" made of filler bytes. */
void fixture_add_identity(struct fixture *fixture, const char *name);
/* Adds a resolved name with IPv4 addresses 192.0.2.1 to 192.0.2.COUNT. */
void fixture_add_name(struct fixture *fixture, const char *host, uint16_t port, uint32_t count);
/* Builds fixture->tenant; false with errors in diags. */
bool fixture_build(struct fixture *fixture);
/* All of that, with an assertion; no identities and no names. */
void fixture_run(struct fixture *fixture, const char *text);
/* A bundle that has everything: defaults, files, identities, names, trusted certificates. */
void fixture_fill(struct fixture *fixture);
void fixture_free(struct fixture *fixture);

/* Whether a diag at that line has the text in its message. */
bool fixture_has_diag(const struct fixture *fixture, uint32_t line, const char *text);

#endif
