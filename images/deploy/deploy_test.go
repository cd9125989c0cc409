package deploy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/videosdgx/videosdgx/internal/logtest"
	"github.com/videosdgx/videosdgx/internal/porttest"
)

// proxy runs the real nginx.conf in front of the given servers.
func proxy(t *testing.T, servers ...string) string {
	t.Helper()
	bin, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is not installed: apt-get install nginx-light")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addr := "127.0.0.1:" + porttest.Free(t)
	conf, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	upstream := ""
	for _, s := range servers {
		upstream += "server " + strings.TrimPrefix(s, "http://") + " max_fails=1 fail_timeout=2s;\n"
	}
	for name, text := range map[string]string{"nginx.conf": string(conf), "upstream.conf": upstream, "listen.conf": "listen " + addr + ";\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	user := ""
	if os.Geteuid() == 0 {
		user = " user root;"
	}
	cmd := exec.Command(bin, "-p", dir, "-c", "nginx.conf", "-g", "daemon off;"+user)
	log := &logtest.Log{}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Signal(os.Interrupt); cmd.Wait() })
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return "http://" + addr
		}
	}
	t.Fatalf("nginx does not listen:\n%s", log)
	return ""
}

// TestNginxStreamsEvents asks that an event arrives before the next one is sent.
func TestNginxStreamsEvents(t *testing.T) {
	got := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: running\ndata: {}\n\n")
		w.(http.Flusher).Flush()
		select {
		case <-got:
			fmt.Fprint(w, "event: completed\ndata: {}\n\n")
		case <-time.After(10 * time.Second):
		}
	}))
	defer s.Close()
	resp, err := http.Get(proxy(t, s.URL) + "/v1/models/m/jobs/1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	last := ""
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if lines.Text() == "event: running" {
			close(got)
		}
		if k, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			last = k
		}
	}
	if last != "completed" {
		t.Fatalf("the stream ended with %q", last)
	}
}

func TestNginxBodiesClientsAndDeadNodes(t *testing.T) {
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %s %v", n, r.Header.Get("X-Client-Id"), err)
	}))
	defer s.Close()
	url := proxy(t, "127.0.0.1:1", s.URL) // nobody listens on the first
	post := func(size int, client string) (int, string) {
		req, _ := http.NewRequestWithContext(context.Background(), "POST", url+"/v1/models/m/generate", strings.NewReader(strings.Repeat("a", size)))
		if client != "" {
			req.Header.Set("X-Client-Id", client)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(b)
	}
	for range 6 { // the dead node is passed over for POST, too: it cannot have got anything
		if code, text := post(10, ""); code != 200 || text != "10 127.0.0.1 <nil>" {
			t.Fatalf("%d %s", code, text)
		}
	}
	if code, text := post(24<<20, "me"); code != 200 || !strings.HasPrefix(text, "25165824 me") {
		t.Fatalf("%d %.200s", code, text)
	}
	if code, _ := post(65<<20, ""); code != 413 {
		t.Fatalf("65 MiB: %d", code)
	}
	if calls.Load() != 7 {
		t.Fatalf("%d calls arrived", calls.Load())
	}
}

// TestKubernetes holds the manifests to what they promise each other: every volume, secret key and port that is named is there.
func TestKubernetes(t *testing.T) {
	f, err := os.Open("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type object struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
		Data             map[string]string
		Spec             struct {
			ServiceName string `yaml:"serviceName"`
			Template    struct {
				Spec struct {
					Containers []struct {
						SecurityContext map[string]any                     `yaml:"securityContext"`
						VolumeMounts    []struct{ Name, MountPath string } `yaml:"volumeMounts"`
					}
					Volumes []struct{ Name string }
				}
			}
			VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
		}
	}
	found := map[string]object{}
	for d := yaml.NewDecoder(f); ; {
		var o object
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		found[o.Kind+"/"+o.Metadata.Name] = o
	}
	for _, name := range []string{"videosdgx", "videosdgx-redis"} {
		set, ok := found["StatefulSet/"+name]
		if _, service := found["Service/"+set.Spec.ServiceName]; !ok || !service {
			t.Errorf("%s: set %v, its service %v", name, ok, service)
		}
		volumes := map[string]bool{}
		for _, v := range set.Spec.Template.Spec.Volumes {
			volumes[v.Name] = true
		}
		for _, v := range set.Spec.VolumeClaimTemplates {
			volumes[v.Metadata.Name] = true
		}
		for _, c := range set.Spec.Template.Spec.Containers {
			if c.SecurityContext["readOnlyRootFilesystem"] != true || c.SecurityContext["allowPrivilegeEscalation"] != false {
				t.Errorf("%s: %v", name, c.SecurityContext)
			}
			for _, m := range c.VolumeMounts {
				if !volumes[m.Name] {
					t.Errorf("%s mounts %s, which is no volume", name, m.Name)
				}
			}
		}
	}
	config := map[string]any{}
	if err := yaml.Unmarshal([]byte(found["ConfigMap/videosdgx"].Data["config.yaml"]), &config); err != nil || config["keys"] == nil || config["tlsCert"] == nil {
		t.Errorf("%v %v", config, err)
	}
}

// TestYAML holds the other files to what they promise each other; neither Traefik nor Docker is run here.
func TestYAML(t *testing.T) {
	files := map[string]map[string]any{}
	for _, name := range []string{"traefik.yaml", "traefik-dynamic.yaml", "compose.yaml"} {
		b, err := os.ReadFile(name)
		v := map[string]any{}
		if err = errors.Join(err, yaml.Unmarshal(b, &v)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		files[name] = v
	}
	services := files["compose.yaml"]["services"].(map[string]any)
	upstream, err := os.ReadFile("upstream.conf")
	if err != nil {
		t.Fatal(err)
	}
	dynamic, err := os.ReadFile("traefik-dynamic.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"node1", "node2", "node3"} {
		s, ok := services[n].(map[string]any)
		if !ok || s["environment"].(map[string]any)["VIDEOSDGX_NODE"] != n {
			t.Errorf("%s has no name of its own in compose.yaml", n)
		}
		if !strings.Contains(string(upstream), n+":9000") || !strings.Contains(string(dynamic), n+":9000") {
			t.Errorf("%s is missing in upstream.conf or traefik-dynamic.yaml", n)
		}
	}
	web := files["traefik.yaml"]["entryPoints"].(map[string]any)["web"].(map[string]any)
	limits := web["transport"].(map[string]any)["respondingTimeouts"].(map[string]any)
	if limits["writeTimeout"] != "0s" {
		t.Error("Traefik would cut off event streams")
	}
}
