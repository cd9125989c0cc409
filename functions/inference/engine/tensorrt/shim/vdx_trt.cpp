// The C functions of vdx_trt.h over one set of TensorRT headers. Compiled once per set; see the Makefile beside it.
#include "vdx_trt.h"

#include <cstdlib>
#include <exception>
#include <new>

#include "build.hpp"
#include "device.hpp"
#include "library.hpp"
#include "run.hpp"

namespace {

// guard keeps C++ exceptions from crossing into C.
template <class F> vdx_trt_status guard(const vdx::Why &why, F f) {
    try {
        return f();
    } catch (const std::bad_alloc &) {
        return why(VDX_TRT_NO_MEMORY, "this process is out of memory");
    } catch (const std::exception &e) {
        return why(VDX_TRT_FAILED, e.what());
    } catch (...) {
        return why(VDX_TRT_FAILED, "TensorRT threw what is no exception");
    }
}

vdx_trt_status cuda(const vdx_trt_device &d, int code, const vdx::Why &why) {
    return code == 0 ? VDX_TRT_OK : why(VDX_TRT_FAILED, d.cuda.text(code));
}

} // namespace

extern "C" {

int32_t vdx_trt_abi(void) { return VDX_TRT_ABI; }

const char *vdx_trt_headers(void) {
    static const std::string s = vdx::headers();
    return s.c_str();
}

vdx_trt_status vdx_trt_open(const char *library, const char *parser, vdx_trt_lib **out, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] {
        std::unique_ptr<vdx_trt_lib> lib;
        auto s = vdx::openLibrary(library, parser, lib, why);
        if (s == VDX_TRT_OK) *out = lib.release();
        return s;
    });
}

void vdx_trt_version(const vdx_trt_lib *lib, int32_t out[3]) {
    for (int i = 0; i < 3; i++) out[i] = lib->version[i];
}

void vdx_trt_close(vdx_trt_lib *lib) { delete lib; }

vdx_trt_monitor *vdx_trt_monitor_new(void) { return new (std::nothrow) vdx_trt_monitor; }
void vdx_trt_monitor_cancel(vdx_trt_monitor *m) { m->cancelled = true; }
void vdx_trt_monitor_free(vdx_trt_monitor *m) { delete m; }
void vdx_trt_monitor_read(vdx_trt_monitor *m, int32_t *done, int32_t *total, char *phase, size_t size) {
    std::lock_guard<std::mutex> hold(m->mu);
    *done = m->done, *total = m->total;
    std::snprintf(phase, size, "%s", m->phase.c_str());
}

vdx_trt_status vdx_trt_build(vdx_trt_lib *lib, const vdx_trt_build_spec *spec, vdx_trt_monitor *m, int fd, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] { return vdx::Build(*lib, *spec, *m, fd, why).run(); });
}

vdx_trt_status vdx_trt_device_open(int32_t ordinal, uint64_t limit, vdx_trt_device **out, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] {
        std::unique_ptr<vdx_trt_device> d;
        auto s = vdx::openDevice(ordinal, limit, d, why);
        if (s == VDX_TRT_OK) *out = d.release();
        return s;
    });
}

void vdx_trt_device_memory(vdx_trt_device *d, uint64_t *used, uint64_t *free_bytes, uint64_t *total) {
    size_t left = 0, all = 0;
    d->enter();
    d->cuda.memGetInfo(&left, &all);
    *used = d->used(), *free_bytes = left, *total = all;
}

int32_t vdx_trt_device_capability(vdx_trt_device *d) {
    int major = 0, minor = 0;
    d->cuda.deviceGetAttribute(&major, 75, d->device);
    d->cuda.deviceGetAttribute(&minor, 76, d->device);
    return 10 * major + minor;
}

void vdx_trt_device_name(vdx_trt_device *d, char *name, size_t size) {
    if (size == 0) return;
    name[0] = 0;
    d->cuda.deviceGetName(name, static_cast<int>(size), d->device);
    name[size - 1] = 0;
}

