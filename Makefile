# VideosDGX. Two commands matter: `make demo` and `make test`; `make help` lists the others.
SHELL := /bin/bash
GO ?= go
BIN := bin
COMMIT := $(shell git rev-parse --short HEAD 2>/dev/null)
LDFLAGS := -s -w -X github.com/videosdgx/videosdgx/cmd/internal/version.Commit=$(COMMIT)
# functions leave out the RPC of Lambda's retired go1.x runtime, whose templates and encodings would lie in every instance's memory
FUNCTION_TAGS := -tags lambda.norpc
export GOFLAGS ?= -buildvcs=false
# go-nvml's generated bindings use every call of NVML, the deprecated ones too
export CGO_CFLAGS ?= -O2 -g -Wno-deprecated-declarations

.PHONY: help setup setup-tensorrt setup-test setup-gpu build kernels gpu-kernels tensorrt-shims deb test test-arm64 demo bench lint fuzz clean

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what is missing: containerd, an OCI runtime, ffmpeg, ONNX Runtime, CRIU
	@images/setup/setup.sh

setup-tensorrt: ## install TensorRT-RTX: it builds plans on any machine, and runs them on RTX GPUs and DGX Spark
	@images/setup/tensorrt.sh

setup-test:
	@images/setup/setup.sh test

setup-gpu: ## install what functions on an NVIDIA GPU need beside the driver: ONNX Runtime's CUDA build, CUDA libraries, our GPU operators
	@images/setup/gpu.sh

KERNELS := $(BIN)/lib/libvideosdgx_kernels.so
KERNEL_SOURCES := $(wildcard functions/inference/kernels/cpu/*) functions/inference/kernels/exports.map

kernels: $(KERNELS) ## the CPU's operators for ONNX Runtime; make kernels CXX=aarch64-linux-gnu-g++ KERNELS=… for arm64

$(KERNELS): $(KERNEL_SOURCES)
	@mkdir -p $(@D)
	@flock $(@D) sh -c 'test -z "$$(find $(KERNEL_SOURCES) -newer $@ 2>/dev/null)" && test -f $@ || functions/inference/kernels/cpu/build.sh $(CXX) functions/inference/engine/ort/include $@'

GPU_KERNELS := $(BIN)/lib/libvideosdgx_kernels_cuda.so

gpu-kernels: $(GPU_KERNELS) ## the GPU's operators, compiled for sm_80, 90a, 100a, 120a and 121a with warnings as errors; no GPU is needed

$(GPU_KERNELS): $(wildcard functions/inference/kernels/cuda/*)
	@mkdir -p $(@D)
	@images/setup/nvcc.sh
	@functions/inference/kernels/cuda/build.sh $@

TRT := functions/inference/engine/tensorrt
TRT_SHIMS := $(foreach v,10 11 rtx1,$(BIN)/lib/libvdx_trt$(v).so)
ifdef TRT8_INCLUDE
TRT_SHIMS += $(BIN)/lib/libvdx_trt8.so
endif

tensorrt-shims: $(TRT_SHIMS) ## the shims between Go and each version of TensorRT; TRT8_INCLUDE=FOLDER adds TensorRT 8.6's

$(BIN)/lib/libvdx_trt%.so: $(wildcard $(TRT)/shim/*) $(TRT)/shim/build.sh
	@mkdir -p $(@D)
	@flock $(@D) $(TRT)/shim/build.sh $* $@ $(TRT8_INCLUDE)

build: kernels tensorrt-shims ## build every program into bin/
	@mkdir -p $(BIN)/functions
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/videosdgx ./cmd/videosdgx
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/videosdgx-init ./cmd/videosdgx-init
	CGO_ENABLED=0 $(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/echo ./images/echo
	$(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/wan21 ./functions/wan21/cmd/wan21
	$(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/wan22 ./functions/wan22/cmd/wan22
	$(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/waver ./functions/waver/cmd/waver
	$(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/magi1 ./functions/magi1/cmd/magi1
	$(GO) build -trimpath $(FUNCTION_TAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/functions/ltx2 ./functions/ltx2/cmd/ltx2
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/lib/videosdgx-planner ./$(TRT)/planner

ARCH ?= $(shell dpkg --print-architecture 2>/dev/null || echo amd64)
DEB := .build/deb/$(ARCH)
CROSS := $(if $(filter-out $(shell dpkg --print-architecture),$(ARCH)),$(if $(filter arm64,$(ARCH)),aarch64-linux-gnu-,x86_64-linux-gnu-))

deb: VERSION := $(or $(VERSION),$(shell images/package/version.sh))
deb: export SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),0)
deb: ## a Debian package in .build/deb; make deb ARCH=arm64 with a cross compiler
	@mkdir -p $(DEB)/lib
	GOARCH=$(ARCH) CGO_ENABLED=1 CC=$(CROSS)gcc $(GO) build -trimpath -ldflags '$(LDFLAGS) -X github.com/videosdgx/videosdgx/cmd/internal/version.Version=$(VERSION)' -o $(DEB)/videosdgx ./cmd/videosdgx
	GOARCH=$(ARCH) CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(DEB)/videosdgx-init ./cmd/videosdgx-init
	functions/inference/kernels/cpu/build.sh $(CROSS)g++ functions/inference/engine/ort/include $(DEB)/lib/libvideosdgx_kernels.so
	$(CROSS)strip --strip-unneeded $(DEB)/lib/libvideosdgx_kernels.so
	$(GO) run -trimpath -ldflags '-X github.com/videosdgx/videosdgx/cmd/internal/version.Version=$(VERSION)' ./cmd/internal/docs $(DEB)
	images/package/changelog.sh $(VERSION) > $(DEB)/changelog
	gzip -9nf $(DEB)/man/*.1 $(DEB)/changelog
	ARCH=$(ARCH) OUT=$(DEB) VERSION=$(VERSION) $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4 package -f images/package/nfpm.yaml -p deb -t .build/deb

demo: setup build ## a clip and one with sound from prompts, through functions that containerd starts for them
	@$(BIN)/videosdgx demo

test: setup-test build ## every test
	@images/setup/test.sh

test-arm64: ## unit tests as arm64 programs, under qemu-user
	@images/setup/test-arm64.sh

bench: setup build ## the short version of every benchmark, with a report
	@$(BIN)/videosdgx bench

lint: ## golangci-lint, at the version the configuration was written for
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.6.2 run ./...

fuzz: ## a minute for each fuzz target
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p 2>/dev/null | grep ^Fuzz); do \
		echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime 60s -fuzzminimizetime 10x $$p || exit 1; done; done

clean: ## remove what was built
	rm -rf $(BIN) .build
