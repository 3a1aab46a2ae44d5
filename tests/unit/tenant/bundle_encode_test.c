/* SPDX-License-Identifier: MIT */
/* Bundles on their way out: what goes in comes out again, the same bytes each time. */
#include "base/error.h"
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdlib.h>

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

Test(bundle_encode, round_trip)
{
    struct rig rig;
    struct wire_writer writer, again;
    struct bundle bundle;
    struct arena arena;
    rig_fill(&rig);
    wire_writer_init(&writer);
    bundle_encode(&writer, &rig.bundle);
    arena_init(&arena, 4096);
    cr_assert_eq(bundle_decode(&bundle, &arena, wire_written(&writer)), 0);

    cr_assert(slice_equal(bundle.tenant, SLICE("acme")));
    cr_assert(slice_equal(bundle.folder, SLICE("/c")));
    assert_same_block(&rig.tree.root, bundle.root);
    assert_same_block(&rig.tree.root, bundle.defaults);
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
    cr_assert(address_equal(&name->addresses[2], &rig.bundle.names[0].addresses[2]));
    cr_assert_null(bundle_find_name(&bundle, SLICE("app.internal"), 81));

    /* Decoded and encoded again, it is the same to the byte. */
    wire_writer_init(&again);
    bundle_encode(&again, &bundle);
    cr_assert(slice_equal(wire_written(&writer), wire_written(&again)));
    wire_writer_free(&again);
    wire_writer_free(&writer);
    arena_free(&arena);
    rig_free(&rig);
}

Test(bundle_encode, padding_of_addresses_does_not_travel)
{
    struct rig rig;
    struct wire_writer clean, dirty;
    rig_fill(&rig);
    wire_writer_init(&clean);
    wire_writer_init(&dirty);
    bundle_encode(&clean, &rig.bundle);
    memset(rig.bundle.names[0].addresses[0].v4.sin_zero, 0x5a, 8);
    bundle_encode(&dirty, &rig.bundle);
    cr_assert(slice_equal(wire_written(&clean), wire_written(&dirty)));
    wire_writer_free(&clean);
    wire_writer_free(&dirty);
    rig_free(&rig);
}

Test(bundle_encode, diags_travel)
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

Test(bundle_encode, places_are_no_content)
{
    struct rig rig;
    struct wire_writer before, after;
    struct bundle bundle;
    struct arena arena;
    rig_fill(&rig);
    wire_writer_init(&before);
    wire_writer_init(&after);
    bundle_encode(&before, &rig.bundle);
    struct config_word *word = STAILQ_FIRST(rig.bundle.root)->words;
    word->place = (struct diag_place){"moved.conf", word->place.line + 7, 3};
    bundle_encode(&after, &rig.bundle);
    struct slice old = wire_written(&before), moved = wire_written(&after);
    cr_assert(!slice_equal(old, moved));
    cr_assert(slice_equal(bundle_content(old), bundle_content(moved)));
    cr_assert(!slice_equal(bundle_places(old), bundle_places(moved)));
    cr_assert_eq(bundle_content(old).len + bundle_places(old).len, old.len);

    /* The places of one fit the content of the other. */
    arena_init(&arena, 4096);
    struct slice content = bundle_content(old), places = bundle_places(moved);
    char *joined = arena_alloc(&arena, content.len + places.len);
    memcpy(joined, content.data, content.len);
    memcpy(joined + content.len, places.data, places.len);
    cr_assert_eq(bundle_decode(&bundle, &arena, (struct slice){joined, content.len + places.len}),
                 0);
    cr_assert_str_eq(STAILQ_FIRST(bundle.root)->words->place.file, "moved.conf");
    arena_free(&arena);
    wire_writer_free(&before);
    wire_writer_free(&after);
    rig_free(&rig);
}
