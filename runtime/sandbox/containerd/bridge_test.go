package containerd

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestBridge: through the bridge an instance reaches the world, here a namespace behind a cable of the machine's, but not
// the machine and not another instance.
func TestBridge(t *testing.T) {
	d := newDriver(t)
	t.Cleanup(func() { dropBridge(t) })
	world := elsewhere(t)
	_, port, err := net.SplitHostPort(listen(t, "tcp", "0.0.0.0:0"))
	must(t, err)
	machine := "10.213.0.1:" + port // a server of the machine, on every address
	f := spec.Function{
		Image: hostileImage(t), Network: "bridge", Command: []string{"/var/runtime/bootstrap", "dial"},
		Env: map[string]string{"DIAL": strings.Join([]string{world, machine}, " ")},
	}
	other := started(t, d, config(t, spec.Function{Image: echoImage(t), Network: "bridge"}))
	invoke(t, other, `1`)
	f.Env["DIAL"] += " 10.213.0.2:9001"
	c := config(t, f)
	b := started(t, d, c)
	out := output(t, b, c)
	for _, want := range []string{"reached " + world, "not reached " + machine, "not reached 10.213.0.2:9001"} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
	if err := other.(instance.Checkpointer).Checkpoint(testContext(t), t.TempDir(), false); !errdefs.IsNotImplemented(err) {
		t.Errorf("checkpoint: %v", err)
	}
	remove(t, b)
	remove(t, other)
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if strings.HasPrefix(l.Attrs().Alias, network.Alias) {
			t.Errorf("cable %s is left", l.Attrs().Name)
		}
	}
}

// elsewhere is a TCP server in a network namespace of its own, which a cable joins to the machine.
func elsewhere(t testing.TB) string {
	t.Helper()
	keeper := exec.Command("sleep", "60")
	keeper.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: unix.SIGKILL}
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keeper.Process.Kill(); _ = keeper.Wait() })
	cable := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "vdxtest"}, PeerName: "eth0", PeerNamespace: netlink.NsPid(keeper.Process.Pid)}
	must(t, netlink.LinkAdd(cable))
	t.Cleanup(func() { _ = netlink.LinkDel(cable) })
	must(t, addAddress(cable, "198.51.100.1/30"))
	var l net.Listener
	must(t, network.Inside(keeper.Process.Pid, func() error {
		eth0, err := netlink.LinkByName("eth0")
		if err != nil {
			return err
		}
		if err := addAddress(eth0, "198.51.100.2/30"); err != nil {
			return err
		}
		for _, to := range metadataOf {
			if err := addAddress(eth0, to+"/32"); err != nil {
				return err
			}
		}
		l, err = net.Listen("tcp4", "0.0.0.0:0")
		return err
	}))
	t.Cleanup(func() { _ = l.Close() })
	for _, to := range metadataOf {
		must(t, netlink.RouteAdd(&netlink.Route{LinkIndex: cable.Attrs().Index, Dst: &net.IPNet{IP: net.ParseIP(to), Mask: net.CIDRMask(32, 32)}, Gw: net.ParseIP("198.51.100.2")}))
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return net.JoinHostPort("198.51.100.2", port)
}

// metadataOf are addresses that instances must not reach, which the server elsewhere has besides.
var metadataOf = []string{"169.254.77.1", "100.100.100.200", "192.0.0.192", "168.63.129.16"}

// TestBridgeHidesMetadata: what the machine reaches of a cloud's own servers, and the machine itself by the link-local
// addresses of IPv6, an instance on the bridge does not; also when the machine's firewall has been loaded anew.
func TestBridgeHidesMetadata(t *testing.T) {
	d := newDriver(t)
	t.Cleanup(func() { dropBridge(t) })
	world := elsewhere(t)
	_, port, err := net.SplitHostPort(world)
	must(t, err)
	f := spec.Function{Image: hostileImage(t), Network: "bridge", Command: []string{"/var/runtime/bootstrap", "dial"}}
	first := started(t, d, config(t, spec.Function{Image: echoImage(t), Network: "bridge"}))
	defer remove(t, first)
	if out, err := exec.Command("nft", "delete", "table", "ip", "videosdgx").CombinedOutput(); err != nil {
		t.Fatalf("nft: %v: %s", err, out)
	}
	targets := []string{world}
	for _, to := range metadataOf {
		targets = append(targets, net.JoinHostPort(to, port))
	}
	for _, to := range targets { // the machine itself gets there, so that a refusal means something
		conn, err := net.DialTimeout("tcp", to, 5*time.Second)
		must(t, err)
		_ = conn.Close()
	}
	_, own, err := net.SplitHostPort(listen(t, "tcp", "[::]:0"))
	must(t, err)
	targets = append(targets, net.JoinHostPort(linkLocal(t)+"%eth0", own))
	f.Env = map[string]string{"DIAL": strings.Join(targets, " ")}
	c := config(t, f)
	b := started(t, d, c)
	defer remove(t, b)
	out := output(t, b, c)
	if !strings.Contains(out, "\nreached "+world) && !strings.HasPrefix(out, "reached "+world) {
		t.Errorf("the world is not reached:\n%s", out)
	}
	for _, to := range targets[1:] {
		if !strings.Contains(out, "not reached "+to+"\n") {
			t.Errorf("%s is reached:\n%s", to, out)
		}
	}
}

// linkLocal is the bridge's own IPv6 address.
func linkLocal(t testing.TB) string {
	t.Helper()
	l, err := netlink.LinkByName(network.Bridge)
	must(t, err)
	var addrs []netlink.Addr
	await(t, func() bool {
		addrs, err = netlink.AddrList(l, netlink.FAMILY_V6)
		return err == nil && len(addrs) > 0 && addrs[0].Flags&unix.IFA_F_TENTATIVE == 0
	})
	return addrs[0].IP.String()
}

func addAddress(l netlink.Link, cidr string) error {
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(l, a); err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// dropBridge takes away what the first instance on a bridge made for all.
func dropBridge(t testing.TB) {
	l, err := netlink.LinkByName(network.Bridge)
	if err != nil {
		return
	}
	must(t, netlink.LinkDel(l))
	for _, family := range []string{"ip", "ip6"} {
		if out, err := exec.Command("nft", "delete", "table", family, "videosdgx").CombinedOutput(); err != nil {
			t.Error(fmt.Errorf("nft: %w: %s", err, out))
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
