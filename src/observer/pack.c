/* SPDX-License-Identifier: MIT */
/* Packs what a source gives. */
#include "pack_internal.h"

#include "base/memory.h"
#include "metrics/render.h"

#include <stdlib.h>
#include <zlib.h>

#define WINDOW (15 + 16) /* with gzip's head and end */
#define MEMORY 8         /* zlib's default: 256 KiB for each answer under way */

struct pack {
    pack_source *source;
    void *owner;
    z_stream stream;
    bool has_all; /* of the source */
    bool has_ended;
    char plain[METRICS_PIECE];
};

struct pack *pack_new(pack_source *source, void *owner)
{
    struct pack *pack = memory_zeroed(1, sizeof(*pack));

    pack->source = source;
    pack->owner = owner;
    if (deflateInit2(&pack->stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW, MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        abort(); /* there is no memory */
    return pack;
}

void pack_free(struct pack *pack)
{
    if (!pack)
        return;
    deflateEnd(&pack->stream);
    free(pack);
}

size_t pack_read(struct pack *pack, char *buffer, size_t size)
{
    z_stream *stream = &pack->stream;

    stream->next_out = (unsigned char *)buffer;
    stream->avail_out = (unsigned)size;
    while (!pack->has_ended && stream->avail_out == size) {
        if (stream->avail_in == 0 && !pack->has_all) {
            stream->next_in = (unsigned char *)pack->plain;
            stream->avail_in =
                (unsigned)pack->source(pack->owner, pack->plain, sizeof(pack->plain));
            pack->has_all = stream->avail_in == 0;
        }
        pack->has_ended = deflate(stream, pack->has_all ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_END;
    }
    return size - stream->avail_out;
}
