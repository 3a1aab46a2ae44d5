/* SPDX-License-Identifier: MIT */
/* The system's CA certificates for workers: a sealed copy. */
#include "children/authorities_internal.h"

#include "ipc/sealed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void expect(const char *text)
{
    struct slice bytes;
    int fd = authorities_read();

    cr_assert_geq(fd, 0);
    cr_assert_null(sealed_map(fd, &bytes), "it is sealed");
    cr_assert(slice_equal(bytes, slice_of(text)), "%.*s", SLICE_PRINTF(bytes));
    sealed_unmap(bytes);
    close(fd);
}

Test(authorities, are_what_the_files_have)
{
    char path[] = "/tmp/nsgate-authorities-XXXXXX";
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "one", 3), 3);
    setenv("SSL_CERT_FILE", path, 1);
    setenv("SSL_CERT_DIR", "/nonexistent", 1);
    expect("one\n");
    unlink(path);
    expect("");
    close(fd);
}
