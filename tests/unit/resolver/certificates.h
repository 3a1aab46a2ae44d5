/* SPDX-License-Identifier: MIT */
/* Self-signed certificates and keys, made when a test needs them. */
#ifndef TESTS_RESOLVER_CERTIFICATES_H
#define TESTS_RESOLVER_CERTIFICATES_H

struct pem_pair {
    char *certificate; /* NUL-terminated PEM */
    char *key;
};

/* ECDSA P-256 for "acme.test", valid from now + from to now + to, in seconds. */
void pem_pair_make(struct pem_pair *pair, long from, long to);
void pem_pair_free(struct pem_pair *pair);

#endif
