/* SPDX-License-Identifier: MIT */
/* Which workers serve a tenant, and that each is told all there is. */
#include "../../../src/supervisor/workers_internal.h"

#include "rig.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define WORKERS 4

struct crew {
    struct supervisor supervisor;
    struct child workers[WORKERS];
    struct settings settings;
};

/* Workers that do not run: only the choice is looked at. */
static void crew_open(struct crew *crew, unsigned per_tenant)
{
    memset(crew, 0, sizeof(*crew));
    crew->supervisor.workers = crew->workers;
    crew->supervisor.worker_count = WORKERS;
    crew->supervisor.settings = &crew->settings;
    crew->settings.model.workers_per_tenant = per_tenant;
    for (unsigned i = 0; i < WORKERS; i++)
        crew->workers[i] =
            (struct child){.supervisor = &crew->supervisor, .role = ROLE_WORKER, .index = i};
}

static struct record *crew_add(struct crew *crew, const char *name)
{
    struct record *record = registry_add(&crew->supervisor.registry, slice_of(name), name, NULL);

    workers_assign(&crew->supervisor, record);
    return record;
}

static void crew_close(struct crew *crew)
{
    struct record *record;
    struct record *next;

    HASH_ITER (hh, crew->supervisor.registry.records, record, next)
        registry_remove(&crew->supervisor.registry, record);
}

TestSuite(workers, .fini = rig_end);

Test(workers, the_load_is_spread)
{
    struct crew crew;
    char name[16];

    crew_open(&crew, 2);
    for (unsigned i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        cr_assert_eq(__builtin_popcountll(crew_add(&crew, name)->workers), 2);
    }
    for (unsigned i = 0; i < WORKERS; i++)
        cr_assert_eq(crew.workers[i].tenants, 5);
    crew_close(&crew);
}

Test(workers, who_serves_a_tenant_goes_on)
{
    struct crew crew;
    struct record *record;
    uint64_t before;

    crew_open(&crew, 2);
    crew_add(&crew, "a");
    record = crew_add(&crew, "b");
    before = record->workers;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers, before);
    crew.settings.model.workers_per_tenant = 3;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers & before, before);
    cr_assert_eq(__builtin_popcountll(record->workers), 3);
    crew.settings.model.workers_per_tenant = 1;
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(__builtin_popcountll(record->workers), 1);
    crew.settings.model.workers_per_tenant = 0; /* all */
    workers_assign(&crew.supervisor, record);
    cr_assert_eq(record->workers, (1u << WORKERS) - 1);
    workers_withdraw(&crew.supervisor, record);
    cr_assert_eq(record->workers, 0);
    cr_assert_eq(record->due, 0);
    cr_assert_eq(crew.workers[0].due + crew.workers[1].due, 2, "the first tenant's");
    crew_close(&crew);
}

/* More than may be under way at once: the rest follows as the worker commits. */
Test(workers, many_tenants_after_a_death)
{
    struct rig rig;
    char name[16];
    pid_t old;

    rig_open(&rig);
    for (unsigned i = 0; i < 300; i++) {
        char file[64];

        snprintf(name, sizeof(name), "t%03u", i);
        snprintf(file, sizeof(file), "tenants/%s.conf", name);
        rig_write(&rig, file, "netns nsg-not-there;\nserver { listen 1; return 200; }\n");
    }
    rig_start(&rig, "started: 300 tenants, 300 waiting, 0 refused");
    old = rig_child(&rig, "worker 0");
    kill(old, SIGKILL);
    for (int i = 0; i < 1000 && rig_child(&rig, "worker 0") == old; i++)
        usleep(5000);
    rig_signal(&rig, SIGHUP, "reload done: 0 added, 0 changed, 0 removed, 0 refused");
    cr_assert_neq(rig_child(&rig, "worker 0"), old);
    cr_assert_not(rig_has_logged(&rig, "have not committed"));
    rig_close(&rig);
}
