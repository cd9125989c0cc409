// A process with device memory, for the snapshots of bench/gpu to freeze.
//
//   victim hold GIB FILE   fills GIB of device memory with a computed pattern and appends "ready ..." to FILE; for each
//                          SIGUSR1 it compares every word with the pattern on the GPU and appends "sum ..." to FILE
//   victim copy GIB        prints how fast this machine copies, in bytes per second
//
// nvcc -O2 -arch=native -cudart=static -o victim victim.cu
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

typedef unsigned long long u64;

static void ok(cudaError_t e, const char *what) {
  if (e == cudaSuccess) return;
  fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
  exit(1);
}

static double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

__device__ u64 pattern(u64 i) {                       // splitmix64
  u64 z = i * 0x9e3779b97f4a7c15ull + 0x5ec0de;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

__global__ void fill(u64 *x, u64 n) {
  for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < n; i += (u64)gridDim.x * blockDim.x) x[i] = pattern(i);
}

__global__ void compare(const u64 *x, u64 n, u64 *sum_bad) {
  u64 sum = 0, bad = 0;
  for (u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x; i < n; i += (u64)gridDim.x * blockDim.x) {
    sum += x[i] ^ i;
    bad += x[i] != pattern(i);
  }
  atomicAdd(&sum_bad[0], sum);
  atomicAdd(&sum_bad[1], bad);
}

static void answer(const char *file, const char *word, const u64 *x, u64 n, u64 *sum_bad) {
  double t = now();
  u64 host[2];
  ok(cudaMemset(sum_bad, 0, sizeof host), "memset");
  compare<<<1024, 256>>>(x, n, sum_bad);
  ok(cudaMemcpy(host, sum_bad, sizeof host, cudaMemcpyDeviceToHost), "compare");
  FILE *f = fopen(file, "a");
  if (!f) { perror(file); exit(1); }
  fprintf(f, "%s %016llx bad %llu ms %.3f\n", word, host[0], host[1], (now() - t) * 1e3);
  fclose(f);
}

static int hold(u64 bytes, const char *file) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, NULL);                 // before CUDA starts its threads
  u64 *x, *sum_bad, n = bytes / sizeof *x;
  ok(cudaMalloc(&x, bytes), "malloc");
  ok(cudaMalloc(&sum_bad, 2 * sizeof *sum_bad), "malloc");
  fill<<<1024, 256>>>(x, n);
  ok(cudaDeviceSynchronize(), "fill");
  answer(file, "ready", x, n, sum_bad);
  for (int sig; !sigwait(&set, &sig);) answer(file, "sum", x, n, sum_bad);
  return 1;
}

// median of five copies, bytes per second; the device buffer is warm, the host buffer touched
static void rate(const char *name, void *to, void *from, u64 bytes) {
  double best[5];
  for (double &b : best) {
    double t = now();
    ok(cudaMemcpy(to, from, bytes, cudaMemcpyDefault), name);
    ok(cudaDeviceSynchronize(), name);
    b = now() - t;
  }
  for (int i = 0; i < 5; i++)
    for (int j = i + 1; j < 5; j++)
      if (best[j] < best[i]) { double s = best[i]; best[i] = best[j]; best[j] = s; }
  printf("%s %.0f\n", name, bytes / best[2]);
}

static int copy(u64 bytes) {
  void *device, *pinned;
  ok(cudaMalloc(&device, bytes), "malloc");
  ok(cudaMemset(device, 1, bytes), "memset");
  ok(cudaDeviceSynchronize(), "memset");
  double t = now();
  char *pageable = (char *)malloc(bytes);
  memset(pageable, 7, bytes);
  printf("host_touch %.0f\n", bytes / (now() - t));
  t = now();
  ok(cudaHostAlloc(&pinned, bytes, 0), "pin");
  printf("host_pin %.0f\n", bytes / (now() - t));
  memset(pinned, 7, bytes);
  rate("pinned_to_device", device, pinned, bytes);
  rate("pinned_to_host", pinned, device, bytes);
  rate("pageable_to_device", device, pageable, bytes);
  rate("pageable_to_host", pageable, device, bytes);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 4 && !strcmp(argv[1], "hold")) return hold((u64)(atof(argv[2]) * (1ull << 30)), argv[3]);
  if (argc == 3 && !strcmp(argv[1], "copy")) return copy((u64)(atof(argv[2]) * (1ull << 30)));
  fprintf(stderr, "usage: victim hold GIB FILE | victim copy GIB\n");
  return 2;
}
