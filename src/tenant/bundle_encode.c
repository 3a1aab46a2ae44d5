/* SPDX-License-Identifier: MIT */
/* The bundle becomes bytes: the same bundle always the same ones. */
#include "tenant/bundle.h"

#include "base/memory.h"
#include "tenant_internal.h"

#include <assert.h>
#include <stdlib.h>

/* File names that places refer to, in the order of their first use: hundreds of places share a
 * handful of names. */
struct file_table {
    const char **names;
    uint32_t count;
    uint32_t capacity;
    uint32_t last; /* consecutive places are nearly always in one file */
};

static uint32_t file_table_find(struct file_table *table, const char *name)
{
    if (!name)
        return BUNDLE_NO_FILE;
    for (uint32_t i = table->last; i < table->count; i++) {
        if (table->names[i] == name || strcmp(table->names[i], name) == 0)
            return table->last = i;
    }
    for (uint32_t i = 0; i < table->last; i++) {
        if (table->names[i] == name || strcmp(table->names[i], name) == 0)
            return table->last = i;
    }
    table->names = memory_room(table->names, table->count, &table->capacity, sizeof(*table->names));
    table->names[table->count] = name;
    return table->last = table->count++;
}

static void collect_files(struct file_table *table, const struct config_block *block)
{
    const struct config_directive *directive;
    STAILQ_FOREACH (directive, block, next) {
        for (uint32_t i = 0; i < directive->word_count; i++)
            file_table_find(table, directive->words[i].place.file);
        if (directive->block)
            collect_files(table, directive->block);
    }
}

static void put_block(struct wire_writer *writer, const struct config_block *block)
{
    const struct config_directive *directive;
    uint32_t count = 0;
    STAILQ_FOREACH (directive, block, next) {
        count++;
    }
    wire_put_u32(writer, count);
    STAILQ_FOREACH (directive, block, next) {
        wire_put_u32(writer, directive->word_count);
        for (uint32_t i = 0; i < directive->word_count; i++) {
            wire_put_slice(writer, directive->words[i].text);
            wire_put_u8(writer, directive->words[i].quoted);
        }
        wire_put_bool(writer, directive->block);
        if (directive->block)
            put_block(writer, directive->block);
    }
}

/* Of all words, in the order in which put_block puts them. */
static void put_block_places(struct wire_writer *writer, struct file_table *files,
                             const struct config_block *block)
{
    const struct config_directive *directive;
    STAILQ_FOREACH (directive, block, next) {
        for (uint32_t i = 0; i < directive->word_count; i++) {
            const struct diag_place *place = &directive->words[i].place;
            wire_put_u32(writer, file_table_find(files, place->file));
            wire_put_u32(writer, place->line);
            wire_put_u32(writer, place->column);
        }
        if (directive->block)
            put_block_places(writer, files, directive->block);
    }
}

static void put_places(struct wire_writer *writer, const struct bundle *bundle)
{
    struct file_table files = {0};
    size_t begin = writer->len;
    if (bundle->defaults)
        collect_files(&files, bundle->defaults);
    collect_files(&files, bundle->root);

    wire_put_u32(writer, files.count);
    for (uint32_t i = 0; i < files.count; i++)
        wire_put_slice(writer, slice_of(files.names[i]));
    if (bundle->defaults)
        put_block_places(writer, &files, bundle->defaults);
    put_block_places(writer, &files, bundle->root);
    free(files.names);
    wire_put_u32(writer, (uint32_t)(writer->len - begin));
}

static void put_identity(struct wire_writer *writer, const struct bundle_identity *identity)
{
    const struct tls_der *der = &identity->der;
    assert(der->chain_count >= 1 && der->chain_count <= TLS_CHAIN_MAX);
    wire_put_slice(writer, identity->certificate_path);
    wire_put_slice(writer, identity->key_path);
    wire_put_u32(writer, der->chain_count);
    for (uint32_t i = 0; i < der->chain_count; i++)
        wire_put_slice(writer, der->chain[i]);
    wire_put_slice(writer, der->key);
    wire_put_u64(writer, (uint64_t)der->not_before);
    wire_put_u64(writer, (uint64_t)der->not_after);
    wire_put_slice(writer, der->serial);
}

static void put_trust(struct wire_writer *writer, const struct bundle_trust *trust)
{
    assert(trust->certificate_count >= 1 && trust->certificate_count <= TLS_TRUST_MAX);
    wire_put_slice(writer, trust->path);
    wire_put_u32(writer, trust->certificate_count);
    for (uint32_t i = 0; i < trust->certificate_count; i++)
        wire_put_slice(writer, trust->certificates[i]);
}

static void put_name(struct wire_writer *writer, const struct bundle_name *name)
{
    wire_put_slice(writer, name->host);
    wire_put_u32(writer, name->port);
    wire_put_u32(writer, name->address_count);
    for (uint32_t i = 0; i < name->address_count; i++) {
        const struct address *address = &name->addresses[i];
        /* Padding must not make equal bundles differ. */
        struct address clean = {0};
        if (address->any.sa_family == AF_INET) {
            clean.v4.sin_family = AF_INET;
            clean.v4.sin_port = address->v4.sin_port;
            clean.v4.sin_addr = address->v4.sin_addr;
        } else {
            memcpy(&clean.local, &address->local, address->len);
        }
        wire_put_slice(writer, (struct slice){(const char *)&clean.any, address->len});
    }
}

void bundle_put_findings(struct wire_writer *writer, const struct bundle *bundle)
{
    wire_put_u32(writer, bundle->identity_count);
    for (uint32_t i = 0; i < bundle->identity_count; i++)
        put_identity(writer, &bundle->identities[i]);
    wire_put_u32(writer, bundle->trust_count);
    for (uint32_t i = 0; i < bundle->trust_count; i++)
        put_trust(writer, &bundle->trusts[i]);
    wire_put_u32(writer, bundle->name_count);
    for (uint32_t i = 0; i < bundle->name_count; i++)
        put_name(writer, &bundle->names[i]);
}

void bundle_encode(struct wire_writer *writer, const struct bundle *bundle)
{
    wire_put_u32(writer, BUNDLE_MAGIC);
    wire_put_slice(writer, bundle->tenant);
    wire_put_slice(writer, bundle->folder);
    wire_put_bool(writer, bundle->defaults);
    if (bundle->defaults)
        put_block(writer, bundle->defaults);
    put_block(writer, bundle->root);
    wire_put_u32(writer, bundle->file_count);
    for (uint32_t i = 0; i < bundle->file_count; i++) {
        wire_put_slice(writer, bundle->files[i].path);
        wire_put_slice(writer, bundle->files[i].bytes);
        wire_put_u8(writer, bundle->files[i].is_private);
    }
    bundle_put_findings(writer, bundle);
    put_places(writer, bundle);
}

void bundle_put_diags(struct wire_writer *writer, const struct diag_list *diags)
{
    const struct diag *diag;
    uint32_t count = 0;
    STAILQ_FOREACH (diag, &diags->items, next) {
        count++;
    }
    wire_put_u32(writer, count);
    STAILQ_FOREACH (diag, &diags->items, next) {
        wire_put_u8(writer, (uint8_t)diag->severity);
        wire_put_slice(writer, slice_of(diag->place.file ? diag->place.file : ""));
        wire_put_u32(writer, diag->place.line);
        wire_put_u32(writer, diag->place.column);
        wire_put_slice(writer, slice_of(diag->message));
    }
}