vdx_trt_status vdx_trt_device_wait(vdx_trt_device *d, char *text, size_t size) {
    d->enter();
    return cuda(*d, d->cuda.streamSynchronize(d->stream), vdx::Why{text, size});
}

void vdx_trt_device_close(vdx_trt_device *d) { delete d; }

vdx_trt_status vdx_trt_alloc(vdx_trt_device *d, uint64_t bytes, void **out, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&]() -> vdx_trt_status {
        std::string reason;
        *out = d->take(bytes, reason);
        return *out != nullptr ? VDX_TRT_OK : why(VDX_TRT_NO_MEMORY, reason);
    });
}

void vdx_trt_free(vdx_trt_device *d, void *p) { d->give(p); }

vdx_trt_status vdx_trt_upload(vdx_trt_device *d, void *to, const void *from, uint64_t bytes, char *text, size_t size) {
    d->enter();
    return cuda(*d, d->cuda.copyIn(reinterpret_cast<vdx::CUdeviceptr>(to), from, bytes, d->stream), vdx::Why{text, size});
}

vdx_trt_status vdx_trt_download(vdx_trt_device *d, void *to, const void *from, uint64_t bytes, char *text, size_t size) {
    const vdx::Why why{text, size};
    d->enter();
    auto s = cuda(*d, d->cuda.copyOut(to, reinterpret_cast<vdx::CUdeviceptr>(from), bytes, d->stream), why);
    return s == VDX_TRT_OK ? cuda(*d, d->cuda.streamSynchronize(d->stream), why) : s;
}

vdx_trt_status vdx_trt_load(vdx_trt_lib *lib, vdx_trt_device *d, int fd, const void *compiled, uint64_t bytes, vdx_trt_plan **out, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] {
        std::unique_ptr<vdx_trt_plan> p;
        auto s = vdx::load(lib, d, fd, compiled, bytes, p, why);
        if (s == VDX_TRT_OK) *out = p.release();
        return s;
    });
}

void vdx_trt_unload(vdx_trt_plan *p) {
    if (p != nullptr) p->device->enter();
    delete p;
}

vdx_trt_status vdx_trt_compiled(vdx_trt_plan *p, char **out, uint64_t *bytes, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&]() -> vdx_trt_status {
        std::string s;
        *out = nullptr, *bytes = 0;
        auto status = vdx::compiled(*p, s, why);
        if (status != VDX_TRT_OK || s.empty()) return status;
        *out = static_cast<char *>(std::malloc(s.size()));
        if (*out == nullptr) return why(VDX_TRT_NO_MEMORY, "this process is out of memory");
        std::memcpy(*out, s.data(), s.size());
        *bytes = s.size();
        return VDX_TRT_OK;
    });
}

vdx_trt_status vdx_trt_refit(vdx_trt_plan *p, const char *model_path, const vdx_trt_weight *weights, int32_t count, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] { return vdx::refit(*p, model_path, weights, count, why); });
}

vdx_trt_status vdx_trt_rest(vdx_trt_plan *p, int fd, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] { return vdx::rest(*p, fd, why); });
}

vdx_trt_status vdx_trt_wake(vdx_trt_plan *p, int fd, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] { return vdx::wake(*p, fd, why); });
}

int32_t vdx_trt_port_count(const vdx_trt_plan *p) { return p->engine->getNbIOTensors(); }

vdx_trt_status vdx_trt_port_at(const vdx_trt_plan *p, int32_t index, vdx_trt_port *out, char *text, size_t size) {
    const vdx::Why why{text, size};
    out->name = p->engine->getIOTensorName(index);
    if (out->name == nullptr) return why(VDX_TRT_INVALID, "the plan has no port " + std::to_string(index));
    out->is_input = p->engine->getTensorIOMode(out->name) == nvinfer1::TensorIOMode::kINPUT ? 1 : 0;
    out->type = static_cast<int32_t>(p->engine->getTensorDataType(out->name));
    if (!vdx::fill(p->engine->getTensorShape(out->name), &out->rank, out->dims))
        return why(VDX_TRT_INVALID, std::string(out->name) + " has too many dimensions");
    return VDX_TRT_OK;
}

