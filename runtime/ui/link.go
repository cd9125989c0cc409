package ui

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A browser asks for each module of a page for itself, and on a slow processor asking is most of the first second. link makes one
// module of those that the page begins with; what is loaded later takes from it what it shares with it, so that nothing is there
// twice. The modules stay as they are written, each in a block of its own: a reader of the page's source finds them.

const firstModule = "app.js"

// What our modules may say of each other, a line each; anything else is refused when the page is built, which a test does.
var (
	importLine = regexp.MustCompile(`(?m)^import \{ ([^}\n]+) \} from '\./([^'\n]+)';$`)
	exportLine = regexp.MustCompile(`(?m)^export (?:const|class|function|async function) (\w+)`)
	exportList = regexp.MustCompile(`\bexport ?\{([^}]+)\};?`)
	otherLine  = regexp.MustCompile(`(?m)^(?:import[^(\n]|export\b).*$`)
)

type linker struct {
	from  map[string]string   // what modules are called and hold
	names map[string][]string // of those that are in, what they export
	out   strings.Builder
}

// link gives the modules of a page by their names: the first one with all that it imports in it, the others changed to take from it.
// Those that the first one has in it are left out.
func link(from map[string]string) (map[string]string, error) {
	l := &linker{from: from, names: map[string][]string{}}
	if err := l.add(firstModule, nil); err != nil {
		return nil, err
	}
	all := map[string]string{firstModule: l.out.String() + "export { " + strings.Join(l.idents(), ", ") + " };\n"}
	for name, text := range from {
		if l.names[name] != nil {
			continue
		}
		changed, err := l.take(name, text, func(id string) string { return "import { " + id + " } from './" + firstModule + "';\n" })
		if err != nil {
			return nil, err
		}
		all[name] = changed
	}
	return all, nil
}

// add appends a module after those that it imports; above are those that wait for it.
func (l *linker) add(name string, above []string) error {
	text, there := l.from[name]
	switch {
	case l.names[name] != nil:
		return nil
	case !there:
		return fmt.Errorf("%v imports %s, which is no module of the page", above, name)
	case slices.Contains(above, name):
		return fmt.Errorf("%v import each other in a circle", append(above, name))
	}
	for _, m := range importLine.FindAllStringSubmatch(text, -1) {
		if err := l.add(m[2], append(above, name)); err != nil {
			return err
		}
	}
	body, err := l.take(name, text, func(string) string { return "" })
	if err != nil {
		return err
	}
	pairs, body := exports(body)
	if m := otherLine.FindString(body); m != "" {
		return fmt.Errorf("%s has the line %.80q: write import { a, b as c } from './name.js'; and export before const, class or function", name, m)
	}
	for _, p := range pairs {
		l.names[name] = append(l.names[name], strings.SplitN(p, ":", 2)[0])
	}
	l.names[name] = append(l.names[name], "") // also of one that exports nothing there is something
	fmt.Fprintf(&l.out, "// %s\nlet %s; {\n%s\n%s = { %s };\n}\n", name, ident(name), strings.TrimSpace(body), ident(name), strings.Join(pairs, ", "))
	return nil
}

// take puts in the place of imports what takes the same names from the modules that are in.
func (l *linker) take(name, text string, head func(id string) string) (string, error) {
	var bad error
	out := importLine.ReplaceAllStringFunc(text, func(line string) string {
		m := importLine.FindStringSubmatch(line)
		has := l.names[m[2]]
		if has == nil {
			return line // both are loaded later
		}
		var names []string
		for one := range strings.SplitSeq(m[1], ", ") {
			theirs, ours, _ := strings.Cut(one, " as ")
			if !slices.Contains(has, theirs) {
				bad = fmt.Errorf("%s imports %s from %s, which does not export it", name, theirs, m[2])
			}
			names = append(names, strings.TrimSuffix(theirs+": "+ours, ": "))
		}
		return head(ident(m[2])) + "const { " + strings.Join(names, ", ") + " } = " + ident(m[2]) + ";"
	})
	return out, bad
}

// exports gives what a module exports, as the inside of an object, and the module without saying so.
func exports(text string) (pairs []string, rest string) {
	rest = exportLine.ReplaceAllStringFunc(text, func(line string) string {
		pairs = append(pairs, exportLine.FindStringSubmatch(line)[1])
		return strings.TrimPrefix(line, "export ")
	})
	rest = exportList.ReplaceAllStringFunc(rest, func(list string) string {
		for one := range strings.SplitSeq(exportList.FindStringSubmatch(list)[1], ",") {
			ours, theirs, renamed := strings.Cut(strings.TrimSpace(one), " as ")
			if renamed {
				ours = theirs + ": " + ours
			}
			pairs = append(pairs, ours)
		}
		return ""
	})
	return pairs, rest
}

// ident is what a module is called in the one that has it in it.
func ident(name string) string {
	return strings.NewReplacer("/", "_", "-", "_", ".", "_").Replace(strings.TrimPrefix(path.Clean(name), "./"))
}

func (l *linker) idents() (out []string) {
	for name := range l.names {
		if name != firstModule {
			out = append(out, ident(name))
		}
	}
	slices.Sort(out)
	return out
}
