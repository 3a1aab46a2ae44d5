/* SPDX-License-Identifier: MIT */
/* -s: what is asked over the control socket, and what is a signal. */
#include "command_internal.h"

#include "check_internal.h"
#include "printable_internal.h"
#include "status_internal.h"
#include "talk_internal.h"
#include "top_internal.h"

#include "supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define UPGRADE_NAP      0.05 /* seconds between questions whether it is done */
#define UPGRADE_PATIENCE 60.0 /* seconds for them */

/* Asks, and hands on what is answered (show, or NULL), as long as that takes. Returns the exit
 * status, or -1: the connection has closed before the last line. */
static int command_ask(const struct command *command, struct talk *talk, const char *request,
                       void (*show)(const struct answer *answer))
{
    struct answer answer;
    int status = EXIT_FAILURE;
    bool has_ended = talk_open(talk, command, request) < 0;

    if (!has_ended)
        talk_be_patient(talk);
    while (!has_ended && talk_read(talk, &answer) == 0) {
        if (show)
            show(&answer);
        has_ended = answer_ends(&answer, &status);
    }
    talk_close(talk);
    return has_ended ? status : -1;
}

/* ---- reload ---- */

static void reload_show(const struct answer *answer)
{
    static const char *const kinds[] = {"added",    "changed", "removed", "refused",
                                        "degraded", "waiting", "blocked"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (answer_is(answer, kinds[i], 3))
            printf("%s %s: %s\n", kinds[i], answer->fields[1], answer->fields[2]);
        else if (answer_is(answer, kinds[i], 2))
            printf("%s %s\n", kinds[i], answer->fields[1]);
    }
    if (answer_is(answer, "summary", 2))
        printf("%s\n", answer->fields[1]);
}

static int command_reload(const struct command *command)
{
    struct talk talk;
    int status =
        command_ask(command, &talk, command->force ? "reload-forced" : "reload", reload_show);

    if (status >= 0)
        return status;
    fprintf(stderr, "nsgate: the running nsgate went away before the reload was done\n");
    return EXIT_FAILURE;
}

/* ---- reopen ---- */

static int command_reopen(const struct command *command)
{
    struct talk talk;
    int status = command_ask(command, &talk, "reopen", NULL);

    if (status >= 0)
        return status;
    fprintf(stderr, "nsgate: the running nsgate did not say whether the logs are open\n");
    return EXIT_FAILURE;
}

/* ---- upgrade ---- */

static bool upgrade_is_arriving(const struct answer *gateway)
{
    for (unsigned i = 1; i < gateway->count; i++) {
        if (strcmp(gateway->fields[i], "arriving=1") == 0)
            return true;
    }
    return false;
}

/* Returns whether to ask again; else *status is the outcome, and has been told. */
static bool upgrade_ask(const struct command *command, unsigned long before, int *status)
{
    struct talk talk;
    struct answer answer;
    bool is_arriving = false;

    *status = EXIT_FAILURE;
    if (talk_open(&talk, command, "status") == 0 && talk.upgrades == before) {
        fprintf(stderr, "nsgate: the connection was lost, the old binary goes on\n");
    } else if (talk.stream && talk_read(&talk, &answer) == 0 && answer_is(&answer, "gateway", 2)) {
        is_arriving = upgrade_is_arriving(&answer);
        *status = EXIT_SUCCESS;
        if (!is_arriving)
            printf("upgrade done: %s\n", answer.fields[1]);
    }
    talk_close(&talk);
    return is_arriving;
}

/* The connection has closed without a word: the new binary greets, or nobody does. */
static int upgrade_greet(const struct command *command, unsigned long before)
{
    const struct timespec nap = {.tv_nsec = (long)(UPGRADE_NAP * 1e9)};
    int status;

    for (unsigned i = 0; upgrade_ask(command, before, &status); i++) {
        if (i > UPGRADE_PATIENCE / UPGRADE_NAP) {
            fprintf(stderr, "nsgate: the new binary runs, but its workers do not serve yet\n");
            return EXIT_FAILURE;
        }
        nanosleep(&nap, NULL);
    }
    return status;
}

static void upgrade_show(const struct answer *answer)
{
    if (!answer_is(answer, "waits", 2))
        return;
    printf("the upgrade waits for %s\n", answer->fields[1]);
    fflush(stdout);
}

/* It gives up by itself, and says why. */
static int command_upgrade(const struct command *command)
{
    struct talk talk;
    int status = command_ask(command, &talk, "upgrade", upgrade_show);

    return status >= 0 ? status : upgrade_greet(command, talk.upgrades);
}

/* ---- status ---- */

/* Who watches reads standard output, and all that is said belongs there. */
static int command_check(const struct command *command)
{
    struct talk talk;
    int status = CHECK_UNKNOWN;

    dup2(STDOUT_FILENO, STDERR_FILENO);
    if (talk_open(&talk, command, "status") == 0)
        status = status_check(&talk, time(NULL));
    talk_close(&talk);
    return status;
}

static int command_status(const struct command *command)
{
    struct talk talk;
    int status = EXIT_FAILURE;

    if (command->check)
        return command_check(command);
    if (talk_open(&talk, command, "status") == 0)
        status = status_show(&talk, command->json);
    talk_close(&talk);
    return status;
}

/* ---- all ---- */

int command_run(const struct command *command)
{
    static const struct {
        const char *name;
        int (*run)(const struct command *command);
    } commands[] = {{"reload", command_reload},
                    {"reopen", command_reopen},
                    {"status", command_status},
                    {"top", top_run},
                    {"upgrade", command_upgrade}};

    printable_init();
    if ((command->json || command->check) && strcmp(command->name, "status") != 0) {
        fprintf(stderr, "nsgate: --json and --check are for -s status\n");
        return EXIT_FAILURE;
    }
    if (command->force && strcmp(command->name, "reload") != 0) {
        fprintf(stderr, "nsgate: --force is for -s reload\n");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(command->name, commands[i].name) == 0)
            return commands[i].run(command);
    }
    return supervisor_signal(command->config, command->socket, command->name);
}
