/* SPDX-License-Identifier: MIT */
/* Which certificate is the leaf, and which one signs which. */
#include "examine_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* Certificates that do not belong to the chain are named, up to so many. */
#define STRANGERS_TOLD 4

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

/* False when the chain is full. */
static bool append(struct examine_chain *chain, X509 *certificate)
{
    if (chain->ordered_count == TLS_CHAIN_MAX)
        return false;
    chain->ordered[chain->ordered_count++] = certificate;
    return true;
}

/* The leaf and what leads up from it; and behind that, what else has signed one of it: a CA that
 * two others have signed. False when that is too much. */
static bool build(struct examine_chain *chain, X509 *leaf)
{
    for (X509 *next = leaf; next; next = find_issuer(chain, next))
        if (!append(chain, next))
            return false;
    for (uint32_t i = 0; i < chain->ordered_count; i++) {
        X509 *issuer;

        while ((issuer = find_issuer(chain, chain->ordered[i])))
            if (!append(chain, issuer))
                return false;
    }
    return true;
}

/* What is left over is not sent to clients: copies, and what was not meant for this file. */
static void tell_rest(const struct examine_chain *chain, struct diag_place place,
                      struct diag_list *diags)
{
    uint32_t strangers = 0;

    for (uint32_t i = 0; i < chain->found_count; i++) {
        char name[256];

        if (is_ordered(chain, chain->found[i]) || ++strangers > STRANGERS_TOLD)
            continue;
        X509_NAME_oneline(X509_get_subject_name(chain->found[i]), name, sizeof(name));
        diag_warning(diags, place,
                     "certificate %u (%s) does not belong to the chain and is left out: it has "
                     "signed none of it",
                     i + 1, name);
    }
    if (strangers > STRANGERS_TOLD)
        diag_warning(diags, place, "%u more certificates do not belong to the chain",
                     strangers - STRANGERS_TOLD);
    if (chain->ordered_count + strangers < chain->found_count)
        diag_warning(diags, place, "a certificate is in the file more than once");
}

int examine_order(struct examine_chain *chain, const EVP_PKEY *key, struct diag_place certificate,
                  struct diag_place key_place, struct diag_list *diags)
{
    X509 *leaf = NULL;
    int result = ERROR_CERTIFICATE;

    for (uint32_t i = 0; i < chain->found_count && !leaf; i++)
        if (has_key(chain->found[i], key))
            leaf = chain->found[i];
    if (!leaf) {
        diag_error(diags, key_place, "the key does not belong to the certificate");
    } else if (!build(chain, leaf)) {
        diag_error(diags, certificate, "more than %d certificates in one chain", TLS_CHAIN_MAX);
    } else {
        tell_rest(chain, certificate, diags);
        result = 0;
    }
    ERR_clear_error();
    return result;
}
