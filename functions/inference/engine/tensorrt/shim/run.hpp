// A plan on a device.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "device.hpp"
#include "library.hpp"

struct vdx_trt_plan {
    vdx_trt_lib *lib = nullptr;
    vdx_trt_device *device = nullptr;
    // destroyed from the last to the first
    std::unique_ptr<vdx::Allocator> allocator;
    std::unique_ptr<nvinfer1::IRuntime> runtime;
    std::unique_ptr<nvinfer1::ICudaEngine> engine;
    std::unique_ptr<nvinfer1::IExecutionContext> context;
};

namespace vdx {

// Mapped is a whole file, for as long as this lives.
struct Mapped {
    void *data = MAP_FAILED;
    size_t size = 0;
    ~Mapped() {
        if (data != MAP_FAILED) munmap(data, size);
    }
    bool open(int fd, std::string &why) {
        struct stat st {};
        if (fstat(fd, &st) != 0 || st.st_size <= 0) {
            why = "the plan is empty or cannot be read";
            return false;
        }
        size = static_cast<size_t>(st.st_size);
        data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED) why = std::strerror(errno);
        return data != MAP_FAILED;
    }
};

inline vdx_trt_status refused(vdx_trt_plan &p, vdx_trt_status otherwise, const std::string &what, Why why) {
    const bool memory = p.allocator && p.allocator->refused();
    return why(memory ? VDX_TRT_NO_MEMORY : otherwise, what + ": " + p.lib->log.take("TensorRT says nothing more"));
}

// begin makes an engine and a context of a mapped plan; its weights stay behind where they are deferred.
inline vdx_trt_status begin(vdx_trt_plan &p, const Mapped &file, bool deferred, Why why) {
    p.context.reset();
    p.engine.reset();
#if defined(TRT_MAJOR_RTX)
    p.runtime->setDeferredWeightsLoading(deferred);
#else
    (void)deferred;
#endif
    p.engine.reset(p.runtime->deserializeCudaEngine(file.data, file.size));
    if (!p.engine) return refused(p, VDX_TRT_INVALID, "TensorRT refuses the plan", why);
    p.context.reset(p.engine->createExecutionContext());
    if (!p.context) return refused(p, VDX_TRT_FAILED, "TensorRT makes no execution context", why);
    return VDX_TRT_OK;
}

inline vdx_trt_status rest(vdx_trt_plan &p, int fd, Why why) {
#if defined(TRT_MAJOR_RTX)
    std::string text;
    Mapped file;
    if (!file.open(fd, text)) return why(VDX_TRT_INVALID, text);
    p.device->enter();
    p.lib->log.take("");
    return begin(p, file, true, why);
#else
    (void)p, (void)fd;
    return why(VDX_TRT_UNAVAILABLE, headers() + " has no weights that come later");
#endif
}

inline vdx_trt_status wake(vdx_trt_plan &p, int fd, Why why) {
#if defined(TRT_MAJOR_RTX)
    std::string text;
    Mapped file;
    if (!file.open(fd, text)) return why(VDX_TRT_INVALID, text);
    p.device->enter();
    p.lib->log.take("");
    if (p.engine->loadWeights(file.data, static_cast<int64_t>(file.size))) return VDX_TRT_OK;
    return refused(p, VDX_TRT_FAILED, "TensorRT does not take the weights back", why);
#else
    (void)p, (void)fd;
    return why(VDX_TRT_UNAVAILABLE, headers() + " has no weights that come later");
#endif
}

inline vdx_trt_status load(vdx_trt_lib *lib, vdx_trt_device *device, int fd, std::unique_ptr<vdx_trt_plan> &p, Why why) {
    p = std::make_unique<vdx_trt_plan>();
    p->lib = lib, p->device = device;
    std::string text;
    Mapped file;
    if (!file.open(fd, text)) return why(VDX_TRT_INVALID, text);
    device->enter();
    lib->log.take("");
    p->allocator = std::make_unique<Allocator>(*device, lib->log);
    p->runtime.reset(lib->runtime());
    if (!p->runtime) return why(VDX_TRT_UNAVAILABLE, "TensorRT does not start: " + lib->log.take("no reason given"));
    p->runtime->setGpuAllocator(p->allocator.get());
    return begin(*p, file, false, why);
}

inline nvinfer1::Dims shape(int32_t rank, const int64_t *from) {
    nvinfer1::Dims d{};
    d.nbDims = rank;
    for (int32_t i = 0; i < rank; i++) d.d[i] = static_cast<std::remove_reference_t<decltype(d.d[0])>>(from[i]);
    return d;
}

inline bool fill(const nvinfer1::Dims &d, int32_t *rank, int64_t *dims) {
    if (d.nbDims < 0 || d.nbDims > VDX_TRT_MAX_RANK) return false;
    *rank = d.nbDims;
    for (int32_t i = 0; i < d.nbDims; i++) dims[i] = d.d[i];
    return true;
}

inline vdx_trt_status inspect(vdx_trt_lib *lib, int fd, std::string &json, Why why) {
    std::string text;
    Mapped file;
    if (!file.open(fd, text)) return why(VDX_TRT_INVALID, text);
    lib->log.take("");
    std::unique_ptr<nvinfer1::IRuntime> runtime(lib->runtime());
    if (!runtime) return why(VDX_TRT_UNAVAILABLE, "TensorRT does not start: " + lib->log.take("no reason given"));
    std::unique_ptr<nvinfer1::ICudaEngine> engine(runtime->deserializeCudaEngine(file.data, file.size));
    if (!engine) return why(VDX_TRT_INVALID, "TensorRT refuses the plan: " + lib->log.take("no reason given"));
    std::unique_ptr<nvinfer1::IEngineInspector> inspector(engine->createEngineInspector());
    const char *s = inspector ? inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON) : nullptr;
    if (s == nullptr) return why(VDX_TRT_FAILED, "the plan cannot be inspected: " + lib->log.take("no reason given"));
    json = s;
    return VDX_TRT_OK;
}

} // namespace vdx
