/* SPDX-License-Identifier: MIT */
/* Lines from the control socket, cut into fields. */
#include "talk_internal.h"

#include "base/descriptor.h"

#include "control/protocol.h"
#include "supervisor/supervisor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>

/* 0: for ever. */
static void talk_limit(const struct talk *talk, time_t seconds)
{
    struct timeval limit = {.tv_sec = seconds};

    (void)setsockopt(fileno(talk->stream), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

void talk_be_patient(const struct talk *talk)
{
    talk_limit(talk, 0);
}

int talk_read(struct talk *talk, struct answer *answer)
{
    ssize_t len = getline(&talk->line, &talk->capacity, talk->stream);

    if (len <= 0 || talk->line[len - 1] != '\n')
        return -1;
    talk->line[len - 1] = '\0';
    answer_cut(answer, talk->line);
    return 0;
}

bool answer_ends(const struct answer *answer, int *status)
{
    if (answer_is(answer, "error", 2))
        fprintf(stderr, "nsgate: [error] %s\n", answer->fields[1]);
    else if (answer_is(answer, "warning", 2))
        fprintf(stderr, "nsgate: [warn] %s\n", answer->fields[1]);
    if (!answer_is(answer, "end", 2))
        return false;
    *status = strcmp(answer->fields[1], "0") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (strcmp(answer->fields[1], "2") == 0)
        *status = CONTROL_LACKING;
    return true;
}

int talk_open(struct talk *talk, const struct command *command, const char *request)
{
    int fd = supervisor_connect(command->config, command->socket);
    struct answer answer;

    *talk = (struct talk){0};
    if (fd < 0)
        return -1;
    talk->stream = fdopen(fd, "r");
    if (!talk->stream) {
        return descriptor_close(fd);
    }
    talk_limit(talk, TALK_LIMIT);
    if (dprintf(fd, "%s\n", request) >= 0 && talk_read(talk, &answer) == 0 &&
        answer_is(&answer, "hello", 1)) {
        talk->upgrades = answer.count > 3 ? strtoul(answer.fields[3], NULL, 10) : 0;
        return 0;
    }
    fprintf(stderr, "nsgate: the running nsgate does not answer\n");
    return -1;
}

void talk_close(struct talk *talk)
{
    if (talk->stream)
        fclose(talk->stream);
    free(talk->line);
}