vdx_trt_status vdx_trt_profile(vdx_trt_plan *p, int32_t index, char *text, size_t size) {
    p->device->enter();
    if (p->context->setOptimizationProfileAsync(index, static_cast<cudaStream_t>(p->device->stream))) return VDX_TRT_OK;
    return vdx::refused(*p, VDX_TRT_INVALID, "the plan has no profile " + std::to_string(index), vdx::Why{text, size});
}

vdx_trt_status vdx_trt_shape(vdx_trt_plan *p, const char *input, int32_t rank, const int64_t *dims, char *text, size_t size) {
    const vdx::Why why{text, size};
    if (rank < 0 || rank > VDX_TRT_MAX_RANK) return why(VDX_TRT_INVALID, std::string(input) + " has too many dimensions");
    p->device->enter();
    if (p->context->setInputShape(input, vdx::shape(rank, dims))) return VDX_TRT_OK;
    return vdx::refused(*p, VDX_TRT_INVALID, std::string("the plan does not take this shape of ") + input, why);
}

vdx_trt_status vdx_trt_result(vdx_trt_plan *p, const char *output, int32_t *rank, int64_t *dims, char *text, size_t size) {
    if (vdx::fill(p->context->getTensorShape(output), rank, dims)) {
        bool known = true;
        for (int32_t i = 0; i < *rank; i++) known = known && dims[i] >= 0;
        if (known) return VDX_TRT_OK;
    }
    return vdx::refused(*p, VDX_TRT_INVALID, std::string("the shape of ") + output + " is not known yet", vdx::Why{text, size});
}

vdx_trt_status vdx_trt_address(vdx_trt_plan *p, const char *port, void *memory, char *text, size_t size) {
    if (p->context->setTensorAddress(port, memory)) return VDX_TRT_OK;
    return vdx::refused(*p, VDX_TRT_INVALID, std::string("the plan does not take memory for ") + port, vdx::Why{text, size});
}

vdx_trt_status vdx_trt_run(vdx_trt_plan *p, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&]() -> vdx_trt_status {
        p->device->enter();
        if (p->context->enqueueV3(static_cast<cudaStream_t>(p->device->stream))) return VDX_TRT_OK;
        return vdx::refused(*p, VDX_TRT_FAILED, "TensorRT does not run the plan", why);
    });
}

vdx_trt_status vdx_trt_inspect(vdx_trt_lib *lib, int fd, char **json, char *text, size_t size) {
    const vdx::Why why{text, size};
    return guard(why, [&] {
        std::string s;
        auto status = vdx::inspect(lib, fd, s, why);
        if (status != VDX_TRT_OK) return status;
        *json = strdup(s.c_str());
        return *json != nullptr ? VDX_TRT_OK : why(VDX_TRT_NO_MEMORY, "this process is out of memory");
    });
}

void vdx_trt_text_free(char *s) { std::free(s); }

int32_t vdx_trt_fits(vdx_trt_lib *lib, const void *head, uint64_t bytes) {
#if defined(TRT_MAJOR_RTX)
    std::unique_ptr<nvinfer1::IRuntime> runtime(lib->runtime());
    if (!runtime) return -1;
    uint64_t diagnostics = 0;
    return runtime->getEngineValidity(head, static_cast<int64_t>(bytes), &diagnostics) == nvinfer1::EngineValidity::kINVALID ? 0 : 1;
#else
    (void)lib, (void)head, (void)bytes;
    return -1;
#endif
}

} // extern "C"
