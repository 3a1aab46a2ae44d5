/* SPDX-License-Identifier: MIT */
/* A tenant file's text, on its way to a bundle and a runtime. */
#include "tenant/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define FILLER 700 /* bytes of DER that an ECDSA certificate takes */

void fixture_init(struct fixture *fixture, const char *text)
{
    memset(fixture, 0, sizeof(*fixture));
    config_tree_init(&fixture->tree);
    arena_init(&fixture->arena, 4096);
    diag_list_init(&fixture->diags);
    fixture->contexts = tls_contexts_new();
    int result = config_parse_text(&fixture->tree, &config_files, "/etc/nsgate/acme.conf",
                                   slice_of(text), &fixture->diags);
    cr_assert_eq(result, 0, "the test's own text has a syntax error");
    fixture->bundle.tenant = SLICE("acme");
    fixture->bundle.folder = SLICE("/c");
    fixture->bundle.root = &fixture->tree.root;
}

void fixture_add_identity(struct fixture *fixture, const char *name)
{
    struct bundle *bundle = &fixture->bundle;
    struct bundle_identity *all =
        ARENA_ARRAY(&fixture->arena, struct bundle_identity, bundle->identity_count + 1);
    if (bundle->identity_count > 0)
        memcpy(all, bundle->identities, bundle->identity_count * sizeof(*all));
    struct bundle_identity *identity = &all[bundle->identity_count++];
    identity->certificate_path = arena_printf(&fixture->arena, "/c/%s.crt", name);
    identity->key_path = arena_printf(&fixture->arena, "/c/%s.key", name);
    char *filler = arena_zeroed(&fixture->arena, FILLER);
    memset(filler, name[0], FILLER);
    identity->der.chain[0] = (struct slice){filler, FILLER};
    identity->der.chain_count = 1;
    identity->der.key = (struct slice){filler, 138};
    identity->der.serial = SLICE("0A1B2C");
    identity->der.not_before = 1;
    identity->der.not_after = 4102444800;
    bundle->identities = all;
}

void fixture_add_name(struct fixture *fixture, const char *host, uint16_t port, uint32_t count)
{
    struct bundle *bundle = &fixture->bundle;
    struct bundle_name *all =
        ARENA_ARRAY(&fixture->arena, struct bundle_name, bundle->name_count + 1);
    if (bundle->name_count > 0)
        memcpy(all, bundle->names, bundle->name_count * sizeof(*all));
    struct bundle_name *name = &all[bundle->name_count++];
    name->host = slice_of(host);
    name->port = port;
    name->address_count = count;
    name->addresses = ARENA_ARRAY(&fixture->arena, struct address, count);
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

bool fixture_build(struct fixture *fixture)
{
    fixture->tenant = tenant_new(&fixture->bundle, fixture->contexts, &fixture->diags);
    return fixture->tenant != NULL;
}

void fixture_run(struct fixture *fixture, const char *text)
{
    fixture_init(fixture, text);
    bool built = fixture_build(fixture);
    const struct diag *diag;
    STAILQ_FOREACH (diag, &fixture->diags.items, next) {
        char line[512];
        diag_format(diag, line, sizeof(line));
        cr_log_info("%s", line);
    }
    cr_assert(built);
}

void fixture_free(struct fixture *fixture)
{
    if (fixture->tenant)
        tenant_unref(fixture->tenant);
    tls_contexts_free(fixture->contexts);
    diag_list_free(&fixture->diags);
    arena_free(&fixture->arena);
    config_tree_free(&fixture->tree);
}

bool fixture_has_diag(const struct fixture *fixture, uint32_t line, const char *text)
{
    const struct diag *diag;
    STAILQ_FOREACH (diag, &fixture->diags.items, next) {
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

void fixture_fill(struct fixture *fixture)
{
    static struct bundle_file files[2];
    fixture_init(fixture, FULL_TEXT);
    fixture->bundle.defaults = &fixture->tree.root;
    fixture_add_identity(fixture, "acme");
    fixture_add_identity(fixture, "rsa");
    fixture_add_name(fixture, "app.internal", 80, 3);
    files[0] = (struct bundle_file){SLICE("/c/acme.crt"), SLICE("PEM"), false};
    files[1] = (struct bundle_file){SLICE("/c/acme.key"), SLICE("KEY\0KEY"), true};
    static struct slice trusted[2];
    static struct bundle_trust trust;
    trusted[0] = SLICE("DER one");
    trusted[1] = SLICE("DER two");
    trust = (struct bundle_trust){SLICE("/c/ca.pem"), trusted, 2};
    fixture->bundle.trusts = &trust;
    fixture->bundle.trust_count = 1;
    fixture->bundle.files = files;
    fixture->bundle.file_count = 2;
}
