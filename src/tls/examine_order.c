/* SPDX-License-Identifier: MIT */
/* Which certificate is the leaf, and which one signs which. */
#include "examine_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static bool has_key(X509 *certificate, const EVP_PKEY *key)
{
    const EVP_PKEY *own = X509_get0_pubkey(certificate);

    return own && EVP_PKEY_eq(own, key) == 1;
}

static bool has_signed(X509 *issuer, X509 *subject)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);

    return key && X509_check_issued(issuer, subject) == X509_V_OK && X509_verify(subject, key) == 1;
}

static bool is_ordered(const struct examine_chain *chain, const X509 *certificate)
{
    for (uint32_t i = 0; i < chain->ordered_count; i++)
        if (X509_cmp(chain->ordered[i], certificate) == 0)
            return true;
    return false;
}

/* The one that signed the certificate and has no place yet; NULL when it is not there. */
static X509 *find_issuer(const struct examine_chain *chain, X509 *certificate)
{
    for (uint32_t i = 0; i < chain->found_count; i++)
        if (!is_ordered(chain, chain->found[i]) && has_signed(chain->found[i], certificate))
            return chain->found[i];
    return NULL;
}

/* Puts behind the chain what else has signed one of it: a CA that two others have signed. */
static void add_other_paths(struct examine_chain *chain)
{
    for (uint32_t i = 0; i < chain->ordered_count; i++) {
        X509 *issuer;

        while ((issuer = find_issuer(chain, chain->ordered[i])))
            chain->ordered[chain->ordered_count++] = issuer;
    }
}

static void name_of(X509 *certificate, char text[256])
{
    X509_NAME_oneline(X509_get_subject_name(certificate), text, 256);
}

/* What is left over: a copy is dropped, anything else was not meant for this file. */
static int tell_rest(const struct examine_chain *chain, struct diag_place place,
                     struct diag_list *diags)
{
    int result = 0;

    for (uint32_t i = 0; i < chain->found_count; i++) {
        char name[256];

        if (is_ordered(chain, chain->found[i]))
            continue;
        name_of(chain->found[i], name);
        diag_error(diags, place,
                   "certificate %u (%s) does not belong to the chain: it has signed none of it",
                   i + 1, name);
        result = ERROR_CERTIFICATE;
    }
    if (result == 0 && chain->ordered_count < chain->found_count)
        diag_warning(diags, place, "a certificate is in the file more than once");
    return result;
}

int examine_order(struct examine_chain *chain, const EVP_PKEY *key, struct diag_place certificate,
                  struct diag_place key_place, struct diag_list *diags)
{
    X509 *leaf = NULL;
    int result;

    for (uint32_t i = 0; i < chain->found_count && !leaf; i++)
        if (has_key(chain->found[i], key))
            leaf = chain->found[i];
    if (!leaf) {
        diag_error(diags, key_place, "the key does not belong to the certificate");
        ERR_clear_error();
        return ERROR_CERTIFICATE;
    }
    for (X509 *next = leaf; next; next = find_issuer(chain, next))
        chain->ordered[chain->ordered_count++] = next;
    add_other_paths(chain);
    result = tell_rest(chain, certificate, diags);
    ERR_clear_error();
    return result;
}
