/* SPDX-License-Identifier: MIT */
/* Bundles on their way in: whatever the bytes, an answer and no harm. */
#include "base/error.h"
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(bundle_decode, every_truncation_is_refused)
{
    struct rig rig;
    struct wire_writer writer;
    rig_fill(&rig);
    wire_writer_init(&writer);
    bundle_encode(&writer, &rig.bundle);
    struct slice bytes = wire_written(&writer);
    for (size_t len = 0; len < bytes.len; len++) {
        struct bundle bundle;
        struct arena arena;
        char *copy = malloc(len + 1); /* so that the sanitizer sees a byte too many */
        memcpy(copy, bytes.data, len);
        arena_init(&arena, 4096);
        cr_assert_eq(bundle_decode(&bundle, &arena, (struct slice){copy, len}), ERROR_IPC);
        arena_free(&arena);
        free(copy);
    }
    wire_writer_free(&writer);
    rig_free(&rig);
}

Test(bundle_decode, changed_bytes_never_do_harm)
{
    struct rig rig;
    struct wire_writer writer;
    rig_fill(&rig);
    wire_writer_init(&writer);
    bundle_encode(&writer, &rig.bundle);
    for (size_t i = 0; i < writer.len; i++) {
        unsigned char kept = writer.data[i];
        for (unsigned change = 1; change < 256; change *= 3) {
            struct bundle bundle;
            struct arena arena;
            writer.data[i] = (unsigned char)(kept ^ change);
            arena_init(&arena, 4096);
            bundle_decode(&bundle, &arena, wire_written(&writer));
            cr_assert_lt(arena_footprint(&arena), 64 * writer.len);
            arena_free(&arena);
        }
        writer.data[i] = kept;
    }
    wire_writer_free(&writer);
    rig_free(&rig);
}

Test(bundle_decode, depth_is_limited)
{
    enum { DEPTH = 500 };
    static struct config_word word;
    static struct config_directive directives[DEPTH];
    static struct config_block blocks[DEPTH + 1];
    word.text = SLICE("server");
    for (int i = DEPTH; i >= 0; i--)
        STAILQ_INIT(&blocks[i]);
    for (int i = 0; i < DEPTH; i++) {
        directives[i].words = &word;
        directives[i].word_count = 1;
        directives[i].block = &blocks[i + 1];
        STAILQ_INSERT_TAIL(&blocks[i], &directives[i], next);
    }
    struct bundle bundle = {.tenant = SLICE("acme"), .root = &blocks[0]};
    struct wire_writer writer;
    struct arena arena;
    wire_writer_init(&writer);
    bundle_encode(&writer, &bundle);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, wire_written(&writer)), ERROR_IPC);
    arena_free(&arena);
    wire_writer_free(&writer);
}

Test(bundle_decode, a_place_without_a_file_stays_one)
{
    struct config_word word = {.text = SLICE("x")};
    struct config_directive directive = {.words = &word, .word_count = 1};
    struct config_block root = STAILQ_HEAD_INITIALIZER(root);
    STAILQ_INSERT_TAIL(&root, &directive, next);
    struct bundle bundle = {.root = &root};
    struct wire_writer writer;
    struct arena arena;
    wire_writer_init(&writer);
    bundle_encode(&writer, &bundle);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, wire_written(&writer)), 0);
    cr_assert_null(STAILQ_FIRST(bundle.root)->words[0].place.file);
    cr_assert_null(bundle.defaults);
    arena_free(&arena);
    wire_writer_free(&writer);
}

/* They are all that they bring: what else a bundle has stays. */
Test(bundle_decode, findings_take_the_place_of_findings_only)
{
    struct rig rig;
    struct wire_writer writer;
    struct bundle bundle;
    struct bundle found;
    struct arena arena;

    rig_fill(&rig);
    arena_init(&arena, 4096);
    wire_writer_init(&writer);
    bundle_put_findings(&writer, &rig.bundle);
    bundle = rig.bundle;
    bundle.identities = NULL;
    bundle.identity_count = bundle.trust_count = bundle.name_count = 0;
    found = bundle;
    cr_assert_eq(bundle_get_findings(&found, &arena, wire_written(&writer)), 0);
    cr_assert_eq(found.root, bundle.root);
    cr_assert_eq(found.defaults, bundle.defaults);
    cr_assert(slice_equal(found.tenant, bundle.tenant));
    cr_assert_eq(found.file_count, bundle.file_count);
    cr_assert_eq(found.identity_count, rig.bundle.identity_count);
    cr_assert_eq(found.trust_count, rig.bundle.trust_count);
    cr_assert_eq(found.name_count, rig.bundle.name_count);
    wire_put_u8(&writer, 0);
    cr_assert_eq(bundle_get_findings(&found, &arena, wire_written(&writer)), ERROR_IPC);
    wire_writer_free(&writer);
    wire_writer_init(&writer);
    bundle_encode(&writer, &rig.bundle);
    cr_assert_eq(bundle_get_findings(&found, &arena, wire_written(&writer)), ERROR_IPC);
    wire_writer_free(&writer);
    arena_free(&arena);
    rig_free(&rig);
}
