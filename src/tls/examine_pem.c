/* SPDX-License-Identifier: MIT */
/* PEM files into certificates and keys. */
#include "examine_internal.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>

static const char *reason_of(unsigned long code)
{
    const char *reason = ERR_reason_error_string(code);

    return reason ? reason : "unknown reason";
}

static BIO *open_pem(struct slice pem)
{
    if (pem.len > INT_MAX)
        return NULL;
    return BIO_new_mem_buf(pem.data, (int)pem.len);
}

/* No passphrase: nobody sits here to type it. Remembers that one was asked for. */
static int on_passphrase(char *buffer, int size, int writing, void *argument)
{
    bool *asked = argument;

    (void)buffer;
    (void)size;
    (void)writing;
    *asked = true;
    return -1;
}

int examine_read_chain(struct slice pem, struct diag_place place, struct examine_chain *chain,
                       struct diag_list *diags)
{
    BIO *bio = pem.len > 0 ? open_pem(pem) : NULL;
    bool asked = false;
    unsigned long code;
    X509 *certificate;
    int result = ERROR_CERTIFICATE;

    if (!bio) {
        diag_error(diags, place, "the certificate file is %s", pem.len ? "too large" : "empty");
        return ERROR_CERTIFICATE;
    }
    ERR_clear_error();
    while ((certificate = PEM_read_bio_X509(bio, NULL, on_passphrase, &asked))) {
        if (chain->found_count == TLS_CHAIN_MAX) {
            diag_error(diags, place, "more than %d certificates in one chain", TLS_CHAIN_MAX);
            X509_free(certificate);
            goto done;
        }
        chain->found[chain->found_count++] = certificate;
    }
    code = ERR_peek_last_error();
    if (ERR_GET_LIB(code) != ERR_LIB_PEM || ERR_GET_REASON(code) != PEM_R_NO_START_LINE)
        diag_error(diags, place, "certificate %u cannot be read: %s", chain->found_count + 1,
                   asked ? "it is encrypted" : reason_of(ERR_peek_error()));
    else if (chain->found_count == 0)
        diag_error(diags, place, "no certificate in PEM form in the file");
    else
        result = 0;
done:
    ERR_clear_error();
    BIO_free(bio);
    return result;
}

EVP_PKEY *examine_read_key(struct slice pem, struct diag_place place, struct diag_list *diags)
{
    BIO *bio = pem.len > 0 ? open_pem(pem) : NULL;
    bool asked = false;
    EVP_PKEY *key;

    if (!bio) {
        diag_error(diags, place, "the key file is %s", pem.len ? "too large" : "empty");
        return NULL;
    }
    ERR_clear_error();
    key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &asked);
    if (!key && asked)
        diag_error(diags, place, "the key is encrypted; only keys without passphrase can be used");
    else if (!key && !memmem(pem.data, pem.len, "PRIVATE KEY-----", 16))
        diag_error(diags, place, "no private key in PEM form in the file");
    else if (!key)
        diag_error(diags, place, "the key cannot be read: %s", reason_of(ERR_peek_last_error()));
    ERR_clear_error();
    BIO_free(bio);
    return key;
}
