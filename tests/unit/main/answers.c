/* SPDX-License-Identifier: MIT */
/* A process that listens and answers. */
#include "main/answers.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void answer(int listener, const char *text)
{
    int fd = accept(listener, NULL, NULL);
    char byte = 0;

    while (byte != '\n' && read(fd, &byte, 1) == 1)
        ;
    dprintf(fd, "%s", text);
    close(fd);
}

void answers_begin(struct answers *answers, const char *const texts[])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(answers->folder, sizeof(answers->folder), "/tmp/nsg-answers-XXXXXX");
    cr_assert_not_null(mkdtemp(answers->folder));
    snprintf(answers->socket, sizeof(answers->socket), "%s/socket", answers->folder);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", answers->socket);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(listen(listener, 4), 0);
    answers->pid = fork();
    if (answers->pid == 0) {
        for (; *texts; texts++)
            answer(listener, *texts);
        _exit(0);
    }
    close(listener);
}

void answers_end(struct answers *answers)
{
    kill(answers->pid, SIGKILL);
    cr_assert_eq(waitpid(answers->pid, NULL, 0), answers->pid);
    unlink(answers->socket);
    rmdir(answers->folder);
}
