// Package sockio reads and writes sockets without waking the Go runtime's monitor thread. Standard library only.
//
// A Go program whose goroutines all wait puts its monitor (sysmon) to sleep, and the next system call wakes it, since
// such a call might block and keep its processor. The monitor then sleeps 20 µs at a time until all wait again. A
// process that passes small messages on wakes up for each of them, so it pays for this every time: a sleep of 20 µs
// costs 19 µs of CPU in a virtual machine, where programming a timer leaves the guest, and one message about 80 µs.
// Reads and writes of a non-blocking socket cannot block, so the monitor need not hear of them: syscall.RawSyscall.
package sockio
