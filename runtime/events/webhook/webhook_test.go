package webhook

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestSign is the example of the specification's own test vector: secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
func TestSign(t *testing.T) {
	secret, err := ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	if got := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`)); got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

type posted struct {
	header http.Header
	body   []byte
}

func (p *posted) Post(_ context.Context, _ string, h http.Header, body []byte) error {
	p.header, p.body = h, body
	return nil
}

func TestSend(t *testing.T) {
	var p posted
	secrets := [][]byte{[]byte("s")}
	s := Sender{Poster: &p, Secrets: func() [][]byte { return secrets }}
	if err := s.Send(t.Context(), "http://x/", "id", time.Unix(7, 0), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if p.header.Get("Webhook-Signature") != Sign([]byte("s"), "id", 7, []byte("{}")) || p.header.Get("Webhook-Timestamp") != "7" || p.header.Get("Webhook-Id") != "id" {
		t.Errorf("%v", p.header)
	}
	secrets = [][]byte{[]byte("new"), []byte("s")} // both, while receivers learn the new one
	if err := s.Send(t.Context(), "http://x/", "id", time.Unix(7, 0), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if want := Sign([]byte("new"), "id", 7, []byte("{}")) + " " + Sign([]byte("s"), "id", 7, []byte("{}")); p.header.Get("Webhook-Signature") != want {
		t.Errorf("%v", p.header)
	}
}

func TestSeveralSecrets(t *testing.T) {
	for text, want := range map[string]string{
		"one": "one", "of several words": "of several words", "whsec_YQ==": "a", "whsec_YQ== whsec_Yg==": "a|b", "whsec_YQ==\nwhsec_Yg==\n": "a|b", "whsec_YQ== rest": "",
	} {
		all, err := ParseSecrets(text)
		if got := string(bytes.Join(all, []byte("|"))); got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

func TestKeepSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "webhook.key")
	made, err := KeepSecret(file)
	if err != nil || len(made) != 1 || len(made[0]) < 32 {
		t.Fatalf("%d secrets, %v", len(made), err)
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasPrefix(string(text), "whsec_") {
		t.Fatalf("%s %v", text, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if again, err := KeepSecret(file); err != nil || len(again) != 1 || !bytes.Equal(again[0], made[0]) {
		t.Errorf("another secret: %v", err)
	}
	old := strings.Repeat("ABCDEFGHIJKLM", 4)
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := KeepSecret(file); err != nil || len(got) != 1 || string(got[0]) != old {
		t.Errorf("a file of before: %q %v", got, err)
	}
	if text, err = os.ReadFile(file); err != nil || string(text) != FormatSecret([]byte(old))+"\n" {
		t.Errorf("%s %v", text, err)
	}
	if err := os.WriteFile(file, []byte(FormatSecret([]byte("newer"))+"\n"+FormatSecret([]byte(old))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := KeepSecret(file); err != nil || len(got) != 2 || string(got[0]) != "newer" || string(got[1]) != old {
		t.Errorf("a new secret before the old one: %q %v", got, err)
	}
	if _, err := ParseSecret("whsec_%"); err == nil {
		t.Error("no base64")
	}
}
