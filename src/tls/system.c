/* SPDX-License-Identifier: MIT */
/* The CA certificates of the system: their files are read while files may be opened, and decoded
 * when the first server is verified against them. */
#include "tls_internal.h"

#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYSTEM_MAX (32 * 1024 * 1024) /* bytes of all files; 1 % of it is usual */

static const char *setting(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value ? value : otherwise;
}

static const char *file_path(void)
{
    return setting(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

static const char *folder_paths(void)
{
    return setting(X509_get_default_cert_dir_env(), X509_get_default_cert_dir());
}

/* ---- reading ---- */

/* Appends the whole file and a line feed, or nothing. */
static void read_file(struct tls_system *system, int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    size_t size, used = 0;
    ssize_t got = 1;

    if (fd < 0)
        return;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
        status.st_size > (off_t)(SYSTEM_MAX - system->len))
        goto done;
    size = (size_t)status.st_size;
    system->pem = memory_resize(system->pem, system->len + size + 1);
    while (used < size && got > 0) {
        got = read(fd, system->pem + system->len + used, size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    system->pem[system->len + used] = '\n';
    system->len += used + 1;
done:
    close(fd);
}

/* As c_rehash(1) names certificates: eight hexadecimal digits, a point, a number. */
static bool is_hashed_name(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdefABCDEF");

    return digits == 8 && name[8] == '.' && name[9] && !name[9 + strspn(name + 9, "0123456789")];
}

static void read_folder(struct tls_system *system, struct slice path)
{
    char *name = memory_slice_text(path);
    DIR *folder = opendir(name);
    const struct dirent *entry;

    free(name);
    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        if (is_hashed_name(entry->d_name))
            read_file(system, dirfd(folder), entry->d_name);
    }
    closedir(folder);
}

void tls_contexts_read_system(struct tls_contexts *contexts)
{
    struct tls_system *system = &contexts->system;
    const char *folder = folder_paths();
    size_t len;

    read_file(system, AT_FDCWD, file_path());
    for (; *folder; folder += len + (folder[len] == ':')) {
        len = strcspn(folder, ":");
        read_folder(system, (struct slice){folder, len});
    }
}

/* ---- decoding ---- */

/* What cannot be decoded is passed over: one bad file must not hide those behind it. */
static void decode(struct tls_system *system, BIO *pem)
{
    X509 *certificate;

    while (BIO_pending(pem) > 0) {
        certificate = PEM_read_bio_X509_AUX(pem, NULL, NULL, NULL);
        if (certificate && X509_STORE_add_cert(system->store, certificate))
            system->is_there = true;
        X509_free(certificate);
    }
    ERR_clear_error();
}

X509_STORE *tls_system_store(struct tls_contexts *contexts)
{
    struct tls_system *system = &contexts->system;
    BIO *pem;

    if (system->store)
        return system->store;
    system->store = tls_store_new();
    pem = BIO_new_mem_buf(system->pem ? system->pem : "", (int)system->len);
    if (!pem)
        memory_exhausted(0);
    decode(system, pem);
    BIO_free(pem);
    free(system->pem);
    system->pem = NULL;
    system->len = 0;
    if (!system->is_there)
        log_error("no CA certificates of the system in %s or %s: backends cannot be verified "
                  "without proxy_ssl_trusted_certificate",
                  file_path(), folder_paths());
    return system->store;
}

void tls_system_free(struct tls_system *system)
{
    X509_STORE_free(system->store);
    free(system->pem);
}
