// A CUDA device and its memory, counted and bounded.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cuda.hpp"
#include "text.hpp"

struct vdx_trt_device {
    const vdx::Driver &cuda = vdx::Driver::get();
    vdx::CUdevice device = 0;
    vdx::CUcontext context = nullptr;
    vdx::CUstream stream = nullptr;
    uint64_t limit = 0;

    ~vdx_trt_device() {
        if (context == nullptr) return;
        enter();
        if (stream != nullptr) cuda.streamDestroy(stream);
        cuda.primaryRelease(device);
    }

    // enter makes the context this thread's: goroutines move between threads.
    void enter() const { cuda.setCurrent(context); }

    void *take(uint64_t bytes, std::string &why) {
        std::lock_guard<std::mutex> hold(mu_);
        enter();
        if (limit > 0 && used_ + bytes > limit) {
            why = std::to_string(bytes >> 20U) + " MiB more than the " + std::to_string(used_ >> 20U) + " MiB in use would pass the limit of " +
                  std::to_string(limit >> 20U) + " MiB of device memory";
            return nullptr;
        }
        vdx::CUdeviceptr p = 0;
        if (int e = cuda.memAlloc(&p, bytes > 0 ? bytes : 1); e != 0) {
            size_t left = 0, total = 0;
            cuda.memGetInfo(&left, &total);
            why = cuda.text(e) + ": " + std::to_string(bytes >> 20U) + " MiB asked for, " + std::to_string(left >> 20U) + " of " +
                  std::to_string(total >> 20U) + " MiB free, " + std::to_string(used_ >> 20U) + " MiB in use here";
            return nullptr;
        }
        used_ += bytes;
        sizes_[p] = bytes;
        return reinterpret_cast<void *>(p);
    }

    void give(void *memory) {
        std::lock_guard<std::mutex> hold(mu_);
        auto it = sizes_.find(reinterpret_cast<vdx::CUdeviceptr>(memory));
        if (it == sizes_.end()) return;
        enter();
        cuda.memFree(it->first);
        used_ -= it->second;
        sizes_.erase(it);
    }

    uint64_t used() {
        std::lock_guard<std::mutex> hold(mu_);
        return used_;
    }

private:
    std::mutex mu_;
    uint64_t used_ = 0;
    std::map<vdx::CUdeviceptr, uint64_t> sizes_;
};

namespace vdx {

inline vdx_trt_status openDevice(int32_t ordinal, uint64_t limit, std::unique_ptr<vdx_trt_device> &d, Why why) {
    d = std::make_unique<vdx_trt_device>();
    if (!d->cuda.missing.empty()) return why(VDX_TRT_UNAVAILABLE, d->cuda.missing);
    d->limit = limit;
    int count = 0;
    if (int e = d->cuda.deviceGetCount(&count); e != 0 || ordinal >= count || ordinal < 0)
        return why(VDX_TRT_UNAVAILABLE, "there is no CUDA device " + std::to_string(ordinal) + ": this machine has " + std::to_string(count));
    if (int e = d->cuda.deviceGet(&d->device, ordinal); e != 0) return why(VDX_TRT_UNAVAILABLE, d->cuda.text(e));
    if (int e = d->cuda.primaryRetain(&d->context, d->device); e != 0) return why(VDX_TRT_UNAVAILABLE, d->cuda.text(e));
    d->enter();
    if (int e = d->cuda.streamCreate(&d->stream, 1 /* not ordered with the default stream */); e != 0) return why(VDX_TRT_UNAVAILABLE, d->cuda.text(e));
    return VDX_TRT_OK;
}

// Allocator gives TensorRT's own needs from the device's account, so that they are counted and bounded too.
class Allocator : public nvinfer1::IGpuAllocator {
public:
    Allocator(vdx_trt_device &d, Log &log) : d_(d), log_(log) {}
    void *allocate(uint64_t size, uint64_t, nvinfer1::AllocatorFlags) noexcept override {
        std::string why;
        void *p = d_.take(size, why);
        if (p == nullptr) {
            refused_ = true;
            log_.log(nvinfer1::ILogger::Severity::kERROR, why.c_str());
        }
        return p;
    }
    bool deallocate(void *memory) noexcept override {
        d_.give(memory);
        return true;
    }
#if NV_TENSORRT_MAJOR == 8
    void free(void *memory) noexcept override { d_.give(memory); }
#endif
    // refused says whether memory was refused since the last time.
    bool refused() {
        const bool r = refused_;
        refused_ = false;
        return r;
    }

private:
    vdx_trt_device &d_;
    Log &log_;
    std::atomic<bool> refused_{false};
};

} // namespace vdx
