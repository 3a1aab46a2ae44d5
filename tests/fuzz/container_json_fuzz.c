/* SPDX-License-Identifier: MIT */
/* rooms: resolver base */
/* What a container engine says: wherever it is cut, the same objects, and what is read in them is
 * fit for use. */
#include "resolver/container_json_internal.h"
#include "resolver/json_split_internal.h"

#include <stdlib.h>

#define LIMIT  1000
#define DIGEST 5381

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_facts(struct slice object)
{
    struct container_facts facts;
    int result = container_facts_parse(object, &facts);
    check(result == 0 || result == ERROR_RESPONSE);
    check(facts.pid <= 4194304);
    check(strlen(facts.id) < sizeof(facts.id) && strlen(facts.status) < sizeof(facts.status));
    check(facts.sandbox[0] == '\0' || facts.sandbox[0] == '/');
    check(!strstr(facts.sandbox, "/../") && !strchr(facts.sandbox, '\n'));
    check(result == 0 || (facts.pid == 0 && facts.sandbox[0] == '\0'));
}

static void check_event(struct slice object)
{
    struct container_event event;
    int result = container_event_parse(object, &event);
    check(result == 0 || result == ERROR_RESPONSE);
    check(result == 0 || event.change == CONTAINER_UNCHANGED);
    check(strlen(event.id) < sizeof(event.id) && strlen(event.name) < sizeof(event.name));
}

/* Pieces of `step` bytes; 0: all at once. Returns a digest of the objects and the verdict. */
static unsigned long run(struct slice bytes, size_t step)
{
    struct chain_pool pool;
    struct chain in;
    struct json_split split;
    struct slice object;
    unsigned long digest = DIGEST;
    int result = 0;
    chain_pool_init(&pool);
    chain_init(&in, &pool);
    json_split_init(&split, LIMIT);
    while (result >= 0 && bytes.len > 0) {
        struct slice piece = slice_head(bytes, step ? step : bytes.len);
        chain_append_slice(&in, piece);
        bytes = slice_from(bytes, piece.len);
        while ((result = json_split_next(&split, &in, &object)) == 1) {
            check(object.len >= 2 && object.len <= LIMIT && object.data[0] == '{');
            for (size_t i = 0; i < object.len; i++)
                digest = digest * 33 + (unsigned char)object.data[i];
            if (step == 0) {
                check_facts(object);
                check_event(object);
            }
        }
        check(result != 0 || in.len == 0);
    }
    json_split_free(&split);
    chain_clear(&in);
    chain_pool_free(&pool);
    return digest * 2 + (result < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    unsigned long whole = run(bytes, 0);
    check(run(bytes, 1) == whole);
    check(run(bytes, 7) == whole);
    return 0;
}
