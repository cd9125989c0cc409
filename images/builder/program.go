package builder

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// asks are how interpreters say which program they are, for those that are found as a shim: pyenv, nodenv, asdf and others
// put a script of that name on the PATH.
var asks = map[string][]string{
	"python": {"-c", "import os; print(os.path.realpath('/proc/self/exe'))"},
	"node":   {"-p", "process.execPath"},
	"ruby":   {"-e", "puts File.realpath('/proc/self/exe')"},
	"perl":   {"-e", "print readlink('/proc/self/exe')"},
}

var versionSuffix = regexp.MustCompile(`[0-9.]*$`)

// program finds a program on the PATH, and behind a shim the one that it starts.
func program(ctx context.Context, name string) (string, error) {
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("program %s is not on the PATH; run make setup", name)
	}
	ask := asks[versionSuffix.ReplaceAllString(filepath.Base(name), "")]
	if ask == nil || isELF(found) {
		return found, nil
	}
	out, err := output(ctx, found, ask...)
	real := strings.TrimSpace(out)
	if err != nil || !isELF(real) {
		return "", fmt.Errorf("program %s is the script %s, which does not say what it starts (%q, %w): name the program itself", name, found, real, err)
	}
	return real, nil
}

func isELF(file string) bool {
	f, err := elf.Open(file)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

// isPython knows python, python3 and python3.11 by their names.
func isPython(name string) bool {
	return versionSuffix.ReplaceAllString(filepath.Base(name), "") == "python"
}

// notAtRunTime is what of Python's library no function needs: its tests, editors, installers, and what builds it.
var notAtRunTime = regexp.MustCompile(`^(test|tests|idlelib|tkinter|turtledemo|ensurepip|lib2to3|pydoc_data|site-packages|dist-packages|config-[^/]*|[^/]*\.a|lib-dynload/(_tkinter|_test)[^/]*)(/|$)`)

// putPython adds Python's standard library, where a Python in /usr/bin finds it: /usr/lib/pythonX.Y. Packages are the
// recipe's to name.
func (b *build) putPython(t tree, python string) error {
	out, err := output(b.ctx, python, "-I", "-c", `import json, sys, sysconfig
print(json.dumps([sysconfig.get_path("stdlib"), sysconfig.get_config_var("DESTSHARED") or "", "python%d.%d" % sys.version_info[:2]]))`)
	if err != nil {
		return err
	}
	var at [3]string
	if err := json.Unmarshal([]byte(out), &at); err != nil {
		return fmt.Errorf("%s does not say where its library is: %w", python, err)
	}
	to := path.Join("/usr/lib", at[2])
	if err := b.putFolder(t, object{at[0], to}, notAtRunTime.MatchString); err != nil {
		return err
	}
	if at[1] == "" || strings.HasPrefix(at[1], at[0]+"/") {
		return nil
	}
	return b.putFolder(t, object{at[1], path.Join(to, "lib-dynload")}, nil)
}
