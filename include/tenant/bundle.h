/* SPDX-License-Identifier: MIT */
/* The bundle: everything that one tenant is, on its way between processes. The supervisor puts
 * raw files in; the resolver turns them into DER and addresses, which the supervisor puts in their
 * place; workers build from that. */
#ifndef TENANT_BUNDLE_H
#define TENANT_BUNDLE_H

#include "base/address.h"
#include "config/model.h"
#include "ipc/wire.h"
#include "tls/client.h"

/* The first four bytes. Another one with every change of the format: a binary that takes over from
 * another one must not misread what that one kept. */
#define BUNDLE_MAGIC 0x62677333u

/* A file that the configuration names, as the supervisor read it. */
struct bundle_file {
    struct slice path;
    struct slice bytes;
    bool is_private; /* a key: wiped */
};

/* A pair of files, as the resolver examined it; found by its two paths. */
struct bundle_identity {
    struct slice certificate_path;
    struct slice key_path;
    struct tls_der der;
};

/* A file of certificates that backends are verified against, as the resolver examined it. */
struct bundle_trust {
    struct slice path;
    struct slice *certificates; /* DER */
    uint32_t certificate_count; /* at most TLS_TRUST_MAX */
};

/* A host name and what it stands for at the time. */
struct bundle_name {
    struct slice host;
    uint16_t port;
    struct address *addresses;
    uint32_t address_count;
};

/* Slices point into the bytes it was decoded from, or wherever its maker had them. */
struct bundle {
    struct slice tenant;
    struct slice folder;                 /* what relative paths start from */
    const struct config_block *defaults; /* NULL when there are none */
    const struct config_block *root;
    struct bundle_file *files; /* raw bundles only */
    uint32_t file_count;
    struct bundle_identity *identities; /* examined bundles only */
    uint32_t identity_count;
    struct bundle_trust *trusts; /* examined bundles only */
    uint32_t trust_count;
    struct bundle_name *names; /* raw ones: what is known of before */
    uint32_t name_count;
};

/* Both directions agree byte for byte: the same bundle gives the same bytes, so that bytes that
 * are equal mean "nothing changed" (bundle_content: but for places). */
void bundle_encode(struct wire_writer *writer, const struct bundle *bundle);

/* Fills *bundle; nodes are made in the arena, texts point into bytes. Returns 0 or ERROR_IPC. */
int bundle_decode(struct bundle *bundle, struct arena *arena, struct slice bytes);

/* What the resolver has to say of a bundle: its identities, trusts and names, and nothing else. The
 * tree stays that of who sent it. The second puts them in place of those that *bundle has. Returns
 * 0 or ERROR_IPC. */
void bundle_put_findings(struct wire_writer *writer, const struct bundle *bundle);
int bundle_get_findings(struct bundle *bundle, struct arena *arena, struct slice bytes);

/* An encoded bundle's two parts: what it says, and behind it where the words of its trees stand in
 * which files. Equal content means the same tenant, wherever its lines stand; the places of one
 * fit the content of another whose trees are equal. */
struct slice bundle_content(struct slice bytes);
struct slice bundle_places(struct slice bytes);

const struct bundle_file *bundle_find_file(const struct bundle *bundle, struct slice path);
const struct bundle_identity *bundle_find_identity(const struct bundle *bundle,
                                                   struct slice certificate, struct slice key);
const struct bundle_trust *bundle_find_trust(const struct bundle *bundle, struct slice path);
const struct bundle_name *bundle_find_name(const struct bundle *bundle, struct slice host,
                                           uint16_t port);

/* The model that it says: config_tenant_build. */
int bundle_build_model(const struct bundle *bundle, struct config_tenant *model,
                       struct diag_list *diags);

/* Diags travel too. */
void bundle_put_diags(struct wire_writer *writer, const struct diag_list *diags);
int bundle_get_diags(struct wire_reader *reader, struct diag_list *diags);

#endif
