/* SPDX-License-Identifier: MIT */
/* The CA certificates of the system: their files are read by whoever may open files, and decoded by
 * whoever verifies a server against them, when the first is. */
#include "tls_internal.h"

#include "base/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

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

struct room {
    char *data;
    size_t size;
    size_t len;
};

/* Appends the whole file and a line feed, or nothing: what is there already, as most of a folder is
 * in the one file, is not taken twice. */
static void read_file(struct room *room, int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *begin = room->data + room->len;
    struct stat status;
    size_t size, used = 0;
    ssize_t got = 1;

    if (fd < 0)
        return;
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
        status.st_size >= (off_t)(room->size - room->len))
        goto done;
    size = (size_t)status.st_size;
    while (used < size && got > 0) {
        got = read(fd, begin + used, size - used);
        used += got > 0 ? (size_t)got : 0;
    }
    if (memmem(room->data, room->len, begin, used))
        goto done;
    begin[used] = '\n';
    room->len += used + 1;
done:
    close(fd);
}

/* As c_rehash(1) names certificates: eight hexadecimal digits, a point, a number. */
static bool is_hashed_name(const char *name)
{
    size_t digits = strspn(name, "0123456789abcdefABCDEF");

    return digits == 8 && name[8] == '.' && name[9] && !name[9 + strspn(name + 9, "0123456789")];
}

static void read_folder(struct room *room, struct slice path)
{
    char *name = memory_slice_text(path);
    DIR *folder = opendir(name);
    const struct dirent *entry;

    free(name);
    if (!folder)
        return;
    while ((entry = readdir(folder))) {
        if (is_hashed_name(entry->d_name))
            read_file(room, dirfd(folder), entry->d_name);
    }
    closedir(folder);
}

size_t tls_system_read(char *data, size_t size)
{
    struct room room = {data, size, 0};
    const char *folder = folder_paths();
    size_t len;

    read_file(&room, AT_FDCWD, file_path());
    for (; *folder; folder += len + (folder[len] == ':')) {
        len = strcspn(folder, ":");
        read_folder(&room, (struct slice){folder, len});
    }
    return room.len;
}

void tls_contexts_set_system(struct tls_contexts *contexts, struct slice pem)
{
    contexts->system.pem = pem;
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
    pem = BIO_new_mem_buf(system->pem.len > 0 ? system->pem.data : "", (int)system->pem.len);
    if (!pem)
        memory_exhausted(0);
    decode(system, pem);
    BIO_free(pem);
    if (!system->is_there)
        log_error("no CA certificates of the system in %s or %s: backends cannot be verified "
                  "without proxy_ssl_trusted_certificate",
                  file_path(), folder_paths());
    return system->store;
}

void tls_system_free(struct tls_system *system)
{
    X509_STORE_free(system->store);
}
