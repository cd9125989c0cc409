package containerd

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/containerd/errdefs"
)

// rules let instances on the bridge out under the machine's address, answers in, and nothing else: not to the machine, not
// to each other.
var rules = strings.NewReplacer("BRIDGE", bridgeName, "NET", bridgeNet.Masked().String()).Replace(`
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
		oifname "BRIDGE" ct state established,related accept
		oifname "BRIDGE" drop
	}
	chain machine {
		type filter hook input priority 0;
		iifname "BRIDGE" drop
	}
}
`)

// writeRules puts them into the kernel in one transaction, in place of what an earlier version wrote.
func writeRules() error {
	cmd := exec.Command("nft", "-f", "-")
	cmd.Env = []string{"PATH=/usr/sbin:/sbin:/usr/bin:/bin"}
	cmd.Stdin = strings.NewReader(rules)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft does not take the rules: `apt-get install nftables`: %w (%w): %s", err, errdefs.ErrUnavailable, strings.TrimSpace(string(out)))
	}
	return nil
}

// resolvConf is the machine's list of name servers that can be reached from elsewhere than the machine: systemd-resolved
// keeps one beside the stub that it puts into /etc.
func resolvConf() string {
	const behindStub = "/run/systemd/resolve/resolv.conf"
	if _, err := os.Stat(behindStub); err == nil {
		return behindStub
	}
	return "/etc/resolv.conf"
}
