package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A resolver of this program's own answers all that the server under test asks: its name server is in a resolv.conf that
// the server alone sees, in a mount namespace of its own.
const (
	resolverAddr = "127.53.77.1:53" // resolv.conf has no ports
	zone         = ".attack.example."
)

// reply is what a name is answered with.
type reply struct {
	addrs []string                                        // A and AAAA by their form
	turns [][]string                                      // one set of addresses for each time that it is asked, the last for ever; nil: addrs
	cname string                                          // instead, or before them
	delay time.Duration                                   // before anything is said
	raw   func(query []byte, tcp bool) (answers [][]byte) // instead of all that: bytes
	asked atomic.Int64
}

// resolver serves the names of the attacks.
type resolver struct {
	mu    sync.Mutex
	names map[string]*reply // in full, below zone
	up    bool              // the server asks it
	total atomic.Int64
}

var names = resolver{names: map[string]*reply{}}

// wrap starts the resolver and gives the program in which serve asks it; nil where that cannot be, and attacks by names
// are not played.
func (r *resolver) wrap(dir string) []string {
	if os.Geteuid() != 0 {
		return nil
	}
	conf := filepath.Join(dir, "resolv.conf")
	host, _, _ := net.SplitHostPort(resolverAddr)
	line := []string{"unshare", "--mount", "--propagation", "private", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, conf}
	if os.WriteFile(conf, []byte("nameserver "+host+"\n"), 0o644) != nil || exec.Command(line[0], append(line[1:], "true")...).Run() != nil || r.listen() != nil {
		return nil
	}
	r.up = true
	return line
}

func (r *resolver) listen() error {
	var lc net.ListenConfig
	packets, err := lc.ListenPacket(context.Background(), "udp", resolverAddr)
	if err != nil {
		return err
	}
	streams, err := lc.Listen(context.Background(), "tcp", resolverAddr)
	if err != nil {
		packets.Close()
		return err
	}
	go r.datagrams(packets)
	go func() { // both end with the program
		for {
			c, err := streams.Accept()
			if err != nil {
				return
			}
			go r.stream(c)
		}
	}()
	return nil
}

func (r *resolver) datagrams(c net.PacketConn) {
	for {
		b := make([]byte, 4096)
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		go func() {
			for _, a := range r.answer(b[:n], false) {
				_, _ = c.WriteTo(a, from)
			}
		}()
	}
}

func (r *resolver) stream(c net.Conn) {
	defer c.Close()
	for {
		var size uint16
		if binary.Read(c, binary.BigEndian, &size) != nil {
			return
		}
		b := make([]byte, size)
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
		for _, a := range r.answer(b, true) {
			if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(a))), a...)); err != nil {
				return
			}
		}
	}
}

// add gives a name its answer.
func (r *resolver) add(label string, a *reply) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[strings.ToLower(label+zone)] = a
	return strings.TrimSuffix(label+zone, ".")
}

// answer gives the packets that a query is answered with.
func (r *resolver) answer(query []byte, tcp bool) [][]byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil {
		return nil
	}
	q, err := p.Question()
	if err != nil {
		return nil
	}
	r.total.Add(1)
	r.mu.Lock()
	a := r.names[strings.ToLower(q.Name.String())]
	r.mu.Unlock()
	if a == nil {
		return [][]byte{packed(h, q, nil, dnsmessage.RCodeNameError)}
	}
	turn := a.asked.Add(1)
	time.Sleep(a.delay)
	if a.raw != nil {
		return a.raw(query, tcp)
	}
	b := packed(h, q, a.resources(q, int(turn)), dnsmessage.RCodeSuccess)
	if !tcp && len(b) > 1232 { // too long for a datagram: ask again by TCP
		h.Truncated = true
		b = packed(h, q, nil, dnsmessage.RCodeSuccess)
	}
	return [][]byte{b}
}

// resources are those of the type that is asked for. A and AAAA are asked at the same time: a turn is two questions.
func (a *reply) resources(q dnsmessage.Question, turn int) (out []dnsmessage.Resource) {
	at := q.Name
	if a.cname != "" {
		to := dnsmessage.MustNewName(a.cname)
		out = append(out, dnsmessage.Resource{Header: head(at, dnsmessage.TypeCNAME), Body: &dnsmessage.CNAMEResource{CNAME: to}})
		at = to
	}
	addrs := a.addrs
	if len(a.turns) > 0 {
		addrs = a.turns[min((turn-1)/2, len(a.turns)-1)]
	}
	for _, text := range addrs {
		ip := netip.MustParseAddr(text)
		switch {
		case ip.Is4() && q.Type == dnsmessage.TypeA:
			out = append(out, dnsmessage.Resource{Header: head(at, dnsmessage.TypeA), Body: &dnsmessage.AResource{A: ip.As4()}})
		case ip.Is6() && q.Type == dnsmessage.TypeAAAA:
			out = append(out, dnsmessage.Resource{Header: head(at, dnsmessage.TypeAAAA), Body: &dnsmessage.AAAAResource{AAAA: ip.As16()}})
		}
	}
	return out
}

func head(name dnsmessage.Name, t dnsmessage.Type) dnsmessage.ResourceHeader {
	return dnsmessage.ResourceHeader{Name: name, Type: t, Class: dnsmessage.ClassINET}
}

func packed(h dnsmessage.Header, q dnsmessage.Question, all []dnsmessage.Resource, code dnsmessage.RCode) []byte {
	h.Response, h.RCode, h.RecursionAvailable, h.Authoritative = true, code, true, true
	b, err := (&dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q}, Answers: all}).Pack()
	if err != nil {
		panic(fmt.Sprint("a reply cannot be packed: ", err)) // a mistake of this program
	}
	return b
}
