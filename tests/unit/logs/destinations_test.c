/* SPDX-License-Identifier: MIT */
/* Destinations: one number for each place, files that are opened for who takes them, and anew. */
#include "logs/destinations.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    struct loop loop;
    struct log_destinations all;
    char folder[64];
    bool is_heard;
    unsigned room; /* files until it is full */
    unsigned told, files, closed, settled;
    char error[256];
} rig;

static bool on_heard(void *owner)
{
    (void)owner;
    return rig.is_heard;
}

static bool on_full(void *owner)
{
    (void)owner;
    return rig.files >= rig.room;
}

static void on_open(void *owner, const struct log_destination *destination, int fd)
{
    (void)owner;
    if (fd < 0)
        rig.told++;
    else
        rig.files += dprintf(fd, "%u\n", destination->number) > 0;
}

static void on_close(void *owner, const struct log_destination *destination)
{
    (void)owner;
    (void)destination;
    rig.closed++;
}

static void on_settled(void *owner, const char *error)
{
    (void)owner;
    rig.settled++;
    snprintf(rig.error, sizeof(rig.error), "%s", error ? error : "");
}

static const struct log_destinations_events events = {on_heard, on_full, on_open, on_close,
                                                      on_settled};

static void rig_open(void)
{
    rig.room = 100;
    strcpy(rig.folder, "/tmp/nsg-destinations-XXXXXX");
    cr_assert_not_null(mkdtemp(rig.folder));
    loop_init(&rig.loop);
    log_destinations_init(&rig.all, &rig.loop, "/proc/self/exe", &events, &rig);
}

