/* SPDX-License-Identifier: MIT */
/* A tenant file's text, on its way to a bundle and a runtime. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define FILLER 700 /* bytes of DER that an ECDSA certificate takes */

void rig_init(struct rig *rig, const char *text)
{
    memset(rig, 0, sizeof(*rig));
    config_tree_init(&rig->tree);
    arena_init(&rig->arena, 4096);
    diag_list_init(&rig->diags);
    rig->contexts = tls_contexts_new();
    int result = config_parse_text(&rig->tree, &config_files, "/etc/nsgate/acme.conf",
                                   slice_of(text), &rig->diags);
    cr_assert_eq(result, 0, "the test's own text has a syntax error");
    rig->bundle.tenant = SLICE("acme");
    rig->bundle.folder = SLICE("/c");
    rig->bundle.root = &rig->tree.root;
}

void rig_add_identity(struct rig *rig, const char *name)
{
    struct bundle *bundle = &rig->bundle;
    struct bundle_identity *all =
        ARENA_ARRAY(&rig->arena, struct bundle_identity, bundle->identity_count + 1);
    if (bundle->identity_count > 0)
        memcpy(all, bundle->identities, bundle->identity_count * sizeof(*all));
    struct bundle_identity *identity = &all[bundle->identity_count++];
    identity->certificate_path = arena_printf(&rig->arena, "/c/%s.crt", name);
    identity->key_path = arena_printf(&rig->arena, "/c/%s.key", name);
    char *filler = arena_zeroed(&rig->arena, FILLER);
    memset(filler, name[0], FILLER);
    identity->der.chain[0] = (struct slice){filler, FILLER};
    identity->der.chain_count = 1;
    identity->der.key = (struct slice){filler, 138};
    identity->der.serial = SLICE("0A1B2C");
    identity->der.not_before = 1;
    identity->der.not_after = 4102444800;
    bundle->identities = all;
}

void rig_add_name(struct rig *rig, const char *host, uint16_t port, uint32_t count)
{
    struct bundle *bundle = &rig->bundle;
    struct bundle_name *all = ARENA_ARRAY(&rig->arena, struct bundle_name, bundle->name_count + 1);
    if (bundle->name_count > 0)
        memcpy(all, bundle->names, bundle->name_count * sizeof(*all));
    struct bundle_name *name = &all[bundle->name_count++];
    name->host = slice_of(host);
    name->port = port;
    name->address_count = count;
    name->addresses = ARENA_ARRAY(&rig->arena, struct address, count);
    for (uint32_t i = 0; i < count; i++) {
        name->addresses[i].v4 = (struct sockaddr_in){
            .sin_family = AF_INET,
            .sin_port = htons(port),
            .sin_addr.s_addr = htonl(0xc0000201 + i),
        };
        name->addresses[i].len = sizeof(struct sockaddr_in);
    }
    bundle->names = all;
}

bool rig_build(struct rig *rig)
{
    rig->tenant = tenant_new(&rig->bundle, rig->contexts, &rig->diags);
    return rig->tenant != NULL;
}

void rig_run(struct rig *rig, const char *text)
{
    rig_init(rig, text);
    bool built = rig_build(rig);
    const struct diag *diag;
    STAILQ_FOREACH (diag, &rig->diags.items, next) {
        char line[512];
        diag_format(diag, line, sizeof(line));
        cr_log_info("%s", line);
    }
    cr_assert(built);
}

void rig_free(struct rig *rig)
{
    if (rig->tenant)
        tenant_unref(rig->tenant);
    tls_contexts_free(rig->contexts);
    diag_list_free(&rig->diags);
    arena_free(&rig->arena);
    config_tree_free(&rig->tree);
}

bool rig_has_diag(const struct rig *rig, uint32_t line, const char *text)
{
    const struct diag *diag;
    STAILQ_FOREACH (diag, &rig->diags.items, next) {
        if (diag->place.line == line && strstr(diag->message, text))
            return true;
    }
    return false;
}

static const char FULL_TEXT[] = "netns acme;\n"
                                "upstream app { server app.internal:80; }\n"
                                "server {\n"
                                "    listen 10.0.0.1:443 ssl;\n"
                                "    server_name \"acme.test\";\n"
                                "    location / { proxy_pass http://app; }\n"
                                "}\n";

void rig_fill(struct rig *rig)
{
    static struct bundle_file files[2];
    rig_init(rig, FULL_TEXT);
    rig->bundle.defaults = &rig->tree.root;
    rig_add_identity(rig, "acme");
    rig_add_identity(rig, "rsa");
    rig_add_name(rig, "app.internal", 80, 3);
    files[0] = (struct bundle_file){SLICE("/c/acme.crt"), SLICE("PEM"), false};
    files[1] = (struct bundle_file){SLICE("/c/acme.key"), SLICE("KEY\0KEY"), true};
    static struct slice trusted[2];
    static struct bundle_trust trust;
    trusted[0] = SLICE("DER one");
    trusted[1] = SLICE("DER two");
    trust = (struct bundle_trust){SLICE("/c/ca.pem"), trusted, 2};
    rig->bundle.trusts = &trust;
    rig->bundle.trust_count = 1;
    rig->bundle.files = files;
    rig->bundle.file_count = 2;
}
