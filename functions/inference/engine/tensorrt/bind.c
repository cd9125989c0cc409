#include "bind.h"

#include <dlfcn.h>
#include <stdio.h>

#define TAKE(field)                                                                  \
    do {                                                                             \
        *(void **)&s->field = dlsym(h, "vdx_trt_" #field);                           \
        if (s->field == NULL) {                                                      \
            snprintf(why, size, "%s has no function vdx_trt_" #field, path);         \
            return -1;                                                               \
        }                                                                            \
    } while (0)

int bind_library(const char *path, bind_shim *s, char *why, size_t size) {
    void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL); // stays open: threads of TensorRT's outlive every use of it
    if (h == NULL) {
        snprintf(why, size, "%s", dlerror());
        return -1;
    }
    TAKE(abi);
    TAKE(headers);
    TAKE(open);
    TAKE(version);
    TAKE(close);
    TAKE(monitor_new);
    TAKE(monitor_cancel);
    TAKE(monitor_read);
    TAKE(monitor_free);
    TAKE(build);
    TAKE(device_open);
    TAKE(device_memory);
    TAKE(device_capability);
    TAKE(device_name);
    TAKE(device_wait);
    TAKE(device_close);
    TAKE(alloc);
    TAKE(free);
    TAKE(upload);
    TAKE(download);
    TAKE(load);
    TAKE(compiled);
    TAKE(refit);
    TAKE(unload);
    TAKE(rest);
    TAKE(wake);
    TAKE(port_count);
    TAKE(port_at);
    TAKE(profile);
    TAKE(shape);
    TAKE(result);
    TAKE(address);
    TAKE(run);
    TAKE(inspect);
    TAKE(text_free);
    TAKE(fits);
    if (s->abi() != VDX_TRT_ABI) {
        snprintf(why, size, "%s has interface %d, this program needs %d", path, s->abi(), VDX_TRT_ABI);
        return -1;
    }
    return 0;
}
