// A plan on a device.
#pragma once

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
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
#if defined(TRT_MAJOR_RTX)
    std::unique_ptr<nvinfer1::IRuntimeConfig> config;
    std::unique_ptr<nvinfer1::IRuntimeCache> cache; // of what was compiled for this GPU
#endif
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

// context makes one that keeps what it compiles, where this TensorRT compiles at run time.
inline nvinfer1::IExecutionContext *context(vdx_trt_plan &p, const void *compiled, uint64_t bytes) {
#if defined(TRT_MAJOR_RTX)
    p.config.reset(p.engine->createRuntimeConfig());
    if (!p.config) return nullptr;
    if (!p.cache) {
        p.cache.reset(p.config->createRuntimeCache());
        if (p.cache && bytes > 0 && !p.cache->deserialize(compiled, bytes)) {
            p.lib->log.take(""); // of another version, or damaged: it is compiled again
            p.cache.reset(p.config->createRuntimeCache());
        }
    }
    if (p.cache && !p.config->setRuntimeCache(*p.cache)) return nullptr;
    return p.engine->createExecutionContext(p.config.get());
#else
    (void)compiled, (void)bytes;
    return p.engine->createExecutionContext();
#endif
}

// begin makes an engine and a context of a mapped plan; its weights stay behind where they are deferred.
inline vdx_trt_status begin(vdx_trt_plan &p, const Mapped &file, bool deferred, const void *compiled, uint64_t bytes, Why why) {
    p.context.reset();
#if defined(TRT_MAJOR_RTX)
    p.config.reset();
#endif
    p.engine.reset();
#if defined(TRT_MAJOR_RTX)
    p.runtime->setDeferredWeightsLoading(deferred);
#else
    (void)deferred;
#endif
    p.engine.reset(p.runtime->deserializeCudaEngine(file.data, file.size));
    if (!p.engine) return refused(p, VDX_TRT_INVALID, "TensorRT refuses the plan", why);
    p.context.reset(context(p, compiled, bytes));
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
    return begin(p, file, true, nullptr, 0, why);
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

inline vdx_trt_status load(vdx_trt_lib *lib, vdx_trt_device *device, int fd, const void *compiled, uint64_t bytes, std::unique_ptr<vdx_trt_plan> &p, Why why) {
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
    return begin(*p, file, false, compiled, bytes, why);
}

inline vdx_trt_status compiled(vdx_trt_plan &p, std::string &out, Why why) {
#if defined(TRT_MAJOR_RTX)
    if (!p.cache) return VDX_TRT_OK;
    std::unique_ptr<nvinfer1::IHostMemory> m(p.cache->serialize());
    if (!m) return why(VDX_TRT_FAILED, "what was compiled cannot be written: " + p.lib->log.take("TensorRT says nothing more"));
    out.assign(static_cast<const char *>(m->data()), m->size());
#else
    (void)p, (void)out, (void)why;
#endif
    return VDX_TRT_OK;
}

inline vdx_trt_status refit(vdx_trt_plan &p, const char *model_path, const vdx_trt_weight *weights, int32_t count, Why why) {
#if NV_TENSORRT_MAJOR == 8
    (void)p, (void)model_path, (void)weights, (void)count;
    return why(VDX_TRT_UNAVAILABLE, headers() + " has no plans without weights");
#else
    std::ifstream in(model_path, std::ios::binary);
    const std::string model((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (!in || model.empty()) return why(VDX_TRT_INVALID, std::string("cannot read the graph ") + model_path);
    p.device->enter();
    p.lib->log.take("");
    std::unique_ptr<nvinfer1::IRefitter> refitter(p.lib->refitter(*p.engine));
    if (!refitter) return refused(p, VDX_TRT_INVALID, "the plan takes no weights", why);
    std::unique_ptr<nvonnxparser::IParserRefitter> onnx(p.lib->onnxRefitter(*refitter));
    if (!onnx) return refused(p, VDX_TRT_UNAVAILABLE, "TensorRT's ONNX parser gives plans no weights", why);
    if (!onnx->loadModelProto(model.data(), model.size(), model_path)) return refused(p, VDX_TRT_INVALID, "TensorRT does not take the graph", why);
    for (int32_t i = 0; i < count; i++)
        if (!onnx->loadInitializer(weights[i].name, weights[i].data, weights[i].bytes))
            return refused(p, VDX_TRT_INVALID, std::string("weight ") + weights[i].name + " does not fit its graph", why);
    if (!onnx->refitModelProto()) return refused(p, VDX_TRT_INVALID, "the plan does not take the graph's weights", why);
    if (const int32_t missing = refitter->getMissingWeights(0, nullptr); missing > 0)
        return why(VDX_TRT_INVALID, "the plan lacks " + std::to_string(missing) + " weights that the graph does not have");
    return refitter->refitCudaEngine() ? VDX_TRT_OK : refused(p, VDX_TRT_FAILED, "TensorRT does not give the plan its weights", why);
#endif
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
