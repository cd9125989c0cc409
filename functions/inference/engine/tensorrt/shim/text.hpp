// Errors as one line of text, and TensorRT's log on its way to it.
#pragma once

#include <cstdio>
#include <mutex>
#include <string>

#include <NvInfer.h>

#include "vdx_trt.h"

namespace vdx {

// Why writes an error into the caller's buffer.
struct Why {
    char *out;
    size_t size;

    vdx_trt_status operator()(vdx_trt_status status, const std::string &text) const {
        if (out != nullptr && size > 0) {
            std::string line = text;
            for (char &c : line)
                if (c == '\n' || c == '\r') c = ' ';
            std::snprintf(out, size, "%s", line.c_str());
        }
        return status;
    }
};

// Log keeps the first errors: TensorRT tells what went wrong only here. Its threads call it too.
class Log : public nvinfer1::ILogger {
public:
    void log(Severity severity, nvinfer1::AsciiChar const *message) noexcept override {
        if (severity > Severity::kERROR) return;
        std::lock_guard<std::mutex> hold(mu_);
        if (errors_.size() < kMost) errors_ += (errors_.empty() ? "" : "; ") + std::string(message).substr(0, kMost);
    }
    // take gives the errors since the last time.
    std::string take(const std::string &otherwise) {
        std::lock_guard<std::mutex> hold(mu_);
        std::string s = errors_.empty() ? otherwise : errors_;
        errors_.clear();
        return s;
    }

private:
    static constexpr size_t kMost = 600;
    std::mutex mu_;
    std::string errors_;
};

} // namespace vdx
