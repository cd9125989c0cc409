/* vdx_trt.h: TensorRT as plain C functions, the same for every TensorRT.
 *
 * TensorRT is a C++ interface whose vtables and enumerations differ between major versions, while the names of its
 * factory functions do not. So the C++ is compiled once per set of headers into a library of its own, each exports
 * exactly these functions, and the Go side opens the one that fits the TensorRT that it found.
 *
 * Conventions. A function that can fail returns a vdx_trt_status and writes one line of text into why (at most size
 * bytes, always ended by NUL). Objects are opaque; each has one close function that takes NULL. Nothing here may be
 * called for one object from two threads at once, but for vdx_trt_monitor_*, which any thread may call at any time.
 * Sizes are in bytes, dimensions in elements.
 */
#ifndef VDX_TRT_H
#define VDX_TRT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define VDX_TRT_ABI 5
#define VDX_TRT_MAX_RANK 8

typedef int32_t vdx_trt_status;
enum {
    VDX_TRT_OK = 0,
    VDX_TRT_INVALID = 1,     /* what was given cannot be right: a graph, a plan, a shape */
    VDX_TRT_UNAVAILABLE = 2, /* a library, a driver or a device is missing, or of another version */
    VDX_TRT_CANCELLED = 3,
    VDX_TRT_NO_MEMORY = 4,   /* of the device, why has the figures; or no room for a plan on the disk */
    VDX_TRT_FAILED = 5       /* TensorRT's own failure */
};

/* Element types, numbered as TensorRT does in every version. */
enum {
    VDX_TRT_FLOAT = 0, VDX_TRT_HALF = 1, VDX_TRT_INT8 = 2, VDX_TRT_INT32 = 3, VDX_TRT_BOOL = 4, VDX_TRT_UINT8 = 5,
    VDX_TRT_FP8 = 6, VDX_TRT_BF16 = 7, VDX_TRT_INT64 = 8, VDX_TRT_INT4 = 9, VDX_TRT_FP4 = 10
};

/* The interface's number, and what the library was compiled for, such as "TensorRT-RTX 1.6". */
int32_t vdx_trt_abi(void);
const char *vdx_trt_headers(void);

/* A TensorRT that was opened with dlopen(RTLD_LOCAL) and whose version is one that this library was compiled for. */
typedef struct vdx_trt_lib vdx_trt_lib;
vdx_trt_status vdx_trt_open(const char *library, const char *parser, vdx_trt_lib **out, char *why, size_t size);
void vdx_trt_version(const vdx_trt_lib *, int32_t out[3]);
void vdx_trt_close(vdx_trt_lib *);

/* ---- building ---- */

/* What a build that runs on one thread tells and is told by others. */
typedef struct vdx_trt_monitor vdx_trt_monitor;
vdx_trt_monitor *vdx_trt_monitor_new(void);
void vdx_trt_monitor_cancel(vdx_trt_monitor *);
/* Steps done and expected of the outermost phase, and that phase's name. */
void vdx_trt_monitor_read(vdx_trt_monitor *, int32_t *done, int32_t *total, char *phase, size_t size);
void vdx_trt_monitor_free(vdx_trt_monitor *);

/* One initializer of the graph, where it lies mapped. It must stay there until the build returns. */
typedef struct {
    const char *name;
    const void *data;
    uint64_t bytes;
} vdx_trt_weight;

/* The shapes that an input of dynamic shape may take. */
typedef struct {
    const char *input;
    int32_t rank;
    int64_t least[VDX_TRT_MAX_RANK], usual[VDX_TRT_MAX_RANK], most[VDX_TRT_MAX_RANK];
} vdx_trt_range;

enum {
    VDX_TRT_FP16_ALLOWED = 1,  /* 8.x: weak typing may take half precision */
    VDX_TRT_INT8_ALLOWED = 2,  /* 8.x: Q/DQ nodes become INT8 layers */
    VDX_TRT_STRIP_WEIGHTS = 4, /* 10 and later: the plan has no weights and is refitted with identical ones */
    VDX_TRT_TF32 = 8,          /* float32 products may run in TF32; off by default */
    VDX_TRT_DETAILS = 16,      /* the plan can be inspected layer by layer */
    VDX_TRT_FP16_FIRST = 32    /* 8.x: convolutions and products are tried in half precision alone, where there is a kernel */
};

typedef struct {
    const char *model_path;       /* the ONNX file; its folder holds the external data */
    const vdx_trt_weight *weights; /* initializers that the model names as external; 10.14 and later */
    int32_t weight_count;
    const vdx_trt_range *ranges;  /* profile after profile, range_count each */
    int32_t range_count, profile_count;
    uint64_t workspace_bytes;     /* 0: TensorRT's own limit */
    int32_t level;                /* builder's optimisation level 0…5; −1: TensorRT's own */
    int32_t capability;           /* TensorRT-RTX: compute capability to build for, 121 is sm_121; 0: this machine's GPU */
    int32_t flags;
    const void *timing;           /* what an earlier build wrote to timing_fd; NULL: nothing. What is another version's is not used */
    uint64_t timing_bytes;
    int32_t timing_fd;            /* gets how long each kernel took that was tried, for the next build; −1: that is not kept. Nothing is
                                     written where nothing is tried: TensorRT-RTX */
} vdx_trt_build_spec;

