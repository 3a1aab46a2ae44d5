/* SPDX-License-Identifier: MIT */
/* Numbers for places that lines go to, and the opening of their files, one after the other. */
#include "logs/destinations.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "logs/advice.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define DESTINATIONS_FOREACH(each, destinations)                                                   \
    for (struct log_destination *each = (destinations)->all, *each##_next = NULL;                  \
         (each) && ((each##_next = (each)->hh.next), true); (each) = each##_next)

/* ---- opening ---- */

static void destination_set_due(struct log_destinations *destinations,
                                struct log_destination *destination)
{
    if (destination->place.kind != LOG_TO_FILE || destination->is_due)
        return;
    destination->is_due = true;
    TAILQ_INSERT_TAIL(&destinations->due, destination, due);
}

static void destination_clear_due(struct log_destinations *destinations,
                                  struct log_destination *destination)
{
    if (destination->is_due)
        TAILQ_REMOVE(&destinations->due, destination, due);
    destination->is_due = false;
}

static void destinations_settle(struct log_destinations *destinations)
{
    char error[sizeof(destinations->error)];

    snprintf(error, sizeof(error), "%s", destinations->error);
    destinations->error[0] = '\0';
    destinations->events->on_settled(destinations->owner, error[0] ? error : NULL);
}

/* An open file that is not taken yet costs a descriptor: there are few of them. */
static bool destinations_wait(const struct log_destinations *destinations)
{
    return !TAILQ_EMPTY(&destinations->due) && destinations->events->is_full(destinations->owner);
}

/* Most files are opened at once, so that this is no recursion. */
static void destinations_open_due(struct log_destinations *destinations)
{
    struct log_destination *next;

    if (destinations->is_opening)
        return;
    destinations->is_opening = true;
    while (!log_file_is_busy(&destinations->file) &&
           destinations->events->is_heard(destinations->owner) &&
           !destinations_wait(destinations) && (next = TAILQ_FIRST(&destinations->due))) {
        destination_clear_due(destinations, next);
        destinations->opening = next;
        log_file_begin(&destinations->file, next->place.path);
    }
    destinations->is_opening = false;
    if (!log_file_is_busy(&destinations->file) && !destinations_wait(destinations))
        destinations_settle(destinations);
}

/* It is told once that it cannot be opened, until it can. */
static void destination_on_failure(struct log_destinations *destinations,
                                   struct log_destination *destination, const char *why)
{
    char advice[LOG_ADVICE];

    log_advice(destination->place.path, advice);
    snprintf(destinations->error, sizeof(destinations->error),
             "cannot open the access log %s: %s%s", destination->place.path, why, advice);
    if (!destination->has_failed)
        log_error("%s; it is tried again", destinations->error);
    destination->has_failed = true;
    if (!deadline_is_set(&destinations->again))
        deadline_set(&destinations->again, LOG_DESTINATION_AGAIN);
}

static void destinations_on_opened(struct log_file *file, int fd, const char *why)
{
    struct log_destinations *destinations = file->owner;
    struct log_destination *destination = destinations->opening;

    destinations->opening = NULL;
    if (fd < 0) {
        destination_on_failure(destinations, destination, why);
    } else {
        destination->has_failed = false;
        destinations->events->on_open(destinations->owner, destination, fd);
        descriptor_close(fd);
    }
    destinations_open_due(destinations);
}

static void destinations_on_again(struct deadline *again)
{
    struct log_destinations *destinations = CONTAINER_OF(again, struct log_destinations, again);

    DESTINATIONS_FOREACH(destination, destinations)
    {
        if (destination->has_failed)
            destination_set_due(destinations, destination);
    }
    destinations_open_due(destinations);
}

void log_destinations_tell(struct log_destinations *destinations)
{
    DESTINATIONS_FOREACH(destination, destinations)
    {
        destinations->events->on_open(destinations->owner, destination, -1);
        destination_set_due(destinations, destination);
    }
    destinations_open_due(destinations);
}

void log_destinations_resume(struct log_destinations *destinations)
{
    if (!TAILQ_EMPTY(&destinations->due))
        destinations_open_due(destinations);
}

/* What is configured no more keeps the file that it has: nobody makes it anew for that. */
void log_destinations_reopen(struct log_destinations *destinations)
{
    DESTINATIONS_FOREACH(destination, destinations)
    {
        if (destination->users > 0)
            destination_set_due(destinations, destination);
    }
    destinations_open_due(destinations);
}

/* ---- numbers ---- */

static struct log_destination *destinations_find(const struct log_destinations *destinations,
                                                 const char *identity)
{
    struct log_destination *destination = NULL;

    HASH_FIND_STR(destinations->all, identity, destination);
    return destination;
}

/* Owns what the place has. */
static struct log_destination *destinations_add(struct log_destinations *destinations,
                                                uint32_t number, struct log_place place)
{
    struct log_destination *destination = memory_zeroed(1, sizeof(*destination));

    destination->number = number;
    destination->place = place;
    destination->left = loop_now(destinations->again.loop);
    HASH_ADD_KEYPTR(hh, destinations->all, destination->place.identity,
                    strlen(destination->place.identity), destination);
    HASH_ADD(by_number, destinations->numbers, number, sizeof(destination->number), destination);
    return destination;
}

static struct log_destination *destinations_make(struct log_destinations *destinations,
                                                 const struct log_place *from)
{
    struct log_destination *destination;
    struct log_place place;

    log_place_copy(&place, from);
    destination = destinations_add(destinations, ++destinations->last, place);
    destinations->events->on_open(destinations->owner, destination, -1);
    destination_set_due(destinations, destination);
    return destination;
}

static void destination_free(struct log_destinations *destinations,
                             struct log_destination *destination)
{
    destination_clear_due(destinations, destination);
    HASH_DEL(destinations->all, destination);
    assert(destinations->numbers); /* it is in both */
    HASH_DELETE(by_number, destinations->numbers, destination);
    log_place_free(&destination->place);
    free(destination);
}

static void destinations_on_sweep(struct deadline *sweep)
{
    struct log_destinations *destinations = CONTAINER_OF(sweep, struct log_destinations, sweep);
    double now = loop_now(sweep->loop);
    double soonest = 0;

    DESTINATIONS_FOREACH(destination, destinations)
    {
        double left = destination->left + LOG_DESTINATION_KEPT - now;

        if (destination->users > 0)
            continue;
        if (left > 0 || destination == destinations->opening) {
            soonest = deadline_earlier(soonest, left > 1 ? left : 1);
            continue;
        }
        destinations->events->on_close(destinations->owner, destination);
        destination_free(destinations, destination);
    }
    if (soonest > 0)
        deadline_set(sweep, soonest);
}

static void destinations_leave(struct log_destinations *destinations, uint32_t number)
{
    struct log_destination *destination;

    HASH_FIND(by_number, destinations->numbers, &number, sizeof(number), destination);
    if (!destination || --destination->users > 0)
        return;
    destination->left = loop_now(destinations->again.loop);
    if (!deadline_is_set(&destinations->sweep))
        deadline_set(&destinations->sweep, LOG_DESTINATION_KEPT);
}

void log_destinations_use(struct log_destinations *destinations, struct log_numbers *numbers,
                          const struct log_place *places, uint32_t count)
{
    struct log_numbers before = *numbers;

    *numbers = (struct log_numbers){NULL, count};
    if (count > 0)
        numbers->list = memory_zeroed(count, sizeof(numbers->list[0]));
    for (uint32_t i = 0; i < count; i++) {
        struct log_destination *destination = destinations_find(destinations, places[i].identity);

        if (!destination)
            destination = destinations_make(destinations, &places[i]);
        destination->users++;
        numbers->list[i] = destination->number;
    }
    for (uint32_t i = 0; i < before.count; i++)
        destinations_leave(destinations, before.list[i]);
    free(before.list);
    log_destinations_resume(destinations);
}

bool log_destinations_are_there(const struct log_destinations *destinations)
{
    return destinations->all;
}

/* ---- for the next binary ---- */

void log_destinations_put(struct wire_writer *writer, const struct log_destinations *destinations)
{
    wire_put_u32(writer, destinations->last);
    wire_put_u32(writer, HASH_COUNT(destinations->all));
    DESTINATIONS_FOREACH(destination, destinations)
    {
        wire_put_u32(writer, destination->number);
        ipc_put_log_place(writer, log_place_body(&destination->place));
    }
}

void log_destinations_get(struct wire_reader *reader, struct log_destinations *destinations)
{
    uint32_t count;

    destinations->last = wire_get_u32(reader);
    count = wire_get_count(reader, 4 + LOG_PLACE_MIN);
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        uint32_t number = wire_get_u32(reader);
        struct log_place place = {0};

        log_place_get(reader, &place);
        wire_require(reader, number > 0 && number <= destinations->last && place.identity &&
                                 !destinations_find(destinations, place.identity));
        if (reader->failed)
            log_place_free(&place);
        else
            destinations_add(destinations, number, place);
    }
    if (destinations->all)
        deadline_set(&destinations->sweep, LOG_DESTINATION_KEPT);
}

/* ---- life ---- */

void log_destinations_init(struct log_destinations *destinations, struct loop *loop,
                           const char *program, const struct log_destinations_events *events,
                           void *owner)
{
    *destinations = (struct log_destinations){.events = events, .owner = owner};
    TAILQ_INIT(&destinations->due);
    log_file_init(&destinations->file, loop, program, destinations_on_opened, destinations);
    deadline_init(&destinations->again, loop, destinations_on_again);
    deadline_init(&destinations->sweep, loop, destinations_on_sweep);
}

void log_destinations_free(struct log_destinations *destinations)
{
    log_file_free(&destinations->file);
    deadline_stop(&destinations->again);
    deadline_stop(&destinations->sweep);
    DESTINATIONS_FOREACH(destination, destinations)
    destination_free(destinations, destination);
}
