/* SPDX-License-Identifier: MIT */
/* What servers ask of their clients: trust that is shared, and hashes that tell demands apart. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define SERVER(name, inside)                                                                       \
    "server { listen 1.1.1.1:443 ssl; server_name " name ";\n ssl_certificate a.crt; "             \
    "ssl_certificate_key a.key; return 204;\n " inside " }\n"
#define TEXT(inside) "netns acme;\n" SERVER("a.test", inside)

static struct slice contents[3];
static struct bundle_trust trusts[3];

static void prepare(struct rig *rig, const char *text, const char *first)
{
    static const char *const paths[] = {"/c/one.pem", "/c/two.pem", "/c/same.pem"};
    const char *const texts[] = {first, "TWO", first};
    rig_init(rig, text);
    rig_add_identity(rig, "a");
    for (unsigned i = 0; i < 3; i++) {
        contents[i] = slice_of(texts[i]);
        trusts[i] = (struct bundle_trust){slice_of(paths[i]), &contents[i], 1};
    }
    rig->bundle.trusts = trusts;
    rig->bundle.trust_count = 3;
}

static const struct tls_verification *of(const struct rig *rig, uint32_t server)
{
    return &rig->tenant->servers[server].tls.verification;
}

Test(verification, off_is_nothing)
{
    struct rig rig;
    prepare(&rig, TEXT("ssl_client_certificate one.pem;"), "ONE");
    cr_assert(rig_build(&rig));
    static const unsigned char zero[32];
    cr_expect_eq(of(&rig, 0)->mode, TLS_VERIFY_OFF);
    cr_expect_eq(memcmp(of(&rig, 0)->hash, zero, sizeof(zero)), 0);
    cr_expect_not(rig.tenant->verifies_clients);
    rig_free(&rig);
}

Test(verification, what_each_file_is_for)
{
    struct rig rig;
    prepare(&rig,
            "netns acme; ssl_verify_depth 2;\n" SERVER(
                "a.test", "ssl_verify_client on; ssl_client_certificate one.pem;")
                SERVER("b.test", "ssl_verify_client optional; ssl_trusted_certificate two.pem;")
                    SERVER("c.test", "ssl_verify_client on; ssl_client_certificate one.pem; "
                                     "ssl_trusted_certificate two.pem;")
                        SERVER("d.test", "ssl_verify_client on; ssl_client_certificate one.pem; "
                                         "ssl_trusted_certificate two.pem;")
                            SERVER("e.test", "ssl_verify_client optional_no_ca;"),
            "ONE");
    cr_assert(rig_build(&rig));
    cr_expect(rig.tenant->verifies_clients);
    cr_expect_eq(of(&rig, 0)->mode, TLS_VERIFY_ON);
    cr_expect_eq(of(&rig, 0)->depth, 2);
    cr_expect_eq(of(&rig, 0)->trust, rig.tenant->trusts[0]);
    cr_expect_eq(of(&rig, 0)->named, rig.tenant->trusts[0]);
    cr_expect_eq(of(&rig, 1)->mode, TLS_VERIFY_OPTIONAL);
    cr_expect_eq(of(&rig, 1)->trust, rig.tenant->trusts[1]);
    cr_expect_null(of(&rig, 1)->named, "nginx tells only ssl_client_certificate");
    cr_expect_neq(of(&rig, 2)->trust, rig.tenant->trusts[0]);
    cr_expect_neq(of(&rig, 2)->trust, rig.tenant->trusts[1]);
    cr_expect_eq(of(&rig, 2)->named, rig.tenant->trusts[0]);
    cr_expect_eq(of(&rig, 3)->trust, of(&rig, 2)->trust, "decoded once");
    cr_expect_eq(of(&rig, 4)->mode, TLS_VERIFY_OPTIONAL_NO_CA);
    cr_expect_null(of(&rig, 4)->trust);
    rig_free(&rig);
}

/* The hash and the session context of a tenant's first server. */
static void digest(const char *text, const char *first, unsigned char out[64])
{
    struct rig rig;
    prepare(&rig, text, first);
    cr_assert(rig_build(&rig));
    memcpy(out, of(&rig, 0)->hash, 32);
    memcpy(out + 32, rig.tenant->servers[0].tls.session_context, 32);
    rig_free(&rig);
}

#define ON "ssl_verify_client on; ssl_client_certificate "

Test(verification, what_differs_has_another_hash_and_another_context)
{
    static const char *const others[] = {
        TEXT(""),
        TEXT("ssl_verify_client optional; ssl_client_certificate one.pem;"),
        TEXT(ON "one.pem; ssl_verify_depth 2;"),
        TEXT(ON "two.pem;"),
        TEXT(ON "one.pem; ssl_trusted_certificate two.pem;"),
    };
    unsigned char base[64], other[64];
    digest(TEXT(ON "one.pem;"), "ONE", base);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        digest(others[i], "ONE", other);
        cr_expect_neq(memcmp(base, other, 32), 0, "%s", others[i]);
        cr_expect_neq(memcmp(base + 32, other + 32, 32), 0, "%s", others[i]);
    }
    digest(TEXT(ON "one.pem;"), "ANOTHER", other);
    cr_expect_neq(memcmp(base, other, 32), 0, "the file's content");
    cr_expect_neq(memcmp(base + 32, other + 32, 32), 0);
    digest(TEXT(ON "same.pem;"), "ONE", other);
    cr_expect_eq(memcmp(base, other, 64), 0, "only its name");
}

Test(verification, a_file_that_was_not_examined)
{
    struct rig rig;
    prepare(&rig, TEXT(ON "missing.pem; ssl_trusted_certificate gone.pem;"), "ONE");
    cr_expect_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 4, "\"/c/missing.pem\" have not been examined"));
    cr_expect(rig_has_diag(&rig, 4, "\"/c/gone.pem\" have not been examined"));
    rig_free(&rig);
}
