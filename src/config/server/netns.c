/* SPDX-License-Identifier: MIT */
/* A network namespace, in every form in which a configuration can name one. */
#include "setters_internal.h"
#include "tenant_internal.h"

#define PID_MAX      4194304 /* of 64-bit Linux, proc(5) */
#define TEXT_LONGEST 4095    /* bytes: PATH_MAX of limits.h without its NUL */

static void netns_tell(struct build *build, const struct config_word *word, struct slice text,
                       const char *wrong)
{
    diag_error(
        build->diags, word->place,
        "\"%.*s\" is no network namespace: %s; it is a NAME of /run/netns, an /absolute/path,"
        " pid:N, container:NAME or host",
        SLICE_PRINTF(slice_head(text, 64)), wrong);
}

static void netns_read_pid(struct build *build, const struct config_word *word, struct slice text,
                           struct config_netns *netns)
{
    uint64_t pid;

    if (slice_to_u64(slice_from(text, 4), PID_MAX, &pid) != 0 || pid == 0) {
        netns_tell(build, word, text, "behind \"pid:\" stands the number of a process");
        return;
    }
    netns->kind = NETNS_PID;
    netns->pid = (uint32_t)pid;
    netns->path =
        arena_text(build->arena, arena_printf(&build->scratch, "/proc/%u/ns/net", netns->pid));
}

bool config_container_name_is_valid(struct slice name)
{
    return slice_span(name, SLICE_ALPHANUMERIC) > 0 && name.len <= 255 &&
           slice_is_only(name, SLICE_ALPHANUMERIC "_.-");
}

static void netns_read_container(struct build *build, const struct config_word *word,
                                 struct slice text, struct config_netns *netns)
{
    if (config_container_name_is_valid(slice_from(text, sizeof("container:") - 1)))
        netns->kind = NETNS_CONTAINER;
    else
        netns_tell(build, word, text, "behind \"container:\" stands a container's name");
}

static bool netns_is_name(struct slice text)
{
    return text.len > 0 && text.len <= 255 && !slice_has(text, '/') &&
           !slice_equal(text, SLICE(".")) && !slice_equal(text, SLICE(".."));
}

void netns_read(struct build *build, const struct config_word *word, struct slice text,
                struct config_netns *netns)
{
    if (!build_is_clean(text)) {
        netns_tell(build, word, text, "it has control characters");
        return;
    }
    if (text.len > TEXT_LONGEST) {
        netns_tell(build, word, text, "it is longer than 4095 bytes");
        return;
    }
    netns->text = arena_slice(build->arena, text);
    netns->place = build_place(build, word->place);
    if (slice_equal(text, SLICE("host"))) {
        netns->kind = NETNS_HOST;
    } else if (slice_starts_with(text, SLICE("container:"))) {
        netns_read_container(build, word, text, netns);
    } else if (slice_starts_with(text, SLICE("pid:"))) {
        netns_read_pid(build, word, text, netns);
    } else if (slice_starts_with(text, SLICE("/"))) {
        netns->kind = NETNS_PATH;
        netns->path = arena_text(build->arena, text);
    } else if (netns_is_name(text)) {
        netns->kind = NETNS_NAME;
        netns->path = arena_text(
            build->arena, arena_printf(&build->scratch, "/run/netns/%.*s", SLICE_PRINTF(text)));
    } else {
        netns_tell(build, word, text, "a name is one file's name");
    }
}

void set_netns(struct build *build, const struct config_directive *directive)
{
    const struct config_word *word = &directive->words[1];

    netns_read(build, word, word->text, &build->tenant->netns);
}