/* Builds a plan and writes it to the file descriptor. */
vdx_trt_status vdx_trt_build(vdx_trt_lib *, const vdx_trt_build_spec *, vdx_trt_monitor *, int fd, char *why, size_t size);

/* ---- running ---- */

/* A CUDA device: its primary context, one stream, and a count of what was allocated. limit 0 means no limit. */
typedef struct vdx_trt_device vdx_trt_device;
vdx_trt_status vdx_trt_device_open(int32_t ordinal, uint64_t limit, vdx_trt_device **out, char *why, size_t size);
void vdx_trt_device_memory(vdx_trt_device *, uint64_t *used, uint64_t *free_bytes, uint64_t *total);
int32_t vdx_trt_device_capability(vdx_trt_device *);
/* What the driver calls the device, such as "NVIDIA GB10". */
void vdx_trt_device_name(vdx_trt_device *, char *name, size_t size);
vdx_trt_status vdx_trt_device_wait(vdx_trt_device *, char *why, size_t size);
void vdx_trt_device_close(vdx_trt_device *);

/* Device memory. Copies are ordered with the device's runs; a download waits for its end. */
vdx_trt_status vdx_trt_alloc(vdx_trt_device *, uint64_t bytes, void **out, char *why, size_t size);
void vdx_trt_free(vdx_trt_device *, void *);
vdx_trt_status vdx_trt_upload(vdx_trt_device *, void *to, const void *from, uint64_t bytes, char *why, size_t size);
vdx_trt_status vdx_trt_download(vdx_trt_device *, void *to, const void *from, uint64_t bytes, char *why, size_t size);

/* A plan on a device, with one execution context. The file descriptor is read from its start and may be closed after. compiled is
 * what vdx_trt_compiled gave for the same plan on the same GPU and driver; NULL where there is none. What is not that is not used. */
typedef struct vdx_trt_plan vdx_trt_plan;
vdx_trt_status vdx_trt_load(vdx_trt_lib *, vdx_trt_device *, int fd, const void *compiled, uint64_t bytes, vdx_trt_plan **out, char *why, size_t size);
void vdx_trt_unload(vdx_trt_plan *);
/* What was compiled for this GPU as the plan ran: TensorRT-RTX does that at run time. Freed with vdx_trt_text_free; no bytes where
 * this TensorRT compiles nothing. */
vdx_trt_status vdx_trt_compiled(vdx_trt_plan *, char **out, uint64_t *bytes, char *why, size_t size);
/* Gives a plan that was built without its weights (VDX_TRT_STRIP_WEIGHTS) those of the graph that it was built of, given as to the
 * build. It needs them before it runs; the weights may go when this returns. */
vdx_trt_status vdx_trt_refit(vdx_trt_plan *, const char *model_path, const vdx_trt_weight *, int32_t count, char *why, size_t size);
/* Weights leave the device while the plan and what was compiled for it stay; a run needs vdx_trt_wake before. Both read the
 * plan again from the file descriptor. VDX_TRT_UNAVAILABLE: this version cannot, the plan is as it was. After another failure
 * the plan is good for vdx_trt_unload alone. */
vdx_trt_status vdx_trt_rest(vdx_trt_plan *, int fd, char *why, size_t size);
vdx_trt_status vdx_trt_wake(vdx_trt_plan *, int fd, char *why, size_t size);

typedef struct {
    const char *name; /* lives as long as the plan */
    int32_t is_input, type, rank;
    int64_t dims[VDX_TRT_MAX_RANK]; /* −1: a run decides */
} vdx_trt_port;
int32_t vdx_trt_port_count(const vdx_trt_plan *);
vdx_trt_status vdx_trt_port_at(const vdx_trt_plan *, int32_t index, vdx_trt_port *out, char *why, size_t size);

vdx_trt_status vdx_trt_profile(vdx_trt_plan *, int32_t index, char *why, size_t size);
vdx_trt_status vdx_trt_shape(vdx_trt_plan *, const char *input, int32_t rank, const int64_t *dims, char *why, size_t size);
/* The shape of an output, once every input has its own. */
vdx_trt_status vdx_trt_result(vdx_trt_plan *, const char *output, int32_t *rank, int64_t *dims, char *why, size_t size);
vdx_trt_status vdx_trt_address(vdx_trt_plan *, const char *port, void *memory, char *why, size_t size);
/* Queues one run on the device's stream. */
vdx_trt_status vdx_trt_run(vdx_trt_plan *, char *why, size_t size);

/* What the plan is made of, as JSON, for a person; freed with vdx_trt_text_free. */
vdx_trt_status vdx_trt_inspect(vdx_trt_lib *, int fd, char **json, char *why, size_t size);
void vdx_trt_text_free(char *);
/* Whether a plan that starts with these bytes may run on this machine, without loading it: 1 yes, 0 no, −1 unknown. */
int32_t vdx_trt_fits(vdx_trt_lib *, const void *head, uint64_t bytes);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
