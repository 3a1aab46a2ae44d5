/* SPDX-License-Identifier: MIT */
/* Names of network namespaces, where a `server` of an upstream has one; `netns` itself is in
 * tenant_test.c. */
#include "config/config_support.h"

#include <stdlib.h>

#define SERVER(text) "netns a; server { return 204; } upstream u {\nserver " text "; }"

Test(netns, of_a_server)
{
    static const struct {
        const char *text;
        enum config_netns_kind kind;
        const char *path;
    } good[] = {{"blue", NETNS_NAME, "/run/netns/blue"},
                {"/var/run/x", NETNS_PATH, "/var/run/x"},
                {"pid:17", NETNS_PID, "/proc/17/ns/net"},
                {"container:web-1_a.b", NETNS_CONTAINER, NULL}};

    for (unsigned i = 0; i < COUNT(good); i++) {
        struct built built;
        char text[256];

        snprintf(text, sizeof(text), SERVER("10.0.0.5:80 netns=%s weight=3"), good[i].text);
        build_good(&built, text);

        const struct config_endpoint *endpoint = &built.tenant.upstreams[0].endpoints[0];

        cr_assert_not_null(endpoint->netns);
        cr_expect_eq(endpoint->netns->kind, good[i].kind);
        cr_expect(text_is(endpoint->netns->text, good[i].text));
        if (good[i].path)
            cr_expect_str_eq(endpoint->netns->path, good[i].path);
        else
            cr_expect_null(endpoint->netns->path);
        cr_expect_eq(endpoint->netns->place.line, 2);
        cr_expect(text_is(endpoint->text, "10.0.0.5:80"));
        cr_expect_eq(endpoint->weight, 3);
        free_tenant(&built);
    }
}

Test(netns, a_server_without_one_is_on_the_host)
{
    struct built built;

    build_good(&built, SERVER("10.0.0.5:80; server app.test:81 netns=blue"));
    cr_expect_null(built.tenant.upstreams[0].endpoints[0].netns);
    cr_expect_not_null(built.tenant.upstreams[0].endpoints[1].netns);
    free_tenant(&built);
}

Test(netns, mistakes_of_a_server)
{
    static const struct said wrong[] = {
        {SERVER("10.0.0.5 netns=host"), 2, 17, "in the host's network namespace without it"},
        {SERVER("10.0.0.5 netns="), 2, 17, "a name is one file's name"},
        {SERVER("10.0.0.5 netns=a/b"), 2, 17, "\"a/b\" is no network namespace"},
        {SERVER("10.0.0.5 netns=pid:0"), 2, 17, "number of a process"},
        {SERVER("10.0.0.5 'netns=a\\tb\\n'"), 2, 17, "control characters"},
        {SERVER("10.0.0.5 netns=a netns=b"), 2, 25, "a server is in one network namespace"},
        {SERVER("unix:/run/app.sock netns=a"), 2, 27, "a Unix socket is in no network namespace"},
    };

    expect_errors(wrong, COUNT(wrong));
}

Test(netns, a_path_has_a_bound)
{
    struct built built;
    char *path = malloc(4200);
    char *text = malloc(8400);

    cr_assert(path && text);
    memset(path, 'p', 4199);
    path[0] = '/';
    path[4096] = '\0';
    sprintf(text, "server { return 204; }\nnetns %s;", path);
    build_tenant(&built, text);
    cr_expect(says(&built.diags, DIAG_ERROR, 2, 7, "longer than 4095 bytes"));
    free_tenant(&built);
    path[4095] = '\0';
    sprintf(text, "server { return 204; }\nnetns %s;", path);
    build_good(&built, text);
    free_tenant(&built);
    free(text);
    free(path);
}

Test(netns, names_of_containers)
{
    static const char *const good[] = {"a", "0", "web", "a.b", "a-", "web_1", "0123456789abcdef"};
    static const char *const wrong[] = {"", ".", "-a", "_a", "a/b", "a b", "a?b", "a%2f", "a\xc3"};
    char longest[257];

    for (unsigned i = 0; i < COUNT(good); i++)
        cr_expect(config_container_name_is_valid(slice_of(good[i])), "%s", good[i]);
    for (unsigned i = 0; i < COUNT(wrong); i++)
        cr_expect_not(config_container_name_is_valid(slice_of(wrong[i])), "%s", wrong[i]);
    memset(longest, 'a', sizeof(longest));
    cr_expect(config_container_name_is_valid((struct slice){longest, 255}));
    cr_expect_not(config_container_name_is_valid((struct slice){longest, 256}));
}
