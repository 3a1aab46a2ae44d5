/* SPDX-License-Identifier: MIT */
/* Defaults: a directive with the default that docs/CONFIG.md tells of it changes nothing. */
#include "config/config_support.h"

/* Their defaults are names for what no directive can say: an empty list, what another one says. */
static const char *const unsayable[] = {"listen", "server_name", "ssl_ecdh_curve",
                                        "proxy_ssl_name"};

static bool is_sayable(const char *name)
{
    for (unsigned i = 0; i < COUNT(unsayable); i++) {
        if (strcmp(unsayable[i], name) == 0)
            return false;
    }
    return true;
}

/* Whether two tenants are alike in all that can be inherited, and in their numbers. */
static bool is_same_tenant(struct built *a, struct built *b)
{
    struct config_settings of_a = *a->tenant.servers[0].settings;
    struct config_settings of_b = *b->tenant.servers[0].settings;

    of_a.ssl_verify_client_place = of_b.ssl_verify_client_place = (struct diag_place){0};
    return memcmp(&of_a, &of_b, sizeof(of_a)) == 0 &&
           a->tenant.max_connections == b->tenant.max_connections &&
           a->tenant.max_handshakes == b->tenant.max_handshakes &&
           a->tenant.client_handshakes.rate == b->tenant.client_handshakes.rate &&
           a->tenant.tenant_handshakes.rate == b->tenant.tenant_handshakes.rate &&
           a->tenant.cpu_weight == b->tenant.cpu_weight &&
           a->tenant.max_memory == b->tenant.max_memory &&
           a->tenant.upstreams[0].keepalive == b->tenant.upstreams[0].keepalive;
}

static bool changes_tenant(const char *outside, const char *inside)
{
    struct built plain, said;
    char text[512];
    bool is_same;

    build_good(&plain, "netns a; upstream u { server 10.0.0.1; } server { return 204; }");
    snprintf(text, sizeof(text),
             "netns a; upstream u { server 10.0.0.1; %s } server { return 204; } %s", inside,
             outside);
    build_good(&said, text);
    is_same = is_same_tenant(&plain, &said);
    free_tenant(&plain);
    free_tenant(&said);
    return !is_same;
}

static void build_main(struct config_main *model, const char *text)
{
    struct diag_list diags;
    struct config_tree tree;

    diag_list_init(&diags);
    config_tree_init(&tree);
    config_parse_text(&tree, &config_files, "m.conf", slice_of(text), &diags);
    config_main_build(model, &tree, "/etc/nsgate/nsgate.conf", &diags);
    cr_expect_eq(diags.errors, 0, "%s", text);
    config_tree_free(&tree);
    diag_list_free(&diags);
}

static bool changes_main(const char *directive)
{
    struct config_main plain, said;
    bool is_same;

    build_main(&plain, "");
    build_main(&said, directive);
    is_same = slice_equal(plain.user, said.user) && slice_equal(plain.pid_file, said.pid_file) &&
              plain.worker_processes == said.worker_processes &&
              plain.workers_per_tenant == said.workers_per_tenant &&
              plain.log_sink == said.log_sink && plain.log_level == said.log_level &&
              plain.netns_shared == said.netns_shared &&
              plain.worker_shutdown_timeout == said.worker_shutdown_timeout;
    config_main_free(&plain);
    config_main_free(&said);
    return !is_same;
}

/* Reads "| `NAME ...;` | WHERE | `DEFAULT` |" or, of the main file and of upstreams, without WHERE.
 */
static bool read_row(const char *line, char name[64], char where[64], char value[64])
{
    int end = 0;

    if (sscanf(line, "| `%63[a-z0-9_]%*[^`]` | `%63[^`]` |%n", name, value, &end) == 2 && end > 0)
        return true;
    return sscanf(line, "| `%63[a-z0-9_]%*[^`]` | %63[^|`]| `%63[^`]` |%n", name, where, value,
                  &end) == 3 &&
           end > 0;
}

Test(defaults, are_those_of_the_reference)
{
    FILE *file = fopen(NSGATE_TREE "/docs/CONFIG.md", "r");
    unsigned checked = 0;
    char line[4096];

    cr_assert_not_null(file);
    while (fgets(line, sizeof(line), file)) {
        char name[64], where[64] = "", value[64], directive[160];

        if (!read_row(line, name, where, value) || !is_sayable(name))
            continue;
        snprintf(directive, sizeof(directive), "%s %s;", name, value);
        if (where[0])
            cr_expect_not(changes_tenant(directive, ""), "%s", directive);
        else
            cr_expect_not(changes_main(directive), "%s", directive);
        checked++;
    }
    fclose(file);
    cr_expect_geq(checked, 31, "%u rows of the reference", checked);
}

Test(defaults, another_value_is_found)
{
    cr_expect(changes_tenant("send_timeout 61s;", ""));
    cr_expect(changes_tenant("max_connections 4095;", ""));
    cr_expect(changes_tenant("ssl_protocols TLSv1.3;", ""));
    cr_expect(changes_tenant("", "keepalive 63;"));
    cr_expect(changes_main("worker_shutdown_timeout 31s;"));
    cr_expect(changes_main("error_log stderr info;"));
}
