// From an ONNX graph and mapped weights to a plan in a file.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>

#include "library.hpp"

// What a build tells while it runs. Phases nest; the outermost is the one that a person waits for.
struct vdx_trt_monitor {
    std::atomic<bool> cancelled{false};
    std::mutex mu;
    std::string phase;
    int32_t done = 0, total = 0;
};

namespace vdx {

#if NV_TENSORRT_MAJOR >= 10 || defined(TRT_MAJOR_RTX)
#define VDX_HAS_MONITOR 1
// Monitor hears the builder's phases, from TensorRT's threads.
class Monitor : public nvinfer1::IProgressMonitor {
public:
    explicit Monitor(vdx_trt_monitor &m) : m_(m) {}
    void phaseStart(char const *name, char const *parent, int32_t steps) noexcept override {
        if (parent != nullptr) return;
        std::lock_guard<std::mutex> hold(m_.mu);
        m_.phase = name, m_.done = 0, m_.total = steps;
    }
    bool stepComplete(char const *name, int32_t step) noexcept override {
        std::lock_guard<std::mutex> hold(m_.mu);
        if (m_.phase == name) m_.done = step + 1;
        return !m_.cancelled;
    }
    void phaseFinish(char const *name) noexcept override {
        std::lock_guard<std::mutex> hold(m_.mu);
        if (m_.phase == name) m_.done = m_.total;
    }

private:
    vdx_trt_monitor &m_;
};
#endif

// Build is one build: the phases are functions, run in the order of run().
class Build {
public:
    Build(vdx_trt_lib &lib, const vdx_trt_build_spec &spec, vdx_trt_monitor &m, int fd, Why why)
        : lib_(lib), spec_(spec), monitor_(m), fd_(fd), why_(why) {}

    vdx_trt_status run() {
        if (monitor_.cancelled) return cancelled();
        if (auto s = create(); s != VDX_TRT_OK) return s;
        if (auto s = parse(); s != VDX_TRT_OK) return s;
        decomposable();
        if (auto s = configure(); s != VDX_TRT_OK) return s;
        for (int32_t p = 0; p < spec_.profile_count; p++)
            if (auto s = profile(p); s != VDX_TRT_OK) return s;
        return build();
    }

private:
    vdx_trt_status cancelled() { return why_(VDX_TRT_CANCELLED, "the build was cancelled"); }
    vdx_trt_status failed(vdx_trt_status s, const std::string &what) { return why_(s, what + ": " + lib_.log.take("TensorRT says nothing more")); }

    vdx_trt_status create() {
        builder_.reset(lib_.builder());
        if (!builder_) return failed(VDX_TRT_UNAVAILABLE, "TensorRT makes no builder");
#if NV_TENSORRT_MAJOR == 8
        const uint32_t flags = 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kEXPLICIT_BATCH);
#elif NV_TENSORRT_MAJOR == 10
        const uint32_t flags = 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
        const uint32_t flags = 0; // from 11 on, and in RTX, every network is strongly typed
#endif
        network_.reset(builder_->createNetworkV2(flags));
        config_.reset(builder_->createBuilderConfig());
        if (!network_ || !config_) return failed(VDX_TRT_FAILED, "TensorRT makes no network");
        if (lib_.parser.h == nullptr)
            return why_(VDX_TRT_UNAVAILABLE, std::string("TensorRT's ONNX parser, ") + (kRTX ? "libtensorrt_onnxparser_rtx.so" : "libnvonnxparser.so") +
                                                 ", is not beside its library: put the one of the same version there");
        parser_.reset(lib_.onnx(*network_));
        return parser_ ? VDX_TRT_OK : failed(VDX_TRT_UNAVAILABLE, "TensorRT's ONNX parser does not start");
    }

