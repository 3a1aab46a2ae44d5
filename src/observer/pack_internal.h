/* SPDX-License-Identifier: MIT */
/* An answer as gzip (RFC 1952), piece by piece. */
#ifndef OBSERVER_PACK_INTERNAL_H
#define OBSERVER_PACK_INTERNAL_H

#include <stddef.h>

struct pack;

/* Plain bytes, as feed_read gives them. */
typedef size_t pack_source(void *owner, char *buffer, size_t size);

struct pack *pack_new(pack_source *source, void *owner);
/* NULL is ignored. */
void pack_free(struct pack *pack);
/* Fills the buffer. Returns how many bytes; 0: that was all. */
size_t pack_read(struct pack *pack, char *buffer, size_t size);

#endif
