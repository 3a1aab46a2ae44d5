/* SPDX-License-Identifier: MIT */
/* What certificates are verified against: a file's certificates (the system's are in system.c). */
#include "tls_internal.h"

#include "base/log.h"

#include <openssl/err.h>
#include <stdlib.h>

struct tls_trust {
    uint32_t references;
    uint32_t count;
    struct slice *certificates; /* in `bytes` */
    char *bytes;
    X509_STORE *store; /* NULL: not decoded */
    STACK_OF(X509_NAME) * names;
};

struct tls_trust *tls_trust_new(const struct slice *certificates, uint32_t count)
{
    struct tls_trust *trust = memory_zeroed(1, sizeof(*trust));
    size_t size = 0;
    char *at;

    for (uint32_t i = 0; i < count; i++)
        size += certificates[i].len;
    trust->references = 1;
    trust->count = count;
    trust->certificates = memory_alloc((count + (size_t)1) * sizeof(trust->certificates[0]));
    trust->bytes = at = memory_alloc(size + 1);
    for (uint32_t i = 0; i < count; i++) {
        trust->certificates[i] = (struct slice){at, certificates[i].len};
        memcpy(at, certificates[i].data, certificates[i].len);
        at += certificates[i].len;
    }
    return trust;
}

struct tls_trust *tls_trust_ref(struct tls_trust *trust)
{
    trust->references++;
    return trust;
}

void tls_trust_unref(struct tls_trust *trust)
{
    if (!trust || --trust->references > 0)
        return;
    X509_STORE_free(trust->store);
    sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
    free(trust->certificates);
    free(trust->bytes);
    free(trust);
}

X509_STORE *tls_store_new(void)
{
    X509_STORE *store = X509_STORE_new();

    if (!store)
        memory_exhausted(0);
    return store;
}

X509_STORE *tls_trust_store(struct tls_trust *trust)
{
    if (trust->store)
        return trust->store;
    trust->store = tls_store_new();
    for (uint32_t i = 0; i < trust->count; i++) {
        const unsigned char *at = (const unsigned char *)trust->certificates[i].data;
        X509 *certificate = d2i_X509_AUX(NULL, &at, (long)trust->certificates[i].len);

        /* The resolver has read it before: without it, less is trusted. */
        if (!certificate || !X509_STORE_add_cert(trust->store, certificate))
            log_error("trusted certificate %u cannot be used", i + 1);
        X509_free(certificate);
    }
    ERR_clear_error();
    return trust->store;
}

/* ---- names ---- */

/* The list of a handshake holds 65,535 bytes, its lengths included (RFC 8446 section 4.2.4). */
#define NAMES_MAX 60000

static STACK_OF(X509_NAME) * new_names(void)
{
    STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

    if (!names)
        memory_exhausted(0);
    return names;
}

/* Each certificate's subject, but for those that have been told. Returns the bytes they take. */
static size_t add_names(STACK_OF(X509_NAME) * names, X509_STORE *store)
{
    STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);
    size_t size = 0;

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *certificate = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
        X509_NAME *copy;

        /* The store keeps certificates of one subject together. */
        if (!name ||
            (sk_X509_NAME_num(names) > 0 &&
             X509_NAME_cmp(sk_X509_NAME_value(names, sk_X509_NAME_num(names) - 1), name) == 0))
            continue;
        copy = X509_NAME_dup(name);
        if (!copy || !sk_X509_NAME_push(names, copy))
            memory_exhausted(0);
        size += (size_t)i2d_X509_NAME(copy, NULL) + 2;
    }
    return size;
}

STACK_OF(X509_NAME) * tls_trust_names(struct tls_trust *trust)
{
    if (trust->names)
        return trust->names;
    trust->names = new_names();
    /* Clients that are told nothing choose among all that they have. */
    if (add_names(trust->names, tls_trust_store(trust)) > NAMES_MAX) {
        sk_X509_NAME_pop_free(trust->names, X509_NAME_free);
        trust->names = new_names();
    }
    return trust->names;
}
