/* SPDX-License-Identifier: MIT */
/* Bytes become a bundle again, whatever they are: lengths, counts, depth and addresses checked. */
#include "tenant/bundle.h"

#include "base/error.h"
#include "tenant_internal.h"

struct decoder {
    struct wire_reader reader;
    struct arena *arena;
    const char **files;
    uint32_t file_count;
};

/* The least bytes that each takes, so that a count cannot ask for more memory than a small
 * multiple of what was sent. */
#define WORD_MIN      5 /* length, quoted */
#define DIRECTIVE_MIN (4 + WORD_MIN + 1)
#define FILE_MIN      9
#define IDENTITY_MIN  (4 + 4 + 4 + 4 + 4 + 8 + 8 + 4)
#define TRUST_MIN     (4 + 4 + 4)
#define NAME_MIN      12
#define ADDRESS_MIN   4
#define DIAG_MIN      (1 + 4 + 4 + 4 + 4)

static void get_word(struct decoder *decoder, struct config_word *word)
{
    word->text = wire_get_slice(&decoder->reader);
    word->quoted = wire_get_bool(&decoder->reader);
}

static struct config_block *get_block(struct decoder *decoder, unsigned depth)
{
    struct wire_reader *reader = &decoder->reader;
    struct config_block *block = ARENA_NEW(decoder->arena, struct config_block);
    STAILQ_INIT(block);
    wire_require(reader, depth <= BUNDLE_DEPTH);
    uint32_t count = wire_get_count(reader, DIRECTIVE_MIN);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        struct config_directive *directive = ARENA_NEW(decoder->arena, struct config_directive);
        directive->word_count = wire_get_count(reader, WORD_MIN);
        wire_require(reader, directive->word_count > 0);
        if (reader->failed)
            break;
        directive->words = ARENA_ARRAY(decoder->arena, struct config_word, directive->word_count);
        for (uint32_t w = 0; w < directive->word_count && !reader->failed; w++)
            get_word(decoder, &directive->words[w]);
        if (wire_get_bool(reader))
            directive->block = get_block(decoder, depth + 1);
        STAILQ_INSERT_TAIL(block, directive, next);
    }
    return block;
}

static void get_place(struct decoder *decoder, struct diag_place *place)
{
    uint32_t file = wire_get_u32(&decoder->reader);
    place->line = wire_get_u32(&decoder->reader);
    place->column = wire_get_u32(&decoder->reader);
    if (file < decoder->file_count)
        place->file = decoder->files[file];
    else if (file != BUNDLE_NO_FILE)
        decoder->reader.failed = true;
}

static void get_block_places(struct decoder *decoder, const struct config_block *block)
{
    const struct config_directive *directive;
    STAILQ_FOREACH (directive, block, next) {
        for (uint32_t i = 0; i < directive->word_count && !decoder->reader.failed; i++)
            get_place(decoder, &directive->words[i].place);
        if (directive->block)
            get_block_places(decoder, directive->block);
    }
}

static void get_places(struct decoder *decoder, const struct bundle *bundle)
{
    struct wire_reader *reader = &decoder->reader;
    size_t size = reader->rest.len;
    uint32_t count = wire_get_count(reader, 4);
    decoder->files = ARENA_ARRAY(decoder->arena, const char *, count);
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        decoder->files[i] = arena_text(decoder->arena, wire_get_slice(reader));
    decoder->file_count = reader->failed ? 0 : count;
    if (bundle->defaults)
        get_block_places(decoder, bundle->defaults);
    get_block_places(decoder, bundle->root);
    size -= reader->rest.len;
    wire_require(reader, wire_get_u32(reader) == size);
}

static void get_identity(struct wire_reader *reader, struct bundle_identity *identity)
{
    struct tls_der *der = &identity->der;
    identity->certificate_path = wire_get_slice(reader);
    identity->key_path = wire_get_slice(reader);
    der->chain_count = wire_get_count(reader, 4);
    if (der->chain_count == 0 || der->chain_count > TLS_CHAIN_MAX) {
        reader->failed = true;
        return;
    }
    for (uint32_t i = 0; i < der->chain_count; i++)
        der->chain[i] = wire_get_slice(reader);
    der->key = wire_get_slice(reader);
    der->not_before = (int64_t)wire_get_u64(reader);
    der->not_after = (int64_t)wire_get_u64(reader);
    der->serial = wire_get_slice(reader);
}

static void get_trust(struct decoder *decoder, struct bundle_trust *trust)
{
    struct wire_reader *reader = &decoder->reader;
    trust->path = wire_get_slice(reader);
    trust->certificate_count = wire_get_count(reader, 4);
    if (trust->certificate_count == 0 || trust->certificate_count > TLS_TRUST_MAX) {
        reader->failed = true;
        return;
    }
    trust->certificates = ARENA_ARRAY(decoder->arena, struct slice, trust->certificate_count);
    for (uint32_t i = 0; i < trust->certificate_count; i++)
        trust->certificates[i] = wire_get_slice(reader);
}

static void get_name(struct decoder *decoder, struct bundle_name *name)
{
    struct wire_reader *reader = &decoder->reader;
    name->host = wire_get_slice(reader);
    uint32_t port = wire_get_u32(reader);
    wire_require(reader, port <= UINT16_MAX);
    name->port = (uint16_t)port;
    /* What an address takes in memory is bounded by what it takes here. */
    name->address_count = wire_get_count(reader, ADDRESS_MIN + sizeof(struct sockaddr_in));
    name->addresses = ARENA_ARRAY(decoder->arena, struct address, name->address_count);
    for (uint32_t i = 0; i < name->address_count && !reader->failed; i++)
        wire_require(reader, address_get(&name->addresses[i], wire_get_slice(reader)));
}

