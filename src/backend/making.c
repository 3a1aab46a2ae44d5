/* SPDX-License-Identifier: MIT */
/* How many connections to a server may be in the making. The more there are already, the fewer are
 * added at a time: what comes at once is served by some hundreds, again and again. Only if requests
 * go on waiting, and the server answers as quickly as ever, as many are added as have proved
 * useful, so that their number doubles with each round of answers. */
#include "making_internal.h"

/* In the making at once: at first, at least, and at most. */
#define FIRST 32
#define LEAST 4
#define MOST  128
/* Of shared connections, which take many exchanges each, so many times less. */
#define SHARED_PART 8
/* With more than a few connections, it is so many divided by their number. */
#define SHARE 4096
/* Seconds after which those that wait are no burst, but more demand. */
#define BURST 2.0
/* A server is saturated when it answers so many times later than in calm times. */
#define SATURATED 4

/* Answers that take longer tell of what was asked, not of the server: long polls. Seconds. */
#define ANSWER_MAX 1.0
/* Each answer moves the average by this part; one of twice the average, or more, by as much. */
#define AVERAGE_PART  8
#define AVERAGE_LEAST 0.001

/* The longest time for which a connection that does not answer counts, in seconds. */
#define WAIT_MAX 0.25

void making_init(struct making *making)
{
    *making = (struct making){0};
    TAILQ_INIT(&making->connections);
}

void making_add(struct making *making, struct backend_connection *connection)
{
    TAILQ_INSERT_TAIL(&making->connections, connection, of_making);
    connection->is_making = true;
    making->count++;
}

void making_remove(struct making *making, struct backend_connection *connection)
{
    if (!connection->is_making)
        return;
    TAILQ_REMOVE(&making->connections, connection, of_making);
    connection->is_making = false;
    making->count--;
}

static void move_average(double *average, double seconds)
{
    double most = 2 * (*average > AVERAGE_LEAST ? *average : AVERAGE_LEAST);
    if (*average == 0)
        *average = seconds;
    *average += ((seconds < most ? seconds : most) - *average) / AVERAGE_PART;
}

void making_answered(struct making *making, double seconds)
{
    if (seconds > ANSWER_MAX)
        return;
    move_average(&making->usual, seconds);
    if (making->lacking_since == 0)
        move_average(&making->calm, seconds);
}

void making_given(struct making *making, double now)
{
    making->given_at = now;
}

static double bounded_wait(double seconds)
{
    if (seconds < MAKING_WAIT)
        return MAKING_WAIT;
    return seconds < WAIT_MAX ? seconds : WAIT_MAX;
}

/* A connection that has not answered for much longer than others take serves somebody for long. So
 * do all, if none was given back for a while; but a server that is late by its load is waited for.
 */
static void forget_old(struct making *making, double now)
{
    double patience = bounded_wait(4 * making->usual);
    double silence = bounded_wait(2 * (making->usual - making->calm));
    struct backend_connection *connection;
    while ((connection = TAILQ_FIRST(&making->connections))) {
        double opened = connection->opened;
        double heard = opened > making->given_at ? opened : making->given_at;
        if (now - opened < patience && now - heard < silence)
            return;
        making_remove(making, connection);
    }
}

static uint32_t bounded(uint32_t number, uint32_t least, uint32_t most)
{
    if (number < least)
        return least;
    return number < most ? number : most;
}

/* Whether those who wait would be served sooner by more connections. */
static bool lacks_more(const struct making *making, double now)
{
    return making->lacking_since > 0 && now - making->lacking_since > BURST &&
           making->usual < SATURATED * making->calm;
}

static uint32_t limit_of(const struct making *making, uint32_t connections, double now)
{
    if (lacks_more(making, now))
        return bounded(connections - making->count, FIRST, MOST);
    return bounded(SHARE / (connections + 1), LEAST, FIRST);
}

bool making_has_room(struct making *making, uint32_t connections, bool is_shared, double now)
{
    forget_old(making, now);
    uint32_t limit = limit_of(making, connections, now);
    if (is_shared)
        limit = limit / SHARED_PART > 0 ? limit / SHARED_PART : 1;
    return making->count < limit;
}
