package network

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/containerd/errdefs"
)

// forbidden is what nobody reaches through the bridge: link-local addresses, where clouds tell a machine its credentials,
// and the addresses elsewhere at which Alibaba, Oracle and Azure do.
const forbidden = "169.254.0.0/16, 100.100.100.200, 192.0.0.192, 168.63.129.16"

// rules let instances on the bridge out under the machine's address, answers in, and nothing else: not to the machine, not
// to each other.
var rules = strings.NewReplacer("BRIDGE", Bridge, "NET", bridgeNet.Masked().String(), "FORBIDDEN", forbidden).Replace(`
table ip videosdgx
delete table ip videosdgx
table ip videosdgx {
	chain out {
		type nat hook postrouting priority 100;
		ip saddr NET oifname != "BRIDGE" masquerade
	}
	chain through {
		type filter hook forward priority 0;
		iifname "BRIDGE" oifname "BRIDGE" drop
		iifname "BRIDGE" ip daddr { FORBIDDEN } drop
		oifname "BRIDGE" ct state established,related accept
		oifname "BRIDGE" drop
	}
	chain machine {
		type filter hook input priority 0;
		iifname "BRIDGE" drop
	}
}
`)

// rules6 shut out what has no IPv4 address: the bridge and the instances have link-local ones, at which the machine listens.
var rules6 = strings.ReplaceAll(`
table ip6 videosdgx
delete table ip6 videosdgx
table ip6 videosdgx {
	chain through {
		type filter hook forward priority 0;
		iifname "BRIDGE" drop
		oifname "BRIDGE" drop
	}
	chain machine {
		type filter hook input priority 0;
		iifname "BRIDGE" drop
	}
}
`, "BRIDGE", Bridge)

// writeRules puts them into the kernel in one transaction, in place of what an earlier version wrote.
func writeRules() error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Env = []string{"PATH=/usr/sbin:/sbin:/usr/bin:/bin"}
	all := rules
	if _, err := os.Stat("/proc/net/if_inet6"); err == nil {
		all += rules6
	}
	cmd.Stdin = strings.NewReader(all)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft does not take the rules: `apt-get install nftables`: %w (%w): %s", err, errdefs.ErrUnavailable, strings.TrimSpace(string(out)))
	}
	return nil
}

// ResolvConf is the machine's list of name servers that can be reached from elsewhere than the machine: systemd-resolved
// keeps one beside the stub that it puts into /etc.
func ResolvConf() string {
	const behindStub = "/run/systemd/resolve/resolv.conf"
	if _, err := os.Stat(behindStub); err == nil {
		return behindStub
	}
	return "/etc/resolv.conf"
}