static void get_findings(struct decoder *decoder, struct bundle *bundle)
{
    struct wire_reader *reader = &decoder->reader;
    uint32_t count = wire_get_count(reader, IDENTITY_MIN);
    bundle->identity_count = bundle->trust_count = bundle->name_count = 0;
    bundle->identities = ARENA_ARRAY(decoder->arena, struct bundle_identity, count);
    while (bundle->identity_count < count && !reader->failed)
        get_identity(reader, &bundle->identities[bundle->identity_count++]);
    count = wire_get_count(reader, TRUST_MIN);
    bundle->trusts = ARENA_ARRAY(decoder->arena, struct bundle_trust, count);
    while (bundle->trust_count < count && !reader->failed)
        get_trust(decoder, &bundle->trusts[bundle->trust_count++]);
    count = wire_get_count(reader, NAME_MIN);
    bundle->names = ARENA_ARRAY(decoder->arena, struct bundle_name, count);
    while (bundle->name_count < count && !reader->failed)
        get_name(decoder, &bundle->names[bundle->name_count++]);
}

int bundle_get_findings(struct bundle *bundle, struct arena *arena, struct slice bytes)
{
    struct decoder decoder = {.arena = arena};
    wire_reader_init(&decoder.reader, bytes);
    get_findings(&decoder, bundle);
    return wire_finish(&decoder.reader);
}

int bundle_decode(struct bundle *bundle, struct arena *arena, struct slice bytes)
{
    struct decoder decoder = {.arena = arena};
    struct wire_reader *reader = &decoder.reader;
    memset(bundle, 0, sizeof(*bundle));
    wire_reader_init(reader, bytes);
    if (wire_get_u32(reader) != BUNDLE_MAGIC)
        return ERROR_IPC;
    bundle->tenant = wire_get_slice(reader);
    bundle->folder = wire_get_slice(reader);
    if (wire_get_bool(reader))
        bundle->defaults = get_block(&decoder, 0);
    bundle->root = get_block(&decoder, 0);

    uint32_t count = wire_get_count(reader, FILE_MIN);
    bundle->files = ARENA_ARRAY(arena, struct bundle_file, count);
    for (bundle->file_count = 0; bundle->file_count < count && !reader->failed;) {
        struct bundle_file *file = &bundle->files[bundle->file_count++];
        file->path = wire_get_slice(reader);
        file->bytes = wire_get_slice(reader);
        file->is_private = wire_get_bool(reader);
    }
    get_findings(&decoder, bundle);
    get_places(&decoder, bundle);
    return wire_finish(reader);
}

/* ---- content and places ---- */

/* Bytes of the places, their size behind them included. */
static size_t places_size(struct slice bytes)
{
    uint32_t size;
    if (bytes.len < sizeof(size))
        return 0;
    memcpy(&size, bytes.data + bytes.len - sizeof(size), sizeof(size));
    return size <= bytes.len - sizeof(size) ? size + sizeof(size) : 0;
}

struct slice bundle_content(struct slice bytes)
{
    return slice_head(bytes, bytes.len - places_size(bytes));
}

struct slice bundle_places(struct slice bytes)
{
    return slice_from(bytes, bytes.len - places_size(bytes));
}

int bundle_get_diags(struct wire_reader *reader, struct diag_list *diags)
{
    uint32_t count = wire_get_count(reader, DIAG_MIN);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        char file[4096]; /* PATH_MAX */
        uint8_t severity = wire_get_u8(reader);
        struct slice name = wire_get_slice(reader);
        struct diag_place place = {.file = file};
        place.line = wire_get_u32(reader);
        place.column = wire_get_u32(reader);
        struct slice message = wire_get_slice(reader);
        wire_require(reader, severity <= DIAG_NOTICE && name.len < sizeof(file));
        if (reader->failed)
            break;
        if (name.len > 0)
            memcpy(file, name.data, name.len);
        file[name.len] = '\0';
        diag_add(diags, (enum diag_severity)severity, place, "%.*s", SLICE_PRINTF(message));
    }
    return reader->failed ? ERROR_IPC : 0;
}

const struct bundle_file *bundle_find_file(const struct bundle *bundle, struct slice path)
{
    for (uint32_t i = 0; i < bundle->file_count; i++) {
        if (slice_equal(bundle->files[i].path, path))
            return &bundle->files[i];
    }
    return NULL;
}

const struct bundle_identity *bundle_find_identity(const struct bundle *bundle,
                                                   struct slice certificate, struct slice key)
{
    for (uint32_t i = 0; i < bundle->identity_count; i++) {
        const struct bundle_identity *identity = &bundle->identities[i];
        if (slice_equal(identity->certificate_path, certificate) &&
            slice_equal(identity->key_path, key))
            return identity;
    }
    return NULL;
}

const struct bundle_trust *bundle_find_trust(const struct bundle *bundle, struct slice path)
{
    for (uint32_t i = 0; i < bundle->trust_count; i++) {
        if (slice_equal(bundle->trusts[i].path, path))
            return &bundle->trusts[i];
    }
    return NULL;
}

const struct bundle_name *bundle_find_name(const struct bundle *bundle, struct slice host,
                                           uint16_t port)
{
    for (uint32_t i = 0; i < bundle->name_count; i++) {
        if (bundle->names[i].port == port && slice_equal(bundle->names[i].host, host))
            return &bundle->names[i];
    }
    return NULL;
}
