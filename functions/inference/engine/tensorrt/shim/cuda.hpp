// CUDA's driver interface, opened at run time: a machine without a GPU has none, and nothing here needs it to load.
#pragma once

#include <dlfcn.h>

#include <cstdint>
#include <mutex>
#include <string>

namespace vdx {

using CUdevice = int;
using CUcontext = void *;
using CUstream = void *;
using CUdeviceptr = unsigned long long;

struct Driver {
    int (*init)(unsigned);
    int (*deviceGet)(CUdevice *, int);
    int (*deviceGetCount)(int *);
    int (*deviceGetName)(char *, int, CUdevice);
    int (*deviceGetAttribute)(int *, int, CUdevice);
    int (*primaryRetain)(CUcontext *, CUdevice);
    int (*primaryRelease)(CUdevice);
    int (*setCurrent)(CUcontext);
    int (*streamCreate)(CUstream *, unsigned);
    int (*streamDestroy)(CUstream);
    int (*streamSynchronize)(CUstream);
    int (*memAlloc)(CUdeviceptr *, size_t);
    int (*memFree)(CUdeviceptr);
    int (*memGetInfo)(size_t *, size_t *);
    int (*copyIn)(CUdeviceptr, const void *, size_t, CUstream);
    int (*copyOut)(void *, CUdeviceptr, size_t, CUstream);
    int (*errorString)(int, const char **);
    std::string missing; // why there is none; empty when all is there

    // One driver for the process; it is never unloaded, as its threads live on.
    static const Driver &get() {
        static Driver d = open();
        return d;
    }

    std::string text(int code) const {
        const char *s = nullptr;
        if (errorString != nullptr && errorString(code, &s) == 0 && s != nullptr) return s;
        return "CUDA error " + std::to_string(code);
    }

private:
    static Driver open() {
        Driver d{};
        void *h = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
        if (h == nullptr) {
            d.missing = "no NVIDIA driver on this machine (libcuda.so.1)";
            return d;
        }
        d.load(h, d.init, "cuInit");
        d.load(h, d.deviceGet, "cuDeviceGet");
        d.load(h, d.deviceGetCount, "cuDeviceGetCount");
        d.load(h, d.deviceGetName, "cuDeviceGetName");
        d.load(h, d.deviceGetAttribute, "cuDeviceGetAttribute");
        d.load(h, d.primaryRetain, "cuDevicePrimaryCtxRetain");
        d.load(h, d.primaryRelease, "cuDevicePrimaryCtxRelease_v2");
        d.load(h, d.setCurrent, "cuCtxSetCurrent");
        d.load(h, d.streamCreate, "cuStreamCreate");
        d.load(h, d.streamDestroy, "cuStreamDestroy_v2");
        d.load(h, d.streamSynchronize, "cuStreamSynchronize");
        d.load(h, d.memAlloc, "cuMemAlloc_v2");
        d.load(h, d.memFree, "cuMemFree_v2");
        d.load(h, d.memGetInfo, "cuMemGetInfo_v2");
        d.load(h, d.copyIn, "cuMemcpyHtoDAsync_v2");
        d.load(h, d.copyOut, "cuMemcpyDtoHAsync_v2");
        d.load(h, d.errorString, "cuGetErrorString");
        if (d.missing.empty()) {
            if (int e = d.init(0); e != 0) d.missing = "the NVIDIA driver does not start: " + d.text(e);
        }
        return d;
    }

    template <class F> void load(void *h, F &f, const char *name) {
        f = reinterpret_cast<F>(dlsym(h, name));
        if (f == nullptr) missing = std::string("the NVIDIA driver has no ") + name;
    }
};

} // namespace vdx
