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

// Unwrap gives the class.
func (e *ImageError) Unwrap() error { return e.Err }
