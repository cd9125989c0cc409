package spec

import "fmt"

// ImageError says that a function's image is not to be had: the function is there. Its class is Err's.
type ImageError struct {
	Image string
	Err   error
}

func (e *ImageError) Error() string {
	if e.Image == "" { // Err says all
		return e.Err.Error()
	}
	return fmt.Sprintf("the image %s of the function cannot be had: %v", e.Image, e.Err)
}

// Anew in Resolved asks whoever puts a function to resolve its image's tag as for a first deployment.
const Anew = "anew"

// Ref is the image that instances start from. A tag that was resolved when the function was deployed may have moved since, and
// stands for what it was then: the next deployment resolves it anew.
func (f *Function) Ref() string {
	if f.Resolved == "" {
		return f.Image
	}
	return f.Image + "@" + f.Resolved
}

// Unwrap gives the class.
func (e *ImageError) Unwrap() error { return e.Err }
