/* SPDX-License-Identifier: MIT */
/* Bundles: round trip, determinism, hostile bytes. */
#include "base/error.h"
#include "tenant/fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static const char TEXT[] = "netns acme;\n"
                           "upstream app { server app.internal:80; }\n"
                           "server {\n"
                           "    listen 10.0.0.1:443 ssl;\n"
                           "    server_name \"acme.test\";\n"
                           "    location / { proxy_pass http://app; }\n"
                           "}\n";

static void fill(struct fixture *fixture)
{
    static struct bundle_file files[2];
    fixture_init(fixture, TEXT);
    fixture->bundle.defaults = &fixture->tree.root;
    fixture_add_identity(fixture, "acme");
    fixture_add_identity(fixture, "rsa");
    fixture_add_name(fixture, "app.internal", 80, 3);
    files[0] = (struct bundle_file){SLICE("/c/acme.crt"), SLICE("PEM"), false};
    files[1] = (struct bundle_file){SLICE("/c/acme.key"), SLICE("KEY\0KEY"), true};
    static struct slice trusted[2];
    static struct bundle_trust trust;
    trusted[0] = SLICE("DER one");
    trusted[1] = SLICE("DER two");
    trust = (struct bundle_trust){SLICE("/c/ca.pem"), trusted, 2};
    fixture->bundle.trusts = &trust;
    fixture->bundle.trust_count = 1;
    fixture->bundle.files = files;
    fixture->bundle.file_count = 2;
}

static void assert_same_block(const struct config_block *a, const struct config_block *b)
{
    const struct config_directive *left = STAILQ_FIRST(a), *right = STAILQ_FIRST(b);
    for (; left && right; left = STAILQ_NEXT(left, next), right = STAILQ_NEXT(right, next)) {
        cr_assert_eq(left->word_count, right->word_count);
        for (uint32_t i = 0; i < left->word_count; i++) {
            cr_assert(slice_equal(left->words[i].text, right->words[i].text));
            cr_assert_eq(left->words[i].quoted, right->words[i].quoted);
            cr_assert_str_eq(left->words[i].place.file, right->words[i].place.file);
            cr_assert_eq(left->words[i].place.line, right->words[i].place.line);
            cr_assert_eq(left->words[i].place.column, right->words[i].place.column);
        }
        cr_assert_eq(left->block == NULL, right->block == NULL);
        if (left->block)
            assert_same_block(left->block, right->block);
    }
    cr_assert(!left && !right);
}

Test(bundle, round_trip)
{
    struct fixture fixture;
    struct wire_writer writer, again;
    struct bundle bundle;
    struct arena arena;
    fill(&fixture);
    wire_writer_init(&writer);
    bundle_encode(&writer, &fixture.bundle);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, wire_written(&writer)), 0);

    cr_assert(slice_equal(bundle.tenant, SLICE("acme")));
    cr_assert(slice_equal(bundle.folder, SLICE("/c")));
    assert_same_block(&fixture.tree.root, bundle.root);
    assert_same_block(&fixture.tree.root, bundle.defaults);
    cr_assert_eq(bundle.file_count, 2);
    const struct bundle_file *file = bundle_find_file(&bundle, SLICE("/c/acme.key"));
    cr_assert(file && file->is_private && slice_equal(file->bytes, SLICE("KEY\0KEY")));
    cr_assert_null(bundle_find_file(&bundle, SLICE("/c/other")));
    const struct bundle_identity *identity =
        bundle_find_identity(&bundle, SLICE("/c/rsa.crt"), SLICE("/c/rsa.key"));
    cr_assert(identity && identity->der.chain_count == 1 && identity->der.key.len == 138);
    cr_assert_eq(identity->der.not_after, 4102444800);
    cr_assert(slice_equal(identity->der.serial, SLICE("0A1B2C")));
    cr_assert_null(bundle_find_identity(&bundle, SLICE("/c/rsa.crt"), SLICE("/c/acme.key")));
    const struct bundle_trust *trust = bundle_find_trust(&bundle, SLICE("/c/ca.pem"));
    cr_assert(trust && trust->certificate_count == 2);
    cr_assert(slice_equal(trust->certificates[1], SLICE("DER two")));
    cr_assert_null(bundle_find_trust(&bundle, SLICE("/c/acme.crt")));
    const struct bundle_name *name = bundle_find_name(&bundle, SLICE("app.internal"), 80);
    cr_assert(name && name->address_count == 3);
    cr_assert(address_equal(&name->addresses[2], &fixture.bundle.names[0].addresses[2]));
    cr_assert_null(bundle_find_name(&bundle, SLICE("app.internal"), 81));

    /* Decoded and encoded again, it is the same to the byte. */
    wire_writer_init(&again);
    bundle_encode(&again, &bundle);
    cr_assert(slice_equal(wire_written(&writer), wire_written(&again)));
    wire_writer_free(&again);
    wire_writer_free(&writer);
    arena_free(&arena);
    fixture_free(&fixture);
}

Test(bundle, padding_of_addresses_does_not_travel)
{
    struct fixture fixture;
    struct wire_writer clean, dirty;
    fill(&fixture);
    wire_writer_init(&clean);
    wire_writer_init(&dirty);
    bundle_encode(&clean, &fixture.bundle);
    memset(fixture.bundle.names[0].addresses[0].v4.sin_zero, 0x5a, 8);
    bundle_encode(&dirty, &fixture.bundle);
    cr_assert(slice_equal(wire_written(&clean), wire_written(&dirty)));
    wire_writer_free(&clean);
    wire_writer_free(&dirty);
    fixture_free(&fixture);
}

Test(bundle, every_truncation_is_refused)
{
    struct fixture fixture;
    struct wire_writer writer;
    fill(&fixture);
    wire_writer_init(&writer);
    bundle_encode(&writer, &fixture.bundle);
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
    fixture_free(&fixture);
}

Test(bundle, changed_bytes_never_do_harm)
{
    struct fixture fixture;
    struct wire_writer writer;
    fill(&fixture);
    wire_writer_init(&writer);
    bundle_encode(&writer, &fixture.bundle);
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
    fixture_free(&fixture);
}

Test(bundle, depth_is_limited)
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

Test(bundle, a_place_without_a_file_stays_one)
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

Test(bundle, diags_travel)
{
    struct diag_list sent, received;
    struct wire_writer writer;
    struct wire_reader reader;
    char text[128];
    diag_list_init(&sent);
    diag_list_init(&received);
    diag_error(&sent, ((struct diag_place){"acme.conf", 3, 9}), "100%% wrong: \"%s\"", "%s");
    diag_warning(&sent, ((struct diag_place){"acme.conf", 0, 0}), "odd");
    wire_writer_init(&writer);
    bundle_put_diags(&writer, &sent);
    wire_put_u8(&writer, 7);
    wire_reader_init(&reader, wire_written(&writer));
    cr_assert_eq(bundle_get_diags(&reader, &received), 0);
    cr_assert_eq(wire_get_u8(&reader), 7);
    cr_assert_eq(received.errors, 1);
    cr_assert_eq(received.warnings, 1);
    diag_format(STAILQ_FIRST(&received.items), text, sizeof(text));
    cr_assert_str_eq(text, "acme.conf:3:9: 100% wrong: \"%s\"");

    wire_reader_init(&reader, slice_head(wire_written(&writer), writer.len / 2));
    cr_assert_eq(bundle_get_diags(&reader, &received), ERROR_IPC);
    wire_writer_free(&writer);
    diag_list_free(&sent);
    diag_list_free(&received);
}
