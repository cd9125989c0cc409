package builder

import "os"

// caBundle is where the certificates of Debian, Ubuntu and their relatives are.
const caBundle = "/etc/ssl/certs/ca-certificates.crt"

// base fills a layer with what programs expect of any system: folders, links of a merged /usr, an unprivileged user,
// name service configuration and CA certificates.
func base(t tree) {
	for _, d := range []string{"/dev", "/etc", "/proc", "/run", "/sys", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/var/task", "/opt/model"} {
		t.add(entry{path: d, mode: 0o755, dir: true})
	}
	t.add(entry{path: "/tmp", mode: 0o1777, dir: true})
	for _, l := range []string{"bin", "sbin", "lib", "lib64"} {
		t.add(entry{path: "/" + l, mode: 0o777, link: "usr/" + l})
	}
	for path, content := range map[string]string{
		"/etc/passwd":        "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/tmp:/sbin/nologin\n",
		"/etc/group":         "root:x:0:\nnogroup:x:65534:\n",
		"/etc/nsswitch.conf": "hosts: files dns\n",
		"/etc/hosts":         "127.0.0.1 localhost\n::1 localhost\n",
	} {
		t.add(entry{path: path, mode: 0o644, content: []byte(content)})
	}
	if _, err := os.Stat(caBundle); err == nil {
		t.add(entry{path: caBundle, mode: 0o644, from: caBundle})
	}
}
