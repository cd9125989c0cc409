// Package device says what memory and which GPUs this machine has: /proc/meminfo, the control groups that hold this
// process, and NVML. Where NVML answers NOT_SUPPORTED, as on machines whose GPU shares the system's memory (DGX Spark),
// the machine's own figures hold. It gives package placement its pools, and `videosdgx doctor` its lines.
package device
