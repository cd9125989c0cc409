package criu

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// mount is an entry of CRIU's list of mounts, message mnt_entry of its images/mnt.proto.
type mount struct {
	raw    []byte
	memory bool   // a tmpfs
	device uint64 // which its archive is named after
	mode   int64  // of its top folder when it is new
}

// Numbers of CRIU's fields and of its kinds of file systems. One of kind auto is mounted by the name in fsName, and that is all
// that a restore does with it.
const (
	fieldKind, fieldDevice, fieldOptions, fieldName = 1, 3, 9, 14

	kindTmpfs, kindAuto = 5, 16
)

// mountsHead begins the list: two little-endian words that say what the file is. Each entry follows its length, a word.
var mountsHead = []byte{0x19, 0x43, 0x56, 0x54, 0x28, 0x39, 0x56, 0x55}

var errMounts = errors.New("it is not a list of mounts as CRIU 4 writes it")

func readMounts(path string) (list []mount, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	b, ok := bytes.CutPrefix(b, mountsHead)
	if !ok {
		return nil, errMounts
	}
	for len(b) > 0 {
		if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
			return nil, errMounts
		}
		n := binary.LittleEndian.Uint32(b)
		m, err := parseMount(b[4 : 4+n])
		if err != nil {
			return nil, err
		}
		list, b = append(list, m), b[4+n:]
	}
	return list, nil
}

func writeMounts(path string, list []mount) error {
	b := bytes.Clone(mountsHead)
	for _, m := range list {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(m.raw))), m.raw...)
	}
	return os.WriteFile(path, b, 0o644)
}

func parseMount(raw []byte) (mount, error) {
	m := mount{raw: raw, mode: 0o1777} // the kernel's own, which it does not list
	err := eachField(raw, func(n protowire.Number, _, value []byte) {
		switch n {
		case fieldKind:
			kind, _ := protowire.ConsumeVarint(value)
			m.memory = kind == kindTmpfs
		case fieldDevice:
			m.device, _ = protowire.ConsumeVarint(value)
		case fieldOptions:
			options, _ := protowire.ConsumeString(value)
			m.mode = modeOf(options, m.mode)
		}
	})
	return m, err
}

// eachField goes through a message: number, the whole field, and its value alone.
func eachField(message []byte, do func(n protowire.Number, field, value []byte)) error {
	for len(message) > 0 {
		n, _, size := protowire.ConsumeField(message)
		if size < 0 {
			return errMounts
		}
		_, _, tag := protowire.ConsumeTag(message)
		do(n, message[:size], message[tag:size])
		message = message[size:]
	}
	return nil
}

// modeOf reads "size=64k,mode=755,uid=0,gid=0".
func modeOf(options string, otherwise int64) int64 {
	for option := range strings.SplitSeq(options, ",") {
		if text, ok := strings.CutPrefix(option, "mode="); ok {
			if mode, err := strconv.ParseInt(text, 8, 64); err == nil {
				return mode
			}
		}
	}
	return otherwise
}

// mountOnly has a restore mount it, and unpack nothing there.
func (m *mount) mountOnly() {
	b := protowire.AppendVarint(protowire.AppendTag(nil, fieldKind, protowire.VarintType), kindAuto)
	_ = eachField(m.raw, func(n protowire.Number, field, _ []byte) { // it has been read before
		if n != fieldKind {
			b = append(b, field...)
		}
	})
	m.raw = protowire.AppendString(protowire.AppendTag(b, fieldName, protowire.BytesType), "tmpfs")
	m.memory = false
}
