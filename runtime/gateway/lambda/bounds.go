package lambda

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Bounds that Lambda has for what a control call may set. Upper ones of memory, scratch space and time are the machine's.
const (
	minMemory      = 128 // MiB
	minScratch     = 512 // MiB
	maxDescription = 256 // characters
	maxEnvironment = 4 << 10
	maxTags        = 50
	maxTagKey      = 128 // characters
	maxTagValue    = 256
)

// corsMethods are those that a function URL's CORS may name.
var corsMethods = []string{"*", "GET", "PUT", "HEAD", "POST", "PATCH", "DELETE"}

func (s settings) check() error {
	if s.Description != nil && utf8.RuneCountInString(*s.Description) > maxDescription {
		return invalid("Description has %d characters; it takes at most %d", utf8.RuneCountInString(*s.Description), maxDescription)
	}
	if s.MemorySize != nil && *s.MemorySize < minMemory {
		return invalid("MemorySize is %d; it takes at least %d MiB", *s.MemorySize, minMemory)
	}
	if s.EphemeralStorage != nil && s.EphemeralStorage.Size < minScratch {
		return invalid("EphemeralStorage.Size is %d; it takes at least %d MiB", s.EphemeralStorage.Size, minScratch)
	}
	if s.Environment != nil {
		return s.Environment.check()
	}
	return nil
}

// check refuses variables that the function would not get, and more of them than Lambda takes.
func (e *environment) check() error {
	var taken []string
	for _, name := range slices.Concat(spec.Reserved, spec.ReservedKeys) {
		if _, ok := e.Variables[name]; ok {
			taken = append(taken, name)
		}
	}
	if len(taken) > 0 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(taken, ", "))
	}
	size := 0
	for name, value := range e.Variables {
		size += len(name) + len(value)
	}
	if size > maxEnvironment {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit: they have %d bytes; a manifest's env may have more", size)
	}
	return nil
}

func checkTags(tags map[string]string) error {
	if len(tags) > maxTags {
		return invalid("there are %d tags; a function takes at most %d", len(tags), maxTags)
	}
	for key, value := range tags {
		switch {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			return invalid("a tag's key has %d characters; it takes 1 to %d", utf8.RuneCountInString(key), maxTagKey)
		case utf8.RuneCountInString(value) > maxTagValue:
			return invalid("the value of tag %s has %d characters; it takes at most %d", key, utf8.RuneCountInString(value), maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("tag %s begins with aws:, which is AWS's own", key)
		}
	}
	return nil
}

func (c *cors) check() error {
	if c.MaxAge < 0 || c.MaxAge > 86400 {
		return invalid("Cors.MaxAge is %d; it takes 0 to 86400 seconds", c.MaxAge)
	}
	for _, m := range c.AllowMethods {
		if !slices.Contains(corsMethods, m) {
			return invalid("Cors.AllowMethods has %q; it takes %s", m, strings.Join(corsMethods, ", "))
		}
	}
	return nil
}
