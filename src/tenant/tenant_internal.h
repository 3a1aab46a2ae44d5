/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef TENANT_INTERNAL_H
#define TENANT_INTERNAL_H

#include "tenant/tenant.h"

/* ---- bundles ---- */

#define BUNDLE_NO_FILE UINT32_MAX /* a place without a file */
#define BUNDLE_DEPTH   64         /* blocks in blocks that decoding accepts */

/* ---- regular expressions: only regex.c knows PCRE2 ---- */

enum tenant_match { MATCH_NO, MATCH_YES, MATCH_FAILED };

/* All of one tenant's, with the workspace that they share. Its name and the patterns must outlive
 * them. */
struct tenant_regexes *tenant_regexes_new(struct slice tenant);
void tenant_regexes_free(struct tenant_regexes *regexes); /* NULL is ignored */

/* Gives the workspace back unless it was used since the last call; NULL is ignored. */
void tenant_regexes_trim(struct tenant_regexes *regexes);

/* Owned by regexes. NULL with an error in diags at place. */
struct tenant_regex *tenant_regex_new(struct tenant_regexes *regexes, struct slice pattern,
                                      bool ignores_case, struct diag_place place,
                                      struct diag_list *diags);

/* FAILED: it went past its limits, and whether it matches is unknown. */
enum tenant_match tenant_regex_match(const struct tenant_regex *regex, struct slice subject);

/* The one of a server name. nginx ignores case when the pattern has a capital, since hosts are
 * compared in lower case (ngx_http_core_server_name). */
struct tenant_regex *tenant_regex_for_name(struct tenant_regexes *regexes,
                                           const struct config_name *name, struct diag_list *diags);
/* The one of a location; NULL without an error when it has none. */
struct tenant_regex *tenant_regex_for_location(struct tenant_regexes *regexes,
                                               const struct config_location *location,
                                               struct diag_list *diags);

/* ---- building; everything is made in tenant->config.arena ---- */

/* The names of one listener's servers; NULL when it has one server only, which then gets all. */
struct tenant_names *tenant_names_new(struct tenant *tenant, const struct config_listen *listen,
                                      struct diag_list *diags);

/* server->locations and server->paths */
void tenant_locations_build(struct tenant *tenant, struct tenant_server *server,
                            struct diag_list *diags);

/* tenant->identities, and the tls side of every server that an ssl listener has. */
void tenant_identities_build(struct tenant *tenant, const struct bundle *bundle,
                             struct tls_contexts *contexts, struct diag_list *diags);
void tenant_identities_free(struct tenant_identities *identities); /* NULL is ignored */
void tenant_identities_forget(struct tenant_identities *identities);

/* What a server asks of its clients' certificates; behind tenant_transports_build, which makes what
 * it trusts. */
void tenant_verification_build(struct tenant *tenant, const struct bundle *bundle,
                               struct tenant_server *server, struct diag_list *diags);
void tenant_verification_free(struct tenant_server *server);

/* tenant->trusts, and the tls side and identity of every upstream that has a transport. */
void tenant_transports_build(struct tenant *tenant, const struct bundle *bundle,
                             struct tls_contexts *contexts, struct diag_list *diags);

/* The context for a transport with TLS; NULL with an error. */
struct tls_context *tenant_transport_context(const struct config_transport *transport,
                                             struct tls_contexts *contexts,
                                             struct diag_list *diags);

/* The context for a server's TLS settings; NULL with an error. */
struct tls_context *tenant_server_context(const struct config_server *server,
                                          struct tls_contexts *contexts, struct diag_list *diags);

#endif
