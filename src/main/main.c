/* SPDX-License-Identifier: MIT */
/* The command line, and the choice of what this process is. */
#include "command_internal.h"

#include "observer/observer.h"
#include "resolver/resolver.h"
#include "supervisor/supervisor.h"
#include "worker/worker.h"

#include "base/signal_hold.h"
#include "base/slice.h"
#include "ipc/spawn.h"
#include "logs/log_file.h"
#include "upgrade/upgrade.h"

#include "version.h"

#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAIN_CONFIG "/etc/nsgate/nsgate.conf"

static const char usage[] =
    "usage: nsgate [-c FILE] [-t | -T] [-s NAME [--json | --check | --force]\n"
    "              [--socket PATH]] [-v] [-h]\n"
    "  -c FILE  main configuration file (default " MAIN_CONFIG ")\n"
    "  -t       check the configuration, certificates included, and exit\n"
    "  -T       the same, and print the configuration\n"
    "  -s NAME  tell the running nsgate: reload, status, top, upgrade, quit,\n"
    "           stop or reopen\n"
    "  --json   with -s status: as JSON\n"
    "  --check  with -s status: only what is wrong; the exit status is 0 (nothing),\n"
    "           1 (warning), 2 (critical) or 3 (nsgate cannot be asked)\n"
    "  --force  with -s reload: even if it removes all tenants, or most of them\n"
    "  --socket PATH\n"
    "           with -s: the control socket of the running nsgate, whatever the\n"
    "           main file says\n"
    "  -v, --version\n"
    "           print the version\n"
    "  -h, --help\n"
    "           print this\n";

struct arguments {
    struct command command; /* without a name: -s is not there */
    bool test;
    bool dump;
};

/* Returns -1 to go on, or the exit status. */
static int main_parse(struct arguments *arguments, int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {"force", no_argument, NULL, 'f'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"socket", required_argument, NULL, 'S'},
                                          {"version", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:tTs:vh", longs, NULL)) != -1) {
        switch (option) {
        case 'j':
            arguments->command.json = true;
            break;
        case 'k':
            arguments->command.check = true;
            break;
        case 'f':
            arguments->command.force = true;
            break;
        case 'S':
            arguments->command.socket = optarg;
            break;
        case 'c':
            arguments->command.config = optarg;
            break;
        case 'T':
            arguments->dump = true;
            arguments->test = true;
            break;
        case 't':
            arguments->test = true;
            break;
        case 's':
            arguments->command.name = optarg;
            break;
        case 'v':
            puts("nsgate version: nsgate/" NSGATE_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_FAILURE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "nsgate: unexpected argument \"%s\"\n%s", argv[optind], usage);
        return EXIT_FAILURE;
    }
    if (!arguments->command.name && (arguments->command.socket || arguments->command.json ||
                                     arguments->command.check || arguments->command.force)) {
        fprintf(stderr, "nsgate: --json, --check, --force and --socket are for -s\n");
        return EXIT_FAILURE;
    }
    return -1;
}

/* A descriptor that we open must never become 0, 1 or 2, where others write by number; children
 * inherit those three. */
static void main_fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO)
        close(fd);
}

/* The binary of an upgrade: -c FILE --resume DESCRIPTOR. Returns -1 when this is none. */
static int main_resume(int argc, char **argv)
{
    uint64_t fd;

    if (argc != 5 || strcmp(argv[3], UPGRADE_RESUME_ARGUMENT) != 0)
        return -1;
    if (slice_to_u64(slice_of(argv[4]), INT_MAX, &fd) < 0)
        return EXIT_FAILURE;
    return supervisor_resume(argv[2], (int)fd);
}

/* A re-executed child: --role NAME. Each role lets signals come once it ignores or handles them.
 * Returns -1 when this is none. */
static int main_child(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], SPAWN_ROLE_ARGUMENT) != 0)
        return -1;
    if (strcmp(argv[2], "worker") == 0)
        return worker_main(SPAWN_CHANNEL_FD);
    if (strcmp(argv[2], "resolver") == 0)
        return resolver_main(SPAWN_CHANNEL_FD);
    if (strcmp(argv[2], "observer") == 0)
        return observer_main(SPAWN_CHANNEL_FD);
    if (strcmp(argv[2], "candidate") == 0)
        return supervisor_candidate();
    if (strcmp(argv[2], "opener") == 0)
        return log_opener_run();
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.command = {.config = MAIN_CONFIG}};
    int status;

    signal_hold_all(); /* until this process, whatever it is, has its handlers */
    main_fill_standard_descriptors();
    status = main_child(argc, argv);
    if (status < 0)
        status = main_resume(argc, argv);
    if (status >= 0)
        return status;
    status = main_parse(&arguments, argc, argv);
    if (status >= 0)
        return status;
    if (!arguments.command.name && !arguments.test)
        return supervisor_run(arguments.command.config);
    signal_release_all();
    if (arguments.command.name)
        return command_run(&arguments.command);
    return supervisor_test(arguments.command.config, arguments.dump);
}
