/* SPDX-License-Identifier: MIT */
/* The client of the control socket: see supervisor/control.h for what is said there. */
#include "command_internal.h"

#include "supervisor/control.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <unistd.h>

#define COMMAND_LIMIT      10 /* seconds for an answer that needs no work */
#define COMMAND_FIELDS_MAX 32

/* One line of the answer. */
struct answer {
    char *fields[COMMAND_FIELDS_MAX]; /* the first is the line's kind */
    unsigned count;
};

/* A running conversation. Embedded by its owner. */
struct talk {
    FILE *stream;
    char *line;
    size_t capacity;
};

static void talk_close(struct talk *talk)
{
    if (talk->stream)
        fclose(talk->stream);
    free(talk->line);
}

/* 0: for ever. */
static void talk_limit(const struct talk *talk, time_t seconds)
{
    struct timeval limit = {.tv_sec = seconds};

    (void)setsockopt(fileno(talk->stream), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* Returns 0, or -1 at the end or when nothing comes in time. */
static int talk_read(struct talk *talk, struct answer *answer)
{
    ssize_t len = getline(&talk->line, &talk->capacity, talk->stream);
    char *rest = talk->line;

    if (len <= 0 || talk->line[len - 1] != '\n')
        return -1;
    talk->line[len - 1] = '\0';
    answer->count = 0;
    while (rest && answer->count < COMMAND_FIELDS_MAX)
        answer->fields[answer->count++] = strsep(&rest, "\t");
    return 0;
}

static bool answer_is(const struct answer *answer, const char *kind, unsigned fields)
{
    return answer->count >= fields && strcmp(answer->fields[0], kind) == 0;
}

/* Asks; the greeting is read. Returns 0, or -1 with a reason on stderr. */
static int talk_open(struct talk *talk, const char *config, const char *request)
{
    int fd = supervisor_connect(config);
    struct answer answer;

    *talk = (struct talk){0};
    if (fd < 0)
        return -1;
    talk->stream = fdopen(fd, "r");
    if (!talk->stream) {
        close(fd);
        return -1;
    }
    talk_limit(talk, COMMAND_LIMIT);
    if (dprintf(fd, "%s\n", request) < 0 || talk_read(talk, &answer) < 0 ||
        !answer_is(&answer, "hello", 1)) {
        fprintf(stderr, "nsgate: the running nsgate does not answer\n");
        return -1;
    }
    return 0;
}

/* ---- reload ---- */

/* Returns whether it was the last line. */
static bool reload_show(const struct answer *answer, int *status)
{
    static const char *const kinds[] = {"added", "changed", "removed"};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (answer_is(answer, kinds[i], 2))
            printf("%s %s\n", kinds[i], answer->fields[1]);
    }
    if (answer_is(answer, "refused", 3))
        printf("refused %s: %s\n", answer->fields[1], answer->fields[2]);
    else if (answer_is(answer, "summary", 2))
        printf("%s\n", answer->fields[1]);
    else if (answer_is(answer, "error", 2))
        fprintf(stderr, "nsgate: [error] %s\n", answer->fields[1]);
    else if (answer_is(answer, "warning", 2))
        fprintf(stderr, "nsgate: [warn] %s\n", answer->fields[1]);
    if (!answer_is(answer, "end", 2))
        return false;
    *status = strcmp(answer->fields[1], "0") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    return true;
}

static int command_reload(const char *config)
{
    struct talk talk;
    struct answer answer;
    int status = EXIT_FAILURE;
    bool ended = false;

    if (talk_open(&talk, config, "reload") == 0) {
        talk_limit(&talk, 0); /* as long as a reload takes */
        while (!ended && talk_read(&talk, &answer) == 0)
            ended = reload_show(&answer, &status);
        if (!ended)
            fprintf(stderr, "nsgate: the running nsgate went away before the reload was done\n");
    }
    talk_close(&talk);
    return status;
}

/* ---- all ---- */

int command_run(const char *config, const char *name, bool json)
{
    if (json && strcmp(name, "status") != 0) {
        fprintf(stderr, "nsgate: --json is for -s status\n");
        return EXIT_FAILURE;
    }
    if (strcmp(name, "reload") == 0)
        return command_reload(config);
    return supervisor_signal(config, name);
}
