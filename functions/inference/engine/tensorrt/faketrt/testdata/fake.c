/* A test double of the shims of ../shim: the same functions, a "GPU" of host memory, and plans that are text:
 *
 *   fake 121              the compute capability that it is for
 *   memory 4096           bytes that it takes of the device
 *   add 0.5               what is added to every result (a wrong plan)
 *   fail                  a run of it fails
 *   light                 its memory is all weights, which leave the device by themselves
 *   stuck                 they do not come back
 *   bare                  it was built without its weights
 *   in x 0 -1 4           an input: its name, element type and dimensions
 *   out y 0 -1 4          an output, of the shape of the first input
 *
 * Every output is the sum of all inputs, in float32 or BF16. A build is a plan's first line, after
 * FAKE_BUILD_MS milliseconds; without that variable there is none, but for one that keeps how long kernels took: that writes
 * "memory" with the bytes that it was given of an earlier build, tells "tried" of its own, and ends in its midst where it was
 * given "crash".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vdx_trt.h"

#define PORTS 16

struct vdx_trt_lib { int nothing; };
struct vdx_trt_monitor { int cancelled; };
struct vdx_trt_device { uint64_t used, limit; int refusals; };
struct vdx_trt_plan {
    vdx_trt_device *device;
    int capability, ports, fail, profile, light, stuck, away, bare, runs;
    char compiled[32];
    uint64_t memory;
    double add;
    char names[PORTS][64];
    vdx_trt_port port[PORTS];
    int64_t shape[PORTS][VDX_TRT_MAX_RANK];
    void *at[PORTS];
};

static vdx_trt_status say(char *why, size_t size, vdx_trt_status s, const char *text) {
    snprintf(why, size, "%s", text);
    return s;
}

int32_t vdx_trt_abi(void) { return VDX_TRT_ABI; }
const char *vdx_trt_headers(void) { return "TensorRT-RTX 1.6"; }
vdx_trt_status vdx_trt_open(const char *l, const char *p, vdx_trt_lib **out, char *why, size_t size) {
    (void)l, (void)p, (void)why, (void)size;
    *out = calloc(1, sizeof **out);
    return VDX_TRT_OK;
}
void vdx_trt_version(const vdx_trt_lib *l, int32_t out[3]) { (void)l; out[0] = 1, out[1] = 6, out[2] = 9; }
void vdx_trt_close(vdx_trt_lib *l) { free(l); }
vdx_trt_monitor *vdx_trt_monitor_new(void) { return calloc(1, sizeof(vdx_trt_monitor)); }
void vdx_trt_monitor_cancel(vdx_trt_monitor *m) { m->cancelled = 1; }
void vdx_trt_monitor_read(vdx_trt_monitor *m, int32_t *d, int32_t *t, char *p, size_t n) { (void)m; *d = *t = 0; snprintf(p, n, "%s", ""); }
void vdx_trt_monitor_free(vdx_trt_monitor *m) { free(m); }
vdx_trt_status vdx_trt_build(vdx_trt_lib *l, const vdx_trt_build_spec *s, vdx_trt_monitor *m, int fd, char *why, size_t size) {
    (void)l, (void)s, (void)m;
    const char *ms = getenv("FAKE_BUILD_MS");
    if (s->timing_fd >= 0) {
        if (s->timing_bytes == 5 && memcmp(s->timing, "crash", 5) == 0) abort();
        dprintf(fd, "fake 121\nmemory %lu\n", (unsigned long)s->timing_bytes);
        return write(s->timing_fd, "tried", 5) == 5 ? VDX_TRT_OK : say(why, size, VDX_TRT_FAILED, strerror(errno));
    }
    if (ms == NULL) return say(why, size, VDX_TRT_UNAVAILABLE, "the test double builds nothing");
    usleep(1000 * (useconds_t)atoi(ms));
    return write(fd, "fake 121\n", 9) == 9 ? VDX_TRT_OK : say(why, size, VDX_TRT_FAILED, strerror(errno));
}

vdx_trt_status vdx_trt_device_open(int32_t i, uint64_t limit, vdx_trt_device **out, char *why, size_t size) {
    if (i != 0) return say(why, size, VDX_TRT_UNAVAILABLE, "there is one GPU");
    *out = calloc(1, sizeof **out);
    (*out)->limit = limit;
    return VDX_TRT_OK;
}
void vdx_trt_device_memory(vdx_trt_device *d, uint64_t *used, uint64_t *left, uint64_t *total) { *used = d->used, *total = 1 << 30, *left = getenv("FAKE_GPU_FULL") != NULL ? 0 : *total - d->used; }
int32_t vdx_trt_device_capability(vdx_trt_device *d) { (void)d; return 121; }
void vdx_trt_device_name(vdx_trt_device *d, char *name, size_t size) { (void)d; snprintf(name, size, "Test GPU"); }
vdx_trt_status vdx_trt_device_wait(vdx_trt_device *d, char *why, size_t size) { (void)d, (void)why, (void)size; return VDX_TRT_OK; }
void vdx_trt_device_close(vdx_trt_device *d) { free(d); }

vdx_trt_status vdx_trt_alloc(vdx_trt_device *d, uint64_t bytes, void **out, char *why, size_t size) {
    if (d->limit > 0 && d->used + bytes > d->limit) return say(why, size, VDX_TRT_NO_MEMORY, "it would pass the limit of device memory");
    uint64_t *p = malloc(bytes + 16);
    p[0] = bytes, *out = p + 2, d->used += bytes;
    return VDX_TRT_OK;
}
void vdx_trt_free(vdx_trt_device *d, void *m) {
    uint64_t *p = (uint64_t *)m - 2;
    d->used -= p[0];
    free(p);
}
vdx_trt_status vdx_trt_upload(vdx_trt_device *d, void *to, const void *from, uint64_t n, char *why, size_t size) { (void)d, (void)why, (void)size; memcpy(to, from, n); return VDX_TRT_OK; }
vdx_trt_status vdx_trt_download(vdx_trt_device *d, void *to, const void *from, uint64_t n, char *why, size_t size) { return vdx_trt_upload(d, to, from, n, why, size); }

static int port(vdx_trt_plan *p, int input, char *text) {
    int used = 0, type = 0, n = 0;
    if (p->ports == PORTS || sscanf(text, "%63s %d%n", p->names[p->ports], &type, &used) != 2) return 0;
    vdx_trt_port *o = &p->port[p->ports];
    o->name = p->names[p->ports], o->is_input = input, o->type = type;
    for (text += used; o->rank < VDX_TRT_MAX_RANK && sscanf(text, "%ld%n", (long *)&o->dims[o->rank], &n) == 1; text += n) o->rank++;
    p->ports++;
    return 1;
}

vdx_trt_status vdx_trt_load(vdx_trt_lib *l, vdx_trt_device *d, int fd, const void *compiled, uint64_t bytes, vdx_trt_plan **out, char *why, size_t size) {
    (void)l;
    char line[512];
    FILE *f = fdopen(dup(fd), "r");
    vdx_trt_plan *p = calloc(1, sizeof *p);
    p->device = d;
    if (bytes > 0 && bytes < sizeof p->compiled && memcmp(compiled, "kernels", 7) == 0) memcpy(p->compiled, compiled, bytes);
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "fake %d", &p->capability) == 1 || sscanf(line, "memory %lu", (unsigned long *)&p->memory) == 1 || sscanf(line, "add %lf", &p->add) == 1) continue;
        if (strncmp(line, "fail", 4) == 0) p->fail = 1;
        else if (strncmp(line, "bare", 4) == 0) p->bare = 1;
        else if (strncmp(line, "light", 5) == 0) p->light = 1;
        else if (strncmp(line, "stuck", 5) == 0) p->stuck = 1;
        else if (!(strncmp(line, "in ", 3) == 0 && port(p, 1, line + 3)) && !(strncmp(line, "out ", 4) == 0 && port(p, 0, line + 4))) p->capability = -1;
    }
    if (f != NULL) fclose(f);
    const char *refusal = p->capability <= 0 || p->ports == 0 ? "the test double refuses the plan" : NULL;
    if (refusal == NULL && p->capability != 121) refusal = "the plan is not for this GPU";
    if (refusal != NULL || (d->limit > 0 && d->used + p->memory > d->limit)) {
        free(p);
        return refusal != NULL ? say(why, size, VDX_TRT_INVALID, refusal) : say(why, size, VDX_TRT_NO_MEMORY, "it would pass the limit of device memory");
    }
    d->used += p->memory;
    *out = p;
    return VDX_TRT_OK;
}
void vdx_trt_unload(vdx_trt_plan *p) {
    if (p == NULL) return;
    if (!p->away) p->device->used -= p->memory;
    free(p);
}
/* The double compiles "kernels 1" in its first run, and nothing where it was given that. */
vdx_trt_status vdx_trt_compiled(vdx_trt_plan *p, char **out, uint64_t *bytes, char *why, size_t size) {
    (void)why, (void)size;
    *out = p->compiled[0] != 0 ? strdup(p->compiled) : NULL, *bytes = strlen(p->compiled);
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_refit(vdx_trt_plan *p, const char *model, const vdx_trt_weight *w, int32_t n, char *why, size_t size) {
    (void)w;
    FILE *f = fopen(model, "r");
    if (f == NULL || n == 0) return say(why, size, VDX_TRT_INVALID, "the test double gets no weights");
    fclose(f);
    p->bare = 0;
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_rest(vdx_trt_plan *p, int fd, char *why, size_t size) {
    (void)fd;
    if (!p->light) return say(why, size, VDX_TRT_UNAVAILABLE, "the test double has no weights that come later");
    p->away = 1, p->profile = 0, p->device->used -= p->memory; // its context is another
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_wake(vdx_trt_plan *p, int fd, char *why, size_t size) {
    (void)fd;
    if (p->stuck) return say(why, size, VDX_TRT_FAILED, "the weights do not come back");
    p->away = 0, p->device->used += p->memory;
    return VDX_TRT_OK;
}
int32_t vdx_trt_port_count(const vdx_trt_plan *p) { return p->ports; }
vdx_trt_status vdx_trt_port_at(const vdx_trt_plan *p, int32_t i, vdx_trt_port *out, char *why, size_t size) {
    (void)why, (void)size;
    *out = p->port[i];
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_profile(vdx_trt_plan *p, int32_t i, char *why, size_t size) { (void)why, (void)size; p->profile = i; return VDX_TRT_OK; }

static int find(vdx_trt_plan *p, const char *name) {
    for (int i = 0; i < p->ports; i++)
        if (strcmp(p->port[i].name, name) == 0) return i;
    return -1;
}
vdx_trt_status vdx_trt_shape(vdx_trt_plan *p, const char *input, int32_t rank, const int64_t *dims, char *why, size_t size) {
    int i = find(p, input);
    if (i < 0 || rank != p->port[i].rank) return say(why, size, VDX_TRT_INVALID, "the plan does not take this shape");
    for (int32_t j = 0; j < rank; j++) {
        if (p->port[i].dims[j] >= 0 && p->port[i].dims[j] != dims[j]) return say(why, size, VDX_TRT_INVALID, "the plan does not take this shape");
        p->shape[i][j] = dims[j];
    }
    return VDX_TRT_OK;
}
static int first(vdx_trt_plan *p) {
    for (int i = 0; i < p->ports; i++)
        if (p->port[i].is_input) return i;
    return 0;
}
vdx_trt_status vdx_trt_result(vdx_trt_plan *p, const char *output, int32_t *rank, int64_t *dims, char *why, size_t size) {
    (void)output, (void)why, (void)size;
    *rank = p->port[first(p)].rank;
    memcpy(dims, p->shape[first(p)], sizeof p->shape[0]);
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_address(vdx_trt_plan *p, const char *name, void *m, char *why, size_t size) {
    int i = find(p, name);
    if (i < 0) return say(why, size, VDX_TRT_INVALID, "there is no such port");
    p->at[i] = m;
    return VDX_TRT_OK;
}

static float get(const vdx_trt_plan *p, int i, int64_t j) {
    if (p->port[i].type == VDX_TRT_FLOAT) return ((float *)p->at[i])[j];
    if (p->port[i].type == VDX_TRT_INT32) return (float)((int32_t *)p->at[i])[j];
    uint32_t b = (uint32_t)((uint16_t *)p->at[i])[j] << 16;
    float f;
    memcpy(&f, &b, 4);
    return f;
}
static void put(vdx_trt_plan *p, int i, int64_t j, float f) {
    uint32_t b;
    memcpy(&b, &f, 4);
    if (p->port[i].type == VDX_TRT_FLOAT) ((float *)p->at[i])[j] = f;
    else ((uint16_t *)p->at[i])[j] = (uint16_t)((b + 0x7fff + (b >> 16 & 1)) >> 16);
}
vdx_trt_status vdx_trt_run(vdx_trt_plan *p, char *why, size_t size) {
    if (p->away || p->bare) return say(why, size, VDX_TRT_FAILED, "the weights are not there");
    if (p->compiled[0] == 0) snprintf(p->compiled, sizeof p->compiled, "kernels %d", ++p->runs);
    if (p->fail) return say(why, size, VDX_TRT_FAILED, "the test double does not run the plan");
    int64_t n = 1;
    for (int32_t j = 0; j < p->port[first(p)].rank; j++) n *= p->shape[first(p)][j];
    for (int64_t j = 0; j < n; j++) {
        float sum = (float)p->add + 100.f * (float)p->profile; // which says what it was set to
        for (int i = 0; i < p->ports; i++)
            if (p->port[i].is_input) sum += get(p, i, j);
        for (int i = 0; i < p->ports; i++)
            if (!p->port[i].is_input) put(p, i, j, sum);
    }
    return VDX_TRT_OK;
}
vdx_trt_status vdx_trt_inspect(vdx_trt_lib *l, int fd, char **json, char *why, size_t size) { (void)l, (void)fd; *json = NULL; return say(why, size, VDX_TRT_FAILED, "nothing to see"); }
void vdx_trt_text_free(char *s) { free(s); }
int32_t vdx_trt_fits(vdx_trt_lib *l, const void *h, uint64_t n) { (void)l, (void)h, (void)n; return -1; }