    vdx_trt_status parse() {
        std::ifstream in(spec_.model_path, std::ios::binary);
        const std::string model((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        if (!in || model.empty()) return why_(VDX_TRT_INVALID, std::string("cannot read the graph ") + spec_.model_path);
        lib_.log.take("");
#if NV_TENSORRT_MAJOR == 8
        const bool ok = parser_->parse(model.data(), model.size(), spec_.model_path);
#else
        bool ok = parser_->loadModelProto(model.data(), model.size(), spec_.model_path);
        for (int32_t i = 0; ok && i < spec_.weight_count; i++) {
            const vdx_trt_weight &w = spec_.weights[i];
            ok = parser_->loadInitializer(w.name, w.data, w.bytes);
            if (!ok) return failed(VDX_TRT_INVALID, std::string("weight ") + w.name + " does not fit its graph");
        }
        ok = ok && parser_->parseModelProto();
#endif
        return ok ? VDX_TRT_OK : why_(VDX_TRT_INVALID, parserErrors());
    }

    // decomposable lets attention that no fused kernel takes (float32, odd head sizes) run as products and a softmax.
    void decomposable() {
#if NV_TENSORRT_MAJOR >= 10 || defined(TRT_MAJOR_RTX)
        for (int32_t i = 0; i < network_->getNbLayers(); i++) {
            nvinfer1::ILayer *layer = network_->getLayer(i);
            if (layer->getType() == nvinfer1::LayerType::kATTENTION_OUTPUT)
                if (auto *attention = static_cast<nvinfer1::IAttentionOutputLayer *>(layer)->getAttention()) attention->setDecomposable(true);
        }
#endif
    }

    std::string parserErrors() {
        std::string s = "TensorRT does not take the graph";
        for (int i = 0; i < parser_->getNbErrors() && i < 3; i++) {
            auto *e = parser_->getError(i);
            s += (i == 0 ? ": " : "; ") + std::string(e->desc());
#if NV_TENSORRT_MAJOR != 8
            s += std::string(" (node ") + e->nodeName() + ", operator " + e->nodeOperator() + ")";
#else
            s += " (node " + std::to_string(e->node()) + ")";
#endif
        }
        return s;
    }

#if NV_TENSORRT_MAJOR == 8
    // exact keeps what FP16 cannot hold, by the end of its name, in float32, and where asked has FP16 alone tried for what costs.
    void exact() {
        using nvinfer1::LayerType;
        const std::string mark = "/exact";
        for (int32_t i = 0; i < network_->getNbLayers(); i++) {
            nvinfer1::ILayer *layer = network_->getLayer(i);
            const std::string name = layer->getName();
            if (name.size() >= mark.size() && name.compare(name.size() - mark.size(), mark.size(), mark) == 0) {
                layer->setPrecision(nvinfer1::DataType::kFLOAT);
                layer->setOutputType(0, nvinfer1::DataType::kFLOAT);
            } else if (flag(VDX_TRT_FP16_FIRST) && (layer->getType() == LayerType::kCONVOLUTION || layer->getType() == LayerType::kMATRIX_MULTIPLY)) {
                layer->setPrecision(nvinfer1::DataType::kHALF);
            }
        }
    }
#endif

    bool flag(int32_t f) const { return (spec_.flags & f) != 0; }

    vdx_trt_status configure() {
        using nvinfer1::BuilderFlag;
        if (spec_.workspace_bytes > 0) config_->setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, spec_.workspace_bytes);
        if (spec_.level >= 0) config_->setBuilderOptimizationLevel(spec_.level);
        if (!flag(VDX_TRT_TF32)) config_->clearFlag(BuilderFlag::kTF32);
        if (flag(VDX_TRT_DETAILS)) config_->setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
#if NV_TENSORRT_MAJOR == 8
        if (flag(VDX_TRT_FP16_ALLOWED)) config_->setFlag(BuilderFlag::kFP16);
        if (flag(VDX_TRT_INT8_ALLOWED)) config_->setFlag(BuilderFlag::kINT8);
        config_->setTacticSources(0); // cuBLAS and cuDNN would have to lie beside it
        config_->setFlag(BuilderFlag::kPREFER_PRECISION_CONSTRAINTS);
        exact();
#else
        if (flag(VDX_TRT_STRIP_WEIGHTS)) {
            config_->setFlag(BuilderFlag::kSTRIP_PLAN);
            config_->setFlag(BuilderFlag::kREFIT_IDENTICAL);
        }
#endif
#ifdef VDX_HAS_MONITOR
        progress_ = std::make_unique<Monitor>(monitor_);
        config_->setProgressMonitor(progress_.get());
#endif
        timing();
        return target();
    }

    // timing has the builder take what it would try from an earlier build, and note what it tries all the same.
    void timing() {
#ifndef TRT_MAJOR_RTX
        if (spec_.timing_fd < 0) return;
        if (spec_.timing_bytes > 0) timing_.reset(config_->createTimingCache(spec_.timing, spec_.timing_bytes));
        if (timing_ && config_->setTimingCache(*timing_, false)) return;
        timing_.reset(config_->createTimingCache(nullptr, 0));
        if (timing_ && !config_->setTimingCache(*timing_, false)) timing_.reset();
#endif
    }

    // keepTiming writes what was tried. Where it cannot, the next build tries again, and nothing else is lost.
    void keepTiming() {
#ifndef TRT_MAJOR_RTX
        const nvinfer1::ITimingCache *cache = timing_ ? config_->getTimingCache() : nullptr;
        if (cache == nullptr) return;
        std::unique_ptr<nvinfer1::IHostMemory> all(cache->serialize());
        if (all && writeAll(spec_.timing_fd, static_cast<const char *>(all->data()), all->size()) != 0 && ::ftruncate(spec_.timing_fd, 0) != 0) return;
#endif
    }

    vdx_trt_status target() {
        if (spec_.capability == 0) return VDX_TRT_OK;
#if defined(TRT_MAJOR_RTX)
        if (!config_->setNbComputeCapabilities(1) ||
            !config_->setComputeCapability(static_cast<nvinfer1::ComputeCapability>(spec_.capability), 0))
            return why_(VDX_TRT_INVALID, headers() + " does not build for sm_" + std::to_string(spec_.capability) + ": 75, 80, 86, 89, 120 and 121 would do");
        return VDX_TRT_OK;
#else
        return why_(VDX_TRT_INVALID, "only TensorRT-RTX builds for another machine's GPU; TensorRT builds on the machine that runs the plan");
#endif
    }

    static nvinfer1::Dims dims(int32_t rank, const int64_t *from) {
        nvinfer1::Dims d{};
        d.nbDims = rank;
        for (int32_t i = 0; i < rank; i++) d.d[i] = static_cast<std::remove_reference_t<decltype(d.d[0])>>(from[i]);
        return d;
    }

    vdx_trt_status profile(int32_t index) {
        using nvinfer1::OptProfileSelector;
        nvinfer1::IOptimizationProfile *p = builder_->createOptimizationProfile();
        for (int32_t i = 0; i < spec_.range_count; i++) {
            const vdx_trt_range &r = spec_.ranges[index * spec_.range_count + i];
            if (r.rank < 0 || r.rank > nvinfer1::Dims::MAX_DIMS || !p->setDimensions(r.input, OptProfileSelector::kMIN, dims(r.rank, r.least)) ||
                !p->setDimensions(r.input, OptProfileSelector::kOPT, dims(r.rank, r.usual)) ||
                !p->setDimensions(r.input, OptProfileSelector::kMAX, dims(r.rank, r.most)))
                return failed(VDX_TRT_INVALID, std::string("the shapes of input ") + r.input + " are refused");
        }
        return config_->addOptimizationProfile(p) >= 0 ? VDX_TRT_OK : failed(VDX_TRT_INVALID, "a profile of shapes is refused");
    }

    vdx_trt_status build() {
        std::unique_ptr<nvinfer1::IHostMemory> plan(builder_->buildSerializedNetwork(*network_, *config_));
        if (monitor_.cancelled) return cancelled();
        if (!plan) return failed(VDX_TRT_FAILED, "TensorRT builds no plan");
        const int failed = writeAll(fd_, static_cast<const char *>(plan->data()), plan->size());
        if (failed != 0)
            return why_(failed == ENOSPC || failed == EDQUOT || failed == EFBIG ? VDX_TRT_NO_MEMORY : VDX_TRT_FAILED,
                        std::string("cannot write the plan: ") + std::strerror(failed));
        keepTiming();
        return VDX_TRT_OK;
    }

    // writeAll gives 0, or errno.
    static int writeAll(int fd, const char *at, size_t left) {
        while (left > 0) {
            const ssize_t n = ::write(fd, at, std::min<size_t>(left, 16U << 20U));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return n < 0 ? errno : EIO;
            at += n, left -= static_cast<size_t>(n);
        }
        return 0;
    }

    vdx_trt_lib &lib_;
    const vdx_trt_build_spec &spec_;
    vdx_trt_monitor &monitor_;
    const int fd_;
    const Why why_;
#ifdef VDX_HAS_MONITOR
    std::unique_ptr<Monitor> progress_;
#endif
    // destroyed from the last to the first: parser, config, network, builder, what was tried
#ifndef TRT_MAJOR_RTX
    std::unique_ptr<nvinfer1::ITimingCache> timing_;
#endif
    std::unique_ptr<nvinfer1::IBuilder> builder_;
    std::unique_ptr<nvinfer1::INetworkDefinition> network_;
    std::unique_ptr<nvinfer1::IBuilderConfig> config_;
    std::unique_ptr<nvonnxparser::IParser> parser_;
};

} // namespace vdx
