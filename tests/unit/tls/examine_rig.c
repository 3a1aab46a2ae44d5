/* SPDX-License-Identifier: MIT */
/* One examination: see the header. */
#include "examine_rig.h"

#include <criterion/criterion.h>
#include <time.h>

static const struct diag_place certificate_place = {"a.conf", 3, 5}, key_place = {"a.conf", 4, 5};

struct examine_rig examined;

void examine_start(void)
{
    arena_init(&examined.arena, 4096);
    diag_list_init(&examined.diags);
    pki_make(&examined.pki);
}

void examine_stop(void)
{
    pki_free(&examined.pki);
    diag_list_free(&examined.diags);
    arena_free(&examined.arena);
}

void examine_forget(void)
{
    diag_list_free(&examined.diags);
    diag_list_init(&examined.diags);
}

int examine_text(struct slice chain, struct slice key)
{
    return tls_examine(
        &examined.arena,
        &(struct tls_pem_pair){.certificate = {chain, certificate_place}, .key = {key, key_place}},
        time(NULL), &examined.der, &examined.diags);
}

int examine(X509 *const *certificates, int count, EVP_PKEY *key)
{
    struct slice chain = pki_certificates_pem(certificates, count), secret = pki_key_pem(key);
    int result = examine_text(chain, secret);

    free((char *)chain.data);
    free((char *)secret.data);
    return result;
}

void assert_told(const char *expected)
{
    char text[512];

    cr_assert_not(STAILQ_EMPTY(&examined.diags.items));
    diag_format(STAILQ_FIRST(&examined.diags.items), text, sizeof(text));
    cr_assert_not_null(strstr(text, expected), "told: %s", text);
    cr_assert_null(STAILQ_NEXT(STAILQ_FIRST(&examined.diags.items), next), "one message each");
}

void assert_chain(uint32_t index, X509 *expected)
{
    const unsigned char *at = (const unsigned char *)examined.der.chain[index].data;
    X509 *certificate = d2i_X509(NULL, &at, (long)examined.der.chain[index].len);

    cr_assert_not_null(certificate);
    cr_assert_eq(X509_cmp(certificate, expected), 0);
    X509_free(certificate);
}
