/* The three names that TensorRT's headers take from CUDA's: handles that are passed on and never looked into. */
#ifndef VDX_CUDA_RUNTIME_API_H
#define VDX_CUDA_RUNTIME_API_H
typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
#endif
