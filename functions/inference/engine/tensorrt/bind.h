// The functions of shim/vdx_trt.h out of a shim that was opened at run time.
#ifndef VDX_TRT_BIND_H
#define VDX_TRT_BIND_H

#include "shim/vdx_trt.h"

typedef struct {
    int32_t (*abi)(void);
    const char *(*headers)(void);
    vdx_trt_status (*open)(const char *, const char *, vdx_trt_lib **, char *, size_t);
    void (*version)(const vdx_trt_lib *, int32_t *);
    void (*close)(vdx_trt_lib *);
    vdx_trt_monitor *(*monitor_new)(void);
    void (*monitor_cancel)(vdx_trt_monitor *);
    void (*monitor_read)(vdx_trt_monitor *, int32_t *, int32_t *, char *, size_t);
    void (*monitor_free)(vdx_trt_monitor *);
    vdx_trt_status (*build)(vdx_trt_lib *, const vdx_trt_build_spec *, vdx_trt_monitor *, int, char *, size_t);
    vdx_trt_status (*device_open)(int32_t, uint64_t, vdx_trt_device **, char *, size_t);
    void (*device_memory)(vdx_trt_device *, uint64_t *, uint64_t *, uint64_t *);
    int32_t (*device_capability)(vdx_trt_device *);
    void (*device_name)(vdx_trt_device *, char *, size_t);
    vdx_trt_status (*device_wait)(vdx_trt_device *, char *, size_t);
    void (*device_close)(vdx_trt_device *);
    vdx_trt_status (*alloc)(vdx_trt_device *, uint64_t, void **, char *, size_t);
    void (*free)(vdx_trt_device *, void *);
    vdx_trt_status (*upload)(vdx_trt_device *, void *, const void *, uint64_t, char *, size_t);
    vdx_trt_status (*download)(vdx_trt_device *, void *, const void *, uint64_t, char *, size_t);
    vdx_trt_status (*load)(vdx_trt_lib *, vdx_trt_device *, int, const void *, uint64_t, vdx_trt_plan **, char *, size_t);
    vdx_trt_status (*compiled)(vdx_trt_plan *, char **, uint64_t *, char *, size_t);
    vdx_trt_status (*refit)(vdx_trt_plan *, const char *, const vdx_trt_weight *, int32_t, char *, size_t);
    void (*unload)(vdx_trt_plan *);
    vdx_trt_status (*rest)(vdx_trt_plan *, int, char *, size_t);
    vdx_trt_status (*wake)(vdx_trt_plan *, int, char *, size_t);
    int32_t (*port_count)(const vdx_trt_plan *);
    vdx_trt_status (*port_at)(const vdx_trt_plan *, int32_t, vdx_trt_port *, char *, size_t);
    vdx_trt_status (*profile)(vdx_trt_plan *, int32_t, char *, size_t);
    vdx_trt_status (*shape)(vdx_trt_plan *, const char *, int32_t, const int64_t *, char *, size_t);
    vdx_trt_status (*result)(vdx_trt_plan *, const char *, int32_t *, int64_t *, char *, size_t);
    vdx_trt_status (*address)(vdx_trt_plan *, const char *, void *, char *, size_t);
    vdx_trt_status (*run)(vdx_trt_plan *, char *, size_t);
    vdx_trt_status (*inspect)(vdx_trt_lib *, int, char **, char *, size_t);
    void (*text_free)(char *);
    int32_t (*fits)(vdx_trt_lib *, const void *, uint64_t);
} bind_shim;

// bind_library opens the shim at path and fills in s; 0, or −1 with the reason in why.
int bind_library(const char *path, bind_shim *s, char *why, size_t size);

