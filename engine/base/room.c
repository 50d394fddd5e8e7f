/* Memory, as /proc and the control group tell it. */
#include "base/room.h"

#include <stdio.h>
#include <string.h>

/* The number behind `key` in a small file, or the file's first if key is NULL; -1 if there is none.
 */
static double number_in(const char *path, const char *key)
{
    char text[2048];
    double number = -1;
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const char *at = key ? strstr(text, key) : text;
    if (at && sscanf(at + (key ? strlen(key) : 0), "%lf", &number) != 1)
        return -1;
    return number;
}

static double least(double a, double b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

double pb_room_total(void)
{
    double machine = number_in("/proc/meminfo", "MemTotal:");
    double most = number_in("/sys/fs/cgroup/memory.max", NULL);
    return least(machine < 0 ? machine : machine * 1024, most);
}

double pb_room_left(void)
{
    double machine = number_in("/proc/meminfo", "MemAvailable:");
    double most = number_in("/sys/fs/cgroup/memory.max", NULL); /* "max" where there is no limit */
    double taken = number_in("/sys/fs/cgroup/memory.current", NULL);
    double cache = number_in("/sys/fs/cgroup/memory.stat", "\nfile ");
    if (machine >= 0)
        machine *= 1024;
    if (most < 0 || taken < 0)
        return machine;
    double group = most - taken + (cache > 0 ? cache : 0);
    return least(machine, group);
}

bool pb_room_for(size_t bytes)
{
    if (bytes < PB_ROOM_WORTH_ASKING)
        return true;
    double left = pb_room_left();
    return left < 0 || (double)bytes + PB_ROOM_RESERVE <= left;
}
