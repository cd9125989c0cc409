package loopback

// sysSetns is setns(2), which package syscall does not name on every architecture.
const sysSetns = 268
