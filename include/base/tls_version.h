/* SPDX-License-Identifier: MIT */
/* Versions of TLS, as the configuration names them and connections allow them. */
#ifndef BASE_TLS_VERSION_H
#define BASE_TLS_VERSION_H

#include <stdint.h>

enum tls_version { TLS_VERSION_1_2 = 1 << 0, TLS_VERSION_1_3 = 1 << 1 };

#define TLS_VERSIONS ((uint32_t)(TLS_VERSION_1_2 | TLS_VERSION_1_3))

#endif
