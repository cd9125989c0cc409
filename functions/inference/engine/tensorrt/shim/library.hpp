// A TensorRT of the right version, opened at run time, and its factories.
#pragma once

#include <dlfcn.h>

#include <memory>
#include <string>

#include <NvInfer.h>
#include <NvOnnxParser.h>

#include "text.hpp"

namespace vdx {

// The family and version of the headers. RTX's minor versions break the binary interface; TensorRT's do not.
#if defined(TRT_MAJOR_RTX)
inline constexpr bool kRTX = true;
inline constexpr const char *kFamily = "TensorRT-RTX";
#else
inline constexpr bool kRTX = false;
inline constexpr const char *kFamily = "TensorRT";
#endif

inline std::string headers() {
    return std::string(kFamily) + " " + std::to_string(NV_TENSORRT_MAJOR) + "." + std::to_string(NV_TENSORRT_MINOR);
}

// Handle closes a dlopen. RTLD_LOCAL, since both families export the same names.
struct Handle {
    void *h = nullptr;
    ~Handle() {
        if (h != nullptr) dlclose(h);
    }
    bool open(const char *path, std::string &why) {
        h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (h == nullptr) {
            const char *e = dlerror();
            why = e != nullptr ? e : path;
        }
        return h != nullptr;
    }
    template <class F> F sym(const char *name) const { return reinterpret_cast<F>(dlsym(h, name)); }
};

} // namespace vdx

struct vdx_trt_lib {
    vdx::Handle infer, parser;
    vdx::Log log;
    int32_t version[3] = {};

    nvinfer1::IBuilder *builder() { return make<nvinfer1::IBuilder>(infer, "createInferBuilder_INTERNAL"); }
    nvinfer1::IRuntime *runtime() { return make<nvinfer1::IRuntime>(infer, "createInferRuntime_INTERNAL"); }
    nvonnxparser::IParser *onnx(nvinfer1::INetworkDefinition &network) {
        auto f = parser.sym<void *(*)(void *, void *, int)>("createNvOnnxParser_INTERNAL");
        return f == nullptr ? nullptr : static_cast<nvonnxparser::IParser *>(f(&network, &log, NV_ONNX_PARSER_VERSION));
    }
    nvinfer1::IRefitter *refitter(nvinfer1::ICudaEngine &engine) {
        auto f = infer.sym<void *(*)(void *, void *, int32_t)>("createInferRefitter_INTERNAL");
        return f == nullptr ? nullptr : static_cast<nvinfer1::IRefitter *>(f(&engine, static_cast<nvinfer1::ILogger *>(&log), NV_TENSORRT_VERSION));
    }
#if NV_TENSORRT_MAJOR != 8
    nvonnxparser::IParserRefitter *onnxRefitter(nvinfer1::IRefitter &refitter) {
        auto f = parser.sym<void *(*)(void *, void *, int32_t)>("createNvOnnxParserRefitter_INTERNAL");
        return f == nullptr ? nullptr : static_cast<nvonnxparser::IParserRefitter *>(f(&refitter, &log, NV_ONNX_PARSER_VERSION));
    }
#endif

private:
    template <class T> T *make(vdx::Handle &lib, const char *name) {
        auto f = lib.sym<void *(*)(void *, int32_t)>(name);
        return f == nullptr ? nullptr : static_cast<T *>(f(static_cast<nvinfer1::ILogger *>(&log), NV_TENSORRT_VERSION));
    }
};

namespace vdx {

// fits says in words why a library's version is not one that these headers describe; empty when it is.
inline std::string unfit(const int32_t v[3]) {
    const bool fits = v[0] == NV_TENSORRT_MAJOR && (kRTX ? v[1] == NV_TENSORRT_MINOR : v[1] >= NV_TENSORRT_MINOR);
    if (fits) return "";
    return "is version " + std::to_string(v[0]) + "." + std::to_string(v[1]) + "." + std::to_string(v[2]) +
           ", this shim was compiled for " + headers() + (kRTX ? " alone" : " and later " + std::to_string(NV_TENSORRT_MAJOR) + ".x");
}

inline vdx_trt_status openLibrary(const char *library, const char *parser, std::unique_ptr<vdx_trt_lib> &lib, Why why) {
    std::string text;
    lib = std::make_unique<vdx_trt_lib>();
    if (!lib->infer.open(library, text)) return why(VDX_TRT_UNAVAILABLE, "cannot open " + std::string(kFamily) + ": " + text);
    const char *names[3] = {"getInferLibMajorVersion", "getInferLibMinorVersion", "getInferLibPatchVersion"};
    if (lib->infer.sym<void *>(names[0]) != nullptr) {
        for (int i = 0; i < 3; i++)
            if (auto f = lib->infer.sym<int32_t (*)()>(names[i])) lib->version[i] = f();
    } else if (auto f = lib->infer.sym<int32_t (*)()>("getInferLibVersion")) { // 8.x: 8601 is 8.6.1
        const int32_t v = f();
        lib->version[0] = v / 1000, lib->version[1] = v / 100 % 10, lib->version[2] = v % 100;
    } else {
        return why(VDX_TRT_UNAVAILABLE, std::string(library) + " is no TensorRT: it has no getInferLibVersion");
    }
    if (text = unfit(lib->version); !text.empty()) return why(VDX_TRT_UNAVAILABLE, std::string(library) + " " + text);
    if (parser != nullptr && parser[0] != 0 && !lib->parser.open(parser, text))
        return why(VDX_TRT_UNAVAILABLE, "cannot open TensorRT's ONNX parser: " + text);
    return VDX_TRT_OK;
}

} // namespace vdx
