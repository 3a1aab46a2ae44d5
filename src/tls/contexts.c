/* SPDX-License-Identifier: MIT */
/* TLS contexts: one per policy, shared by all tenants that use it. */
#include "wire_internal.h"

#include "base/log.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>

/* OpenSSL's default without finite-field groups: a client that offers only ffdhe8192 would cost
 * a hundred times what P-256 costs. Always set, since a connection that changes its context keeps
 * the groups of the first (SSL_set_SSL_CTX switches ciphers, not versions or groups). */
#define DEFAULT_GROUPS "X25519:P-256:X448:P-521:P-384"
/* Of TLS 1.2, towards clients: forward secrecy and AEAD only (RFC 9325 section 4.2), for both kinds
 * of keys. Backends are offered OpenSSL's. */
#define DEFAULT_CIPHERS                                                                            \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                                   \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                                   \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

struct tls_contexts *tls_contexts_new(void)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
    struct tls_contexts *contexts;

    if (!cipher) {
        log_error("OpenSSL's default provider is not loaded: openssl.cnf, or the file that "
                  "OPENSSL_CONF names, must activate it");
        ERR_clear_error();
        return NULL;
    }
    contexts = memory_zeroed(1, sizeof(*contexts));
    contexts->ticket_cipher = cipher;
    contexts->method = wire_method();
    if (!contexts->method)
        memory_exhausted(0);
    return contexts;
}

static void context_free(struct tls_context *context)
{
    SSL_CTX_free(context->ssl);
    free(context->groups);
    free(context->policy);
    free(context);
}

void tls_contexts_free(struct tls_contexts *contexts)
{
    struct tls_context *context, *next;

    if (!contexts)
        return;
    HASH_ITER (hh, contexts->by_policy, context, next) {
        HASH_DEL(contexts->by_policy, context);
        context_free(context);
    }
    tls_system_free(&contexts->system);
    BIO_meth_free(contexts->method);
    EVP_CIPHER_free(contexts->ticket_cipher);
    free(contexts);
}

static void configure(SSL_CTX *ssl)
{
    SSL_CTX_set_security_level(ssl, 2);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* It would hide truncation; the system's openssl.cnf may have switched it on. */
    SSL_CTX_clear_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
}

static void configure_server(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ssl, 2);
    SSL_CTX_set_client_hello_cb(ssl, tls_hello_on_client_hello, NULL);
    SSL_CTX_set_tlsext_servername_callback(ssl, tls_hello_on_server_name);
    SSL_CTX_set_alpn_select_cb(ssl, tls_hello_on_alpn, NULL);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ssl, tls_ticket_on_key);
    SSL_CTX_set_session_ticket_cb(ssl, tls_ticket_on_issue, tls_ticket_on_open, NULL);
}

/* Sessions go to whoever connects: a cache of the context's would mix servers. */
static void configure_client(SSL_CTX *ssl)
{
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ssl, tls_session_on_new);
}

/* Servers that inherit a text share its mistake. */
static bool is_told(const struct diag_list *diags, struct diag_place place)
{
    const struct diag *diag;

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (diag->severity == DIAG_ERROR && diag->place.line == place.line &&
            diag->place.column == place.column && diag->place.file && place.file &&
            strcmp(diag->place.file, place.file) == 0)
            return true;
    }
    return false;
}

/* OpenSSL's reason; of groups, its details name the one that it does not know. */
static const char *reason_of_refusal(void)
{
    const char *details = NULL, *reason;
    int flags = 0;

    reason = ERR_reason_error_string(ERR_peek_error_data(&details, &flags));
    if (flags & ERR_TXT_STRING && details && *details)
        return details;
    return reason ? reason : "not accepted";
}

/* Whether OpenSSL accepted a text of the policy: 0, or -1 with an error in diags. */
static int check(int accepted, const char *what, const char *text, struct diag_place place,
                 struct diag_list *diags)
{
    if (accepted == 1)
        return 0;
    if (!is_told(diags, place))
        diag_error(diags, place, "invalid %s \"%s\": %s", what, text, reason_of_refusal());
    ERR_clear_error();
    return -1;
}

static struct tls_context *context_new(struct tls_contexts *contexts, bool is_client,
                                       uint32_t versions, const char *groups)
{
    struct tls_context *context = memory_zeroed(1, sizeof(*context));

    context->contexts = contexts;
    context->min_version = versions & TLS_VERSION_1_2 ? TLS1_2_VERSION : TLS1_3_VERSION;
    context->max_version = versions & TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    context->groups = memory_text(groups);
    context->ssl = SSL_CTX_new(is_client ? TLS_client_method() : TLS_server_method());
    if (!context->ssl)
        memory_exhausted(0);
    configure(context->ssl);
    if (is_client)
        configure_client(context->ssl);
    else
        configure_server(context->ssl);
    SSL_CTX_set_min_proto_version(context->ssl, context->min_version);
    SSL_CTX_set_max_proto_version(context->ssl, context->max_version);
    return context;
}

static char *text_of(struct slice s)
{
    char *text = memory_alloc(s.len + 1);

    if (s.len > 0)
        memcpy(text, s.data, s.len);
    text[s.len] = '\0';
    return text;
}

static struct tls_context *context_get(struct tls_contexts *contexts, bool is_client,
                                       const struct tls_policy *policy, struct diag_list *diags)
{
    uint32_t versions = policy->versions ? policy->versions : TLS_VERSIONS;
    bool is_auto = policy->groups.len == 0 || slice_equal(policy->groups, SLICE("auto"));
    char *ciphers =
        text_of(policy->ciphers.len > 0 || is_client ? policy->ciphers : SLICE(DEFAULT_CIPHERS));
    char *groups = text_of(is_auto ? SLICE(DEFAULT_GROUPS) : policy->groups);
    size_t size = strlen(ciphers) + strlen(groups) + 16;
    char *key = memory_alloc(size);
    struct tls_context *context;
    bool is_good = true;

    snprintf(key, size, "%c%u %s %s", is_client ? 'c' : 's', versions, ciphers, groups);
    HASH_FIND_STR(contexts->by_policy, key, context);
    if (context) {
        free(key);
        goto done;
    }
    context = context_new(contexts, is_client, versions, groups);
    context->policy = key;
    ERR_clear_error();
    if (*ciphers && check(SSL_CTX_set_cipher_list(context->ssl, ciphers), "cipher list", ciphers,
                          policy->ciphers_place, diags) < 0)
        is_good = false;
    if (check((int)SSL_CTX_set1_groups_list(context->ssl, groups), "group list", groups,
              policy->groups_place, diags) < 0)
        is_good = false;
    if (!is_good) {
        context_free(context);
        context = NULL;
        goto done;
    }
    HASH_ADD_KEYPTR(hh, contexts->by_policy, context->policy, strlen(context->policy), context);
done:
    free(ciphers);
    free(groups);
    return context;
}

struct tls_context *tls_context_get(struct tls_contexts *contexts, const struct tls_policy *policy,
                                    struct diag_list *diags)
{
    return context_get(contexts, false, policy, diags);
}

struct tls_context *tls_client_context_get(struct tls_contexts *contexts,
                                           const struct tls_policy *policy, struct diag_list *diags)
{
    return context_get(contexts, true, policy, diags);
}
