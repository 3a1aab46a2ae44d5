/* SPDX-License-Identifier: MIT */
/* The memory of a worker's free HTTP/2 streams. */
#ifndef FRONTEND_H2_POOL_INTERNAL_H
#define FRONTEND_H2_POOL_INTERNAL_H

#include <sys/queue.h>

struct front_stream;
TAILQ_HEAD(front_stream_list, front_stream);

struct front_stream_pool {
    struct front_stream_list free;
    unsigned free_count;
};

void front_stream_pool_init(struct front_stream_pool *pool);
void front_stream_pool_free(struct front_stream_pool *pool);

#endif