// cgo calls functions, not pointers to them: a one-liner each.
static inline int32_t bind_abi(bind_shim *s) { return s->abi(); }
static inline const char *bind_headers(bind_shim *s) { return s->headers(); }
static inline vdx_trt_status bind_open(bind_shim *s, const char *a0, const char *a1, vdx_trt_lib **a2, char *a3, size_t a4) { return s->open(a0, a1, a2, a3, a4); }
static inline void bind_version(bind_shim *s, const vdx_trt_lib *a0, int32_t *a1) { s->version(a0, a1); }
static inline void bind_close(bind_shim *s, vdx_trt_lib *a0) { s->close(a0); }
static inline vdx_trt_monitor *bind_monitor_new(bind_shim *s) { return s->monitor_new(); }
static inline void bind_monitor_cancel(bind_shim *s, vdx_trt_monitor *a0) { s->monitor_cancel(a0); }
static inline void bind_monitor_read(bind_shim *s, vdx_trt_monitor *a0, int32_t *a1, int32_t *a2, char *a3, size_t a4) { s->monitor_read(a0, a1, a2, a3, a4); }
static inline void bind_monitor_free(bind_shim *s, vdx_trt_monitor *a0) { s->monitor_free(a0); }
static inline vdx_trt_status bind_build(bind_shim *s, vdx_trt_lib *a0, const vdx_trt_build_spec *a1, vdx_trt_monitor *a2, int a3, char *a4, size_t a5) { return s->build(a0, a1, a2, a3, a4, a5); }
static inline vdx_trt_status bind_device_open(bind_shim *s, int32_t a0, uint64_t a1, vdx_trt_device **a2, char *a3, size_t a4) { return s->device_open(a0, a1, a2, a3, a4); }
static inline void bind_device_memory(bind_shim *s, vdx_trt_device *a0, uint64_t *a1, uint64_t *a2, uint64_t *a3) { s->device_memory(a0, a1, a2, a3); }
static inline int32_t bind_device_capability(bind_shim *s, vdx_trt_device *a0) { return s->device_capability(a0); }
static inline void bind_device_name(bind_shim *s, vdx_trt_device *a0, char *a1, size_t a2) { s->device_name(a0, a1, a2); }
static inline vdx_trt_status bind_device_wait(bind_shim *s, vdx_trt_device *a0, char *a1, size_t a2) { return s->device_wait(a0, a1, a2); }
static inline void bind_device_close(bind_shim *s, vdx_trt_device *a0) { s->device_close(a0); }
static inline vdx_trt_status bind_alloc(bind_shim *s, vdx_trt_device *a0, uint64_t a1, void **a2, char *a3, size_t a4) { return s->alloc(a0, a1, a2, a3, a4); }
static inline void bind_free(bind_shim *s, vdx_trt_device *a0, void *a1) { s->free(a0, a1); }
static inline vdx_trt_status bind_upload(bind_shim *s, vdx_trt_device *a0, void *a1, const void *a2, uint64_t a3, char *a4, size_t a5) { return s->upload(a0, a1, a2, a3, a4, a5); }
static inline vdx_trt_status bind_download(bind_shim *s, vdx_trt_device *a0, void *a1, const void *a2, uint64_t a3, char *a4, size_t a5) { return s->download(a0, a1, a2, a3, a4, a5); }
static inline vdx_trt_status bind_load(bind_shim *s, vdx_trt_lib *a0, vdx_trt_device *a1, int a2, const void *a3, uint64_t a4, vdx_trt_plan **a5, char *a6, size_t a7) { return s->load(a0, a1, a2, a3, a4, a5, a6, a7); }
static inline vdx_trt_status bind_compiled(bind_shim *s, vdx_trt_plan *a0, char **a1, uint64_t *a2, char *a3, size_t a4) { return s->compiled(a0, a1, a2, a3, a4); }
static inline vdx_trt_status bind_refit(bind_shim *s, vdx_trt_plan *a0, const char *a1, const vdx_trt_weight *a2, int32_t a3, char *a4, size_t a5) { return s->refit(a0, a1, a2, a3, a4, a5); }
static inline void bind_unload(bind_shim *s, vdx_trt_plan *a0) { s->unload(a0); }
static inline vdx_trt_status bind_rest(bind_shim *s, vdx_trt_plan *a0, int a1, char *a2, size_t a3) { return s->rest(a0, a1, a2, a3); }
static inline vdx_trt_status bind_wake(bind_shim *s, vdx_trt_plan *a0, int a1, char *a2, size_t a3) { return s->wake(a0, a1, a2, a3); }
static inline int32_t bind_port_count(bind_shim *s, const vdx_trt_plan *a0) { return s->port_count(a0); }
static inline vdx_trt_status bind_port_at(bind_shim *s, const vdx_trt_plan *a0, int32_t a1, vdx_trt_port *a2, char *a3, size_t a4) { return s->port_at(a0, a1, a2, a3, a4); }
static inline vdx_trt_status bind_profile(bind_shim *s, vdx_trt_plan *a0, int32_t a1, char *a2, size_t a3) { return s->profile(a0, a1, a2, a3); }
static inline vdx_trt_status bind_shape(bind_shim *s, vdx_trt_plan *a0, const char *a1, int32_t a2, const int64_t *a3, char *a4, size_t a5) { return s->shape(a0, a1, a2, a3, a4, a5); }
static inline vdx_trt_status bind_result(bind_shim *s, vdx_trt_plan *a0, const char *a1, int32_t *a2, int64_t *a3, char *a4, size_t a5) { return s->result(a0, a1, a2, a3, a4, a5); }
static inline vdx_trt_status bind_address(bind_shim *s, vdx_trt_plan *a0, const char *a1, void *a2, char *a3, size_t a4) { return s->address(a0, a1, a2, a3, a4); }
static inline vdx_trt_status bind_run(bind_shim *s, vdx_trt_plan *a0, char *a1, size_t a2) { return s->run(a0, a1, a2); }
static inline vdx_trt_status bind_inspect(bind_shim *s, vdx_trt_lib *a0, int a1, char **a2, char *a3, size_t a4) { return s->inspect(a0, a1, a2, a3, a4); }
static inline void bind_text_free(bind_shim *s, char *a0) { s->text_free(a0); }
static inline int32_t bind_fits(bind_shim *s, vdx_trt_lib *a0, const void *a1, uint64_t a2) { return s->fits(a0, a1, a2); }

#endif
