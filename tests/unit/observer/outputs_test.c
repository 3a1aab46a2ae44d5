/* SPDX-License-Identifier: MIT */
/* Outputs: lines are whole whatever becomes of their file, and what does not go out is bounded. */
#include "outputs_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static struct loop loop;
static struct outputs outputs;

static void open_outputs(void)
{
    loop_init(&loop);
    outputs_init(&outputs, &loop);
}

static void close_outputs(void)
{
    outputs_free(&outputs);
    loop_free(&loop);
}

TestSuite(outputs, .init = open_outputs, .fini = close_outputs);

static struct ipc_destination file_of(uint32_t number)
{
    return (struct ipc_destination){
        number, {.kind = LOG_TO_FILE, .identity = SLICE("file /a"), .tag = SLICE("")}};
}

static void put(uint32_t number, const char *line)
{
    outputs_put(&outputs, number, slice_of(line));
}

static const char *content(int fd)
{
    static char text[1 << 20];
    ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

    cr_assert_geq(len, 0);
    text[len] = '\0';
    return text;
}

static int file(void)
{
    return memfd_create("test", MFD_CLOEXEC);
}

Test(outputs, lines_go_to_their_files)
{
    struct ipc_destination one = file_of(1), two = file_of(2);
    int files[] = {file(), file()};

    put(1, "before it is told\n");
    outputs_open(&outputs, &one, -1);
    put(1, "before it is open\n");
    outputs_flush(&outputs);
    outputs_open(&outputs, &one, dup(files[0]));
    outputs_open(&outputs, &two, dup(files[1]));
    for (int i = 0; i < 3; i++) {
        put(1, "a\n");
        put(2, "b\n");
    }
    outputs_flush(&outputs);
    cr_assert_str_eq(content(files[0]), "before it is told\nbefore it is open\na\na\na\n");
    cr_assert_str_eq(content(files[1]), "b\nb\nb\n");
    outputs_close(&outputs, 2);
    put(1, "at the end\n");
    outputs_close(&outputs, 1);
    cr_assert_not_null(strstr(content(files[0]), "at the end\n"));
    cr_assert_null(outputs.all);
}

Test(outputs, a_new_file_gets_what_comes_after)
{
    struct ipc_destination one = file_of(1);
    int files[] = {file(), file()};

    outputs_open(&outputs, &one, dup(files[0]));
    put(1, "old\n");
    outputs_open(&outputs, &one, dup(files[1]));
    put(1, "new\n");
    outputs_flush(&outputs);
    cr_assert_str_eq(content(files[0]), "old\n");
    cr_assert_str_eq(content(files[1]), "new\n");
}

Test(outputs, a_line_that_had_begun_is_completed)
{
    struct ipc_destination one = file_of(1);
    struct rlimit limit;
    int fd = file();

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    outputs_open(&outputs, &one, dup(fd));
    limit.rlim_cur = 12;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put(1, "12345678\n");
    put(1, "abcdefgh\n");
    put(1, "is lost\n");
    outputs_flush(&outputs);
    cr_assert_str_eq(content(fd), "12345678\nabc");
    put(1, "is lost too\n");
    outputs_flush(&outputs);
    cr_assert_eq(outputs.all->dropped, 2);
    limit.rlim_cur = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put(1, "again\n");
    outputs_flush(&outputs);
    cr_assert_str_eq(content(fd), "12345678\nabcdefgh\nagain\n");
    outputs.all->lost -= OUTPUT_CALM + 1;
    outputs_flush(&outputs);
    cr_assert_eq(outputs.all->dropped, 0, "it is over");
}

Test(outputs, what_was_begun_in_the_old_file_does_not_go_to_the_new_one)
{
    struct ipc_destination one = file_of(1);
    struct rlimit limit;
    int files[] = {file(), file()};

    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    outputs_open(&outputs, &one, dup(files[0]));
    limit.rlim_cur = 4;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    put(1, "12345678\n");
    outputs_flush(&outputs);
    outputs_open(&outputs, &one, dup(files[1]));
    put(1, "new\n");
    outputs_flush(&outputs);
    cr_assert_str_eq(content(files[1]), "new\n");
    cr_assert_eq(outputs.all->dropped, 1);
}

Test(outputs, a_stalled_pipe_is_not_waited_for)
{
    struct ipc_destination one = file_of(1);
    static char line[1001], got[1 << 20];
    size_t len = 0;
    int ends[2];

    memset(line, 'x', 999);
    line[999] = '\n';
    cr_assert_eq(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    outputs_open(&outputs, &one, ends[1]);
    for (int i = 0; i < 1000; i++)
        put(1, line);
    outputs_flush(&outputs);
    cr_assert_gt(outputs.all->dropped, 0);
    cr_assert_leq(outputs.all->len, OUTPUT_ROOM);
    for (int i = 0; i < 100000 && outputs.all->len > 0; i++) {
        ssize_t part = read(ends[0], got + len, sizeof(got) - len);

        len += part > 0 ? (size_t)part : 0;
        ev_run(loop.ev, EVRUN_NOWAIT);
    }
    cr_assert_eq(outputs.all->len, 0);
    for (ssize_t part; (part = read(ends[0], got + len, sizeof(got) - len)) > 0;)
        len += (size_t)part;
    cr_assert_eq(len % 1000, 0, "lines are whole");
    cr_assert_eq(len / 1000 + outputs.all->dropped, 1000, "each went out, or is counted");
    for (size_t i = 0; i < len; i++)
        cr_assert_eq(got[i], i % 1000 == 999 ? '\n' : 'x');
    close(ends[0]);
}

Test(outputs, what_nobody_tells_of_is_bounded)
{
    for (uint32_t i = 1; i <= OUTPUTS_UNKNOWN + 5; i++)
        put(i, "line\n");
    cr_assert_eq(outputs.unknown, OUTPUTS_UNKNOWN);
    cr_assert_eq(outputs.homeless, 5);
    for (struct output *output = outputs.all; output; output = output->hh.next)
        output->since -= OUTPUTS_UNKNOWN_AGE + 1;
    outputs_flush(&outputs);
    cr_assert_eq(outputs.unknown, 0);
    cr_assert_eq(outputs.homeless, 0);
    cr_assert_null(outputs.all);
}
