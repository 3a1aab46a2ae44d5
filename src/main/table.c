/* SPDX-License-Identifier: MIT */
/* The status for people: columns as wide as what stands in them. */
#include "status_internal.h"

#include "printable_internal.h"

#include <string.h>

#define TABLE_CELL  256 /* bytes */
#define TABLE_ERROR 160 /* of the last column */

enum column {
    COLUMN_TENANT,
    COLUMN_NAMESPACE,
    COLUMN_STATE,
    COLUMN_LISTENERS,
    COLUMN_CONNECTIONS,
    COLUMN_EXPIRES,
    COLUMN_GENERATION,
    COLUMN_COUNT_
};

static const char *const table_titles[COLUMN_COUNT_] = {
    "TENANT", "NAMESPACE", "STATE", "LISTENERS", "CONNECTIONS", "EXPIRES", "GENERATION"};

static const char *table_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static long long table_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void table_namespace(const json_t *tenant, char *cell)
{
    if (json_is_integer(json_object_get(tenant, "inode")))
        snprintf(cell, TABLE_CELL, "%s[%lld]", table_text(tenant, "namespace"),
                 table_number(tenant, "inode"));
    else
        snprintf(cell, TABLE_CELL, "%s", table_text(tenant, "namespace"));
}

static void table_cell(const json_t *tenant, enum column column, char cell[TABLE_CELL])
{
    switch (column) {
    case COLUMN_TENANT:
        snprintf(cell, TABLE_CELL, "%s", table_text(tenant, "tenant"));
        break;
    case COLUMN_NAMESPACE:
        table_namespace(tenant, cell);
        break;
    case COLUMN_STATE:
        snprintf(cell, TABLE_CELL, "%s", table_text(tenant, "state"));
        break;
    case COLUMN_LISTENERS:
        snprintf(cell, TABLE_CELL, "%lld/%lld", table_number(tenant, "bound"),
                 table_number(tenant, "listeners"));
        break;
    case COLUMN_CONNECTIONS:
        snprintf(cell, TABLE_CELL, "%lld", table_number(tenant, "connections"));
        break;
    case COLUMN_EXPIRES: /* the day is enough */
        snprintf(cell, TABLE_CELL, "%.10s", table_text(tenant, "certificate_expiry"));
        break;
    default:
        snprintf(cell, TABLE_CELL, "%lld", table_number(tenant, "generation"));
        break;
    }
    if (!*cell)
        snprintf(cell, TABLE_CELL, "-");
}

/* Its beginning, up to the end of a word; --json has all of it. */
static void table_print_error(const json_t *tenant)
{
    const char *error = table_text(tenant, "last_error");
    char text[TABLE_ERROR + sizeof(" ...")];
    char *end;

    snprintf(text, TABLE_ERROR, "%s", error);
    end = strrchr(text, ' ');
    if (strlen(error) >= TABLE_ERROR)
        memcpy(end ? end : text + TABLE_ERROR - 1, " ...", sizeof(" ..."));
    printable_put(stdout, *text ? text : "-", SIZE_MAX);
    putchar('\n');
}

static void table_print_tenants(const json_t *tenants)
{
    size_t widths[COLUMN_COUNT_];
    char cell[TABLE_CELL];
    const json_t *tenant;
    size_t index;

    for (unsigned column = 0; column < COLUMN_COUNT_; column++) {
        widths[column] = strlen(table_titles[column]);
        json_array_foreach(tenants, index, tenant)
        {
            size_t width;

            table_cell(tenant, column, cell);
            width = printable_width(cell);
            if (width > widths[column])
                widths[column] = width;
        }
        printf("%-*s  ", (int)widths[column], table_titles[column]);
    }
    puts("LAST ERROR");
    json_array_foreach(tenants, index, tenant)
    {
        for (unsigned column = 0; column < COLUMN_COUNT_; column++) {
            table_cell(tenant, column, cell);
            printable_cell(stdout, cell, widths[column]);
            fputs("  ", stdout);
        }
        table_print_error(tenant);
    }
}

/* "3d 4h", "5m 6s": the two largest units. */
static void table_duration(long long seconds, char text[64])
{
    if (seconds >= 86400)
        snprintf(text, 64, "%lldd %lldh", seconds / 86400, seconds % 86400 / 3600);
    else if (seconds >= 3600)
        snprintf(text, 64, "%lldh %lldm", seconds / 3600, seconds % 3600 / 60);
    else
        snprintf(text, 64, "%lldm %llds", seconds / 60, seconds % 60);
}

/* "sandbox on, Landlock 6"; nothing of a gateway that does not tell. */
static void table_put_sandbox(FILE *out, const json_t *gateway)
{
    if (!json_object_get(gateway, "sandbox"))
        return;
    fprintf(out, "; sandbox %s", table_text(gateway, "sandbox"));
    if (table_number(gateway, "landlock") > 0)
        fprintf(out, ", Landlock %lld", table_number(gateway, "landlock"));
}

void table_put_gateway(FILE *out, const json_t *gateway)
{
    char up[64];

    table_duration(table_number(gateway, "uptime"), up);
    fprintf(out, "nsgate %s, pid %lld, up %s; %lld workers of generation %lld, %lld connections",
            table_text(gateway, "version"), table_number(gateway, "pid"), up,
            table_number(gateway, "workers"), table_number(gateway, "generation"),
            table_number(gateway, "connections"));
    table_put_sandbox(out, gateway);
    if (table_number(gateway, "draining") > 0)
        fprintf(out, "; %lld workers of before drain", table_number(gateway, "draining"));
}

void table_print(const json_t *gateway)
{
    table_put_gateway(stdout, gateway);
    puts("\n");
    table_print_tenants(json_object_get(gateway, "tenants"));
}
