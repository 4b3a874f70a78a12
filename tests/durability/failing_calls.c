/* Preloaded into a process: lets one call of the C library fail that is about files below a folder.

   The calls are counted. Number `at` fails with `error` and is not done, except that a failed close still closes, as on
   Linux. With `lasting`, all later ones fail too. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX];
static size_t folder_length;
static long calls, fail_at;
static int fail_with, fail_lasting;
static const char *struck = "";
static char inside[65536];   /* by descriptor: whether it is of a file below the folder */
static DIR *listed[64];      /* open folders below the folder that nothing was read from */

void failing_calls_arm(const char *path, long at, int error, int lasting) {
    strncpy(folder, path, sizeof folder - 1);
    folder_length = strlen(folder);
    calls = 0;
    fail_at = at;
    fail_with = error;
    fail_lasting = lasting;
    struck = "";
}

long failing_calls_count(void) { return calls; }

const char *failing_calls_struck(void) { return struck; }

static int is_below(const char *path) {
    return folder_length && path && !strncmp(path, folder, folder_length);
}

static int is_open_below(int descriptor) {
    return folder_length && descriptor >= 0 && descriptor < (int)sizeof inside && inside[descriptor];
}

static int fails(const char *name) {
    calls++;
    if (!fail_at || calls < fail_at || (calls > fail_at && !fail_lasting))
        return 0;
    if (calls == fail_at)
        struck = name;
    errno = fail_with;
    return 1;
}

#define REAL(type, name, ...)                                   \
    static type (*real)(__VA_ARGS__);                           \
    if (!real)                                                  \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

static int remember(int descriptor, int is_inside) {
    if (descriptor >= 0 && descriptor < (int)sizeof inside)
        inside[descriptor] = is_inside;
    return descriptor;
}

#define MODE                                                    \
    mode_t mode = 0;                                            \
    if (flags & (O_CREAT | __O_TMPFILE)) {                      \
        va_list rest;                                           \
        va_start(rest, flags);                                  \
        mode = va_arg(rest, mode_t);                            \
        va_end(rest);                                           \
    }

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...) {                \
        REAL(int, name, const char *, int, ...);                \
        MODE                                                    \
        int below = is_below(path);                             \
        if (below && fails("open"))                             \
            return -1;                                          \
        return remember(real(path, flags, mode), below);        \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
    int name(int at, const char *path, int flags, ...) {        \
        REAL(int, name, int, const char *, int, ...);           \
        MODE                                                    \
        int below = is_below(path) || (path[0] != '/' && is_open_below(at)); \
        if (below && fails("openat"))                           \
            return -1;                                          \
        return remember(real(at, path, flags, mode), below);    \
    }
OPENAT(openat)
OPENAT(openat64)

#define BY_DESCRIPTOR(type, name, called, parameters, ...)      \
    type name parameters {                                      \
        static type(*real) parameters;                          \
        if (!real)                                              \
            *(void **)&real = dlsym(RTLD_NEXT, #name);          \
        if (is_open_below(descriptor) && fails(called))         \
            return -1;                                          \
        return real(__VA_ARGS__);                               \
    }
BY_DESCRIPTOR(ssize_t, read, "read", (int descriptor, void *data, size_t size), descriptor, data, size)
BY_DESCRIPTOR(ssize_t, pread, "pread", (int descriptor, void *data, size_t size, off_t at), descriptor, data, size, at)
BY_DESCRIPTOR(ssize_t, pread64, "pread", (int descriptor, void *data, size_t size, off64_t at), descriptor, data, size, at)
BY_DESCRIPTOR(ssize_t, write, "write", (int descriptor, const void *data, size_t size), descriptor, data, size)
BY_DESCRIPTOR(ssize_t, pwrite, "pwrite", (int descriptor, const void *data, size_t size, off_t at), descriptor, data, size, at)
BY_DESCRIPTOR(ssize_t, pwrite64, "pwrite", (int descriptor, const void *data, size_t size, off64_t at), descriptor, data, size, at)
BY_DESCRIPTOR(int, fsync, "fsync", (int descriptor), descriptor)
BY_DESCRIPTOR(int, fdatasync, "fdatasync", (int descriptor), descriptor)
BY_DESCRIPTOR(int, ftruncate, "ftruncate", (int descriptor, off_t size), descriptor, size)
BY_DESCRIPTOR(int, ftruncate64, "ftruncate", (int descriptor, off64_t size), descriptor, size)

int close(int descriptor) {
    REAL(int, close, int);
    int below = is_open_below(descriptor);
    remember(descriptor, 0);
    int result = real(descriptor);
    return below && fails("close") ? -1 : result;
}

#define BY_PATH(name, path, parameters, ...)                    \
    int name parameters {                                       \
        static int(*real) parameters;                           \
        if (!real)                                              \
            *(void **)&real = dlsym(RTLD_NEXT, #name);          \
        if (is_below(path) && fails(#name))                     \
            return -1;                                          \
        return real(__VA_ARGS__);                               \
    }
BY_PATH(rename, old, (const char *old, const char *new), old, new)
BY_PATH(link, old, (const char *old, const char *new), old, new)
BY_PATH(unlink, path, (const char *path), path)
BY_PATH(mkdir, path, (const char *path, mode_t mode), path, mode)
BY_PATH(rmdir, path, (const char *path), path)
BY_PATH(renameat, old, (int a, const char *old, int b, const char *new), a, old, b, new)
BY_PATH(linkat, old, (int a, const char *old, int b, const char *new, int flags), a, old, b, new, flags)
BY_PATH(unlinkat, path, (int at, const char *path, int flags), at, path, flags)
BY_PATH(mkdirat, path, (int at, const char *path, mode_t mode), at, path, mode)

static int place_of(DIR *directory) {
    int at = 0;
    while (at < 63 && listed[at] != directory)
        at++;
    return at;
}

DIR *opendir(const char *path) {
    REAL(DIR *, opendir, const char *);
    int below = is_below(path);
    if (below && fails("opendir"))
        return NULL;
    DIR *directory = real(path);
    if (below && directory)
        listed[place_of(NULL)] = directory;
    return directory;
}

int closedir(DIR *directory) {
    REAL(int, closedir, DIR *);
    if (listed[place_of(directory)] == directory)
        listed[place_of(directory)] = NULL;
    return real(directory);
}

#define READDIR(type, name)                                     \
    type *name(DIR *directory) {                                \
        REAL(type *, name, DIR *);                              \
        int at = place_of(directory);                           \
        if (listed[at] == directory) {                          \
            listed[at] = NULL;                                  \
            if (fails("getdents"))                              \
                return NULL;                                    \
        }                                                       \
        return real(directory);                                 \
    }
READDIR(struct dirent, readdir)
READDIR(struct dirent64, readdir64)