static void rig_close(void)
{
    char command[128];

    log_destinations_free(&rig.all);
    loop_free(&rig.loop);
    snprintf(command, sizeof(command), "rm -rf %s", rig.folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(destinations, .init = rig_open, .fini = rig_close);

static struct log_place file_at(const char *name)
{
    char text[256];
    struct log_place place;

    snprintf(text, sizeof(text), "file %s/%s", rig.folder, name);
    log_place_set(
        &place, &(struct config_log_destination){.kind = LOG_TO_FILE, .identity = slice_of(text)});
    return place;
}

static const char *content(const char *name)
{
    static char text[256];
    char path[256];
    FILE *file;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", rig.folder, name);
    file = fopen(path, "r");
    if (!file)
        return NULL;
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    return text;
}

Test(destinations, equal_places_have_one_number)
{
    struct log_place places[] = {file_at("a"), file_at("b")};
    struct log_numbers one = {0}, other = {0};

    log_destinations_use(&rig.all, &one, places, 2);
    log_destinations_use(&rig.all, &other, places + 1, 1);
    cr_assert_eq(one.list[0], 1);
    cr_assert_eq(one.list[1], 2);
    cr_assert_eq(other.list[0], 2);
    cr_assert_eq(rig.files, 0, "nobody is there to take them");
    rig.is_heard = true;
    rig.told = 0;
    log_destinations_tell(&rig.all);
    cr_assert_eq(rig.told, 2);
    cr_assert_eq(rig.files, 2);
    cr_assert_str_eq(content("b"), "2\n");
    log_destinations_use(&rig.all, &one, places + 1, 1);
    cr_assert_eq(one.list[0], 2);
    cr_assert_eq(rig.closed, 0, "what has begun before may end with a line");
    log_destinations_use(&rig.all, &one, places, 1);
    cr_assert_eq(one.list[0], 1, "it is the one of before");
    log_destinations_use(&rig.all, &one, NULL, 0);
    log_destinations_use(&rig.all, &other, NULL, 0);
    cr_assert_null(other.list);
    cr_assert(log_destinations_are_there(&rig.all));
    log_place_free(&places[0]);
    log_place_free(&places[1]);
}

Test(destinations, are_opened_anew)
{
    struct log_place places[] = {file_at("a"), file_at("b")};
    struct log_numbers one = {0}, other = {0};
    char from[128], to[160];

    rig.is_heard = true;
    log_destinations_use(&rig.all, &one, places, 1);
    log_destinations_use(&rig.all, &other, places + 1, 1);
    log_destinations_use(&rig.all, &other, NULL, 0);
    cr_assert_eq(rig.files, 2);
    snprintf(from, sizeof(from), "%s/a", rig.folder);
    snprintf(to, sizeof(to), "%s.1", from);
    cr_assert_eq(rename(from, to), 0);
    rig.settled = 0;
    log_destinations_reopen(&rig.all);
    cr_assert_eq(rig.settled, 1);
    cr_assert_str_eq(rig.error, "");
    cr_assert_str_eq(content("a"), "1\n");
    cr_assert_str_eq(content("a.1"), "1\n");
    cr_assert_str_eq(content("b"), "2\n", "nobody uses it");
    log_destinations_use(&rig.all, &one, NULL, 0);
    log_place_free(&places[0]);
    log_place_free(&places[1]);
}

/* Each open file costs a descriptor until it is taken. */
Test(destinations, are_opened_while_there_is_room_for_them)
{
    struct log_place places[] = {file_at("a"), file_at("b"), file_at("c")};
    struct log_numbers numbers = {0};

    rig.room = 1;
    rig.is_heard = true;
    log_destinations_use(&rig.all, &numbers, places, 3);
    cr_assert_eq(rig.told, 3);
    cr_assert_eq(rig.files, 1);
    cr_assert_eq(rig.settled, 0, "they are still to be opened");
    log_destinations_resume(&rig.all);
    cr_assert_eq(rig.files, 1);
    rig.room = 2;
    log_destinations_resume(&rig.all);
    cr_assert_eq(rig.files, 2);
    cr_assert_eq(rig.settled, 0);
    rig.room = 3;
    log_destinations_resume(&rig.all);
    cr_assert_eq(rig.files, 3);
    cr_assert_eq(rig.settled, 1);
    log_destinations_resume(&rig.all);
    cr_assert_eq(rig.settled, 1, "there was nothing to do");
    log_destinations_use(&rig.all, &numbers, NULL, 0);
    for (int i = 0; i < 3; i++)
        log_place_free(&places[i]);
}

Test(destinations, that_cannot_be_opened_are_told)
{
    struct log_place place = file_at("none/a");
    struct log_numbers numbers = {0};

    rig.is_heard = true;
    log_destinations_use(&rig.all, &numbers, &place, 1);
    cr_assert_eq(rig.files, 0);
    cr_assert_not_null(strstr(rig.error, "none/a: No such file"));
    cr_assert(deadline_is_set(&rig.all.again));
    log_destinations_use(&rig.all, &numbers, NULL, 0);
    log_place_free(&place);
}

Test(destinations, come_along_to_the_next_binary)
{
    struct log_place places[] = {file_at("a"), file_at("b")};
    struct log_numbers one = {0}, other = {0};
    struct log_destinations next;
    struct wire_writer writer;
    struct wire_reader reader;

    log_destinations_use(&rig.all, &one, places, 2);
    wire_writer_init(&writer);
    log_destinations_put(&writer, &rig.all);
    for (size_t len = 0; len <= writer.len; len++) {
        log_destinations_init(&next, &rig.loop, "/proc/self/exe", &events, &rig);
        wire_reader_init(&reader, slice_head(wire_written(&writer), len));
        log_destinations_get(&reader, &next);
        cr_assert_eq(wire_finish(&reader) == 0, len == writer.len);
        if (len == writer.len) {
            log_destinations_use(&next, &other, places + 1, 1);
            cr_assert_eq(other.list[0], 2);
            log_destinations_use(&next, &other, NULL, 0);
        }
        log_destinations_free(&next);
    }
    wire_writer_free(&writer);
    log_destinations_use(&rig.all, &one, NULL, 0);
    log_place_free(&places[0]);
    log_place_free(&places[1]);
}
