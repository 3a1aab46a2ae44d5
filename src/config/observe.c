/* SPDX-License-Identifier: MIT */
/* The main file's `observe`: where the observer answers, and to which names. */
#include "setters_internal.h"

#include "build_internal.h"
#include "text/value_internal.h"

#include <ctype.h>

#define NAMES_LONGEST 8192 /* bytes of one line's, each with a space: they go by one message */

static bool observe_is_known(const struct build *build, struct slice text)
{
    const struct config_observe *items = build->observes.items;

    for (uint32_t i = 0; i < build->observes.count; i++) {
        if (slice_equal(items[i].text, text))
            return true;
    }
    return false;
}

/* No host name: what it leads to may be another address tomorrow, and is no matter of the main
 * file's. The port is always written. */
static bool observe_address(struct build *build, const struct config_word *word,
                            struct config_observe *observe)
{
    struct config_endpoint endpoint = {.port = 0};
    const char *trouble = value_endpoint(build->arena, build->folder, word->text, &endpoint);
    bool is_local = slice_starts_with(word->text, SLICE("unix:"));
    struct slice host;
    uint16_t port;
    bool has_port = false;
    char text[ADDRESS_TEXT];

    if (!trouble && endpoint.address.len == 0)
        trouble = "it must be ADDRESS:PORT, [IPV6]:PORT or unix:PATH";
    if (!trouble && !is_local && value_host_port(word->text, &host, &port, &has_port) == 0 &&
        !has_port)
        trouble = "its port is missing";
    if (trouble) {
        build_refuse(build, word, "is no address to observe at: %s", trouble);
        return false;
    }
    observe->address = endpoint.address;
    address_format(&observe->address, text);
    observe->text = arena_slice(build->arena, slice_of(text));
    if (!observe_is_known(build, observe->text))
        return true;
    build_refuse(build, word, "is a duplicate: \"%s\" has named it before", build->rule->name);
    return false;
}

static struct slice observe_name(struct build *build, const struct config_word *word)
{
    char *name = arena_text(build->arena, word->text);

    if (!value_is_host_name(word->text))
        build_refuse(build, word, "is no name of a host");
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return slice_of(name);
}

void set_observe(struct build *build, const struct config_directive *directive)
{
    struct config_observe observe = {.name_count = directive->word_count - 2};
    size_t length = 0;

    if (!observe_address(build, &directive->words[1], &observe))
        return;
    observe.names = arena_alloc(build->arena, (observe.name_count + 1) * sizeof(observe.names[0]));
    for (uint32_t i = 0; i < observe.name_count; i++) {
        observe.names[i] = observe_name(build, &directive->words[i + 2]);
        length += observe.names[i].len + 1;
    }
    if (length > NAMES_LONGEST)
        build_refuse(build, &directive->words[1], "has too many names: %zu bytes of %d", length,
                     NAMES_LONGEST);
    list_push(&build->observes, &build->scratch, observe);
}
