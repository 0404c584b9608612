/* Between the product and the system, for tests: a wall clock that is set, a disk that takes long to say that it has written.

   FAULT_SHIM names a file of two 64-bit numbers: seconds by which the wall is ahead, milliseconds that each fsync takes longer. It is
   mapped, so that a test changes both for every process at once. What counts from the machine's start is not touched. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none[2];
static volatile int64_t *told = none;

__attribute__((constructor)) static void open_file(void) {
    const char *path = getenv("FAULT_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *seen = mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (seen != MAP_FAILED)
        told = seen;
    close(file);
}

int clock_gettime(clockid_t which, struct timespec *at) {
    int said = (int)syscall(SYS_clock_gettime, which, at);
    if (said == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        at->tv_sec += told[0];
    return said;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}

/* In small steps: who waits goes on as soon as the disk is said to be fast again. */
static void wait_long(void) {
    const struct timespec step = {0, 10000000};
    for (int64_t waited = 0; waited < told[1]; waited += 10)
        syscall(SYS_nanosleep, &step, NULL);
}

int fsync(int file) {
    wait_long();
    return (int)syscall(SYS_fsync, file);
}

int fdatasync(int file) {
    wait_long();
    return (int)syscall(SYS_fdatasync, file);
}
